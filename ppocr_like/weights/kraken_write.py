"""kraken's files of a network of ours: the string, the tensors under kraken's names, the codec, and what else kraken asks for.

The reverse of `kraken_file`. What kraken would run otherwise is refused (`kraken_rules`).
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.codec import Codec
from ppocr_like.config.overrides import step_arguments
from ppocr_like.errors import WeightsError
from ppocr_like.modeling.backbones.vgsl import VgslFeatures
from ppocr_like.modeling.vgsl.grammar import Spec, Token
from ppocr_like.text import right_to_left_entries
from ppocr_like.weights.files import write_tensors
from ppocr_like.weights.kraken_file import META, NETWORK
from ppocr_like.weights.kraken_model import PADDING
from ppocr_like.weights.kraken_ppocr import HEIGHT, kraken_names, variant_of
from ppocr_like.weights.kraken_ppocr import NETWORK as PPOCR
from ppocr_like.weights.kraken_rules import STEP, network_misfits, recipe_misfits

OLDEST = "5.0.0"  # kraken that can use what is written: what its own networks of a string ask for
_KEPT: Mapping[str, type] = {"accuracy": list, "metrics": list, "hyper_params": dict, "legacy_polygons": bool}

logger = logging.getLogger("ppocr_like")


@dataclass(frozen=True)
class KrakenParts:
    """A recogniser as kraken keeps it.

    Args:
        network: kraken's class of it, the oldest kraken that has it, and what that builds it from.
        spec: the network's string, with its output and a name for each layer; None of one that is no string.
        state: tensors by kraken's names (`nn.C_0.co.weight`).
        codec: labels of each entry, in the order of the page.
        meta: seg_type, one_channel_mode, metrics and the like.
    """

    network: dict[str, Any]
    spec: Spec | None
    state: dict[str, torch.Tensor]
    codec: dict[str, list[int]]
    meta: dict[str, Any]


def kraken_parts(
    model: nn.Module,
    state: Mapping[str, torch.Tensor],
    charset: Charset | None,
    recipe: Mapping[str, Any],
    metadata: Mapping[str, Any],
    place: str | Path,
) -> KrakenParts:
    """What a file of kraken's holds of a network.

    Args:
        model: the network; only its layers are asked.
        state: its tensors by our names.
        charset: what its classes stand for.
        recipe: tree of the recipe that it is trained with.
        metadata: what its weights file says beside that; kraken's own entries are kept.
        place: the file to write, for messages.

    Raises:
        WeightsError: kraken would not run it as it runs here, or would not know its characters; everything that is wrong.
    """
    wrong = network_misfits(model, recipe) or recipe_misfits(recipe)
    if charset is None:
        wrong.append("its characters are not known, and kraken keeps them with the network: give the recipe with its dictionary")
    if wrong or charset is None:
        raise WeightsError(f"{place}: kraken cannot use this network: " + "; ".join(wrong))
    codec, meta = kraken_codec(charset, place), _meta(recipe, metadata, place)
    variant = variant_of(recipe)
    if variant is not None:
        height = (step_arguments(recipe, STEP) or {}).get("height", HEIGHT)
        built = {"variant": variant, "num_classes": charset.num_classes, "height": height}
        return KrakenParts(_network(PPOCR, "7.1.0", **built), None, kraken_names(state), codec, meta)
    spec, tensors = _of_string(model, state, place)
    return KrakenParts(_network(NETWORK, OLDEST, vgsl=spec.told()), spec, tensors, codec, meta)


def _network(name: str, oldest: str, **built: Any) -> dict[str, Any]:
    return {"_kraken_min_version": oldest, "_model": name, **built}


def _of_string(model: nn.Module, state: Mapping[str, torch.Tensor], place: str | Path) -> tuple[Spec, dict[str, torch.Tensor]]:
    """The string of a network, as kraken runs it, and its tensors by kraken's names."""
    backbone: Any = model.backbone
    features: VgslFeatures = backbone.out_spec
    classes = state["head.lin.bias"].shape[0]
    ones = "a" if features.ones else ""
    output = Token("O", f"O1c{ones}{classes}", 0, features.name)
    spec = replace(backbone.spec, layers=_runnable(backbone.spec.layers, place), output=output)
    masks = tuple(f"backbone.nn.{name}." for name in _masks(backbone))
    tensors = {}
    for name, value in state.items():
        if name.startswith("head."):
            tensors[f"nn.{features.name}.{name.removeprefix('head.')}"] = value
        elif not name.startswith(masks):
            tensors[name.removeprefix("backbone.")] = value
    return spec, tensors


def write_kraken(path: str | Path, parts: KrakenParts) -> None:
    """Writes the safetensors file that kraken 7 reads, whole or not at all; equal parts give equal files.

    Raises:
        CheckpointError: it cannot be written; one that was there before is untouched.
    """
    kind = {"_tasks": ["recognition"], "model_type": ["recognition"]}
    told = {**kind, **parts.meta, **parts.network, "codec": parts.codec}
    # kraken's are random; it only tells models of a file apart
    prefix = str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(parts.network)))
    texts = {"format": "pt", META: json.dumps({prefix: told}, ensure_ascii=False)}
    write_tensors(path, {f"{prefix}.{name}": value for name, value in parts.state.items()}, texts)


def kraken_codec(charset: Charset, place: str | Path) -> dict[str, list[int]]:
    """Labels of each entry for kraken, whose networks read in the order of the page, too. What becomes of it there is said."""
    if right_to_left_entries(charset.entries) and not charset.direction.startswith("bidi"):
        logger.warning(
            "%s: kraken puts what it reads in order by the bidirectional algorithm; this network's labels are %s, so that lines "
            "of mixed direction may come out in another order there",
            place,
            charset.direction,
        )
    if isinstance(charset, Codec):
        return {charset.look(entry): list(classes) for entry, classes in charset.mapping.items()}
    if charset.duplicates:
        logger.warning("%s: entries stand twice in the dictionary, kraken keeps the last: %s", place, charset.duplicates[:8])
    return {charset.look(entry): [number] for number, entry in enumerate(charset.labels) if number}


def _runnable(tokens: tuple[Token, ...], place: str | Path) -> tuple[Token, ...]:
    """The layers, with nothing (`I`) in the place of the masks of pretraining: they do nothing in reading, and kraken stops at
    them."""
    made = []
    for token in tokens:
        if token.within:
            token = replace(token, within=_runnable(token.within, place))
        elif token.kind == "W":
            logger.warning(
                "%s: %s is left out: it is of use in pretraining alone, and kraken cannot read with it", place, token.text
            )
            token = Token("I", "I", token.place, token.name)
        made.append(token)
    return tuple(made)


def _masks(backbone: Any) -> list[str]:
    """Paths of the layers that `_runnable` leaves out."""
    return [path for path, module in backbone.nn.named_modules() if type(module).__name__ == "MaskedSpans"]


def _meta(recipe: Mapping[str, Any], metadata: Mapping[str, Any], place: str | Path) -> dict[str, Any]:
    line = step_arguments(recipe, STEP) or {}
    padding = line.get("padding", PADDING)
    if padding != PADDING:
        logger.warning("%s: its lines have %s white columns at each side; tell kraken so (--pad %s)", place, padding, padding)
    linetype = line.get("linetype", "baselines")
    told = metadata.get("seg_type", linetype)  # a file of kraken's may say nothing (None), and says it again
    seg_type = told if told in (None, "baselines", "bbox") and (told == "bbox") == (linetype == "bbox") else linetype
    kept = {key: metadata[key] for key, kind in _KEPT.items() if isinstance(metadata.get(key), kind)}
    return {
        "accuracy": [],
        "metrics": _metrics(metadata),
        "hyper_params": {"padding": padding},
        "legacy_polygons": False,
        **kept,
        "seg_type": seg_type,
        "one_channel_mode": _mode(line, metadata),
    }


def _mode(line: Mapping[str, Any], metadata: Mapping[str, Any]) -> str | None:
    """Whether the images of one channel have two levels (`1`) or are gray (`L`); None where a file of kraken's does not say."""
    mode = line.get("mode", "auto")
    if line.get("channels", 1) == 3:
        return None
    if mode == "auto":
        mode = metadata.get("one_channel_mode", "L")
        return mode if mode in (None, "1", "L") else "L"
    return str(mode)


def _metrics(metadata: Mapping[str, Any]) -> list[list[Any]]:
    """Of a run of ours the measures of its first evaluation set under kraken's names: [[epoch, {name: value}]]."""
    sets = metadata.get("metrics")
    measured = next(iter(sets.values()), None) if isinstance(sets, Mapping) else None
    if not isinstance(measured, Mapping) or not isinstance(measured.get("cer"), float):
        return []
    told = {"val_accuracy": 1 - measured["cer"], "val_metric": 1 - measured["cer"]}
    if isinstance(measured.get("wer"), float):
        told["val_word_accuracy"] = 1 - measured["wer"]
    return [[metadata.get("epoch", 0), told]]
