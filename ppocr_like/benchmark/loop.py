"""The trainer's own loop: with the recipe's loader, with the same batches from memory, and the bare step on them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ppocr_like.benchmark.bench import Bench, Section
from ppocr_like.benchmark.measure import Batch, optimizer_step
from ppocr_like.benchmark.timed_loader import TimedLoader, timed
from ppocr_like.benchmark.timing import figure, told
from ppocr_like.data.loader import Loader
from ppocr_like.draw.bars import Bar, Panel
from ppocr_like.engine.feed import grouped
from ppocr_like.engine.run import Hook, Run, StepResult
from ppocr_like.engine.trainer import fit

WARM_UP = 2  # steps before the time counts: the workers start
Pace = tuple[float, float, int]  # seconds of a step, those spent waiting for data, samples


class _Memory:
    """In the place of a loader: batches that are there already."""

    waited = 0.0

    def __init__(self, batches: Sequence[Batch], inner: TimedLoader) -> None:
        self._batches, self._inner = batches, inner

    def steps(self, epoch: int) -> int:
        return self._inner.steps(epoch)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        return iter(self._batches)


class Watch(Hook):
    """Lets `warm_up` steps go by, times the next `steps` with everything around them, then ends the run."""

    def __init__(self, warm_up: int, steps: int) -> None:
        self._warm_up, self._steps = warm_up, steps
        self._mark = self._waited = 0.0
        self.pace: list[Pace] = []

    def after_step(self, run: Run, result: StepResult) -> None:
        if self._warm_up == 1 or len(self.pace) == self._steps - 1:
            run.confirm()  # where the time begins and ends, a device has done what it was given
        now, waited = time.perf_counter(), timed(run).waited
        if self._warm_up > 0:
            self._warm_up -= 1
        else:
            self.pace.append((now - self._mark, waited - self._waited, result.samples))
        self._mark, self._waited = now, waited
        if len(self.pace) == self._steps:
            run.state.stop_reason = "measured"


def time_loop(run: Run, warm_up: int, steps: int) -> list[Pace]:
    """Runs the trainer for `warm_up` + `steps` steps from where it stands; the pace of the last `steps`."""
    watch = Watch(warm_up, steps)
    run.hooks.append(watch)
    run.state.stop_reason = ""
    try:
        fit(run)
    finally:
        run.hooks.remove(watch)
    return watch.pace


def time_memory(run: Run, groups: Sequence[Sequence[Batch]], warm_up: int) -> list[Pace]:
    """The same on batches in memory. The run then stands where it stood."""
    loader, progress = timed(run), run.progress
    run.parts.loader = _Memory([batch for group in groups for batch in group], loader)  # type: ignore[assignment]
    run.progress = replace(progress)
    try:
        return time_loop(run, warm_up, len(groups) - warm_up)
    finally:
        run.parts.loader, run.progress = loader, progress  # type: ignore[assignment]


def bare_steps(run: Run, groups: Sequence[Sequence[Batch]]) -> list[Pace]:
    """Optimizer steps on batches in memory with nothing around them. Each is taken twice: the first of a shape is slower."""
    pace = []
    for group in groups:
        optimizer_step(run, group)
        spent = sum(optimizer_step(run, group).values())
        pace.append((spent, 0.0, sum(len(batch["info"]) for batch in group)))
    return pace


def upcoming(run: Run, count: int, after: int = 0) -> Iterator[list[Batch]]:
    """The run's next `count` groups of batches (one optimizer step each), leaving out the first `after`, made in this process.

    Groups without a usable sample are left out, as the trainer does.
    """
    inner = timed(run).inner
    loader = Loader(inner.dataset, inner.sampler)
    epoch, batch = run.progress.epoch, run.progress.batch + after * run.length.accumulate
    while count > 0:
        over = batch - loader.steps(epoch)
        if over >= 0:
            epoch, batch = epoch + 1, over
            continue
        for group in grouped(loader.batches(epoch, batch), run.length.accumulate):
            batch += len(group)
            if any(part["info"] for part in group):
                yield group
                count -= 1
            if count == 0:
                return


class LoopSection(Section):
    name = "loop"

    def estimate(self, bench: Bench) -> float:
        settings, batch = bench.settings, bench.run.recipe.get("Train.loader.batch_size_per_card") or 16
        steps = (WARM_UP + settings.steps) * settings.rounds
        return steps * (4 * bench.pace.step + batch * bench.pace.sample)

    def measure(self, bench: Bench) -> dict[str, Any]:
        run, settings = bench.run, bench.settings
        run.objective.model.train()
        bare: list[list[Pace]] = []
        memory: list[list[Pace]] = []
        real: list[list[Pace]] = []
        bench.progress.pieces(3 * settings.rounds)
        try:
            for number in range(settings.rounds):
                groups = list(upcoming(run, WARM_UP + settings.steps))
                takes = [
                    lambda g=groups: bare.append(bare_steps(run, g[WARM_UP:])),
                    lambda g=groups: memory.append(time_memory(run, g, WARM_UP)),
                ]
                for take in takes if number % 2 == 0 else reversed(takes):
                    take()
                    bench.progress.tick()
                real.append(time_loop(run, WARM_UP, settings.steps))  # last: the run goes on from here
                bench.progress.tick()
        finally:
            run.parts.loader.close()
        figures: dict[str, Any] = {"bare": _figures(bare), "memory": _figures(memory), "loop": _figures(real)}
        for name in ("memory", "loop"):
            figures[name]["share_of_bare"] = figures[name]["samples_per_s"]["value"] / figures["bare"]["samples_per_s"]["value"]
        rate = figures["memory"]["samples_per_s"]["value"]
        figures["loop"]["share_of_memory"] = figures["loop"]["samples_per_s"]["value"] / rate
        figures["loop"]["waiting_for_data"] = _ratio([sum(w for _, w, _ in part) / sum(s for s, _, _ in part) for part in real])
        figures["workers"] = timed(run).inner.num_workers
        return figures

    def rows(self, figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
        names = {"bare": "bare steps", "memory": "trainer, batches from memory", "loop": f"trainer, {figures['workers']} workers"}
        for name, title in names.items():
            entry = figures[name]
            share = f", {entry['share_of_bare']:.1%} of bare" if "share_of_bare" in entry else ""
            yield title, f"{told(entry['samples_per_s'])}, {told(entry['ms'])} a step{share}"
        yield "    waiting for data", f"{figures['loop']['waiting_for_data']:.1%}"

    def panels(self, figures: dict[str, Any]) -> list[Panel]:
        rates = {name: figures[key]["samples_per_s"] for name, key in _BARS.items()}
        bars = [Bar(name, {"": rate["value"]}, rate["low"], rate["high"]) for name, rate in rates.items()]
        return [Panel("The same batches as bare steps, in the trainer from memory, and with the loader", "samples/s", bars)]

    def verdict(self, figures: dict[str, Any]) -> list[str]:
        lost, waits = 1 - figures["loop"]["share_of_memory"], figures["loop"]["waiting_for_data"]
        if waits > 0.05:
            why = "the loader is too slow: more workers or fewer augmentations help"
        elif lost > 0.05:
            why = "workers and network share the cores"
        else:
            why = "the loader keeps up"
        around = 1 - figures["memory"]["share_of_bare"]
        return [
            f"Loop: the loader costs {max(0.0, lost):.1%} ({waits:.1%} waiting for data), metric and checks around the step "
            f"{max(0.0, around):.1%}: {why}."
        ]


_BARS = {"bare steps": "bare", "trainer, from memory": "memory", "trainer, real loader": "loop"}


def _figures(rounds: list[list[Pace]]) -> dict[str, Any]:
    """One value per round: its batches differ in size, rounds hardly."""
    parts = [part for part in rounds if part]
    return {
        "steps": sum(len(part) for part in parts),
        "ms": figure([sum(s for s, _, _ in part) / len(part) * 1e3 for part in parts], "ms"),
        "samples_per_s": figure([sum(n for _, _, n in part) / sum(s for s, _, _ in part) for part in parts], "samples/s"),
    }


def _ratio(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
