"""Trials: the same data with different settings, starts or times, judged on lines or pages that none has trained on.

OUT/SET/train.txt, judged.txt     the division of a set, made once
OUT/SET/TRIAL/SEED/               run folder of a training, with recipe.yml
OUT/SET/TRIAL/SEED/result.json    what it makes of judged.txt; a trial that has it is done
OUT/table.md                      all results beside each other
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.atomic import write_bytes, write_text
from ppocr_like.config.build import Builder
from ppocr_like.config.overrides import apply_overrides
from ppocr_like.config.recipe import Recipe, load_recipe
from ppocr_like.engine import evaluate
from ppocr_like.engine.checkpoint import LATEST
from ppocr_like.errors import ConfigError, DataError, OcrError, Problem
from ppocr_like.finetune.given import Given, divide, look_at
from ppocr_like.finetune.plan import listed, make_plan, pages_of, row_of, whole_archive, whole_set
from ppocr_like.finetune.starts import start_of, usual_start
from ppocr_like.finetune.trial_plan import Trial, TrialPlan, TrialSet
from ppocr_like.metrics.line_counts import page_spread
from ppocr_like.outside import load_json

logger = logging.getLogger("ppocr_like")
TRAIN, JUDGED, RESULT, RECIPE, TABLE = "train.txt", "judged.txt", "result.json", "recipe.yml", "table.md"
MOST_TOLD = 500  # characters of what a training said when it ended
ALIKE = ("Train.loader.num_workers=0", "Eval.loader.num_workers=0", "Global.clock=processor", "Global.device=cpu")


@dataclass(frozen=True)
class _Data:
    """What the trials of a set train on, and what they are judged on.

    Args:
        given: all that may be trained on.
        judged: what no trial trains on.
    """

    given: Given
    judged: Given

    @property
    def judging(self) -> dict[str, Any]:
        """The keys of an Eval set that name `judged`."""
        if self.judged.kind == "xml":
            sources = {"manifests": list(self.judged.files) or None, "files": list(self.judged.patterns) or None}
            return {**sources, "partition": None}
        return {"label_file_list": list(self.judged.files), "data_dir": self.judged.folder}


def run_trials(
    plan: TrialPlan, out: str | Path, only: Collection[str] = (), say: Callable[[str], None] = logger.info
) -> list[str]:
    """Makes the trials that are not done, and the tables of all that are.

    Components must be registered (`components.load_components`).

    Args:
        only: names of sets or of trials; empty: all.

    Returns:
        The tables' rows.

    Raises:
        OcrError: before anything is trained: a set that cannot be used, or settings that do not fit. A training that fails is
            told, and the others go on.
    """
    folder = Path(out)
    unknown = [name for name in only if name not in plan.sets and name not in plan.trials]
    if unknown:
        known = ", ".join([*plan.sets, *plan.trials])
        raise ConfigError([Problem("--only", f"{', '.join(unknown)}: no set or trial of that name; there are {known}")])
    sets = [name for name in plan.sets if name in only] or list(plan.sets)
    trials = [name for name in plan.trials if name in only] or list(plan.trials)
    data_of = {name: _prepare(plan, plan.sets[name], folder / name, say) for name in sets}
    _check(plan, data_of, trials, folder)
    for name, data in data_of.items():
        for trial in trials:
            for seed in plan.seeds if plan.trials[trial].minutes != 0 else plan.seeds[:1]:
                place = folder / name / trial / str(seed)
                if (place / RESULT).is_file():
                    continue
                try:
                    result = _make(plan, plan.sets[name], data, plan.trials[trial], seed, place)
                except OcrError as error:
                    say(f"{name}, {trial}, seed {seed}: failed: {error}")
                    continue
                told = ", ".join(f"{metric} {result[metric]:.4f}" for metric in plan.metrics if metric in result)
                say(f"{name}, {trial}, seed {seed}: {told} after {result['steps']} steps")
                write_text(folder / TABLE, "\n".join(tables(plan, folder)) + "\n")
    return tables(plan, folder)


def _prepare(plan: TrialPlan, about: TrialSet, folder: Path, say: Callable[[str], None]) -> _Data:
    """Divides a set, unless it has a test part of its own."""
    given = look_at(about.data)
    judged = None if about.test is None else look_at(about.test)
    if judged is not None and judged.kind != given.kind:
        raise DataError(
            f"is of another kind than {', '.join(about.data)}; the test part must be of the same", ", ".join(about.test or [])
        )
    if judged is not None and given.kind != "xml":
        return _Data(given, judged)
    parts = [folder / TRAIN, folder / JUDGED][: 2 if judged is None else 1]
    if not all(part.is_file() for part in parts):
        tree = start_of(about.start or usual_start(given.task), given.task, about.network).recipe(given.task)
        tree["Global"]["max_minutes"] = plan.minutes
        if given.kind == "xml":
            rows, said = _pages(tree, given, plan.judged if judged is None else 0.0)
        else:
            rows, said = _samples(tree, given, plan.judged)
        folder.mkdir(parents=True, exist_ok=True)
        for part, content in zip(parts, rows, strict=True):
            write_bytes(part, content)
        say(f"{folder.name}: {said}")
    made = [replace(given, files=(str(part),), patterns=()) for part in parts]
    return _Data(made[0], judged or made[1])


def _samples(tree: dict[str, Any], given: Given, share: float) -> tuple[list[bytes], str]:
    """The label files of those that are trained on and of those that judge, and how they were divided."""
    whole = whole_set(tree, given)
    division = divide(whole, given.kind, share, len(whole))
    parts = (division.train, division.held_back)
    return [b"".join(row_of(whole, index) for index in part.tolist()) for part in parts], division.said


def _pages(tree: dict[str, Any], given: Given, share: float) -> tuple[list[bytes], str]:
    """The list of the pages that are trained on and, of a share above 0, that of those that judge; how they were divided.

    Raises:
        DataError: too few pages.
    """
    whole = whole_archive(tree, given)
    names = pages_of(whole, range(len(whole)))
    if not share:
        return [listed(names)], f"{len(names)} lines of {len(set(names))} pages"
    division = divide(whole, given.kind, share, len(whole))
    train, judged = ([names[index] for index in part.tolist()] for part in (division.train, division.held_back))
    if set(train) & set(judged):
        told = f"{len(set(names))} pages are too few to judge by some of them; give others as `test`"
        raise DataError(told, ", ".join([*given.files, *given.patterns]))
    return [listed(train), listed(judged)], division.said


def _check(plan: TrialPlan, data_of: dict[str, _Data], trials: list[str], folder: Path) -> None:
    """Writes and checks the recipe of each trial that has not begun, so that nobody waits for the first to hear of the last.

    Raises:
        ConfigError: all that is wrong with all of them.
    """
    problems: list[Problem] = []
    for name, data in data_of.items():
        for trial in trials:
            place = folder / name / trial / str(plan.seeds[0])
            if (place / RESULT).is_file() or (place / LATEST).is_file():
                continue
            try:
                Builder(load_recipe(_write(plan, plan.sets[name], data, plan.trials[trial], plan.seeds[0], place))).check()
            except ConfigError as error:
                problems += [Problem(f"trials.{trial} ({name}): {p.path}", p.message) for p in error.problems]
    if problems:
        raise ConfigError(problems, "the plan")


def _write(plan: TrialPlan, about: TrialSet, data: _Data, trial: Trial, seed: int, place: Path) -> Path:
    """The recipe of a trial, with the files that it names."""
    place.mkdir(parents=True, exist_ok=True)
    given = data.given if trial.lines is None else _some(data.given, trial.lines, seed, place)
    source = trial.start or about.start or usual_start(given.task)
    start = start_of(source, given.task, trial.network or about.network)
    planned = make_plan(given, start, trial.minutes or plan.minutes, place, trial.characters or about.characters)
    planned.tree["Global"] |= {"seed": seed, "overwrite": True, "num_threads": plan.threads}
    steps = trial.steps or (plan.steps if trial.minutes is None else None)
    if steps is not None:
        planned.tree["Global"] |= {"max_minutes": None, "max_steps": steps}
    apply_overrides(planned.tree, [*about.settings, *ALIKE, *trial.settings])
    for path, content in planned.files.items():
        write_bytes(path, content)
    recipe = place / RECIPE
    write_text(recipe, planned.text(f"a trial: {' '.join(trial.settings) or 'no settings'}"))
    return recipe


def _make(plan: TrialPlan, about: TrialSet, data: _Data, trial: Trial, seed: int, place: Path) -> dict[str, Any]:
    """Trains, or goes on with a training that was stopped, and judges."""
    recipe, how = place / RECIPE, ["--resume", str(place)]
    if not ((place / LATEST).is_file() and recipe.is_file()):
        recipe = _write(plan, about, data, trial, seed, place)
        how = ["-c", str(recipe)]
    tree, trains = load_recipe(recipe).tree, trial.minutes != 0
    if trains:
        _train(how, plan.threads, recipe)
        tree["Global"]["pretrained_model"] = str(place)
    return _judge(tree, data, place, trains)


def _some(given: Given, count: int, seed: int, place: Path) -> Given:
    """So many rows of the label files, in their order."""
    rows = [row for file in given.files for row in Path(file).read_bytes().splitlines(keepends=True) if row.strip()]
    if count > len(rows):
        raise DataError(f"has {len(rows)} samples, and {count} are asked for", ", ".join(given.files))
    chosen = sorted(np.random.default_rng(seed).permutation(len(rows))[:count].tolist())
    file = place / "some.txt"
    write_bytes(file, b"".join(rows[number].rstrip(b"\r\n") + b"\n" for number in chosen))
    return replace(given, files=(str(file),))


def _train(how: list[str], threads: int, recipe: Path) -> None:
    """In a process of its own, whose processor time is counted from its start."""
    command = [sys.executable, "-m", "ppocr_like", "train", *how]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip()
        told = told[told.rfind("\nerror:") + 1 :][:MOST_TOLD] if "\nerror:" in told else told[-MOST_TOLD:]
        raise DataError(f"the training ended with {done.returncode}: {told}", str(recipe))


def _judge(tree: dict[str, Any], data: _Data, place: Path, trained: bool) -> dict[str, Any]:
    """Measures the weights that a recipe names on what no trial has trained on, with the interval over pages that are known."""
    tree["Eval"]["dataset"] |= data.judging
    lines = tree["Architecture"]["model_type"] == "rec"
    (evaluation,) = evaluate(Recipe.from_tree(tree), analyse=lines)
    run = load_json(place / "run.json") if trained else {}
    told = {"steps": run.get("result", {}).get("steps", 0), "minutes": run.get("clock", {}).get("taken_minutes", 0)}
    result: dict[str, Any] = {**evaluation.metrics, **told}
    if evaluation.analysis is not None and evaluation.analysis.paged:
        spread = page_spread(list(evaluation.analysis.groups["page"].counts.values()))
        result["interval"] = {name: ends for name, ends in (spread["interval"] or {}).items() if isinstance(ends, list)}
    write_text(place / RESULT, json.dumps(result, indent=1) + "\n")
    return result


def tables(plan: TrialPlan, folder: Path) -> list[str]:
    """Markdown rows: a table of each metric, a row of each trial, a column of each set.

    A cell has the mean over the seeds, behind it each of them (of one seed its interval over pages), and the change against the
    first trial.
    """
    rows: list[str] = []
    for metric in plan.metrics:
        table = [[metric, *plan.sets], ["---"] * (1 + len(plan.sets))]
        table += [[trial, *(_cell(plan, folder / name, trial, metric) for name in plan.sets)] for trial in plan.trials]
        rows += ["", *(f"| {' | '.join(row)} |" for row in table)]
    return rows[1:]


def _cell(plan: TrialPlan, folder: Path, trial: str, metric: str) -> str:
    first = next(iter(plan.trials))
    found, base = (list(_results(plan, folder / name, metric)) for name in (trial, first))
    if not found:
        return ""
    mean, usual = (statistics.mean(result[metric] for result in results) if results else 0.0 for results in (found, base))
    behind = [f"{result[metric]:.4f}" for result in found] if len(found) > 1 else []
    if len(found) == 1 and metric in (interval := found[0].get("interval", {})):
        behind.append("{:.4f} to {:.4f}".format(*interval[metric]))
    if usual and trial != first:
        behind.append(f"{100 * (mean / usual - 1):+.0f} %")
    return f"{mean:.4f} ({', '.join(behind)})" if behind else f"{mean:.4f}"


def _results(plan: TrialPlan, folder: Path, metric: str) -> Iterator[dict[str, Any]]:
    for seed in plan.seeds:
        path = folder / str(seed) / RESULT
        if not path.is_file():
            continue
        found = load_json(path)
        if metric not in found:
            raise ConfigError([Problem("metrics", f"names {metric!r}; the results have {', '.join(found)}")])
        yield found
