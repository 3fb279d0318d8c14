"""Recipes of PaddleOCR with which PaddleOCR itself stops: what is told about them."""

from __future__ import annotations

from collections.abc import Sequence

from ppocr_like.config.recipe import Recipe
from ppocr_like.contracts import Step

# Names that stand in PaddleOCR's recipes, and that PaddleOCR itself does not know.
NEVER_THERE: dict[str, str] = {"repvit_svtr": "RepSVTR"}


def never_there(name: str) -> str:
    """What to say of a name that nothing ever had, empty for others."""
    meant = NEVER_THERE.get(name)
    return (
        f"{name!r} is unknown in PaddleOCR too, whose recipe cannot be built there; it means {meant}: write that" if meant else ""
    )


def unpooled(recipe: Recipe) -> str:
    """What to say where features are too high: PP-OCRv4_mobile_rec_distillation.yml has a teacher that leaves three rows, and
    lacks the head's pooling. Empty for other recipes."""
    networks = recipe.get("Architecture.Models") or {"": recipe.get("Architecture")}
    for node in networks.values() if isinstance(networks, dict) else ():
        backbone, head = ((node.get(part) or {}) if isinstance(node, dict) else {} for part in ("Backbone", "Head"))
        if backbone.get("name") == "SVTRNet" and not backbone.get("last_stage", True) and not head.get("use_pool"):
            return (
                "; an SVTRNet without last_stage leaves three rows, PaddleOCR stops here too: give its MultiHead use_pool: true"
            )
    return ""


def without_resize(transforms: Sequence[Step]) -> str:
    """What to say where a chain breaks: PP-OCRv4_mobile_rec_distillation.yml has the chain of a MultiScaleDataSet for its
    SimpleDataSet. Empty for other chains."""
    wanted = [step for step in transforms if "valid_ratio" in step.needs]
    if not wanted or any("valid_ratio" in step.gives for step in transforms if step not in wanted):
        return ""
    return (
        "; nothing resizes the images, so PaddleOCR stops here too: put `- RecResizeImg: {image_shape: [3, 48, 320]}` before it, "
        "or take MultiScaleDataSet with its sampler"
    )
