"""The data chain on one core: samples a second, and which step takes how much of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ppocr_like.benchmark.bench import Bench, Section
from ppocr_like.benchmark.measure import fetch_all, first_requests, one_core, without_augmentation
from ppocr_like.benchmark.steps import step_seconds
from ppocr_like.benchmark.timed_loader import timed
from ppocr_like.benchmark.timing import figure, in_turns, told
from ppocr_like.config import Builder
from ppocr_like.draw.bars import Bar, Panel

SIZES_OF = 40  # images whose headers say how many px are decoded


class ChainSection(Section):
    name = "chain"

    def estimate(self, bench: Bench) -> float:
        return 3 * bench.settings.chain_samples * bench.pace.sample * (bench.settings.rounds + 1)

    def measure(self, bench: Bench) -> dict[str, Any]:
        run, settings = bench.run, bench.settings
        dataset = timed(run).inner.dataset
        requests = first_requests(timed(run).inner.plan(1), settings.chain_samples)
        if settings.shape:
            requests = [replace(request, size=(settings.shape.width, settings.shape.height)) for request in requests]
        plain = without_augmentation(run.recipe)
        plain_set = None if plain is None else Builder(plain, run.parts.charset).dataset("Train")

        def whole(data: Any) -> dict[str, float]:
            with one_core():
                begin = time.perf_counter()
                fetch_all(data, requests)
                return {"": time.perf_counter() - begin}

        works = {"whole": lambda: whole(dataset), "steps": lambda: step_seconds(dataset, requests)}
        if plain_set is not None:
            works["plain"] = lambda: whole(plain_set)
        bench.progress.pieces(len(works) * (settings.rounds + 1))
        taken = in_turns(works, settings.rounds, bench.progress.tick)
        return self._figures(bench, requests, taken)

    def _figures(self, bench: Bench, requests: list[Any], taken: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
        shape, count = bench.settings.shape, len(requests)
        full = [entry[""] for entry in taken["whole"]]
        sums = [sum(entry.values()) for entry in taken["steps"]]
        figures: dict[str, Any] = {
            "samples": count,
            "canvas": f"{shape.height}x{shape.width}" if shape else "the recipe's",
            "samples_per_s": figure([count / seconds for seconds in full], "samples/s"),
            "ms_per_sample": figure([seconds / count * 1e3 for seconds in full], "ms"),
            "steps": {
                name: {
                    "ms": figure([entry[name] / count * 1e3 for entry in taken["steps"]], "ms"),
                    "share": float(np.median([entry[name] / whole for entry, whole in zip(taken["steps"], sums, strict=True)])),
                }
                for name in taken["steps"][0]
            },
        }
        if "plain" in taken:
            plain = [entry[""] for entry in taken["plain"]]
            figures["samples_per_s_without_augmentation"] = figure([count / seconds for seconds in plain], "samples/s")
            figures["share_of_unaugmented"] = float(np.median(plain) / np.median(full))
        decoding = self._decoding(bench, requests, figures["steps"])
        return figures | ({"decoding": decoding} if decoding else {})

    @staticmethod
    def _decoding(bench: Bench, requests: list[Any], steps: dict[str, Any]) -> dict[str, float] | None:
        """Px a second that DecodeImage gives, beside what the machine decodes of one large JPEG."""
        dataset = timed(bench.run).inner.dataset
        if "DecodeImage" not in steps or not hasattr(dataset, "image_size"):
            return None
        paths = [path for request in requests[:SIZES_OF] for path in dataset.record(request.index).paths[:1]]
        sizes = [dataset.image_size(path, True) for path in paths]
        pixels = float(np.mean([width * height for width, height in sizes])) if sizes else 0.0
        rate = pixels / (steps["DecodeImage"]["ms"]["value"] / 1e3)
        return {"mpx_per_image": pixels / 1e6, "mpx_per_s": rate / 1e6, "page_mpx_per_s": bench.limits.decode / 1e6}

    def rows(self, figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
        yield f"data chain, one core, {figures['canvas']} canvas", told(figures["samples_per_s"])
        for name, step in figures["steps"].items():
            yield f"    {name}", f"{told(step['ms'])}, {step['share']:.0%}"
        if "share_of_unaugmented" in figures:
            share = f"(augmented: {figures['share_of_unaugmented']:.0%} of it)"
            yield "  without augmentation", f"{told(figures['samples_per_s_without_augmentation'])} {share}"

    def panels(self, figures: dict[str, Any]) -> list[Panel]:
        bars = [
            Bar(name, {"": step["ms"]["value"]}, step["ms"]["low"], step["ms"]["high"]) for name, step in figures["steps"].items()
        ]
        return [Panel("Data chain: time of each step for a sample, one core", "ms", bars)]

    def verdict(self, figures: dict[str, Any]) -> list[str]:
        name, step = max(figures["steps"].items(), key=lambda item: item[1]["share"])
        text = f"Data chain: {name} takes {step['share']:.0%} of a sample's time"
        if decoding := figures.get("decoding"):
            text += (
                f"; decoding runs at {decoding['mpx_per_s']:.0f} MPx/s with images of {decoding['mpx_per_image']:.3f} MPx "
                f"(a large colour page with grain: {decoding['page_mpx_per_s']:.0f} MPx/s)"
            )
        return [text + "."]
