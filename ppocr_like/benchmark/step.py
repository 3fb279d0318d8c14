"""The training step on batches in memory: its parts, by precision and canvas, beside what the machine's limits allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch

from ppocr_like.benchmark.bench import Bench, Section
from ppocr_like.benchmark.measure import Batch, batch_of, canvases, fixed_batch, optimizer_step
from ppocr_like.benchmark.settings import Shape
from ppocr_like.benchmark.timed_loader import timed
from ppocr_like.benchmark.timing import figure, in_turns, told
from ppocr_like.benchmark.work import Work, count
from ppocr_like.draw.bars import Bar, Panel
from ppocr_like.engine.objective import Objective
from ppocr_like.engine.precision import LossScaler

PARTS = ("copy", "forward", "loss", "backward", "optimizer")
NAMED = 6  # operators that the figures list


class StepSection(Section):
    name = "step"

    def estimate(self, bench: Bench) -> float:
        batches = 1 if bench.settings.shape else bench.settings.widths
        return 2 * batches * (bench.settings.rounds + 3) * bench.pace.step

    def measure(self, bench: Bench) -> dict[str, Any]:
        run = bench.run
        batches = self._batches(bench)
        precisions = bench.precisions()
        run.objective.model.train()
        works, found = {}, {}
        for precision, (objective, scaler) in precisions.items():
            for name, (batch, share) in batches.items():
                key = (precision, name)
                optimizer_step(run, [batch], objective, scaler)  # of a new shape slower, and its gradients are made here
                found[key] = self._ideal(bench, batch, objective, scaler)
                found[key]["share_of_samples"] = share
                works[key] = lambda b=batch, o=objective, s=scaler: optimizer_step(run, [b], o, s)
        bench.progress.pieces(len(works) * (bench.settings.rounds + 1))
        taken = in_turns(works, bench.settings.rounds, bench.progress.tick)
        figures: dict[str, Any] = {}
        for (precision, name), laps in taken.items():
            entry = self._entry(laps, batches[name][0], found[precision, name], bench.limits.products(precision))
            figures.setdefault(precision, {})[name] = entry
        return figures

    @staticmethod
    def _batches(bench: Bench) -> dict[str, tuple[Batch, float]]:
        """Shape -> (batch, share of the recipe's samples that have this canvas)."""
        inner, shape = timed(bench.run).inner, bench.settings.shape
        plan = inner.plan(1)
        if shape:
            requests = (request for number in range(len(plan)) for request in plan[number])
            return {str(shape): (fixed_batch(inner.dataset, requests, shape), 1.0)}
        made = {}
        for size, share in canvases(plan, bench.settings.widths):
            batch = batch_of(inner.dataset, plan, size)
            if batch is not None:
                made[str(Shape.of(batch))] = (batch, share)
        return made

    @staticmethod
    def _ideal(bench: Bench, batch: Batch, objective: Objective, scaler: LossScaler) -> dict[str, Any]:
        """What the machine's limits allow: `work` of the whole step, and of the forward pass alone."""
        run, moved = bench.run, objective.moved(batch)

        def passes() -> None:
            scaler.scale(objective.train(moved)[0]["loss"]).backward()

        with torch.no_grad():
            ahead = count(lambda: objective.forward(moved))
        network = count(passes)
        update = count(lambda: run.parts.optimizer.step(run.schedule_step(), None)) if not scaler.is_enabled() else Work([])
        run.parts.optimizer.zero_grad()
        least = {name: work.least(bench.limits) for name, work in (("forward", ahead), ("all", network), ("optimizer", update))}
        return {
            "gflop": network.flop / 1e9,
            "gbyte": (network.bytes + update.bytes) / 1e9,
            "least_ms": {
                "forward": sum(least["forward"].values()) * 1e3,
                "backward": max(0.0, sum(least["all"].values()) - sum(least["forward"].values())) * 1e3,
                "optimizer": sum(least["optimizer"].values()) * 1e3,
                "products": (least["all"]["products"] + least["optimizer"]["products"]) * 1e3,
                "memory": (least["all"]["memory"] + least["optimizer"]["memory"]) * 1e3,
            },
            "operators": len(network.operators) + len(update.operators),
            "heaviest": _heaviest(bench, network),
        }

    @staticmethod
    def _entry(laps: list[dict[str, float]], batch: Batch, ideal: dict[str, Any], products: float) -> dict[str, Any]:
        whole = [sum(lap.values()) for lap in laps]
        samples = len(batch["info"])
        step = figure([seconds * 1e3 for seconds in whole], "ms")
        least = ideal["least_ms"]["products"] + ideal["least_ms"]["memory"]
        gflops = ideal["gflop"] / step["value"] * 1e3
        return {
            "ms": step,
            "samples_per_s": figure([samples / seconds for seconds in whole], "samples/s"),
            "parts": {part: figure([lap[part] * 1e3 for lap in laps], "ms") for part in PARTS},
            "gflops": gflops,
            "share_of_matrix_product": gflops * 1e9 / products,
            "share_of_limits": least / step["value"],
            **ideal,
        }

    def rows(self, figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
        for precision, entries in figures.items():
            for shape, entry in entries.items():
                share = f", {entry['share_of_samples']:.0%} of samples" if entry["share_of_samples"] < 1 else ""
                yield f"step, {shape}, {precision}", f"{told(entry['ms'])}; {told(entry['samples_per_s'])}{share}"
                yield "    parts", ", ".join(f"{part} {told(entry['parts'][part])}" for part in PARTS)
                least = entry["least_ms"]
                yield (
                    "    limits",
                    f"{entry['gflops']:.0f} GFLOP/s, {entry['share_of_matrix_product']:.0%} of the matrix product; products and "
                    f"memory allow {least['products'] + least['memory']:.0f} ms: {entry['share_of_limits']:.0%} of the best",
                )

    def panels(self, figures: dict[str, Any]) -> list[Panel]:
        bars = []
        for precision, entries in figures.items():
            for shape, entry in entries.items():
                parts = {part: entry["parts"][part]["value"] for part in PARTS if entry["parts"][part]["value"] > 0}
                bars.append(Bar(f"{shape} {precision}", parts, entry["ms"]["low"], entry["ms"]["high"]))
                least = entry["least_ms"]
                allowed = {name: least[name] for name in ("forward", "backward", "optimizer")}
                bars.append(Bar("the limits allow", allowed))
        return [Panel("Training step on a batch in memory", "ms", bars)]

    def verdict(self, figures: dict[str, Any]) -> list[str]:
        return [
            _sentence(shape, precision, entry)
            for precision, entries in figures.items()
            for shape, entry in list(entries.items())[-1:]
        ]


def _heaviest(bench: Bench, work: Work) -> dict[str, Any]:
    """The operators that need most by the machine's limits: calls, GFLOP, ms."""
    calls: Counter[str] = Counter()
    flop: Counter[str] = Counter()
    least: Counter[str] = Counter()
    for operator in work.operators:
        calls[operator.name] += 1
        flop[operator.name] += operator.flop
        least[operator.name] += max(operator.least_seconds(bench.limits))  # type: ignore[assignment]
    return {
        name: {"calls": calls[name], "gflop": flop[name] / 1e9, "least_ms": seconds * 1e3}
        for name, seconds in least.most_common(NAMED)
    }


def _sentence(shape: str, precision: str, entry: dict[str, Any]) -> str:
    least, whole = entry["least_ms"], entry["ms"]["value"]
    binding = "matrix products" if least["products"] >= least["memory"] else "memory traffic"
    lost = whole - least["products"] - least["memory"]
    part = max(PARTS, key=lambda name: entry["parts"][name]["value"])
    held = (
        f"mostly {binding}, a limit of the machine"
        if lost < whole / 2
        else f"operators slower than the limits ({lost:.0f} of {whole:.0f} ms over {entry['operators']} calls); see --profile"
    )
    name = next(iter(entry["heaviest"]))
    return (
        f"Step, {shape} {precision}: {part} takes {entry['parts'][part]['value'] / whole:.0%}; of the limits {binding} bind most "
        f"({name} first); {entry['share_of_limits']:.0%} of the machine's best. What holds it back: {held}."
    )
