"""What a kraken experiment does not say at length: network, loss, metric and the steps of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WIDEST = 43  # heights: the width of the widest canvas; longer lines are squeezed
REST: dict[str, Any] = {
    "Loss": {"name": "CTCLoss"},
    "PostProcess": {"name": "CTCLabelDecode"},
    # kraken judges by the share of right characters, which counts spaces.
    "Metric": {"name": "RecMetric", "main_indicator": "norm_edit_dis", "ignore_space": False},
}


def architecture(spec: str) -> dict[str, Any]:
    """The network of a VGSL string."""
    return {
        "model_type": "rec",
        "algorithm": "VGSL",
        "Backbone": {"name": "VGSL", "spec": spec},
        "Head": {"name": "VGSLHead"},
    }


def augmentation() -> list[dict[str, Any]]:
    """RecAug with kraken's probabilities: each of its three groups comes with 0.5 * 0.2."""
    steps = {"tia_prob": 0.2, "crop_prob": 0.1, "reverse_prob": 0.0, "noise_prob": 0.1, "jitter_prob": 0.1, "blur_prob": 0.1}
    return [{"RecAug": {**steps, "hsv_aug_prob": 0.1}}]


def train_section(
    dataset: dict[str, Any], steps: Steps, augment: list[dict[str, Any]], batch: int, workers: int
) -> dict[str, Any]:
    """The recipe's Train."""
    return {"dataset": {**dataset, "transforms": steps.chain(augment)}, "loader": _loader(steps, batch, workers, True)}


def eval_section(dataset: dict[str, Any], steps: Steps, batch: int, workers: int) -> dict[str, Any]:
    """The recipe's Eval."""
    return {"dataset": {**dataset, "transforms": steps.chain([])}, "loader": _loader(steps, batch, workers, False)}


@dataclass(frozen=True)
class Steps:
    """What is done to a line.

    Args:
        spelling: arguments of TextNormalize.
        line: arguments of KrakenLine.
    """

    spelling: dict[str, Any]
    line: dict[str, Any]

    def chain(self, augment: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {"DecodeImage": {"img_mode": "BGR", "channel_first": False}},
            *augment,
            {"TextNormalize": dict(self.spelling)},
            {"CTCLabelEncode": None},
            {"KrakenLine": dict(self.line)},
            {"KeepKeys": {"keep_keys": ["image", "label", "length", "valid_width"]}},
        ]


def _loader(steps: Steps, batch: int, workers: int, train: bool) -> dict[str, Any]:
    return {
        "shuffle": train,
        "batch_size_per_card": batch,
        "drop_last": False,
        "num_workers": workers,
        "bucket_by_width": {"step": 64, "max_width": -(-WIDEST * steps.line["height"] // 64) * 64},
    }
