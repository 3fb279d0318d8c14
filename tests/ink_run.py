"""A run folder of the detector of `tests.ink_net`, with pages whose dark bars are the text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import yaml

TARGETS = ["threshold_map", "threshold_mask", "shrink_map", "shrink_mask"]
SIZES = ((320, 240), (320, 240), (500, 333), (240, 320), (900, 1200))  # width, height px


@dataclass(frozen=True)
class InkRun:
    """`images`: pages; `quads`: the bars of each, (N, 4, 2) px."""

    folder: Path
    recipe: Path
    images: list[Path]
    quads: list[np.ndarray]

    @property
    def bundle(self) -> Path:
        return self.folder / "inference"


def make_ink_run(folder: Path) -> InkRun:
    """Pages, label file, recipe and weights in `folder`."""
    (folder / "img").mkdir(parents=True)
    rng = np.random.default_rng(7)
    images, quads, lines = [], [], []
    for number, size in enumerate(SIZES):
        page, boxes = _page(rng, *size)
        path = folder / "img" / f"page{number}.png"
        cv2.imwrite(str(path), page)
        images.append(path)
        quads.append(boxes)
        label = [{"transcription": "word", "points": box.tolist()} for box in boxes]
        lines.append(f"img/{path.name}\t{json.dumps(label)}")
    (folder / "pages.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    recipe = folder / "recipe.yml"
    recipe.write_text(yaml.safe_dump(_recipe(folder), sort_keys=False), encoding="utf-8")
    run = InkRun(folder / "run", recipe, images, quads)
    _weights(run)
    return run


def _page(rng: np.random.Generator, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """A light page with bars; the lower, the lighter the bar: thresholds choose among them."""
    page = rng.integers(215, 250, (height, width, 3)).astype(np.uint8)
    unit = height // 240
    boxes = []
    for top in range(20, height - 30 * unit, 40 * unit):
        left = int(rng.integers(10, width // 3))
        right = left + int(rng.integers(width // 4, width // 2))
        bottom = top + 16 * unit
        page[top:bottom, left:right] = int(10 + 110 * top / height)
        boxes.append([[left, top], [right, top], [right, bottom], [left, bottom]])
    return page, np.array(boxes, np.float32)


def _recipe(folder: Path) -> dict:
    chain = [
        {"DecodeImage": {"img_mode": "BGR", "channel_first": False}},
        {"DetLabelEncode": None},
        {"DetResizeForTest": {"limit_side_len": 640, "limit_type": "max"}},
        {
            "NormalizeImage": {
                "scale": "1./255.",
                "mean": [0.485, 0.456, 0.406],
                "std": [0.229, 0.224, 0.225],
                "order": "hwc",
            }
        },
        {"ToCHWImage": None},
        {"KeepKeys": {"keep_keys": ["image", "shape", "polys", "ignore_tags"]}},
    ]
    training = [*chain[:2], {"EastRandomCropData": {"size": [160, 160]}}, {"MakeBorderMap": None}, {"MakeShrinkMap": None}]
    training += [*chain[3:5], {"KeepKeys": {"keep_keys": ["image", *TARGETS]}}]

    def section(transforms: list) -> dict:
        return {
            "dataset": {
                "name": "SimpleDataSet",
                "data_dir": str(folder),
                "label_file_list": [str(folder / "pages.txt")],
                "transforms": transforms,
            },
            "loader": {"batch_size_per_card": 2, "shuffle": False, "drop_last": False, "num_workers": 0},
        }

    return {
        "Global": {"epoch_num": 1, "save_model_dir": str(folder / "run"), "device": "cpu", "plugins": ["tests.ink_net"]},
        "Optimizer": {"name": "Adam", "lr": {"name": "Const", "learning_rate": 0.001}},
        "Architecture": {
            "model_type": "det",
            "algorithm": "DB",
            "Backbone": {"name": "InkBackbone"},
            "Head": {"name": "InkHead"},
        },
        "Loss": {"name": "DBLoss"},
        "PostProcess": {"name": "DBPostProcess", "thresh": 0.5, "box_thresh": 0.6, "unclip_ratio": 0.3},
        "Metric": {"name": "DetMetric", "main_indicator": "hmean"},
        "Train": section(training),
        "Eval": section(chain),
    }


def _weights(run: InkRun) -> None:
    from ppocr_like.components import load_components
    from ppocr_like.config import Builder, load_recipe
    from ppocr_like.weights import save_weights

    load_components(["tests.ink_net"])
    recipe = load_recipe(run.recipe)
    model = Builder(recipe).model()
    metadata = {"recipe": recipe.tree, "metrics": {"hmean": 0.0}}
    save_weights(run.folder / "best_accuracy.safetensors", model.state_dict(), metadata)
