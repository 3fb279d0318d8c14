"""A tiny data set of drawn pages and a DB recipe, as small as it gets."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np

PAGES_TRAIN, PAGES_EVAL = 10, 5
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def draw_page(rng: np.random.Generator, width: int, height: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Black bars on paper, one to a line, and their boxes; the last one is to be ignored."""
    image = np.full((height, width, 3), 235, np.uint8)
    boxes = []
    for top in range(10, height - 24, 30):
        left, right = int(rng.integers(4, 20)), int(rng.integers(width // 2, width - 4))
        image[top : top + 16, left:right] = rng.integers(0, 120, (16, right - left, 1), np.uint8)
        corners = [[left, top], [right, top], [right, top + 16], [left, top + 16]]
        boxes.append({"transcription": "word", "points": corners})
    boxes[-1]["transcription"] = "###"
    return image, boxes


def make_pages(folder: Path) -> None:
    """Pages of several sizes; label files train.txt and eval.txt."""
    rng = np.random.default_rng(0)
    (folder / "img").mkdir(parents=True)
    for name, count in (("train", PAGES_TRAIN), ("eval", PAGES_EVAL)):
        lines = []
        for number in range(count):
            image, boxes = draw_page(rng, 128 + 32 * (number % 2), 128 - 32 * (number % 3 == 2))
            cv2.imwrite(str(folder / "img" / f"{name}_{number}.png"), image)
            lines.append(f"img/{name}_{number}.png\t{json.dumps(boxes)}\n")
        (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")


def det_recipe(data: Path, run: Path, epochs_of_ratio: int = 4, **over: Any) -> dict[str, Any]:
    """A DB recipe that trains in seconds: crops of 64 px, a shrink ratio that grows with the epochs, pasted words.

    `epochs_of_ratio`: in which the ratio grows by 0.2; by 0.6 is too much. `over`: values by path with `__` for dots.
    """
    grows = {"total_epoch": epochs_of_ratio}
    decode = {"DecodeImage": {"img_mode": "BGR", "channel_first": False}}
    ending = [{"NormalizeImage": {"scale": "1./255.", "mean": MEAN, "std": STD, "order": "hwc"}}, {"ToCHWImage": None}]
    maps = ["threshold_map", "threshold_mask", "shrink_map", "shrink_mask"]
    train = [
        decode,
        {"DetLabelEncode": None},
        {"CopyPaste": None},
        {"IaaAugment": {"augmenter_args": [{"type": "Fliplr", "args": {"p": 0.5}}]}},
        {"EastRandomCropData": {"size": [64, 64], "max_tries": 10, "keep_ratio": True}},
        {"MakeBorderMap": {"shrink_ratio": 0.4, "thresh_min": 0.3, "thresh_max": 0.7, **grows}},
        {"MakeShrinkMap": {"shrink_ratio": 0.4, "min_text_size": 4, **grows}},
        *ending,
        {"KeepKeys": {"keep_keys": ["image", *maps]}},
    ]
    evaluate = [
        decode,
        {"DetLabelEncode": None},
        {"DetResizeForTest": {"limit_side_len": 96, "limit_type": "min"}},
        *ending,
        {"KeepKeys": {"keep_keys": ["image", "shape", "polys", "ignore_tags"]}},
    ]
    shape = {"name": "SimpleDataSet", "data_dir": str(data)}
    tree: dict[str, Any] = {
        "Global": {
            "epoch_num": 2, "save_model_dir": str(run), "print_batch_step": 1, "log_smooth_window": 3, "save_epoch_step": 1,
            "save_batch_step": 1, "seed": 7, "num_threads": 1, "device": "cpu", "cal_metric_during_train": False,
        },
        "Optimizer": {"name": "Adam", "lr": {"name": "Cosine", "learning_rate": 1e-3, "warmup_epoch": 1}},
        "Architecture": {
            "model_type": "det", "algorithm": "DB", "Transform": None,
            "Backbone": {"name": "MobileNetV3", "scale": 0.35, "model_name": "small", "disable_se": True},
            "Neck": {"name": "RSEFPN", "out_channels": 16, "shortcut": True},
            "Head": {"name": "DBHead", "k": 50},
        },
        "Loss": {"name": "DBLoss", "balance_loss": True, "main_loss_type": "DiceLoss", "alpha": 5, "beta": 10, "ohem_ratio": 3},
        "PostProcess": {"name": "DBPostProcess", "thresh": 0.3, "box_thresh": 0.5, "max_candidates": 100, "unclip_ratio": 1.5},
        "Metric": {"name": "DetMetric", "main_indicator": "hmean"},
        "Train": {
            "dataset": {**shape, "label_file_list": [str(data / "train.txt")], "transforms": train},
            "loader": {"shuffle": True, "batch_size_per_card": 2, "drop_last": False, "num_workers": 1},
        },
        "Eval": {
            "dataset": {**shape, "label_file_list": [str(data / "eval.txt")], "transforms": evaluate},
            "loader": {"shuffle": False, "batch_size_per_card": 2, "drop_last": False, "num_workers": 0},
        },
    }  # fmt: skip
    for path, value in over.items():
        *parents, last = path.split("__")
        node = tree
        for key in parents:
            node = node.setdefault(key, {})
        node[last] = value
    return tree


def huge_png(width: int, height: int) -> bytes:
    """A whole black PNG of one bit a pixel: 30,000 x 30,000 are 110 kB."""
    packer = zlib.compressobj(9)
    rows = bytes(1 + (width + 7) // 8) * 100
    packed = b"".join(packer.compress(rows) for _ in range(height // 100)) + packer.flush()

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
