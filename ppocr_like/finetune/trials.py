"""Trials: the same data, start and processor time with different settings, judged on lines or pages that none has trained on.

OUT/SET/train.txt, judged.txt     the division of a set, made once
OUT/SET/before.json               what the start makes of judged.txt
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
from dataclasses import replace
from pathlib import Path
from typing import Any

from ppocr_like.atomic import write_bytes, write_text
from ppocr_like.config.overrides import apply_overrides
from ppocr_like.config.recipe import Recipe, load_recipe
from ppocr_like.engine import evaluate
from ppocr_like.engine.checkpoint import LATEST
from ppocr_like.errors import ConfigError, DataError, OcrError, Problem
from ppocr_like.finetune.given import Given, divide, look_at
from ppocr_like.finetune.plan import make_plan, row_of, whole_set
from ppocr_like.finetune.starts import Start, start_of, usual_start
from ppocr_like.finetune.trial_plan import TrialPlan, TrialSet

logger = logging.getLogger("ppocr_like")
TRAIN, JUDGED, BEFORE, RESULT, RECIPE, TABLE = "train.txt", "judged.txt", "before.json", "result.json", "recipe.yml", "table.md"
ALIKE = ("Train.loader.num_workers=0", "Eval.loader.num_workers=0", "Global.clock=processor", "Global.device=cpu")


def run_trials(
    plan: TrialPlan, out: str | Path, only: Collection[str] = (), say: Callable[[str], None] = logger.info
) -> list[str]:
    """Makes the trials that are not done, and the table of all that are.

    Components must be registered (`components.load_components`).

    Args:
        only: names of sets or of trials; empty: all.

    Returns:
        The table's rows.

    Raises:
        OcrError: a set that cannot be used. A trial that fails is told and the others go on.
    """
    folder = Path(out)
    unknown = [name for name in only if name not in plan.sets and name not in plan.trials]
    if unknown:
        known = ", ".join([*plan.sets, *plan.trials])
        raise ConfigError([Problem("--only", f"{', '.join(unknown)}: no set or trial of that name; there are {known}")])
    sets = [name for name in plan.sets if name in only] or list(plan.sets)
    trials = [name for name in plan.trials if name in only] or list(plan.trials)
    for name in sets:
        given, start = _prepare(plan, plan.sets[name], folder / name, say)
        for trial in trials:
            for seed in plan.seeds:
                place = folder / name / trial / str(seed)
                if (place / RESULT).is_file():
                    continue
                try:
                    result = _make(plan, plan.sets[name], given, start, plan.trials[trial], seed, place)
                except OcrError as error:
                    say(f"{name}, {trial}, seed {seed}: failed: {error}")
                    continue
                say(f"{name}, {trial}, seed {seed}: {plan.metric} {result[plan.metric]:.4f} after {result['steps']} steps")
                write_text(folder / TABLE, "\n".join(table(plan, folder)) + "\n")
    return table(plan, folder)


def _prepare(plan: TrialPlan, given: TrialSet, folder: Path, say: Callable[[str], None]) -> tuple[Given, Start]:
    """The part of a set that is trained on, and its start, measured on the other part."""
    found = look_at(given.data)
    if found.kind == "xml":
        raise DataError("trials take label files; tools/convert_data.py makes them of pages in XML", ", ".join(given.data))
    start = start_of(given.start or usual_start(found.task), found.task, given.network)
    parts = [folder / TRAIN, folder / JUDGED]
    if not all(part.is_file() for part in parts):
        tree = start.recipe(found.task)
        tree["Global"]["max_minutes"] = plan.minutes
        whole = whole_set(tree, found)
        division = divide(whole, found.kind, plan.judged, len(whole))
        folder.mkdir(parents=True, exist_ok=True)
        for part, indices in zip(parts, (division.train, division.held_back), strict=True):
            write_bytes(part, b"".join(row_of(whole, index) for index in indices.tolist()))
        say(f"{folder.name}: {division.said}")
    mine = replace(found, files=(str(parts[0]),))
    if not (folder / BEFORE).is_file():
        planned = make_plan(mine, start, plan.minutes, folder / "start", given.characters)
        for path, content in planned.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, content)
        apply_overrides(planned.tree, [*given.settings, *ALIKE])
        _judge(planned.tree, folder, start.source, folder / BEFORE)
    return mine, start


def _make(
    plan: TrialPlan, about: TrialSet, given: Given, start: Start, settings: list[str], seed: int, place: Path
) -> dict[str, Any]:
    """Trains, or goes on with a training that was stopped, and judges."""
    recipe = place / RECIPE
    if not (place / LATEST).is_file():
        planned = make_plan(given, start, plan.minutes, place, about.characters)
        planned.tree["Global"] |= {"seed": seed, "overwrite": True, "num_threads": plan.threads}
        apply_overrides(planned.tree, [*about.settings, *ALIKE, *settings])
        place.mkdir(parents=True, exist_ok=True)
        for path, content in planned.files.items():
            write_bytes(path, content)
        write_text(recipe, planned.text(f"a trial: {' '.join(settings) or 'nothing changed'}"))
        how = ["-c", str(recipe)]
    else:
        how = ["--resume", str(place)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(plan.threads)}
    done = subprocess.run(
        [sys.executable, "-m", "ppocr_like", "train", *how], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    if done.returncode:
        raise DataError(
            f"the training ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()[-500:]}", str(recipe)
        )
    return _judge(load_recipe(recipe).tree, place.parents[1], str(place), place / RESULT)


def _judge(tree: dict[str, Any], folder: Path, weights: str, target: Path) -> dict[str, Any]:
    """Measures weights on the part that no trial has trained on."""
    tree["Eval"]["dataset"]["label_file_list"] = [str(folder / JUDGED)]
    tree["Global"]["pretrained_model"] = weights
    (evaluation,) = evaluate(Recipe.from_tree(tree))
    clock = json.loads((Path(weights) / "run.json").read_text(encoding="utf-8"))["clock"] if target.name == RESULT else {}
    result = {**evaluation.metrics, "steps": clock.get("steps", 0), "minutes": clock.get("taken_minutes", 0)}
    write_text(target, json.dumps(result, indent=1) + "\n")
    return result


def table(plan: TrialPlan, folder: Path) -> list[str]:
    """Markdown rows: of each trial and set the mean over the seeds, each of them, and the change against the first trial."""
    rows = [["trial", *plan.sets], ["---"] * (1 + len(plan.sets))]
    rows.append(["before", *(_shown(_read(folder / name / BEFORE, plan.metric)) for name in plan.sets)])
    first = next(iter(plan.trials))
    for trial in plan.trials:
        cells = []
        for name in plan.sets:
            values, base = (list(_values(plan, folder / name / each)) for each in (trial, first))
            if not values:
                cells.append("")
                continue
            mean = statistics.mean(values)
            change = f", {100 * (mean / statistics.mean(base) - 1):+.0f} %" if base and trial != first and any(base) else ""
            cells.append(f"{mean:.4f} ({', '.join(map(_shown, values))}{change})")
        rows.append([trial, *cells])
    return [f"| {' | '.join(row)} |" for row in rows]


def _values(plan: TrialPlan, folder: Path) -> Iterator[float]:
    for seed in plan.seeds:
        value = _read(folder / str(seed) / RESULT, plan.metric)
        if value is not None:
            yield value


def _read(path: Path, metric: str) -> float | None:
    if not path.is_file():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    if metric not in found:
        raise ConfigError([Problem("metric", f"is {metric!r}; the results have {', '.join(found)}")])
    return float(found[metric])


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
