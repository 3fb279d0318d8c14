"""How fast a recipe trains on this machine, and what it waits for.

Each figure is taken alone: the data chain on one core, the training step on batches that are already in memory, then both
together as the trainer runs them. The machine's own matrix product stands beside the step, so that figures of different
machines can be compared.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from ppocr_like.config import Builder, Recipe
from ppocr_like.contracts import Request
from ppocr_like.engine.guard import Signals
from ppocr_like.engine.hooks import Freezing, TrainMetric
from ppocr_like.engine.logging_hooks import LogLines
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.run import Run
from ppocr_like.engine.runfolder import RunFolder
from ppocr_like.engine.setup import build_run
from ppocr_like.report.machine import describe, matrix_gflops, peak_memory_mb
from ppocr_like.report.measure import (
    Shape,
    TimedLoader,
    bare_step,
    chain_seconds,
    count_flops,
    fixed_batches,
    time_loop,
    upcoming,
    without_augmentation,
)
from ppocr_like.report.steps import step_seconds

WARM_UP = 2  # steps of the loop before its time counts: the workers start
MEASURED_HOOKS = (Freezing, TrainMetric, LogLines)  # what goes on around every step; evaluating and saving are other times


@dataclass(frozen=True)
class Settings:
    """What is measured, and how long.

    Args:
        shape: canvas of the chain and batch of the bare step; None takes the recipe's own batches.
        chain_samples: samples through the data chain in a round.
        rounds: how often each figure is taken, bare steps and loop in turn.
        steps: training steps in a round.
    """

    shape: Shape | None = None
    chain_samples: int = 400
    rounds: int = 3
    steps: int = 6


@dataclass(frozen=True)
class Benchmark:
    """All figures as plain data, by section: what `--json` writes."""

    figures: dict[str, Any]

    def table(self) -> str:
        """For people: one figure a line."""
        rows = list(_rows(self.figures))
        wide = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{wide}}  {value}" for name, value in rows)


def benchmark(recipe: Recipe, settings: Settings | None = None) -> Benchmark:
    """Takes every figure of a recipe. Components must be registered; nothing is evaluated, no file is left behind.

    Raises:
        OcrError: whatever keeps the recipe from training.
    """
    settings = settings or Settings()
    Builder(recipe).check()
    with TemporaryDirectory(prefix="ppocr_like_benchmark_") as scratch, Signals() as signals:
        folder = RunFolder(scratch)
        try:
            run = build_run(_bare_recipe(recipe, scratch), folder, Ranks(), signals, None)
            run.loader = TimedLoader(run.loader)
            run.hooks = [hook for hook in run.hooks if isinstance(hook, MEASURED_HOOKS)]
            run.epochs = 2**31  # the run ends when enough is measured
            run.model.train()
            next(iter(run.loader.batches(1)))  # the workers are forked now, before this process has grown
            figures: dict[str, Any] = {
                "recipe": recipe.source,
                "machine": {**describe(), "matrix_gflops": matrix_gflops()},
                "chain": _chain(run, settings),
            }
            if settings.shape:
                figures["step"] = _fixed_step(run, settings.shape, settings, figures["machine"]["matrix_gflops"])
            figures |= _loop(run, settings, figures["machine"]["matrix_gflops"])
        finally:
            folder.close()
    own, worker = peak_memory_mb()
    return Benchmark({**figures, "memory": {"process_mb": own, "worker_mb": worker}})


def _bare_recipe(recipe: Recipe, scratch: str) -> Recipe:
    """The recipe of a run that starts afresh in `scratch`."""
    tree = copy.deepcopy(recipe.tree)
    changes = {"save_model_dir": scratch, "checkpoints": None, "pretrained_model": None, "use_visualdl": False}
    tree["Global"] = {**tree["Global"], **changes}
    return Recipe.from_tree(tree)


def _chain(run: Run, settings: Settings) -> dict[str, Any]:
    """Samples a second on one core, what each step takes of it, and the figure without augmentation where that can go."""
    plan = run.loader.inner.plan(1)
    requests: list[Request] = []
    for group in plan:
        requests += group
        if len(requests) >= settings.chain_samples:
            break
    requests = requests[: settings.chain_samples]
    if settings.shape:
        requests = [replace(request, size=(settings.shape.width, settings.shape.height)) for request in requests]
    dataset, count = run.loader.inner.dataset, len(requests)
    full = median(chain_seconds(dataset, requests, settings.rounds))
    steps = step_seconds(dataset, requests, settings.rounds)
    whole = sum(steps.values())
    figures = {
        "samples": count,
        "canvas": f"{settings.shape.height}x{settings.shape.width}" if settings.shape else "the recipe's",
        "samples_per_s": count / full,
        "steps": {
            name: {"ms": seconds / settings.rounds / count * 1e3, "share": seconds / whole} for name, seconds in steps.items()
        },
    }
    plain = without_augmentation(run.recipe)
    if plain is not None:
        without = median(chain_seconds(Builder(plain, run.charset).dataset("Train"), requests, settings.rounds))
        figures |= {"samples_per_s_without_augmentation": count / without, "share_of_unaugmented": without / full}
    return figures


def _fixed_step(run: Run, shape: Shape, settings: Settings, machine: float) -> dict[str, Any]:
    """The bare step at a given shape."""
    requests = (request for group in run.loader.inner.plan(1) for request in group)
    batches = fixed_batches(run.loader.inner.dataset, requests, shape, count=2)
    operations = count_flops(run, batches[:1])
    bare_step(run, batches[:1])  # the first step of a shape is slower
    seconds = [bare_step(run, [batches[i % len(batches)]]) for i in range(settings.rounds * settings.steps)]
    middle = median(seconds)
    gflops = operations / middle / 1e9
    return {
        "shape": str(shape),
        "ms": middle * 1e3,
        "ms_fastest": min(seconds) * 1e3,
        "samples_per_s": shape.batch / middle,
        "gflop": operations / 1e9,
        "gflops": gflops,
        "share_of_matrix_product": gflops / machine,
    }


def _loop(run: Run, settings: Settings, machine: float) -> dict[str, Any]:
    """The recipe's own batches: bare steps, then the same ones in the trainer, in turns."""
    bare: list[tuple[float, int]] = []
    loop: list[tuple[float, float, int]] = []
    operations = 0
    try:
        for _ in range(settings.rounds):
            for group in upcoming(run, settings.steps, after=WARM_UP):
                operations += count_flops(run, group)
                bare_step(run, group)  # the first step of a shape is slower
                bare.append((bare_step(run, group), sum(len(batch["info"]) for batch in group)))
            loop += time_loop(run, WARM_UP, settings.steps)
    finally:
        run.loader.close()
    bare_s, samples = sum(s for s, _ in bare), sum(n for _, n in bare)
    loop_s, looped = sum(s for s, _, _ in loop), sum(n for _, _, n in loop)
    gflops = operations / bare_s / 1e9
    return {
        "bare": {
            "steps": len(bare),
            "ms": bare_s / len(bare) * 1e3,
            "samples_per_s": samples / bare_s,
            "gflops": gflops,
            "share_of_matrix_product": gflops / machine,
        },
        "loop": {
            "steps": len(loop),
            "ms": loop_s / len(loop) * 1e3,
            "samples_per_s": looped / loop_s,
            "share_of_bare": (looped / loop_s) / (samples / bare_s),
            "waiting_for_data": sum(w for _, w, _ in loop) / loop_s,
        },
    }


def _rows(figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
    machine, chain, bare, loop, memory = (figures[name] for name in ("machine", "chain", "bare", "loop", "memory"))
    yield "recipe", figures["recipe"]
    yield "machine", f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads, torch {machine['torch']}"
    yield "matrix product", f"{machine['matrix_gflops']:.1f} GFLOP/s (float32)"
    yield f"data chain, one core, {chain['canvas']} canvas", f"{chain['samples_per_s']:.1f} samples/s"
    for name, step in chain["steps"].items():
        yield f"    {name}", f"{step['ms']:.2f} ms ({step['share']:.0%})"
    if "share_of_unaugmented" in chain:
        share = f"(augmented: {chain['share_of_unaugmented']:.0%} of it)"
        yield "  without augmentation", f"{chain['samples_per_s_without_augmentation']:.1f} samples/s {share}"
    if step := figures.get("step"):
        yield (
            f"bare step, {step['shape']}",
            f"{step['ms']:.0f} ms (fastest {step['ms_fastest']:.0f}), {step['samples_per_s']:.1f} samples/s",
        )
        yield "  operations", _operations(step)
    yield "bare step, the recipe's batches", f"{bare['ms']:.0f} ms, {bare['samples_per_s']:.1f} samples/s"
    yield "  operations", _operations(bare)
    yield (
        "real loop, the same batches",
        f"{loop['ms']:.0f} ms, {loop['samples_per_s']:.1f} samples/s ({loop['share_of_bare']:.1%} of bare)",
    )
    yield "  waiting for data", f"{loop['waiting_for_data']:.1%}"
    yield "peak memory", f"{memory['process_mb']:.0f} MB; a worker {memory['worker_mb']:.0f} MB"


def _operations(step: dict[str, Any]) -> str:
    return f"{step['gflops']:.1f} GFLOP/s, {step['share_of_matrix_product']:.0%} of the machine's matrix product"
