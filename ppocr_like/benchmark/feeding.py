"""The loader alone: samples a second by the number of worker processes, and the memory of the workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from ppocr_like.benchmark.bench import Bench, Section
from ppocr_like.benchmark.machine import describe, worker_memory_mb
from ppocr_like.benchmark.measure import Batch
from ppocr_like.benchmark.timed_loader import timed
from ppocr_like.benchmark.timing import figure, in_turns, told
from ppocr_like.data.loader import Loader
from ppocr_like.draw.bars import Bar, Panel

START = 1.0  # seconds in which workers start and fill their queues


class LoaderSection(Section):
    name = "loader"

    def estimate(self, bench: Bench) -> float:
        counts = bench.worker_counts(describe(bench.device)["cores"])
        return len(counts) * (bench.settings.rounds + 1) * (bench.settings.loader_seconds + START)

    def measure(self, bench: Bench) -> dict[str, Any]:
        inner = timed(bench.run).inner
        counts = bench.worker_counts(describe(bench.device)["cores"])
        bench.progress.pieces(len(counts) * (bench.settings.rounds + 1))
        memory: dict[int, list[dict[str, float]]] = {}

        def work(workers: int) -> float:
            bench.run.machine.signals.check()
            loader = Loader(
                inner.dataset,
                inner.sampler,
                num_workers=workers,
                prefetch=inner.prefetch,
                pin_memory=inner.pin_memory,
            )
            try:
                rate = _rate(loader, workers * inner.prefetch + 1, bench.settings.loader_seconds)
                memory[workers] = worker_memory_mb() if workers else []
                return rate
            finally:
                loader.close()

        taken = in_turns({workers: partial(work, workers) for workers in counts}, bench.settings.rounds, bench.progress.tick)
        figures: dict[str, Any] = {
            "workers": {str(workers): {"samples_per_s": figure(rates, "samples/s")} for workers, rates in taken.items()},
            "recipe": inner.num_workers,
            "cores": describe(bench.device)["cores"],
        }
        for workers, found in memory.items():
            if found:
                for key in ("peak_mb", "own_mb"):
                    figures["workers"][str(workers)][key] = figure([entry[key] for entry in found], "MB")
        return figures

    def rows(self, figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
        yield "loader alone", f"the recipe has {figures['recipe']} workers, the machine {figures['cores']} cores"
        for workers, entry in figures["workers"].items():
            memory = f"; a worker: {told(entry['own_mb'])} of its own" if "own_mb" in entry else ""
            yield f"    {workers} workers", told(entry["samples_per_s"]) + memory

    def panels(self, figures: dict[str, Any]) -> list[Panel]:
        bars = []
        for workers, entry in figures["workers"].items():
            rate = entry["samples_per_s"]
            name = f"{workers} workers" + (" (the recipe's)" if int(workers) == figures["recipe"] else "")
            bars.append(Bar(name, {"": rate["value"]}, rate["low"], rate["high"]))
        return [Panel("Loader alone", "samples/s", bars)]

    def verdict(self, figures: dict[str, Any]) -> list[str]:
        rates = {int(workers): entry["samples_per_s"]["value"] for workers, entry in figures["workers"].items()}
        best = max(rates, key=lambda workers: rates[workers])
        one = f", {rates[best] / rates[1]:.1f} times the rate of one" if best > 1 and 1 in rates else ""
        return [f"Loader: fastest with {best} workers{one}; this machine has {figures['cores']} cores."]


def _rate(loader: Loader, warm_up: int, seconds: float) -> float:
    """Samples a second of a loader whose batches are thrown away, once its queues have been emptied for the first time."""
    stream = _endless(loader)
    for _ in range(warm_up):
        next(stream)
    begin, samples = time.perf_counter(), 0
    while True:
        samples += len(next(stream)["info"])
        spent = time.perf_counter() - begin
        if spent >= seconds:
            return samples / spent


def _endless(loader: Loader) -> Iterator[Batch]:
    epoch = 1
    while True:
        yield from loader.batches(epoch)
        epoch += 1
