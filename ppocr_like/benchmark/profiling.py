"""A profiler's trace of a few training steps, and the operators that take most of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch.profiler import ProfilerActivity, profile

from ppocr_like.atomic import write_bytes
from ppocr_like.benchmark.bench import Bench, Section
from ppocr_like.benchmark.measure import batch_of, canvases, fixed_batch, optimizer_step
from ppocr_like.benchmark.timed_loader import timed
from ppocr_like.errors import CheckpointError, DataError

STEPS, WARM_UP, TOP = 3, 2, 15


class ProfileSection(Section):
    """Comes only with `--profile`: recording slows the steps down a little."""

    name = "profile"

    def estimate(self, bench: Bench) -> float:
        return (STEPS + WARM_UP + 2) * bench.pace.step

    def measure(self, bench: Bench) -> dict[str, Any]:
        run, shape = bench.run, bench.settings.shape
        path = Path(str(bench.settings.profile))
        inner = timed(run).inner
        plan = inner.plan(1)
        if shape:
            batch: Any = fixed_batch(inner.dataset, (request for i in range(len(plan)) for request in plan[i]), shape)
        else:
            batch = batch_of(inner.dataset, plan, canvases(plan, 1)[0][0])
        if batch is None:
            return {}
        run.objective.model.train()
        for _ in range(WARM_UP):
            optimizer_step(run, [batch])
        activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if bench.device.type == "cuda" else [])
        with profile(activities=activities) as recorded:
            for _ in range(STEPS):
                optimizer_step(run, [batch])
        try:
            with tempfile.TemporaryDirectory() as folder:
                trace = Path(folder, "trace.json")
                recorded.export_chrome_trace(str(trace))
                write_bytes(path, trace.read_bytes())
        except (OSError, RuntimeError, CheckpointError) as error:
            raise DataError(f"the trace cannot be written ({error})", str(path)) from error
        return {"trace": str(path), "steps": STEPS, "batch": list(batch["image"].shape), **_top(recorded, bench.device.type)}

    def rows(self, figures: dict[str, Any]) -> Iterator[tuple[str, str]]:
        if not figures:
            return
        shape = "x".join(map(str, figures["batch"]))
        yield "profile of a step", f"{shape}, {figures['ms']:.0f} ms of operators; trace: {figures['trace']}"
        for name, entry in figures["operators"].items():
            yield f"    {name}", f"{entry['ms']:.2f} ms, {entry['share']:.1%}, {entry['calls']:g} calls"


def _top(recorded: Any, device: str) -> dict[str, Any]:
    """Own time of each operator in a step: the GPU's where there is one."""
    key = "self_device_time_total" if device == "cuda" else "self_cpu_time_total"
    events = sorted(recorded.key_averages(), key=lambda event: -getattr(event, key))
    whole = sum(getattr(event, key) for event in events) or 1.0
    return {
        "ms": whole / STEPS / 1e3,
        "operators": {
            event.key[:80]: {
                "ms": getattr(event, key) / STEPS / 1e3,
                "share": getattr(event, key) / whole,
                "calls": event.count / STEPS,
            }
            for event in events[:TOP]
        },
    }
