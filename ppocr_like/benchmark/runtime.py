"""Recognising and finding with the finished network: ONNX Runtime beside PyTorch, at several sizes and batch sizes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime
import torch

from ppocr_like.benchmark.bench import Bench, Section
from ppocr_like.benchmark.timing import figure, in_turns, seconds_of, told
from ppocr_like.config.input_checks import input_channels
from ppocr_like.draw.bars import Bar, Panel
from ppocr_like.errors import OcrError
from ppocr_like.export.exporter import Exporter, exporter_of
from ppocr_like.export.graph import write_graph
from ppocr_like.modeling.fuse import fused_copy
from ppocr_like.pipeline.spec import Spec

LINE_WIDTHS, PAGE_SIDES = (320, 640, 1280), (480, 960)  # px
BRIEF = 0.03  # seconds: shorter calls are repeated within a take


class RuntimeSection(Section):
    name = "runtime"

    def estimate(self, bench: Bench) -> float:
        settings = bench.settings
        batch = bench.run.recipe.get("Train.loader.batch_size_per_card") or 16
        samples = 2.5 * sum(settings.runtime_batches) * (len(settings.runtime_sizes) or 3)
        return 2 * samples * (settings.rounds + 1) * bench.pace.step / batch / 3 + 5

    def measure(self, bench: Bench) -> dict[str, Any]:
        run = bench.run
        try:
            exporter = exporter_of(Spec.from_recipe(run.recipe, run.parts.charset), run.recipe, run.objective.model)
            path = bench.scratch / "model.onnx"
            model = fused_copy(run.objective.model).cpu()  # type: ignore[type-var]
            write_graph(model, path, exporter.layout, {})
        except OcrError as error:
            return {"left_out": str(error)}
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        works: dict[tuple[str, str], Any] = {}
        for shape in self._shapes(bench, exporter):
            name = "x".join(map(str, shape))
            images = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
            works["onnxruntime", name] = _call(
                lambda x=images: session.run(None, {exporter.layout.names[0]: x}), torch.device("cpu")
            )
            works["torch", name] = _torch_call(model, torch.from_numpy(images), torch.device("cpu"))
            if bench.device.type == "cuda":
                on_gpu = _torch_call(run.objective.model, torch.from_numpy(images).to(bench.device), bench.device)
                works[f"torch {bench.device.type}", name] = on_gpu
        bench.progress.pieces(len(works) * (bench.settings.rounds + 1))
        training = run.objective.model.training
        run.objective.model.eval()
        try:
            taken = in_turns(works, bench.settings.rounds, bench.progress.tick)
        finally:
            run.objective.model.train(training)
        figures: dict[str, Any] = {"threads": torch.get_num_threads(), "version": onnxruntime.__version__, "ms": {}}
        for (engine, name), seconds in taken.items():
            figures["ms"].setdefault(name, {})[engine] = figure([value * 1e3 for value in seconds], "ms")
        return figures

    @staticmethod
    def _shapes(bench: Bench, exporter: Exporter) -> list[tuple[int, int, int, int]]:
        """(N, C, H, W) px; of a network that takes one size only, that size."""
        channels = input_channels(bench.run.recipe)
        _, _, height, width = exporter.shapes[0]
        settings = bench.settings
        if 2 in exporter.layout.free_in:
            sides = settings.runtime_sizes or PAGE_SIDES
            sizes = [(max(32, side // 32 * 32),) * 2 for side in sides]
        elif 3 in exporter.layout.free_in:
            sizes = [(height, wide) for wide in settings.runtime_sizes or LINE_WIDTHS]
        else:
            sizes = [(height, width)]
        return [(batch, channels, *size) for size in sizes for batch in settings.runtime_batches]

    def rows(self, figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
        if "left_out" in figures:
            yield "finished network", f"not measured: {figures['left_out']}"
            return
        yield "finished network, float32", f"ONNX Runtime {figures['version']}, {figures['threads']} threads, and PyTorch"
        for name, engines in figures["ms"].items():
            yield f"    {name}", ", ".join(f"{engine} {told(entry)}" for engine, entry in engines.items())

    def panels(self, figures: dict[str, Any]) -> list[Panel]:
        bars = [
            Bar(f"{name} {engine}", {"": entry["value"]}, entry["low"], entry["high"])
            for name, engines in figures.get("ms", {}).items()
            for engine, entry in engines.items()
        ]
        return [Panel("Finished network: time of a batch", "ms", bars)] if bars else []

    def verdict(self, figures: dict[str, Any]) -> list[str]:
        if "ms" not in figures:
            return []
        ratios = [engines["torch"]["value"] / engines["onnxruntime"]["value"] for engines in figures["ms"].values()]
        return [f"Finished network: ONNX Runtime is {min(ratios):.1f} to {max(ratios):.1f} times as fast as PyTorch on the CPU."]


def _call(work: Any, device: torch.device) -> Any:
    """Seconds of one call, from enough calls that the clock does not count."""
    seconds_of(work, device)
    begin = time.perf_counter()
    seconds_of(work, device)
    times = max(1, int(BRIEF / max(time.perf_counter() - begin, 1e-6)))

    def repeated() -> None:
        for _ in range(times):
            work()

    return lambda: seconds_of(repeated, device) / times


def _torch_call(model: torch.nn.Module, images: torch.Tensor, device: torch.device) -> Any:
    def work() -> None:
        with torch.inference_mode():
            model(images)

    model.eval()
    return _call(work, device)
