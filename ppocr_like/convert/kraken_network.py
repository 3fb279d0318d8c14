"""What a kraken experiment does not say: network, loss, metric and the steps of the data."""

from __future__ import annotations

from typing import Any

HEIGHT, WIDEST = 48, 2048  # px of a line's picture

# The small recogniser of PaddleOCR's fine-tune guide, as in configs/rec/svtr_ft.yml.
NETWORK: dict[str, Any] = {
    "Architecture": {
        "model_type": "rec",
        "algorithm": "SVTR_LCNet",
        "Transform": None,
        "Backbone": {
            "name": "MobileNetV1Enhance",
            "scale": 0.5,
            "last_conv_stride": [1, 2],
            "last_pool_type": "avg",
            "last_pool_kernel_size": [2, 2],
        },
        "Neck": {
            "name": "SequenceEncoder",
            "encoder_type": "svtr",
            "dims": 64,
            "depth": 2,
            "hidden_dims": 120,
            "use_guide": False,
        },
        "Head": {"name": "CTCHead", "fc_decay": 0.0},
    },
    "Loss": {"name": "CTCLoss"},
    "PostProcess": {"name": "CTCLabelDecode"},
    # kraken judges by the share of right characters, which counts spaces.
    "Metric": {"name": "RecMetric", "main_indicator": "norm_edit_dis", "ignore_space": False},
}


def augmentation() -> list[dict[str, Any]]:
    """RecAug with kraken's probabilities: each of its three groups comes with 0.5 * 0.2."""
    steps = {"tia_prob": 0.2, "crop_prob": 0.1, "reverse_prob": 0.0, "noise_prob": 0.1, "jitter_prob": 0.1, "blur_prob": 0.1}
    return [{"RecAug": {**steps, "hsv_aug_prob": 0.1}}]


def train_section(
    dataset: dict[str, Any], augment: list[dict[str, Any]], spelling: dict[str, Any], batch: int, workers: int
) -> dict[str, Any]:
    """The recipe's Train."""
    return {"dataset": {**dataset, "transforms": _chain(augment, spelling)}, "loader": _loader(batch, workers, True)}


def eval_section(dataset: dict[str, Any], spelling: dict[str, Any], batch: int, workers: int) -> dict[str, Any]:
    """The recipe's Eval."""
    return {"dataset": {**dataset, "transforms": _chain([], spelling)}, "loader": _loader(batch, workers, False)}


def _chain(augment: list[dict[str, Any]], spelling: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"DecodeImage": {"img_mode": "BGR", "channel_first": False}},
        *augment,
        {"TextNormalize": dict(spelling)},
        {"CTCLabelEncode": None},
        {"RecResizeImg": {"image_shape": [3, HEIGHT, 320]}},
        {"KeepKeys": {"keep_keys": ["image", "label", "length"]}},
    ]


def _loader(batch: int, workers: int, train: bool) -> dict[str, Any]:
    return {
        "shuffle": train,
        "batch_size_per_card": batch,
        "drop_last": False,
        "num_workers": workers,
        "bucket_by_width": {"step": 64, "min_width": 320, "max_width": WIDEST},
    }
