"""What a classifier's bundle says: its classes' names and a chain that looks at an image as it is."""

from __future__ import annotations

from typing import Any

from ppocr_like.config.nodes import item_node
from ppocr_like.config.recipe import Recipe

TURNING = "SSLRotateResize"  # makes several views of an image, and their labels
PLAIN = "ClsResizeImg"
DIRECTIONS = ("0", "90", "180", "270")  # degrees clockwise


def plain_chain(chain: list[Any]) -> list[Any]:
    """The chain with the step that turns images replaced by the one that resizes them alike."""
    return [_plain(node) for node in chain]


def _plain(node: Any) -> Any:
    step = item_node(node, "PreProcess.transform_ops", "transform")
    if step.name != TURNING:
        return node
    return {PLAIN: {"image_shape": step.args.get("image_shape"), "padding": bool(step.args.get("padding", False))}}


def class_names(recipe: Recipe, chain: list[Any]) -> list[str] | None:
    """`Global.label_list`, else the post-processing's own, else the directions that the chain makes; None: they have numbers."""
    for path in ("Global.label_list", "PostProcess.label_list"):
        if isinstance(given := recipe.get(path), list):
            return [str(label) for label in given]
    for node in chain:
        step = item_node(node, "transforms", "transform")
        if step.name == TURNING:
            return list(DIRECTIONS if step.args.get("select_all", True) else DIRECTIONS[::2])
    return None
