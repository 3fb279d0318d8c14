"""`finetune`: data, start and minutes to a model, in one call."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ppocr_like.atomic import write_bytes, write_text
from ppocr_like.config.recipe import load_recipe
from ppocr_like.engine import TrainResult, train
from ppocr_like.errors import ConfigError, DataError, ExportError, Problem
from ppocr_like.export.bundle import export
from ppocr_like.finetune.given import Given, as_boxes, look_at
from ppocr_like.finetune.plan import Plan, Resize, make_plan
from ppocr_like.finetune.starts import start_of, usual_start

logger = logging.getLogger("ppocr_like")
RECIPE = "recipe.yml"
SHOWN = ("cer", "wer", "acc", "norm_edit_dis", "hmean", "precision", "recall")


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Args:
        recipe: the file.
        result: of the training; None where nothing was trained.
    """

    recipe: Path
    plan: Plan
    result: TrainResult | None = None

    def lines(self) -> list[str]:
        """Before and after, for people."""
        if self.result is None:
            return [f"recipe: {self.recipe}"]
        name, before = next(iter(self.result.first.items()))
        after = self.result.best.metrics or self.result.last[name]
        keys = [key for key in SHOWN if key in before and key in after]
        told = [f"{key} {before[key]:.4f} -> {after[key]:.4f}" for key in keys]
        best = self.result.best.step
        step = f"the best of its evaluations, step {best} of {self.result.steps}"
        lines = [f"held back, before -> after ({step}): {', '.join(told)}", f"recipe: {self.recipe}"]
        if best == 0:
            deciding = self.plan.tree["Metric"]["main_indicator"]
            lines.append(
                f"training won nothing on the held-back part ({deciding}): best_accuracy and the bundle are the start as it was; "
                "try more data, more time or a lower Optimizer.lr.learning_rate"
            )
        return lines


def finetune(
    sources: Sequence[str],
    out: str | Path,
    *,
    minutes: float = 30,
    start: str | None = None,
    network: str | None = None,
    task: Literal["rec", "det"] | None = None,
    characters: Resize = "union",
    processes: int = 1,
    overwrite: bool = False,
    plan_only: bool = False,
    command: str = "ppocr-like finetune",
    began: float | None = None,
    say: Callable[[str], None] = logger.info,
) -> Outcome:
    """Writes a recipe for the data, trains by it, and exports the best weights as a bundle to `out`/inference.

    Components must be registered (`components.load_components`).

    Args:
        sources: label files, lists or patterns of XML files; see `given.look_at`.
        out: run folder, which also gets the recipe and what it names.
        minutes: of the training, from `began` on (`time.perf_counter`; None: now).
        start: weights, as `Global.pretrained_model` takes them; None: `starts.usual_start`.
        network: recipe of the start's network, where the weights do not say it.
        task: "det" makes a detector of pages in XML; None: what the data are for, lines and pages in XML for a recogniser, pages
            with boxes for a detector.
        characters: "union": what the start can read and the labels' characters; "new": these alone.
        processes: that train together and share a step.
        overwrite: an earlier run in `out` may be replaced.
        plan_only: write the recipe and what it names, and train nothing.
        command: how it was called, for the recipe's first line.

    Raises:
        OcrError: whatever a person can mend.
        Interrupted: Ctrl-C or SIGTERM; the run goes on with tools/train.py --resume.
    """
    began = time.perf_counter() if began is None else began
    if not (math.isfinite(minutes) and minutes > 0):
        raise ConfigError([Problem("--minutes", f"is {minutes:g}; a number above 0 is needed")])
    if processes < 1:
        raise ConfigError([Problem("--processes", f"is {processes}; 1 or more are needed")])
    folder, given = Path(out), look_at(sources)
    if not overwrite and (folder / RECIPE).exists():
        raise DataError("exists already, of an earlier run; choose another folder, or allow to replace it", str(folder / RECIPE))
    given = _for_task(given, task, folder, say)
    chosen = start_of(start or usual_start(given.task), given.task, network)
    plan = make_plan(given, chosen, minutes, folder, characters, processes)
    plan.tree["Global"]["overwrite"] = overwrite
    for reason in plan.reasons:
        say(reason)
    path = _write(plan, folder, command)
    say(f"recipe: {path}")
    if plan_only:
        return Outcome(path, plan)
    result = train(load_recipe(path), began)
    _export(path, folder, say)
    return Outcome(path, plan, result)


def _export(recipe: Path, folder: Path, say: Callable[[str], None]) -> None:
    try:
        export(load_recipe(recipe, [f"Global.pretrained_model={folder}"]), say=say)
    except (ExportError, DataError) as error:
        again = f"tools/export.py -c {recipe} -o Global.pretrained_model={folder}"
        raise ExportError(f"{error}; the trained weights are kept in {folder}, export them again: {again}") from error


def _for_task(given: Given, task: str | None, folder: Path, say: Callable[[str], None]) -> Given:
    """The data as the task needs them."""
    if task is None or task == given.task:
        return given
    if given.kind != "xml":
        need = "label files of pages with boxes (image<TAB>JSON), or pages in XML" if task == "det" else "lines (image<TAB>text)"
        raise DataError(f"cannot be used with --task {task}, for which {need} are needed", ", ".join(given.files))
    _make(folder)
    made, told = as_boxes(given, folder)
    say(told)
    return made


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror or error}", str(folder)) from error


def _write(plan: Plan, folder: Path, command: str) -> Path:
    _make(folder)
    try:
        for path, content in plan.files.items():
            write_bytes(path, content)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror or error}", str(folder)) from error
    path = folder / RECIPE
    write_text(path, plan.text(command))
    return path
