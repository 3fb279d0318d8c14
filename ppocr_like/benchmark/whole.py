"""How fast a recipe trains, evaluates and runs on this machine, and what holds it back.

The machine's own limits are measured first, in the same run, and every figure stands beside the limit that binds it. Each
figure is the median of several rounds in which all things of a section take turns.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ppocr_like.benchmark import limits as machine_limits
from ppocr_like.benchmark.bench import Bench, Pace, Section
from ppocr_like.benchmark.chain import ChainSection
from ppocr_like.benchmark.evaluating import EvaluationSection, PostprocessSection
from ppocr_like.benchmark.feeding import LoaderSection
from ppocr_like.benchmark.loop import LoopSection
from ppocr_like.benchmark.machine import Others, Peak, describe, load_average, now, peak_memory_mb
from ppocr_like.benchmark.measure import batch_of, canvases, fetch_all, first_requests, fixed_batch, optimizer_step
from ppocr_like.benchmark.profiling import ProfileSection
from ppocr_like.benchmark.progress import Progress
from ppocr_like.benchmark.runtime import RuntimeSection
from ppocr_like.benchmark.settings import Settings, Shape
from ppocr_like.benchmark.step import StepSection
from ppocr_like.benchmark.timed_loader import TimedLoader, timed
from ppocr_like.benchmark.timing import told
from ppocr_like.config import Builder, Recipe
from ppocr_like.draw.bars import Panel, bar_chart
from ppocr_like.engine.guard import Signals
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.run import Run
from ppocr_like.engine.runfolder import RunFolder
from ppocr_like.engine.settle import settle_classes
from ppocr_like.engine.setup import build_run
from ppocr_like.errors import DataError
from ppocr_like.weights.reading import reading_builder

__all__ = ["SECTIONS", "Benchmark", "Settings", "Shape", "benchmark"]

SECTIONS: tuple[Section, ...] = (
    ChainSection(),
    LoaderSection(),
    StepSection(),
    LoopSection(),
    EvaluationSection(),
    PostprocessSection(),
    RuntimeSection(),
)
LIMITS = "limits"
READ_FILES = 60  # images read from the disk, past the system's cache
SCHEMA = 2


@dataclass(frozen=True)
class Benchmark:
    """All figures as plain data, by section: what `--json` writes."""

    figures: dict[str, Any]

    def table(self) -> str:
        """For people: one figure a line, and at the end what holds each part back."""
        rows = list(_rows(self.figures))
        wide = max((len(name) for name, value in rows if value), default=0)
        lines = [f"{name:<{wide}}  {value}".rstrip() for name, value in rows]
        verdicts = [text for section in self._sections() for text in section.verdict(self.figures[section.name])]
        return "\n".join(lines + (["", *verdicts] if verdicts else []))

    def picture(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB: bars of everything.

        Raises:
            ValueError: no section that can be drawn was measured.
        """
        panels: list[Panel] = [panel for section in self._sections() for panel in section.panels(self.figures[section.name])]
        machine = self.figures["machine"]
        return bar_chart(f"{self.figures['recipe']}: {machine['processor']}, {machine['threads']} threads", panels)

    def _sections(self) -> list[Section]:
        return [section for section in (*SECTIONS, ProfileSection()) if section.name in self.figures]


def benchmark(
    recipe: Recipe, settings: Settings | None = None, say: Callable[[str], None] = lambda text: None, progress: bool = False
) -> Benchmark:
    """Takes the figures of a recipe. Components must be registered; no file is left behind but the profiler's trace.

    Args:
        say: gets a line before the work begins: how long it will take.
        progress: a bar on standard error.

    Raises:
        DataError: `settings.only` names no section. Besides, whatever keeps the recipe from training.
        Interrupted: Ctrl-C or SIGTERM.
    """
    settings = settings or Settings()
    sections = _chosen(settings)
    reading_builder(recipe).check()
    others, start = Others(), now()
    with TemporaryDirectory(prefix="ppocr_like_benchmark_") as scratch, Signals() as signals:
        folder = RunFolder(scratch)
        try:
            bare = settle_classes(_bare_recipe(recipe, scratch), Ranks(), folder.path)
            run = build_run(Builder(bare), folder, Ranks(), signals, None)
            figures = _measure(run, settings, sections, Path(scratch), say, progress)
        finally:
            folder.close()
    machine = {**describe(run.machine.compute.device), "others": others.share(), "load": load_average()}
    memory = {**figures.pop("memory"), **dict(zip(("process_mb", "worker_mb"), peak_memory_mb() or (), strict=False))}
    head = {"schema": SCHEMA, "recipe": recipe.source, "start": start, "machine": machine}
    return Benchmark({**head, **figures, "memory": memory})


def _chosen(settings: Settings) -> list[Section]:
    known = {section.name: section for section in SECTIONS}
    unknown = [name for name in settings.only if name not in (*known, LIMITS)]
    if unknown:
        raise DataError(f"no section {', '.join(map(repr, unknown))}; there are: {', '.join((LIMITS, *known))}")
    chosen = [section for name, section in known.items() if not settings.only or name in settings.only]
    return chosen + ([ProfileSection()] if settings.profile else [])


def _measure(
    run: Run, settings: Settings, sections: list[Section], scratch: Path, say: Callable[[str], None], progress: bool
) -> dict[str, Any]:
    """Figures of the machine's limits and of each section, and under `memory` the peak in each."""
    run.parts.loader = TimedLoader(run.parts.loader)  # type: ignore[assignment]
    run.hooks = [hook for hook in run.hooks if hook.every_step]  # evaluating and saving are other times
    run.length.epochs = 2**31  # the run ends when enough is measured
    run.objective.model.train()
    next(iter(run.parts.loader.batches(1)))  # the workers are forked now, before this process has grown
    pace = _pace(run, settings)
    bench = Bench(run, settings, None, scratch, None, pace, bool(run.recipe.globals.pretrained_model))  # type: ignore[arg-type]
    rounds = max(2, settings.rounds)
    estimates = {LIMITS: 0.5 * (rounds + 1) + 1, **{section.name: section.estimate(bench) for section in sections}}
    parts = ", ".join(f"{name} {seconds:.0f}" for name, seconds in estimates.items() if seconds >= 0.5)
    say(f"This will take about {_length(sum(estimates.values()))} (seconds: {parts}).")
    bench.progress = Progress(estimates, progress)
    files = _image_files(run)
    figures: dict[str, Any] = {}
    memory: dict[str, Any] = {}
    try:
        precisions = list(bench.precisions())  # each figure stands beside what the machine does in its own
        bench.progress.section(LIMITS, machine_limits.takes(bool(files), precisions) * (rounds + 1))
        bench.limits = machine_limits.measure(run.machine.compute.device, scratch, files, rounds, bench.progress.tick, precisions)
        figures[LIMITS] = bench.limits.figures
        for section in sections:
            bench.progress.section(section.name)
            peak, began = Peak(run.machine.compute.device), time.perf_counter()
            figures[section.name] = section.measure(bench)
            memory[section.name] = {**peak.read(), "took_s": time.perf_counter() - began}
    finally:
        bench.progress.close()
        run.parts.loader.close()
    return {**figures, "memory": {"sections": memory}}


def _bare_recipe(recipe: Recipe, scratch: str) -> Recipe:
    """The recipe of a run that starts afresh in `scratch`."""
    tree = copy.deepcopy(recipe.tree)
    changes = {"save_model_dir": scratch, "checkpoints": None, "use_visualdl": False}
    tree["Global"] = {**tree["Global"], **changes}
    return Recipe.from_tree(tree)


def _pace(run: Run, settings: Settings) -> Pace:
    """A first look at chain and step, for the estimate; it also warms both up.

    Raises:
        DataError: no sample can be used.
    """
    inner = timed(run).inner
    plan = inner.plan(1)
    requests = first_requests(plan, 8)
    fetch_all(inner.dataset, requests[:2])
    begin = time.perf_counter()
    fetch_all(inner.dataset, requests)
    sample = (time.perf_counter() - begin) / max(1, len(requests))
    if settings.shape:
        every = (request for number in range(len(plan)) for request in plan[number])
        batch: Any = fixed_batch(inner.dataset, every, settings.shape)
    else:
        batch = batch_of(inner.dataset, plan, canvases(plan, 1)[0][0])
    if batch is None:
        raise DataError("no sample of the first epoch can be used; tools/check.py --data says why")
    optimizer_step(run, [batch])
    step = sum(optimizer_step(run, [batch]).values())
    return Pace(sample, step)


def _image_files(run: Run) -> list[str]:
    """Some of the training set's images that are files of their own."""
    dataset = timed(run).inner.dataset
    count = min(READ_FILES, len(dataset))
    places = np.linspace(0, len(dataset) - 1, count).astype(int).tolist()
    paths = [path for place in places for path in dataset.record(place).paths[:1]]
    return [path for path in dict.fromkeys(paths) if os.path.isfile(path)]


def _length(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 100 else f"{seconds / 60:.0f} minutes"


def _rows(figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
    machine = figures["machine"]
    yield "recipe", figures["recipe"]
    gpu = f", {machine['gpu']}" if "gpu" in machine else ""
    yield (
        "machine",
        f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads{gpu}, torch {machine['torch']}",
    )
    yield "    instruction sets", machine["instructions"]
    if machine["others"] is not None:
        yield "    other programs had", f"{machine['others']:.0%} of the cores' time meanwhile{_warning(machine['others'])}"
    yield from _limit_rows(figures[LIMITS])
    for section in (*SECTIONS, ProfileSection()):
        if section.name in figures:
            yield from section.rows(figures[section.name])
    yield from _memory_rows(figures["memory"])


def _warning(share: float) -> str:
    return ": the figures below are worse than the machine's own" if share > 0.1 else ""


def _limit_rows(limits: dict[str, Any]) -> Iterator[tuple[str, str]]:
    device = "" if limits["device"] == "cpu" else f" on {limits['device']}"
    for precision in limits["precisions"]:
        one, every = (limits[f"matrix_product_{precision}_{who}"] for who in ("one_thread", "all_threads"))
        yield f"matrix product, {precision}{device}", f"{told(every)}; one thread of the processor {told(one)}"
    yield (
        "memory, read and written",
        f"{told(limits['memory_all_threads'])}{device}; one thread {told(limits['memory_one_thread'])}",
    )
    yield "JPEG decoding, one core", told(limits["jpeg_decode_one_core"])
    read = f"; the recipe's images {told(limits['disk_read_of_images'])}" if "disk_read_of_images" in limits else ""
    yield "disk, reading", told(limits["disk_read"]) + read


def _memory_rows(memory: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "worker_mb" in memory:
        yield "peak memory", f"{memory['process_mb']:.0f} MB; a worker {memory['worker_mb']:.0f} MB, partly shared"
    for name, entry in memory["sections"].items():
        gpu = f", GPU {entry['gpu_mb']:.0f} MB" if "gpu_mb" in entry else ""
        if "process_mb" in entry:
            yield f"    {name}", f"{entry['process_mb']:.0f} MB{gpu}; took {entry['took_s']:.0f} s"
