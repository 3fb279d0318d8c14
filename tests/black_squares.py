"""A task that the package does not know: how many black squares are on an image? Everything that a task needs, in one module.

A recipe takes it with `Global.plugins: [tests.black_squares]`; tests/test_tasks.py trains, exports, asks and examines it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec, Rejected, RejectedSample
from ppocr_like.data.base import Record
from ppocr_like.doctor.findings import SetReport
from ppocr_like.doctor.stream import Examiner, Tally, place_of
from ppocr_like.errors import ExportError
from ppocr_like.export.exporter import Exporter, Layout
from ppocr_like.metrics.base import Metric
from ppocr_like.pipeline.preprocess import Prepared, Preprocess, source_name
from ppocr_like.pipeline.runner import Runner, Source
from ppocr_like.registry import BACKBONES, HEADS, LOSSES, METRICS, POSTPROCESSES, TRANSFORMS
from ppocr_like.tasks import EXAMINERS, EXPORTERS, RUNNERS, Task, enter
from ppocr_like.transforms.base import Sample, Transform

NAME = enter(Task("count", "count", postprocess="Rounded")).name


# -- training and evaluation -------------------------------------------------------------------------------------------


def number_of(text: str) -> int:
    """Of a label file's text.

    Raises:
        Rejected: "label is no number".
    """
    if not text.isdecimal():
        raise Rejected("label is no number", repr(text))
    return int(text)


@TRANSFORMS.register()
class CountEncode(Transform):
    """`label`: the text "3" -> float32."""

    needs = gives = ("label",)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        sample["label"] = np.array(number_of(sample["label"]), np.float32)
        return sample


@BACKBONES.register(task=NAME)
class Darkness(nn.Module):
    """Images (N, C, H, W) in [-1, 1] -> (N, 1, H, W), how dark each px is."""

    def __init__(self, in_spec: FeatureSpec) -> None:
        super().__init__()
        self.weigh = nn.Conv2d(in_spec.channels, 1, 1)
        nn.init.constant_(self.weigh.weight, -0.1)
        nn.init.constant_(self.weigh.bias, 0.2)
        self.out_spec = FeatureSpec(1, (1, 1), height=in_spec.height)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.weigh(images))


@HEADS.register()
class CountHead(nn.Module):
    """Features (N, 1, H, W) -> {"count": (N, 1)}: their sum in `unit`.

    Args:
        in_spec: the features.
        unit: px of one square.
    """

    needs: tuple[str, ...] = ()

    def __init__(self, in_spec: FeatureSpec, unit: int) -> None:
        super().__init__()
        self.unit = unit
        self.scale = nn.Linear(in_spec.channels, 1)
        self.out_spec = FeatureSpec(1, in_spec.stride, height=1)

    def forward(self, features: torch.Tensor, targets: Mapping[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
        return {"count": self.scale(features.sum(dim=(2, 3)) / self.unit)}


@LOSSES.register()
class SquaredError(nn.Module):
    """outputs["count"] (N, 1), batch["label"] (N,) -> the mean of the squared differences."""

    needs: tuple[str, ...] = ("label",)

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"loss": (outputs["count"][:, 0] - batch["label"].to(outputs["count"])).square().mean()}


@dataclass(frozen=True)
class Count:
    """What was counted on one image."""

    number: int

    def as_dict(self) -> dict[str, Any]:
        return {"prediction": self.number}


@POSTPROCESSES.register()
class Rounded:
    """(N, 1) -> the nearest whole numbers."""

    def __call__(self, outputs: Mapping[str, np.ndarray], batch: Mapping[str, Any]) -> list[Count]:
        return [Count(max(0, round(float(value)))) for value in outputs["count"][:, 0]]


@METRICS.register()
class CountMetric(Metric):
    """`acc`: the share of images whose squares are counted right."""

    main_indicator = "acc"
    needs = ("label",)

    def __init__(self) -> None:
        self.reset()

    def update(self, results: Sequence[Count], batch: Mapping[str, Any]) -> None:
        self.seen += len(results)
        self.right += sum(result.number == label for result, label in zip(results, batch["label"], strict=True))

    def reject(self, samples: Sequence[RejectedSample]) -> None:
        self.seen += len(samples)

    def compute(self) -> dict[str, float]:
        return {"acc": self.right / max(self.seen, 1), "n": float(self.seen)}

    def state(self) -> dict[str, Any]:
        return {"seen": self.seen, "right": self.right}

    def merge(self, state: dict[str, Any]) -> None:
        self.seen, self.right = self.seen + state["seen"], self.right + state["right"]

    def reset(self) -> None:
        self.seen = self.right = 0


# -- use of the trained network ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Counted:
    """What became of one image."""

    source: Source
    count: Count | None = None
    error: str = ""


class CountResults:
    """Rows and records of counts (see `runner.Results`)."""

    def __init__(self) -> None:
        self.files: list[Path] = []

    def pictures(self, images: Sequence[str]) -> list[str]:
        return []

    def row(self, outcome: Counted) -> str:
        assert outcome.count is not None
        return f"{source_name(outcome.source)}\t{outcome.count.number}"

    def said(self, outcome: Counted) -> str:
        return self.row(outcome)

    def record(self, outcome: Counted) -> dict[str, Any]:
        told = {"error": outcome.error} if outcome.count is None else {"squares": outcome.count.number}
        return {"image": source_name(outcome.source), **told}

    def draw(self, outcome: Counted) -> None:
        return

    def finish(self) -> list[str]:
        return []


@RUNNERS.register(NAME)
class Counter(Runner[Count, Counted]):
    """Counts squares."""

    what = "counter of squares"
    default_batch = 16

    def results(self, folder: Path, font: str | Path | None, max_pages: int | None, heat_map: bool) -> CountResults:
        return CountResults()

    def _batch(self, sources: list[Source], prepared: list[Prepared]) -> list[Counted]:
        return [Counted(*one) for one in zip(sources, self.postprocess(self.outputs(prepared), {}), strict=True)]

    def _failed(self, source: Source, error: str) -> Counted:
        return Counted(source, error=error)

    def _result(self, outcome: Counted) -> Count:
        assert outcome.count is not None
        return outcome.count


@EXPORTERS.register(NAME)
class CountExporter(Exporter):
    """Images of one size, as many as one likes."""

    strict, unit, results = False, "images", "counts"

    @property
    def _layout(self) -> Layout:
        (_, *sizes), free = self._shapes[0], {0: "batch"}
        return Layout(self.spec.output, self.spec.onnx_names, (2, *sizes), free, free, 1)

    @property
    def _shapes(self) -> list[tuple[int, int, int, int]]:
        return [(batch, *Preprocess(self.spec).image_shape) for batch in (1, 3)]

    def check_output(self, output: np.ndarray, place: str) -> None:
        if not np.isfinite(output).all():
            raise ExportError(f"{place}: the outputs are no numbers")

    def same(self, wanted: Count, got: Count) -> bool:
        return wanted == got

    def summary(self) -> str:
        return "counts squares"


# -- its data ----------------------------------------------------------------------------------------------------------


@EXAMINERS.register(NAME)
class CountExaminer(Examiner):
    """Labels that are no numbers; how many squares there are in all."""

    def look(self, tally: Tally, record: Record) -> None:
        self.image(tally, record.info, record.paths[0])
        try:
            tally.totals["squares"] += number_of(record.info.text)
        except Rejected as error:
            tally.findings.note(error.reason, f"{place_of(record.info)}: {error.detail}")

    def conclude(self, report: SetReport, total: Tally) -> None:
        report.summary = f"{total.totals['squares']:,} squares"
