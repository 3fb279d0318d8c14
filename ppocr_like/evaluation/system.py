"""Evaluation end to end: a detector and a recogniser together, against pages whose texts are known.

A system recipe has the sections `System` (the two models), `Metric` (how texts are compared) and `Eval` (the pages).
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ppocr_like.atomic import write_bytes, write_text
from ppocr_like.config import Recipe
from ppocr_like.config.checks import SYSTEM
from ppocr_like.config.shadowed import shadowed_problems
from ppocr_like.config.typecheck import fit, option
from ppocr_like.contracts import Rejected
from ppocr_like.data.apart import cores
from ppocr_like.data.census import PageCensus, count_page
from ppocr_like.data.label_index import LabelIndex
from ppocr_like.documents.formats.label_line import parse_line
from ppocr_like.documents.formats.paddle import read_label
from ppocr_like.documents.page import Line, Page
from ppocr_like.engine.labels import judge_boxes
from ppocr_like.engine.ranks import Ranks, join_ranks
from ppocr_like.errors import CheckpointError, ConfigError, DataError, OcrError, Problem
from ppocr_like.evaluation.html import html_report
from ppocr_like.evaluation.judged import JudgedPage, SystemEvaluation
from ppocr_like.metrics.page_text import Comparing, judge_page
from ppocr_like.outside import Malformed, usable
from ppocr_like.pipeline.ocr import CLS_THRESH, MIN_CONFIDENCE, OCR
from ppocr_like.pipeline.tiles import LEAST_TILE
from ppocr_like.transforms.det_label import BROKEN, polygons_of

SECTION = SYSTEM
SECTIONS = ("Global", SECTION, "Metric", "Eval")


# ruff: noqa: RUF009 (`option` makes a dataclass field)
@dataclass(frozen=True)
class SystemConfig:
    """The models and how they are run. `option`'s text is the key's documentation."""

    det: str = option(doc="detector: bundle, run folder or weights")
    rec: str = option(doc="recogniser: bundle, run folder or weights")
    cls: str | None = option(None, "classifier of lines' directions: lines upside down are turned; null: none")
    det_postprocess: dict[str, Any] | None = option(
        None, "values of the detector's PostProcess that differ from its own, e.g. `{unclip_ratio: 1.8}`"
    )
    cls_thresh: float = option(CLS_THRESH, "probability above which a line is turned", least=0)
    min_confidence: float = option(MIN_CONFIDENCE, "lines whose text is less certain are left out", least=0)
    order: str = option("auto", "of the lines: `auto` (columns), `rows`, `none`")
    batch_size: int | None = option(None, "lines per call of the recogniser; null: its own", least=1)
    threads: int | None = option(None, "of ONNX Runtime; null: it chooses", least=1)
    device: str = option("cpu", "for PyTorch")
    tile: int | None = option(
        None, "px: larger pages are searched in tiles of this size; null: only long strips are", least=LEAST_TILE
    )


@dataclass(frozen=True)
class PageMetric:
    """How texts are compared."""

    ignore_case: bool = option(False, "compare in lower case")
    ignore_space: bool = option(False, "compare without spaces")


@dataclass(frozen=True)
class PagesDataset:
    """Pages with PaddleOCR's detection labels."""

    label_file_list: list[str] = option(doc="label files: path, tab, JSON list of {transcription, points}")
    data_dir: str = option("", "folder that the images' paths are relative to; default the label file's")


@dataclass(frozen=True)
class SystemRecipe:
    """A checked system recipe: `sets` by name."""

    system: SystemConfig
    metric: PageMetric
    sets: dict[str, PagesDataset]


def is_system(recipe: Recipe) -> bool:
    """Whether a recipe is one of a detector and a recogniser together."""
    return recipe.get(SECTION) is not None


def check_system(recipe: Recipe) -> SystemRecipe:
    """The recipe's sections.

    Raises:
        ConfigError: every unknown key and wrong value.
    """
    problems = [
        Problem(name, f"means nothing here; known: {', '.join(SECTIONS)}") for name in recipe.tree if name not in SECTIONS
    ]
    problems += shadowed_problems(recipe)
    parts: dict[str, Any] = {}
    metric = recipe.get("Metric") or {}
    for path, value, cls in [(SECTION, recipe.get(SECTION), SystemConfig), ("Metric", metric, PageMetric)]:
        parts[path], more = fit(value, cls, path)
        problems += more
    common = recipe.get("Eval.dataset") or {}
    named = recipe.get("Eval.datasets") or ({"eval": {}} if common else {})
    if not named:
        problems.append(Problem("Eval", "has neither dataset nor datasets: which pages?"))
    sets: dict[str, PagesDataset] = {}
    for name, changes in named.items():
        path = f"Eval.datasets.{name}" if recipe.get("Eval.datasets") else "Eval.dataset"
        sets[name], more = fit({**common, **(changes or {})}, PagesDataset, path)
        problems += more
    if problems:
        raise ConfigError(problems, recipe.source)
    return SystemRecipe(parts[SECTION], parts["Metric"], sets)


def evaluate_system(
    recipe: Recipe, *, progress: bool = True, say: Callable[[str], None] = lambda line: None
) -> list[SystemEvaluation]:
    """Reads the pages of every evaluation set and judges them.

    Of several processes (torchrun) each reads its share of the pages.

    Args:
        recipe: of a system.
        progress: bars on a terminal.
        say: told about each page that could not be read, by the process that is the main one.

    Returns:
        The results of all processes together, in each of them: the main one should print them.

    Raises:
        ConfigError, WeightsError: see `check_system`, `OCR`.
        DataError: a label file is missing, or a label is broken.
    """
    checked = check_system(recipe)
    with join_ranks(use_gpu=False) as ranks:
        with ranks.together():
            truths = {name: read_truth(dataset) for name, dataset in checked.sets.items()}
            ocr = open_models(checked.system, recipe, ranks)
        comparing = Comparing(checked.metric.ignore_case, checked.metric.ignore_space)
        evaluations = []
        for name, pages in truths.items():
            with ranks.together():
                bar = tqdm(pages[ranks.rank :: ranks.world], name, unit="page", disable=not (progress and ranks.main))
                own = [judged_page(ocr, truth, comparing) for truth in bar]
            shares = ranks.gather(own)
            judged = [shares[number % ranks.world][number // ranks.world] for number in range(len(pages))]
            evaluations.append(SystemEvaluation(name, judged))
            for page in judged:
                if page.error and ranks.main:
                    say(f"evaluation set {name}: not read, all of it counts as missed: {page.error}")
    return evaluations


def open_models(settings: SystemConfig, recipe: Recipe, ranks: Ranks) -> OCR:
    """Both models; of several processes each takes its share of the machine's cores, and a GPU of its own for `cuda`."""
    options = dataclasses.asdict(settings)
    if ranks.world > 1:
        here = int(os.environ.get("LOCAL_WORLD_SIZE", ranks.world))
        options["threads"] = settings.threads or max(1, cores() // here)
        options["device"] = f"cuda:{ranks.local_rank}" if settings.device == "cuda" else settings.device
    try:
        return OCR(options.pop("det"), options.pop("rec"), **options)
    except ValueError as error:
        raise ConfigError([Problem(SECTION, str(error))], recipe.source) from error
    except ConfigError as error:
        raise ConfigError([_of_system(problem) for problem in error.problems], recipe.source) from error


def _of_system(problem: Problem) -> Problem:
    """With the place of a detector's value in the recipe of a system."""
    section, _, rest = problem.path.partition(".")
    path = ".".join(filter(None, (SECTION, "det_postprocess", rest)))
    return Problem(path, problem.message) if section == "PostProcess" else problem


def read_truth(dataset: PagesDataset) -> list[Page]:
    """All pages, `source` the image's path; boxes that cannot be used are told.

    Raises:
        DataError: a missing label file, a line without a tab, a broken label; names file and line.
        TrainingError: no box can be used.
    """
    pages, census = [], PageCensus()
    for file in dataset.label_file_list:
        index = LabelIndex(file)
        for number in range(index.count):
            place = f"{file}, line {index.line_number(number)}"
            try:
                (path, *_), label, _ = parse_line(index.read(number), "\t")
                lines = read_label(label)
            except Rejected as error:
                raise DataError(f"{error.reason}: {error.detail}", place) from error
            except Malformed as error:
                raise DataError(f"{BROKEN}: {error}", place) from error
            truth = _as_judged(lines)
            count_page(census, place, [line.points for line in truth], [line.ignored for line in truth])
            census.total += 1
            pages.append(Page(os.path.join(dataset.data_dir or os.path.dirname(file), path), lines=truth))
    if not any(os.path.exists(page.source) for page in pages):
        raise DataError(
            f"none of the {len(pages)} images is there, such as {pages[0].source}; set data_dir", dataset.label_file_list[0]
        )
    judge_boxes(census, "pages", dataset.label_file_list)
    return pages


def _as_judged(lines: Sequence[Line]) -> tuple[Line, ...]:
    """With the outlines as an evaluation of the detector alone has them; those that cannot be used are ignored."""
    polygons = polygons_of([line.points for line in lines])
    ignored = np.array([line.ignored for line in lines], bool) | ~usable(polygons)
    judged = zip(lines, polygons.astype(np.float64), ignored.tolist(), strict=True)
    return tuple(dataclasses.replace(line, points=points, ignored=tag) for line, points, tag in judged)


def judged_page(ocr: OCR, truth: Page, comparing: Comparing) -> JudgedPage:
    """One page, read and judged."""
    start = time.perf_counter()
    result = ocr.read(truth.source)
    seconds = time.perf_counter() - start
    lines = result.page.lines if result.page is not None else ()
    return JudgedPage(truth, result.page, judge_page(truth.lines, lines, comparing), seconds, result.error)


def write_report(recipe: Recipe, evaluations: list[SystemEvaluation], path: Path) -> None:
    """JSON, or a page for a browser where `path` ends in .html.

    Args:
        recipe: named in the report.
        evaluations: what to tell.
        path: the file.

    Raises:
        OcrError: it cannot be written.
    """
    try:
        if path.suffix.lower() in (".html", ".htm"):
            write_text(path, html_report(evaluations, recipe.source))
        else:
            tree = {evaluation.name: evaluation.report() for evaluation in evaluations}
            text = json.dumps(tree, ensure_ascii=False, indent=1) + "\n"
            write_bytes(path, text.encode("utf-8", "backslashreplace"))  # names that are no UTF-8 become escapes
    except CheckpointError as error:
        raise OcrError(f"{error}, or another file with --report") from error
