"""Detectors as bundles."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.config.input_checks import input_channels
from ppocr_like.config.nodes import item_node
from ppocr_like.config.recipe import Recipe
from ppocr_like.contracts import PageBoxes
from ppocr_like.errors import ExportError
from ppocr_like.export.exporter import Exporter, Layout
from ppocr_like.pipeline.normalise import normalisation
from ppocr_like.pipeline.preprocess import Preprocess, effective_postprocess
from ppocr_like.pipeline.spec import Spec
from ppocr_like.tasks import EXPORTERS
from ppocr_like.transforms.normalize import NormalizeImage

NEAR = 2.0  # px between corners of boxes that count as equal: a pixel of the map on the other side of the threshold
SCORE_NEAR = 0.02
DB_ARGUMENTS = ("thresh", "box_thresh", "max_candidates", "unclip_ratio", "use_dilation", "score_mode")
DEFAULT_SIDE, MAX_SIDE = 736, 4000  # px: DetResizeForTest without arguments (shorter side), and its bound of the longer one
HEADER = """\
# The detector of this folder in RapidOCR (pip install rapidocr onnxruntime): boxes without texts:
#     RapidOCR(config_path="rapidocr.yaml")(image).boxes
# With texts: set Global.use_rec to true; RapidOCR brings the recogniser (or name one in Rec.model_path).
# Made of inference.yml: after changing that, or moving the folder (Det.model_path), run `tools/export.py --refresh FOLDER`.
"""


@EXPORTERS.register("det")
class PageExporter(Exporter):
    """Detectors. `inference.yml` gets every argument of the post-processing, also those that the recipe leaves at its default:
    whoever moves a threshold finds it there."""

    strict, unit, results, header = False, "pages", "boxes", HEADER
    SIZES = ((1, 64, 96), (2, 96, 64), (1, 160, 416), (3, 320, 224))  # batch, height, width px; multiples of 32

    def __init__(self, spec: Spec, recipe: Recipe, model: Any) -> None:
        super().__init__(spec, recipe, model)
        self.spec = replace(self.spec, postprocess=effective_postprocess(spec))

    @property
    def _layout(self) -> Layout:
        return page_layout(input_channels(self.recipe), self.spec.output, self.spec.onnx_names)

    @property
    def _shapes(self) -> list[tuple[int, int, int, int]]:
        return [(batch, input_channels(self.recipe), height, width) for batch, height, width in self.SIZES]

    def metadata(self) -> dict[str, str]:
        """Pre-processing and thresholds as they were at the export; those of `inference.yml` are what counts."""
        return {
            **super().metadata(),
            "pre_process": json.dumps(self.spec.transforms),
            "post_process": json.dumps(self.spec.postprocess),
        }

    def check_output(self, output: np.ndarray, place: str) -> None:
        if not (output.ndim == 4 and output.shape[1] == 1):
            raise ExportError(f"{place}: the graph gives {output.shape}; one map of the input's size is needed")
        if not (output.min() >= 0 and output.max() <= 1):
            raise ExportError(f"{place}: the outputs leave [0, 1]: the sigmoid is missing in the graph")

    def entries(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        if "shape" not in batch:
            raise ExportError("the evaluation's batches have no `shape`: name it in KeepKeys, and use DetResizeForTest")
        return {"shape": batch["shape"]}

    def same(self, wanted: PageBoxes, got: PageBoxes) -> bool:
        return len(wanted.boxes) == len(got.boxes) and all(
            a.points.shape == b.points.shape
            and np.abs(a.points.astype(np.float64) - b.points).max(initial=0.0) <= NEAR
            and abs(a.score - b.score) <= SCORE_NEAR
            for a, b in zip(wanted.boxes, got.boxes, strict=True)
        )

    @staticmethod
    def settings(spec: Spec, model: Path) -> tuple[dict[str, Any], list[str]]:
        return page_params(model, spec.transforms, effective_postprocess(spec), normalisation(Preprocess(spec).chain))

    def told(self, result: PageBoxes) -> str:
        return f"finds {len(result.boxes)} boxes"

    def summary(self) -> str:
        given = ", ".join(f"{key} {value}" for key, value in self.spec.postprocess.items() if key != "name")
        return f"{self.spec.postprocess.get('name')}: {given}"


def page_layout(channels: int, key: str = "maps", names: tuple[str, str] = ("x", "maps")) -> Layout:
    """A detector's: (N, C, H, W) -> (N, 1, H, W), all but the channels free; H and W are multiples of 32."""
    free = {0: "batch", 2: "height", 3: "width"}
    return Layout(key, names, (2, channels, 96, 160), free, free)


def page_params(
    model: Path, transforms: Sequence[Any], postprocess: Mapping[str, Any], normalize: NormalizeImage
) -> tuple[dict[str, Any], list[str]]:
    """A detector for `RapidOCR(params=...)`, and what RapidOCR cannot do as the recipe does.

    RapidOCR takes (pixel / 255 - mean) / std, so another `scale` goes into its mean and std. Its own defaults are others than
    PaddleOCR's in each of these values.

    Args:
        model: where `model.onnx` will stand.
        transforms: the bundle's chain as plain data.
        postprocess: with every argument.
        normalize: the chain's step.
    """
    limit, limit_type, notes = _side_limit(transforms)
    if _args(transforms, "DecodeImage").get("img_mode", "RGB") != "BGR":
        notes.append("it feeds BGR, the recipe's DecodeImage gives another order")
    if postprocess.get("box_type", "quad") != "quad":
        notes.append("it gives four corners, not polygons")
    if any(item_node(node, "", "transform").name == "ToGray" for node in transforms):
        notes.append("it feeds three channels and this network takes one")
    unit = 255.0 * normalize.scale
    params = {
        "Global.use_det": True,
        "Global.use_cls": False,
        "Global.use_rec": False,
        # RapidOCR's detector has no bound of the longer side (max_side_limit), its pre-processing has; strips that only become
        # so long when their short side is enlarged escape it. Where the longer side is limited, pages go in as they are.
        "Global.use_preprocess_img": limit_type == "min",
        "Global.max_side_len": _args(transforms, "DetResizeForTest").get("max_side_limit", MAX_SIDE),
        "Global.min_side_len": 1,
        "Global.use_vertical_padding": False,
        "Det.model_path": str(model),
        "Det.limit_side_len": limit,
        "Det.limit_type": limit_type,
        "Det.mean": (np.float64(normalize.mean) / unit).round(9).tolist(),
        "Det.std": (np.float64(normalize.std) / unit).tolist(),
    }
    params.update({f"Det.{name}": postprocess[name] for name in DB_ARGUMENTS if name in postprocess})
    return params, [f"RapidOCR will not find these boxes: {note}" for note in notes]


def _side_limit(transforms: Sequence[Any]) -> tuple[int, str, list[str]]:
    """(limit_side_len, limit_type, notes) of the chain's DetResizeForTest."""
    args = _args(transforms, "DetResizeForTest")
    if args.get("image_shape") is not None:
        return int(max(args["image_shape"])), "max", [f"it cannot resize every page to {args['image_shape']}"]
    if args.get("limit_side_len") is not None:
        limit_type = args.get("limit_type") or "min"
        notes = [] if limit_type in ("min", "max") else [f"it has no limit_type {limit_type}"]
        return int(args["limit_side_len"]), limit_type if limit_type == "min" else "max", notes
    if args.get("resize_long") is not None:
        return int(args["resize_long"]), "max", ["it enlarges no page to resize_long, and rounds to 32 px, not to 128"]
    return DEFAULT_SIDE, "min", []


def _args(transforms: Sequence[Any], name: str) -> dict[str, Any]:
    """Arguments of the chain's step of that name, {} without one."""
    nodes = [item_node(node, "PreProcess.transform_ops", "transform") for node in transforms]
    return next((node.args for node in nodes if node.name == name), {})
