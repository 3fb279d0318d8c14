"""PP-OCRv6 recognisers of kraken 7.1: its class PPOCRv6Model is PPLCNetV4 with PaddleOCR's necks and head under other names.

The lines are kraken's, in colour and mostly 96 or 128 px high, where PaddleOCR's are 48. kraken keeps the attention of the small
and the medium network to each line's own columns; here a line sees the padding beside it, as in PaddleOCR.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ppocr_like.errors import WeightsError
from ppocr_like.weights.kraken_model import KrakenModel, beside, line_of, read_codec, recipe_of

NETWORK = "PPOCRv6Model"
HEIGHT = 96  # px, kraken's where a file does not say
_NECKS: Mapping[str, dict[str, Any]] = {
    "tiny": {"encoder_type": "reshape"},
    "small": {"encoder_type": "lightsvtr", "dims": 120, "depth": 2, "mlp_ratio": 2.0, "local_kernel": 7},
    "medium": {"encoder_type": "lightsvtr", "dims": 192, "depth": 2, "mlp_ratio": 4.0, "local_kernel": 7},
}
_HEADS: Mapping[str, dict[str, Any]] = {"tiny": {"mid_channels": 80, "use_guide": True}}
_RATES = {"tiny": 1e-3}
_NAMES = {  # the beginning of a name in kraken -> here
    "nn.backbone.conv1.conv1.": "backbone.conv1.0.",
    "nn.backbone.conv1.conv2.": "backbone.conv1.2.",
    "nn.neck.": "neck.encoder.",
    "nn.head.guide_layer.block.": "head.guide_layer.",
    "nn.": "",
}


def ppocr_model(state: Mapping[str, torch.Tensor], meta: Mapping[str, Any], path: Path) -> KrakenModel:
    """A recogniser of kraken's as one of our PPLCNetV4 networks.

    Args:
        state: its tensors by kraken's names (`nn.backbone.blocks2.0...`).
        meta: what the file tells of it.

    Raises:
        WeightsError: a variant that is not known, a height that is none, or a codec that does not fit.
    """
    variant, height = meta.get("variant"), meta.get("height", HEIGHT)
    if not isinstance(variant, str) or variant not in _NECKS:
        raise WeightsError(f"{path} holds kraken's {NETWORK} in the variant {variant!r}; known: {', '.join(_NECKS)}")
    if type(height) is not int or height < 1:
        raise WeightsError(f"{path}: the height of its lines is {height!r}; the file is damaged")
    names = {_ours(name): name for name in state if not name.endswith("num_batches_tracked")}
    renamed = {name: state[theirs] for name, theirs in names.items()}
    output = renamed.get("head.fc.bias", renamed.get("head.fc2.bias"))
    architecture = {
        "model_type": "rec",
        "algorithm": "SVTR_LCNet",
        "Backbone": {"name": "PPLCNetV4", "model_size": variant},
        "Neck": {"name": "SequenceEncoder", **_NECKS[variant]},
        "Head": {"name": "CTCHead", **_HEADS.get(variant, {})},
    }
    recipe = recipe_of(architecture, line_of(meta, height, 3), _RATES.get(variant, 5e-4), follows=False)
    codec = read_codec(meta.get("codec"), output, path)
    return KrakenModel(renamed, names, codec, recipe, beside(meta, "variant", "height", "num_classes"))


def variant_of(tree: Mapping[str, Any]) -> str | None:
    """The variant that a recipe's network is; None of any other network."""
    architecture = tree.get("Architecture")
    if not isinstance(architecture, Mapping) or architecture.get("fused"):
        return None
    backbone, neck, head = (dict(architecture.get(part) or {}) for part in ("Backbone", "Neck", "Head"))
    variant = str(backbone.get("model_size"))
    if variant not in _NECKS or set(backbone) != {"name", "model_size"} or backbone.get("name") != "PPLCNetV4":
        return None
    head.pop("fc_decay", None)
    same = neck == {"name": "SequenceEncoder", **_NECKS[variant]} and head == {"name": "CTCHead", **_HEADS.get(variant, {})}
    return variant if same and not architecture.get("Transform") else None


def kraken_names(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors of such a network by kraken's names."""
    starts = [(ours, theirs) for theirs, ours in _NAMES.items()]
    made = {}
    for name, value in state.items():
        ours, theirs = next(pair for pair in starts if name.startswith(pair[0]))
        made[theirs + name.removeprefix(ours)] = value
    return made


def _ours(name: str) -> str:
    start = next((start for start in _NAMES if name.startswith(start)), "")
    return _NAMES.get(start, "") + name.removeprefix(start)
