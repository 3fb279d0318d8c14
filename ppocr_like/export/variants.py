"""Exports for devices that want fixed sizes or small files: static shapes, int8 weights; and what that costs in accuracy."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from ppocr_like.config import BucketByWidth, Builder, Recipe
from ppocr_like.config.nodes import item_node
from ppocr_like.data.base import Dataset
from ppocr_like.data.loader import build_loader
from ppocr_like.data.watch import watched
from ppocr_like.errors import ConfigError, ExportError, Problem, first_line
from ppocr_like.export.exporter import Exporter
from ppocr_like.export.verify import as_array
from ppocr_like.pipeline.canvas import following_step, least_width
from ppocr_like.pipeline.normalise import Affine
from ppocr_like.pipeline.runner import Backend

LINE_STEPS = ("RecResizeImg", "SVTRRecResizeImg", "ClsResizeImg", "SSLRotateResize")
PAGE_STEP = "DetResizeForTest"
STRIDE = 32  # px: detectors halve a page five times
# What each of `choices.INT8` is for ONNX Runtime. Convolutions need unsigned weights on a CPU.
INT8: dict[str, tuple[list[str], QuantType]] = {
    "all": (["Conv", "MatMul", "Gemm"], QuantType.QUInt8),
    "matmul": (["MatMul", "Gemm"], QuantType.QInt8),
}


@dataclass(frozen=True)
class Accuracy:
    """An evaluation set's metric of the model in another form.

    Args:
        name: of the set.
        form: "dynamic" (as trained, any size), "int8".
        numbers: of the metric.
    """

    name: str
    form: str
    numbers: dict[str, float]


def static_recipe(recipe: Recipe, size: tuple[int, int]) -> Recipe:
    """The recipe with an evaluation that makes all images (height, width) px: lines padded or squeezed, pages stretched.

    Raises:
        ConfigError: a step that cannot do so, another height than the recogniser's, or no multiple of 32 for a detector.
    """
    tree = copy.deepcopy(recipe.tree)
    evaluation = tree.get("Eval") or {}
    changed = 0
    for path, dataset in _datasets(evaluation):
        for number, node in enumerate(dataset.get("transforms") or []):
            new = _resized(node, f"{path}.transforms[{number}]", size)
            if new is not None:
                dataset["transforms"][number] = new
                changed += 1
    if not changed:
        raise ConfigError(
            [Problem("Eval.dataset.transforms", f"has no {PAGE_STEP}, {', '.join(LINE_STEPS)}: a static size has no place")]
        )
    if isinstance(evaluation.get("loader"), dict):
        evaluation["loader"]["bucket_by_width"] = None
    return Recipe(tree, recipe.path, recipe.overridden)


def line_recipe(recipe: Recipe, bucket: BucketByWidth | None, own: int | None = None) -> Recipe | None:
    """The recipe with an evaluation whose canvases follow the lines, as its bundle's do; None where no step can do so.

    Each line is a batch of its own: beside a longer one it would be padded far beyond what the bundle does, and read less well.

    Args:
        own: see `pipeline.canvas.following_step`.
    """
    tree = copy.deepcopy(recipe.tree)
    evaluation = tree.get("Eval") or {}
    changed = False
    for path, dataset in _datasets(evaluation):
        for number, node in enumerate(dataset.get("transforms") or []):
            new = following_step(node, f"{path}.transforms[{number}]", least_width(bucket), own)
            if new is not None:
                dataset["transforms"][number] = new
                changed = True
    if not changed:
        return None
    if isinstance(evaluation.get("loader"), dict):
        evaluation["loader"] |= {"bucket_by_width": None, "batch_size_per_card": 1}
    return Recipe(tree, recipe.path, recipe.overridden)


def _datasets(evaluation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(evaluation.get("dataset"), dict):
        yield "Eval.dataset", evaluation["dataset"]
    for name, dataset in (evaluation.get("datasets") or {}).items():
        if isinstance(dataset, dict):
            yield f"Eval.datasets.{name}", dataset


def _resized(node: Any, path: str, size: tuple[int, int]) -> dict[str, Any] | None:
    """The step with that size; None for a step that resizes nothing."""
    step = item_node(node, path, "transform")
    height, width = size
    if step.name == PAGE_STEP:
        if height % STRIDE or width % STRIDE:
            raise ConfigError([Problem("--static", f"{height}x{width}: a detector's sides must be multiples of {STRIDE} px")])
        return {PAGE_STEP: {"image_shape": [height, width]}}
    if step.name not in LINE_STEPS:
        return None
    channels, own, _ = step.args.get("image_shape") or (3, height, width)
    if own != height:
        raise ConfigError([Problem("--static", f"{height}x{width}: the network was trained on {own} px height ({path})")])
    args = {key: value for key, value in step.args.items() if key not in ("eval_mode", "infer_mode")}
    return {step.name: {**args, "image_shape": [channels, height, width]}}


def quantise(path: Path, form: str) -> tuple[int, int]:
    """Gives a graph int8 weights (ONNX Runtime's dynamic quantisation: activations are quantised while it runs).

    Args:
        path: the ONNX file, replaced; its metadata stay.
        form: of INT8.

    Returns:
        bytes before and after.

    Raises:
        ExportError: the quantisation fails.
    """
    operators, weights = INT8[form]
    before = path.stat().st_size
    metadata = {entry.key: entry.value for entry in onnx.load(str(path)).metadata_props}
    beside = path.with_suffix(".int8")
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)  # it advises preprocessing, which these graphs do not need
    try:
        quantize_dynamic(str(path), str(beside), op_types_to_quantize=operators, weight_type=weights)
        proto = onnx.load(str(beside))
        onnx.helper.set_model_props(proto, {**metadata, "weights": f"int8 ({form})"})
        onnx.save(proto, str(path))
    except (ValueError, RuntimeError, TypeError, onnx.checker.ValidationError) as error:
        raise ExportError(f"the graph cannot be quantised: {first_line(error)}") from error
    finally:
        logging.root.setLevel(level)
        beside.unlink(missing_ok=True)
    return before, path.stat().st_size


def measure(
    exporter: Exporter, builder: Builder, dataset: Dataset, network: Backend, postprocess: Any, affine: Affine | None = None
) -> dict[str, float]:
    """The metric of an evaluation set.

    Args:
        exporter: what the post-processing needs of a batch.
        builder: of the recipe that the data set comes from.
        dataset: the set.
        network: the model.
        postprocess: its outputs -> results.
        affine: the normalisation at the head of its graph.
    """
    metric = builder.metric()
    with build_loader(dataset, builder.loader("Eval"), seed=0, train=False) as loader:
        for batch in watched(loader, "measured"):
            metric.reject(batch["rejected"])
            if not batch["info"]:
                continue
            arrays = {key: as_array(value) for key, value in batch.items()}
            images: np.ndarray = arrays["image"]
            images = images if affine is None else affine.inverse(images)
            lines = exporter.alone(arrays)
            outputs = [network(images)] if lines is None else [network(images[row, ..., :width]) for row, width in lines]
            entries = exporter.entries(arrays)
            metric.update([result for part in outputs for result in postprocess(part, entries)], arrays)
    return metric.compute()
