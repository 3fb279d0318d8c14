"""Evaluation: network, post-processing and metric, each for a sample; and post-processing of a page's map, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch

from ppocr_like.benchmark import postprocess as postprocess_speed
from ppocr_like.benchmark.bench import Bench, Section
from ppocr_like.benchmark.measure import Batch
from ppocr_like.benchmark.timing import Stopwatch, figure, in_turns, told
from ppocr_like.data.loader import Loader
from ppocr_like.draw.bars import Bar, Panel
from ppocr_like.engine.evaluator import to_numpy

PARTS = ("loading", "network", "to the host", "post-processing", "metric")
RANDOM = "the weights are random (no Global.pretrained_model): post-processing may take longer or shorter than with trained ones"


class EvaluationSection(Section):
    name = "evaluation"

    def estimate(self, bench: Bench) -> float:
        return (
            bench.settings.eval_batches * (bench.settings.rounds + 1) * bench.pace.step / 2 if bench.run.parts.eval_sets else 0.0
        )

    def measure(self, bench: Bench) -> dict[str, Any]:
        run = bench.run
        if not run.parts.eval_sets:
            return {}
        part = run.parts.eval_sets[0]
        loader = Loader(part.loader.dataset, part.loader.sampler, by_size=part.loader.by_size)
        begin = time.perf_counter()
        batches = [batch for batch in islice(loader.batches(0), bench.settings.eval_batches) if batch["info"]]
        samples = sum(len(batch["info"]) for batch in batches)
        if not samples:
            return {}
        loading = (time.perf_counter() - begin) / samples
        training = run.objective.model.training
        run.objective.model.eval()
        bench.progress.pieces(bench.settings.rounds + 1)
        try:
            takes = {"": lambda: self._pass(bench, batches)}
            taken = in_turns(takes, bench.settings.rounds, bench.progress.tick)[""]
        finally:
            run.objective.model.train(training)
        parts = {"loading": figure([loading * 1e3], "ms")}
        parts |= {name: figure([lap[name] / samples * 1e3 for lap in taken], "ms") for name in PARTS[1:]}
        rates = [samples / sum(lap.values()) for lap in taken]
        figures = {"set": part.name, "samples": samples, "parts": parts, "samples_per_s": figure(rates, "samples/s")}
        return figures if bench.pretrained else {**figures, "note": RANDOM}

    @staticmethod
    def _pass(bench: Bench, batches: list[Batch]) -> dict[str, float]:
        """Seconds of each part for all batches together."""
        run = bench.run
        part, spent = run.parts.eval_sets[0], dict.fromkeys(PARTS[1:], 0.0)
        metric = part.metric()
        for batch in batches:
            run.machine.signals.check()
            arrays = to_numpy(batch)
            watch = Stopwatch(bench.device)
            with torch.inference_mode():
                outputs = run.objective.infer(batch)
                watch.mark("network")
                host = to_numpy(outputs)
                watch.mark("to the host")
            laps = watch.seconds()
            begin = time.perf_counter()
            results = part.postprocess(host, arrays)
            middle = time.perf_counter()
            metric.update(results, arrays)
            laps |= {"post-processing": middle - begin, "metric": time.perf_counter() - middle}
            for name, seconds in laps.items():
                spent[name] += seconds
        begin = time.perf_counter()
        metric.compute()
        spent["metric"] += time.perf_counter() - begin
        return spent

    def rows(self, figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
        if not figures:
            return
        yield f"evaluation, {figures['set']}", f"{told(figures['samples_per_s'])} without loading, a sample:"
        for name, entry in figures["parts"].items():
            yield f"    {name}", told(entry) + (", one core" if name == "loading" else "")
        if "note" in figures:
            yield "    note", figures["note"]

    def panels(self, figures: dict[str, Any]) -> list[Panel]:
        if not figures:
            return []
        bars = [Bar(name, {"": entry["value"]}, entry["low"], entry["high"]) for name, entry in figures["parts"].items()]
        return [Panel("Evaluation: time for a sample", "ms", bars)]

    def verdict(self, figures: dict[str, Any]) -> list[str]:
        if not figures:
            return ["Evaluation: the recipe has no evaluation set with usable samples."]
        parts = {name: entry["value"] for name, entry in figures["parts"].items() if name != "loading"}
        name = max(parts, key=lambda part: parts[part])
        return [f"Evaluation: {name} takes {parts[name] / sum(parts.values()):.0%} of a sample's time (loading left out)."]


class PostprocessSection(Section):
    name = "postprocess"

    def estimate(self, bench: Bench) -> float:
        return 3.0 if bench.run.parts.charset is None else 0.0

    def measure(self, bench: Bench) -> dict[str, Any]:
        if bench.run.parts.charset is not None:
            return {}
        found = postprocess_speed.profiles(2 * bench.settings.rounds)
        return {**postprocess_speed.figures(found), "table": postprocess_speed.table(found)}

    def rows(self, figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
        if not figures:
            return
        yield "boxes from a map", f"{postprocess_speed.WORDS} words, one core; fastest rounds, processor's time"
        for line in figures["table"].splitlines():
            yield f"    {line}", ""
