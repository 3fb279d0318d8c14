"""What PaddleOCR's recipes of other years mean by what they say: mended when a recipe is read, each with a word.

Only what stands in a file is mended; what somebody types with `-o` is held to today's names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

Note = Callable[[str], None]


def mend(tree: dict[str, Any], overridden: Collection[str], note: Note) -> None:
    """Puts today's words in the place of earlier ones, changing `tree`."""
    for path, backbone in _backbones(tree):
        _residual_network(backbone, path, overridden, note)
    for path, step in _steps(tree):
        _warping(step, path, overridden, note)
    optimizer = tree.get("Optimizer")
    rate = optimizer.get("lr") if isinstance(optimizer, dict) else None
    if isinstance(rate, dict) and rate.get("name") == "Piecewise":
        _last_boundary(rate, overridden, note)


def _backbones(tree: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The backbone of a detector, or of each network of a distillation."""
    architecture = tree.get("Architecture")
    if not isinstance(architecture, dict) or architecture.get("model_type") != "det":
        return
    found = [("Architecture", architecture)]
    models = architecture.get("Models")
    if isinstance(models, dict):
        found += [(f"Architecture.Models.{name}", node) for name, node in models.items() if isinstance(node, dict)]
    for path, node in found:
        if isinstance(node.get("Backbone"), dict):
            yield f"{path}.Backbone", node["Backbone"]


def _residual_network(backbone: dict[str, Any], path: str, overridden: Collection[str], note: Note) -> None:
    """Up to PaddleOCR 2.5 the ResNet of detectors was the one that is called ResNet_vd since; `disable_se` tells the old ones."""
    if backbone.get("name") != "ResNet" or f"{path}.name" in overridden:
        return
    if "disable_se" in backbone and f"{path}.disable_se" not in overridden:
        backbone["name"] = "ResNet_vd"
        note(f"{path}.name: ResNet with disable_se means ResNet_vd, which PaddleOCR up to 2.5 called ResNet")
    elif "dcn_stage" not in backbone:
        note(f"{path}.name: ResNet is the plain network; in recipes of PaddleOCR up to 2.5 it means ResNet_vd: write that there")


def _steps(tree: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The arguments of every RecAug."""
    for section in ("Train", "Eval"):
        node: Any = tree.get(section)
        for key in ("dataset", "transforms"):
            node = node.get(key) if isinstance(node, dict) else None
        for place, item in enumerate(node if isinstance(node, list) else []):
            args = item.get("RecAug") if isinstance(item, dict) else None
            if isinstance(args, dict):
                yield f"{section}.dataset.transforms.{place}.RecAug", args


def _warping(args: dict[str, Any], path: str, overridden: Collection[str], note: Note) -> None:
    """PaddleOCR's early RecAug had a switch for the warping whose probability is now `tia_prob`."""
    here = f"{path}.use_tia"
    if isinstance(args.get("use_tia"), bool) and "tia_prob" not in args and here not in overridden:
        if args.pop("use_tia"):
            note(f"{here}: true means the usual tia_prob")
        else:
            args["tia_prob"] = 0.0
            note(f"{here}: false means tia_prob: 0.0")


def _last_boundary(rate: dict[str, Any], overridden: Collection[str], note: Note) -> None:
    """Recipes of 2021 and 2022 name a last boundary behind which no other rate stands: Paddle goes on with the last one."""
    path, epochs, values = "Optimizer.lr", rate.get("decay_epochs"), rate.get("values")
    typed = {f"{path}.decay_epochs", f"{path}.values", path, "Optimizer"} & set(overridden)
    if isinstance(epochs, list) and isinstance(values, list) and len(epochs) == len(values) > 1 and not typed:
        rate["decay_epochs"] = epochs[:-1]
        note(f"{path}.decay_epochs: {epochs[-1]} has no rate behind it in values, so the last rate goes on")
