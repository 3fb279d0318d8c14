"""A recogniser's temperature, and the weight of its language model: what `tools/tune.py` finds for CTCLabelDecode."""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from ppocr_like.atomic import atomic_write
from ppocr_like.config import Builder, Recipe
from ppocr_like.config.single import single_model, sub_model_names
from ppocr_like.contracts import RejectedSample, SampleInfo
from ppocr_like.draw.charts import Series, line_chart
from ppocr_like.engine.api import load_model
from ppocr_like.engine.checkpoint import resolve_checkpoint
from ppocr_like.engine.device import choose_compute, set_threads
from ppocr_like.engine.objective import Objective
from ppocr_like.engine.ranks import Ranks
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.metrics.rec import RecMetric
from ppocr_like.postprocess.ctc import CTCLabelDecode
from ppocr_like.tune.grid import aligned, named_values
from ppocr_like.tune.readings import ReadSet, read_set
from ppocr_like.tune.temperature import Judged, fit_temperature, judged
from ppocr_like.weights import resolve
from ppocr_like.weights.reading import reading_builder

INDICATORS = ("cer", "wer", "acc")  # the first two should be low
DEFAULT_GRID = {"lm_weight": (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0), "length_bonus": (0.0, 0.5, 1.0, 2.0, 3.0)}
TEMPERATURE = "temperature"
TABLE = 10
Values = dict[str, float]


@dataclass(frozen=True)
class Reading:
    """What a setting gives on the whole set: its values, and RecMetric's numbers."""

    values: Values
    metrics: dict[str, float]


@dataclass(frozen=True)
class DecoderTuning:
    """What came out.

    Args:
        temperatures: the recipe's own and the best one (`fit_temperature`).
        greedy: numbers of the best path.
        base: the recipe's own lm_weight and length_bonus, at the best temperature; None without a language model.
        outcomes: all settings, best first.
        lines: of the set.
        network_seconds, search_seconds: time for the network's outputs (little where they were there) and for the rest.
        indicator: what was looked for.
        named: values of the recipe that only the command line gave, which a setting cannot do without.
    """

    temperatures: tuple[Judged, Judged]
    greedy: Reading
    base: Reading | None
    outcomes: list[Reading]
    lines: int
    network_seconds: float
    search_seconds: float
    indicator: str
    named: dict[str, Any]

    @property
    def best(self) -> Reading:
        return self.outcomes[0] if self.outcomes else self.greedy

    def table(self, rows: int = TABLE) -> str:
        """The best path, the recipe's own setting and the best ones; the temperatures below them."""
        head = ["", *DEFAULT_GRID, *INDICATORS]
        table = [head, _row("greedy", self.greedy)]
        if self.base is not None:
            table += [_row("recipe", self.base), *(_row(str(n), one) for n, one in enumerate(self.outcomes[:rows], 1))]
        before, after = self.temperatures
        told = [before.text(), after.text()] if after is not before else [f"{before.text()}; none is better"]
        return "\n".join([aligned(table), *told])

    def summary(self) -> str:
        """One line: how many settings, lines and seconds."""
        each = ""
        if self.outcomes:
            each = f" ({1000 * self.search_seconds / (len(self.outcomes) * max(1, self.lines)):.2f} ms for a line with a setting)"
        return (
            f"{len(self.outcomes)} settings on {self.lines} lines: outputs {self.network_seconds:.1f} s, "
            f"temperature and search {self.search_seconds:.1f} s{each}"
        )

    def changes(self) -> dict[str, Any]:
        """YAML path -> value, where the best setting differs from the recipe's."""
        found = dict(self.named) if self.base is not None else {}
        before, after = self.temperatures
        if after.temperature != before.temperature:
            found[f"PostProcess.{TEMPERATURE}"] = after.temperature
        if self.base is not None:
            own = self.base.values
            found |= {f"PostProcess.{name}": value for name, value in self.best.values.items() if value != own[name]}
        return found

    def write_results(self, folder: Path) -> list[Path]:
        """`results.json` (every setting, and both temperatures) and `curves.png`: CER and WER by the weight."""
        folder.mkdir(parents=True, exist_ok=True)
        tree = {
            "temperatures": [asdict(one) for one in self.temperatures],
            "greedy": self.greedy.metrics,
            "recipe": None if self.base is None else {**self.base.values, **self.base.metrics},
            "settings": [{**one.values, **one.metrics} for one in self.outcomes],
            "lines": self.lines,
            "by": self.indicator,
        }
        content = json.dumps(tree, indent=1)
        files = [folder / "results.json"]
        atomic_write(files[0], lambda file: file.write(content.encode()))
        bonus = self.best.values.get("length_bonus")
        line = sorted(
            (one for one in self.outcomes if one.values["length_bonus"] == bonus), key=lambda one: one.values["lm_weight"]
        )
        if len(line) > 1:
            series = [Series(name, [(one.values["lm_weight"], one.metrics[name]) for one in line]) for name in ("cer", "wer")]
            chart = line_chart("lm_weight, length_bonus at its best", "lm_weight", series, mark=self.best.values["lm_weight"])
            files.append(folder / "curves.png")
            atomic_write(files[1], lambda file: Image.fromarray(chart).save(file, "PNG"))
        return files


def tune_decoder(
    recipe: Recipe,
    items: Sequence[str],
    out: str | Path,
    *,
    set_name: str | None = None,
    indicator: str = "cer",
    progress: bool = True,
) -> DecoderTuning:
    """Fits the temperature on an evaluation set of the recipe; of a beam search with a language model also tries all settings of
    a grid, at that temperature. The network runs once. Components must be registered.

    Choose on lines that are neither trained on nor reported on: `Eval.dataset.label_file_list` says which.

    Args:
        recipe: of a recogniser with CTCLabelDecode.
        items: `name=value,value`: lm_weight, length_bonus, or `temperature` with one value, which is then taken as it is.
        out: folder for the outputs (`outputs/`, kept for the next call).
        set_name: evaluation set; None: the deciding one.
        indicator: one of `INDICATORS`.

    Raises:
        ConfigError: another post-processing or metric; a name or value of the grid that cannot be used.
        OcrError: weights, data.
    """
    recipe, name = _checked(recipe, set_name)
    settings = recipe.globals
    compute = choose_compute(settings, Ranks())
    set_threads(settings.num_threads)
    start = time.perf_counter()
    builder, model = load_model(recipe)
    post, metric = builder.postprocess(), builder.metric()
    if not isinstance(metric, RecMetric):
        raise ConfigError([Problem("Metric.name", f"is {type(metric).__name__}; RecMetric is needed to tune a decoder")])
    grid = _grid(post, items)
    objective = Objective(compute.place(model), None, compute)
    weights = resolve_checkpoint(settings.checkpoints) if settings.checkpoints else resolve(str(settings.pretrained_model))
    lines = read_set(builder, objective, weights, name, Path(out) / "outputs", metric, progress)
    middle = time.perf_counter()
    temperatures = _temperatures(lines, post, metric, grid)
    post = post.changed(temperature=temperatures[1].temperature)
    greedy = _numbers(lines, builder, post.changed(decoder="greedy", lm=None))
    base, outcomes = None, list[Reading]()
    if post.lm is not None:
        own = {axis: float(getattr(post, axis)) for axis in DEFAULT_GRID}
        outcomes = _ranked(_search(lines, builder, post, _settings(grid, own), progress), own, indicator)
        base = next(one for one in outcomes if one.values == own)
    done = time.perf_counter()
    total = len(lines.lines) + len(lines.lost)
    named = {f"PostProcess.{key}": recipe.get(f"PostProcess.{key}") for key in ("decoder", "lm")}
    named = {path: value for path, value in named.items() if path in recipe.overridden}
    return DecoderTuning(temperatures, greedy, base, outcomes, total, middle - start, done - middle, indicator, named)


def _checked(recipe: Recipe, set_name: str | None) -> tuple[Recipe, str]:
    """The recipe of one network, and the name of the set to choose on. Raises ConfigError."""
    builder = reading_builder(recipe)
    builder.check()
    if sub_model_names(recipe):
        recipe = single_model(recipe, recipe.globals.pretrained_sub_model)
    post = recipe.get("PostProcess.name")
    if post != CTCLabelDecode.__name__:
        raise ConfigError([Problem("PostProcess.name", f"is {post}; of recognisers only CTCLabelDecode can be tuned")])
    name = set_name if set_name is not None else builder.eval_names()[0]
    if name not in builder.eval_names():
        raise ConfigError([Problem("Eval.datasets", f"has no set {name!r}; there: {', '.join(builder.eval_names())}")])
    return recipe, name


def _grid(post: CTCLabelDecode, items: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Raises ConfigError: every name and value that cannot be used."""
    given = named_values(items)
    problems = []
    for name, values in given.items():
        if name not in (*DEFAULT_GRID, TEMPERATURE):
            message = f"cannot be tried; write NAME=VALUE,VALUE with one of {', '.join((*DEFAULT_GRID, TEMPERATURE))}"
            problems.append(Problem(name, message))
        elif name in DEFAULT_GRID and post.lm is None:
            problems.append(Problem(name, "has no use without a language model: PostProcess.decoder=beam, PostProcess.lm=FILE"))
        elif any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
            problems.append(Problem(name, f"{values!r}: numbers are needed"))
        elif name == TEMPERATURE and len(values) > 1:
            problems.append(Problem(name, "is fitted where it is not given; give one value, or none"))
        else:
            problems += [problem for value in values for problem in _refused(post, name, value)]
    if problems:
        raise ConfigError(problems, "--grid")
    return {**DEFAULT_GRID, **{name: tuple(map(float, values)) for name, values in given.items()}}


def _refused(post: CTCLabelDecode, name: str, value: float) -> list[Problem]:
    try:
        post.changed(**{name: value})
    except ConfigError as error:
        return error.problems
    return []


def _temperatures(
    lines: ReadSet, post: CTCLabelDecode, metric: RecMetric, grid: dict[str, tuple[float, ...]]
) -> tuple[Judged, Judged]:
    """The recipe's own temperature, and the one of the grid or else the best one."""
    assert metric.rules is not None
    if TEMPERATURE not in grid:
        return fit_temperature(lines, post, metric.rules)
    (value,) = grid[TEMPERATURE]
    return judged(lines, post, metric.rules), judged(lines, post.changed(temperature=value), metric.rules)


def _settings(grid: dict[str, tuple[float, ...]], own: Values) -> list[Values]:
    """All of the grid with the recipe's own values in it."""
    axes = [sorted({*grid[name], own[name]}) for name in DEFAULT_GRID]
    return [dict(zip(DEFAULT_GRID, values, strict=True)) for values in itertools.product(*axes)]


def _search(lines: ReadSet, builder: Builder, post: CTCLabelDecode, settings: Sequence[Values], progress: bool) -> list[Reading]:
    """Every setting on the whole set; what a search needs of a batch is made once for all of them."""
    metrics = [_metric(lines, builder) for _ in settings]
    with tqdm(total=len(lines.lines), desc="settings", unit="line", leave=False, disable=None if progress else True) as bar:
        for part, outputs in lines.batches():
            for metric, texts in zip(metrics, post.texts(outputs, {"info": part}, settings), strict=True):
                for line, text in zip(part, texts, strict=True):
                    metric.add(line.reference, text)
            bar.update(len(part))
    return [Reading(values, metric.compute()) for values, metric in zip(settings, metrics, strict=True)]


def _numbers(lines: ReadSet, builder: Builder, post: CTCLabelDecode) -> Reading:
    metric = _metric(lines, builder)
    for part, outputs in lines.batches():
        for line, read in zip(part, post(outputs, {"info": part}), strict=True):
            metric.add(line.reference, read.text)
    return Reading({}, metric.compute())


def _metric(lines: ReadSet, builder: Builder) -> RecMetric:
    """A fresh one that knows the lines which could not be read."""
    metric = builder.metric()
    metric.reject([RejectedSample(SampleInfo(0, "", 0, "", text), "", "") for text in lines.lost])
    return metric


def _ranked(outcomes: list[Reading], own: Values, indicator: str) -> list[Reading]:
    """Best first; of equals the one nearest to the recipe's own."""
    sign = -1 if indicator == "acc" else 1
    return sorted(
        outcomes, key=lambda one: (sign * one.metrics[indicator], math.dist(list(one.values.values()), list(own.values())))
    )


def _row(name: str, one: Reading) -> list[str]:
    values = [f"{one.values[axis]:g}" if axis in one.values else "-" for axis in DEFAULT_GRID]
    return [name, *values, *(f"{one.metrics[what]:.4f}" for what in INDICATORS)]
