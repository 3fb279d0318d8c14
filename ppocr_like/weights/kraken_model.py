"""A recogniser of kraken's as it is known here, whatever file it came from: what its codec and its metadata mean."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ppocr_like.codec import Codec, make_codec
from ppocr_like.errors import WeightsError
from ppocr_like.outside import Malformed, parse_json

PADDING = 16  # white columns at each side of a line, where kraken's command line says nothing else

logger = logging.getLogger("ppocr_like")


@dataclass(frozen=True)
class KrakenModel:
    """A recogniser of kraken's.

    Args:
        state: tensors under our names.
        names: the file's own name of each.
        codec: what its classes stand for; None where the file does not say.
        recipe: with which it is used and trained here.
        metadata: what else the file says.
    """

    state: dict[str, torch.Tensor]
    names: dict[str, str]
    codec: Codec | None
    recipe: dict[str, Any]
    metadata: dict[str, Any]


def read_codec(told: object, rows: torch.Tensor | None, path: Path) -> Codec | None:
    """The codec of a file; None where it tells none, which is said.

    Args:
        told: a mapping, or its JSON.
        rows: biases of the output layer, one for each class.

    Raises:
        WeightsError: no codec, or one for another number of classes.
    """
    codec = _codec(told, path)
    if codec is not None and rows is not None and len(rows) != codec.num_classes:
        raise WeightsError(
            f"{path}: its output layer has {len(rows)} classes, its codec stands for {codec.num_classes} with the blank; "
            "they do not belong together"
        )
    return codec


def _codec(told: object, path: Path) -> Codec | None:
    try:
        mapping = parse_json(told) if isinstance(told, str) else told
        if not mapping:
            logger.warning("%s does not say its characters; the recipe's dictionary is taken to be theirs", path)
            return None
        if not isinstance(mapping, dict):
            raise TypeError(f"a codec is a mapping, not {type(mapping).__name__}")
        codec = make_codec(mapping, "bidi")
        if not any(len(entry) > 1 and codec.look(entry) != entry for entry in codec.mapping):
            return codec
        return make_codec({codec.logical(entry).text: classes for entry, classes in codec.mapping.items()}, "bidi")
    except (Malformed, ValueError, TypeError) as error:
        raise WeightsError(f"{path}: its codec cannot be read: {error}") from error


def line_of(meta: Mapping[str, Any], height: int, channels: int) -> dict[str, Any]:
    """Arguments of KrakenLine: lines as kraken makes them for a network.

    Args:
        meta: what a file tells of it.
        height: px.
        channels: 1 or 3.
    """
    told = meta.get("hyper_params")
    padding = told.get("padding") if isinstance(told, Mapping) else None
    return {
        "height": height,
        "channels": channels,
        "padding": padding if type(padding) is int and padding >= 0 else PADDING,
        "mode": "1" if channels == 1 and str(meta.get("one_channel_mode")) == "1" else "auto",
        "linetype": "bbox" if meta.get("seg_type") == "bbox" else "baselines",
    }


def recipe_of(architecture: Mapping[str, Any], line: Mapping[str, Any], rate: float, follows: bool) -> dict[str, Any]:
    """What uses and trains a network here.

    Args:
        line: arguments of KrakenLine.
        rate: of learning, kraken's.
        follows: the network reads how wide each line is.
    """
    kept = ["image", "label", "length", *(["valid_width"] if follows else [])]
    chain = [
        {"DecodeImage": {"img_mode": "BGR", "channel_first": False}},
        {"TextNormalize": {"form": None, "whitespace": True}},
        {"CTCLabelEncode": None},
        {"KrakenLine": dict(line)},
        {"KeepKeys": {"keep_keys": kept}},
    ]
    loader = {"shuffle": False, "batch_size_per_card": 16, "drop_last": False, "num_workers": 1}
    return {
        "Global": {"epoch_num": 50, "save_model_dir": "output/kraken", "max_text_length": 1000, "text_direction": "bidi"},
        "Optimizer": {"name": "AdamW", "weight_decay": 0.0, "lr": {"name": "constant", "learning_rate": rate}},
        "Architecture": dict(architecture),
        "Loss": {"name": "CTCLoss"},
        "PostProcess": {"name": "CTCLabelDecode"},
        "Metric": {"name": "RecMetric", "main_indicator": "norm_edit_dis", "ignore_space": False},
        "Eval": {
            "dataset": {"name": "SimpleDataSet", "data_dir": ".", "label_file_list": [], "transforms": chain},
            "loader": loader,
        },
    }


def beside(meta: Mapping[str, Any], *known: str) -> dict[str, Any]:
    """What a file tells of a network beside its codec, what kraken alone needs, and the entries `known`."""
    return {key: value for key, value in meta.items() if key not in ("codec", *known) and not key.startswith("_")}


def listed(value: object) -> list[str]:
    """Texts of an entry that is a list of them, or one."""
    return [str(one) for one in value] if isinstance(value, list) else [str(value)] if value else []
