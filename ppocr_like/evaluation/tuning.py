"""Thresholds of a detector that read best: settings judged by the text of pages, where `tune` judges places alone.

A detector's boxes may lie well by IoU and yet cut the edges off letters; only the recogniser behind it can tell.
"""

from __future__ import annotations

import copy
import itertools
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ppocr_like.atomic import atomic_write
from ppocr_like.config import Recipe
from ppocr_like.engine.ranks import Ranks
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.evaluation.system import SECTION, check_system, judged_page, open_models, read_truth
from ppocr_like.metrics.page_text import Comparing, PageCounts
from ppocr_like.pipeline.lines import Reading, Recogniser
from ppocr_like.pipeline.ocr import OCR
from ppocr_like.pipeline.pages import Detector
from ppocr_like.pipeline.preprocess import effective_postprocess
from ppocr_like.pipeline.runner import Backend, Source
from ppocr_like.tune.grid import aligned, named_values

OWN = "min_confidence"  # of the reader; all other names are of the detector's post-processing
DEFAULT_GRID = {"box_thresh": (0.4, 0.5, 0.6, 0.7), "unclip_ratio": (1.4, 1.6, 1.8, 2.0, 2.2, 2.5)}
HIGHEST, LOWEST = ("hmean_text", "hmean_exact", "hmean"), ("cer",)
INDICATORS = HIGHEST + LOWEST
TABLE = 10
Values = dict[str, Any]


@dataclass(frozen=True)
class SystemOutcome:
    """What a setting gives on the whole set."""

    values: Values
    counts: PageCounts


@dataclass(frozen=True)
class SystemTuning:
    """What came out.

    Args:
        base: the setting that the recipe and the detector have.
        outcomes: all settings, best first.
        indicator: what was looked for.
        seconds: that it took.
    """

    base: SystemOutcome
    outcomes: list[SystemOutcome]
    indicator: str
    seconds: float

    @property
    def best(self) -> SystemOutcome:
        return self.outcomes[0]

    def table(self, rows: int = TABLE) -> str:
        """The recipe's own setting and the best ones."""
        names = list(self.base.values)
        lines = [["", *names, *INDICATORS], _row("recipe", self.base)]
        lines += [_row(str(number), outcome) for number, outcome in enumerate(self.outcomes[:rows], 1)]
        return aligned(lines)

    def summary(self) -> str:
        """One line: how many settings, pages and seconds."""
        return f"{len(self.outcomes)} settings on {self.base.counts.pages} pages: {self.seconds:.1f} s"

    def changes(self) -> Values:
        """YAML path -> value, where the best setting differs from the recipe's."""
        return {_place(name): value for name, value in self.best.values.items() if value != self.base.values[name]}

    def write_results(self, folder: Path) -> list[Path]:
        """`results.json`: every setting with its numbers."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = [{**outcome.values, **outcome.counts.numbers()} for outcome in [self.base, *self.outcomes]]
        tree = {"recipe": rows[0], "settings": rows[1:], "by": self.indicator}
        content = json.dumps(tree, indent=1)
        path = folder / "results.json"
        atomic_write(path, lambda file: file.write(content.encode()))
        return [path]


def tune_system(
    recipe: Recipe, items: Sequence[str], *, set_name: str | None = None, indicator: str = "hmean_text", progress: bool = True
) -> SystemTuning:
    """Reads the pages of an evaluation set with every setting of a grid. Each page goes through the detector once, and each
    crop through the recogniser once.

    Choose on pages that are neither trained on nor reported on.

    Args:
        recipe: of a system.
        items: `name=value,value`: names of the detector's PostProcess, or `min_confidence`; none: `DEFAULT_GRID`.
        set_name: evaluation set; None: the first.
        indicator: one of `INDICATORS`; `cer` should be low, the others high.

    Raises:
        ConfigError: see `check_system`; a name or value of the grid that cannot be used.
        WeightsError, DataError: models and pages.
    """
    checked = check_system(recipe)
    name = set_name if set_name is not None else next(iter(checked.sets))
    if name not in checked.sets:
        raise ConfigError([Problem("Eval.datasets", f"has no set {name!r}; there: {', '.join(checked.sets)}")])
    start = time.perf_counter()
    ocr = open_models(checked.system, recipe, Ranks())
    base, settings = _settings(ocr, named_values(items) or DEFAULT_GRID)
    pages = read_truth(checked.sets[name])
    network, reader = _Network(ocr.detector.backend), _Reader.of(ocr.recogniser)
    shared = copy.copy(ocr)
    shared.detector = Detector.with_backend(ocr.detector.spec, network, batch_size=ocr.detector.batch_size)
    shared.recogniser = reader
    readers = [_with(shared, values) for values in settings]
    comparing = Comparing(**asdict(checked.metric))
    sums = [PageCounts() for _ in settings]
    for truth in tqdm(pages, "settings", unit="page", leave=False, disable=None if progress else True):
        for number, one in enumerate(readers):
            sums[number] += judged_page(one, truth, comparing).judgement.counts
        network.known.clear()
        reader.known.clear()
    outcomes = [SystemOutcome(values, counts) for values, counts in zip(settings, sums, strict=True)]
    found = next(outcome for outcome in outcomes if outcome.values == base)
    return SystemTuning(found, _ranked(outcomes, base, indicator), indicator, time.perf_counter() - start)


def _place(name: str) -> str:
    return f"{SECTION}.{name}" if name == OWN else f"{SECTION}.det_postprocess.{name}"


def _settings(ocr: OCR, grid: Mapping[str, Sequence[Any]]) -> tuple[Values, list[Values]]:
    """The present setting, and all of the grid with the present values in it.

    Raises:
        ConfigError: every name and value that cannot be used.
    """
    now = {**effective_postprocess(ocr.detector.spec), OWN: ocr.min_confidence}
    now.pop("name")
    problems = []
    for name, values in grid.items():
        if name not in now:
            problems.append(Problem(f"--grid {name}", f"is not of the detector's post-processing; there: {', '.join(now)}"))
            continue
        for value in values:
            try:
                _with(ocr, {name: value})
            except ConfigError as error:
                problems += [Problem(f"--grid {name}", problem.message) for problem in error.problems]
            except ValueError as error:
                problems.append(Problem(f"--grid {name}", str(error)))
    if problems:
        raise ConfigError(problems, "--grid")
    base = {name: now[name] for name in grid}
    axes = [_axis(values, base[name]) for name, values in grid.items()]
    return base, [dict(zip(grid, values, strict=True)) for values in itertools.product(*axes)]


def _axis(values: Sequence[Any], own: Any) -> list[Any]:
    axis = list(dict.fromkeys([*values, own]))
    return sorted(axis) if all(isinstance(value, int | float) for value in axis) else axis


def _with(ocr: OCR, values: Values) -> OCR:
    """The same reader with other values.

    Raises:
        ConfigError, ValueError: a value that is refused.
    """
    other = copy.copy(ocr)
    changes = {name: value for name, value in values.items() if name != OWN}
    if changes:
        other.detector = ocr.detector.with_postprocess(changes)
    if OWN in values:
        if not isinstance(values[OWN], int | float) or not 0 <= values[OWN] <= 1:
            raise ValueError(f"{values[OWN]!r}; it must be within 0 and 1")
        other.min_confidence = values[OWN]
    return other


def _ranked(outcomes: list[SystemOutcome], base: Values, indicator: str) -> list[SystemOutcome]:
    """Best first; of equals the one in which fewest values differ from `base`."""
    sign = 1 if indicator in LOWEST else -1

    def place(outcome: SystemOutcome) -> tuple[float, int]:
        return sign * outcome.counts.numbers()[indicator], sum(outcome.values[name] != base[name] for name in base)

    return sorted(outcomes, key=place)


def _row(name: str, outcome: SystemOutcome) -> list[str]:
    numbers = outcome.counts.numbers()
    return [name, *map(str, outcome.values.values()), *(f"{numbers[what]:.4f}" for what in INDICATORS)]


def _key(array: np.ndarray) -> tuple[tuple[int, ...], bytes]:
    return array.shape, array.tobytes()


class _Network:
    """A detector's network that answers the same input once."""

    def __init__(self, backend: Backend) -> None:
        self.network = getattr(backend, "alone", backend)
        self.known: dict[Any, dict[str, np.ndarray]] = {}

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        key = _key(images)
        if key not in self.known:
            self.known[key] = self.network(images)
        return self.known[key]


class _Reader(Recogniser):
    """A recogniser that reads the same crop once."""

    known: dict[Any, Reading]

    @classmethod
    def of(cls, recogniser: Recogniser) -> _Reader:
        reader = cls.with_backend(recogniser.spec, recogniser.backend, batch_size=recogniser.batch_size)
        reader.known = {}
        return reader

    def stream(self, images: Iterable[Source]) -> Iterator[Reading]:
        """As its parent's."""
        keyed = [(_key(image) if isinstance(image, np.ndarray) else image, image) for image in images]
        new = {key: image for key, image in keyed if key not in self.known}
        self.known.update(zip(new, super().stream(new.values()), strict=True))
        yield from (self.known[key] for key, _ in keyed)
