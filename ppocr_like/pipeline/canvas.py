"""Canvases as wide as their lines: what a recogniser's bundle gives its network, and RapidOCR too.

Width buckets (`bucket_by_width`) make batches in training and evaluation; a reader of single lines has no need of them. RapidOCR
takes int(H * max(W / H, w / h)) px for a line of w x h px, which is RecResizeImg's `eval_mode`.

A network that is told how wide each line is (`valid_width`) reads no padding in evaluation. A bundle cannot tell its graph, so it
gives each line a canvas of its own width (RecResizeImg's `own_width`), and both read the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ppocr_like.config import BucketByWidth
from ppocr_like.config.nodes import item_node
from ppocr_like.pipeline.spec import Spec

STEPS = ("RecResizeImg", "SVTRRecResizeImg")
FOLLOWING = "RecResizeImg"
ALWAYS = ("KrakenLine",)  # steps whose canvases follow the lines whatever they are told


def least_width(bucket: BucketByWidth | None) -> int | None:
    """px of the narrowest bucket; None without buckets."""
    if bucket is None:
        return None
    return bucket.step if bucket.min_width is None else bucket.min_width


def following_step(node: Any, path: str, least: int | None, own: int | None = None) -> dict[str, Any] | None:
    """A resize step with a canvas that follows the line, from `least` px on (None: from the step's own width on).

    None for any other step, and for one that stretches lines to its size: a network that was trained so reads nothing else.

    Args:
        own: px of the narrowest canvas that the network can take, where it is told how wide each line is.
    """
    step = item_node(node, path, "transform")
    shape = step.args.get("image_shape")
    if step.name in ALWAYS:
        return {step.name: dict(step.args)}
    if step.name not in STEPS or not step.args.get("padding", True) or not isinstance(shape, list) or len(shape) != 3:
        return None
    kept = {"std": step.args["std"]} if "std" in step.args else {}
    if own is not None:
        return {FOLLOWING: {"image_shape": [*shape[:2], own], "own_width": True, **kept}}
    return {FOLLOWING: {"image_shape": [*shape[:2], least or shape[2]], "eval_mode": True, **kept}}


def follows_line(spec: Spec) -> bool:
    """Whether a model's canvases follow its lines."""
    steps = [item_node(node, "PreProcess.transform_ops", "transform") for node in spec.transforms]
    return spec.bucket is None and any(
        step.name in ALWAYS or (step.name == FOLLOWING and (step.args.get("eval_mode") or step.args.get("own_width")))
        for step in steps
    )


def following(spec: Spec, own: int | None = None) -> Spec:
    """The same with canvases that follow the lines, where its resize step can do so.

    Args:
        own: see `following_step`.
    """
    least = least_width(spec.bucket)
    steps = [following_step(node, "PreProcess.transform_ops", least, own) for node in spec.transforms]
    if not any(steps):
        return spec
    chain = [new or old for new, old in zip(steps, spec.transforms, strict=True)]
    return replace(spec, transforms=chain, bucket=None)
