"""Weights of kraken: its safetensors and `.mlmodel` files become tensors under our names, a codec, and a recipe.

A network in them is a string (`modeling.vgsl`); parameters have the same names but for what stands before them:
`nn.C_0.co.weight` is `backbone.nn.C_0.co.weight` here, and the output layer, `nn.O_18.lin.weight`, is `head.lin.weight`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ppocr_like.contracts import FeatureSpec
from ppocr_like.errors import WeightsError
from ppocr_like.modeling.backbones.vgsl import VGSL
from ppocr_like.modeling.vgsl.grammar import Spec, Token, parse
from ppocr_like.outside import Malformed, parse_json
from ppocr_like.weights.kraken_coreml import read_coreml
from ppocr_like.weights.kraken_model import KrakenModel, beside, line_of, listed, read_codec, recipe_of
from ppocr_like.weights.kraken_ppocr import NETWORK as PPOCR
from ppocr_like.weights.kraken_ppocr import ppocr_model

SUFFIX = ".mlmodel"
META = "kraken_meta"
NEWEST = 7  # kraken's version whose files are known
NETWORK = "TorchVGSLModel"
_LSTM_GATES = 4  # a GRU has 3

logger = logging.getLogger("ppocr_like")


def from_safetensors(state: Mapping[str, torch.Tensor], told: str, path: Path) -> KrakenModel:
    """The one recogniser of a file of kraken's.

    Args:
        state: the file's tensors, each under its model's prefix.
        told: its metadata entry `kraken_meta`.

    Raises:
        WeightsError: no recogniser, several of them, of another class, or of a future version.
    """
    try:
        models = parse_json(told)
    except Malformed as error:
        raise WeightsError(f"{path}: its metadata entry {META!r} {error}; the file is damaged") from error
    if not isinstance(models, dict) or not all(isinstance(one, dict) for one in models.values()):
        raise WeightsError(f"{path}: its metadata entry {META!r} does not describe models by prefix; the file is damaged")
    prefix, meta = _recogniser(models, path)
    own = {name.removeprefix(f"{prefix}."): value for name, value in state.items() if name.startswith(f"{prefix}.")}
    if not own:
        raise WeightsError(f"{path}: it describes the model {prefix}, but holds no tensor of it; the file is damaged")
    return from_tensors(own, meta, path)


def from_tensors(state: Mapping[str, torch.Tensor], meta: dict[str, Any], path: Path) -> KrakenModel:
    """A recogniser's tensors under kraken's names (`nn.C_0.co.weight`), with what kraken tells of it.

    Raises:
        WeightsError: a network that is not known, or tensors that do not fit it.
    """
    state = {name: state[name] for name in sorted(state)}
    if meta.get("_model") == PPOCR:
        return ppocr_model(state, meta, path)
    spec = _spec(meta.get("vgsl"), path)
    return _model(spec, state, _output(spec, path).name, meta, path)


def from_coreml(path: Path) -> KrakenModel:
    """A `.mlmodel` of kraken's.

    Raises:
        WeightsError: no such file, no recogniser, or tensors that do not fit its string.
    """
    try:
        told, layers = read_coreml(path)
        meta = {**_json(told.get(META, "{}")), **{key: value for key, value in told.items() if key in ("vgsl", "codec")}}
    except (Malformed, OSError) as error:
        raise WeightsError(f"{path}: cannot be read as a model of kraken ({error}); copy it again") from error
    kinds = listed(meta.get("model_type")) or ["recognition"]
    if "recognition" not in kinds:
        raise WeightsError(f"{path} holds a model for {', '.join(kinds)}; a recogniser is read here")
    spec = _spec(meta.get("vgsl"), path)
    head = _output(spec, path).name
    shapes = {name: tuple(value.shape) for name, value in _blank(spec, path).state_dict().items()}
    state: dict[str, torch.Tensor] = {}
    for leaf, place in _places(spec.layers, "nn."):
        for name, value in layers.get(leaf.name, {}).items():
            full = f"{place}{name}"
            state[full] = torch.from_numpy(value.copy())
            if full in shapes and value.size == torch.Size(shapes[full]).numel():
                state[full] = state[full].reshape(shapes[full])
    output = layers.get(head, {})
    if "lin.weight" not in output or "lin.bias" not in output:
        raise WeightsError(f"{path}: its output layer {head} has no weights; the file is damaged")
    classes = len(output["lin.bias"])
    weight = torch.from_numpy(output["lin.weight"].copy())
    if classes == 0 or len(weight) % classes:
        raise WeightsError(f"{path}: its output layer has {len(weight)} weights for {classes} classes; the file is damaged")
    state[f"nn.{head}.lin.weight"] = weight.reshape(classes, -1)
    state[f"nn.{head}.lin.bias"] = torch.from_numpy(output["lin.bias"].copy())
    return _model(spec, state, head, meta, path)


def _recogniser(models: Mapping[str, dict[str, Any]], path: Path) -> tuple[str, dict[str, Any]]:
    found = {
        prefix: meta for prefix, meta in models.items() if "recognition" in listed(meta.get("_tasks", meta.get("model_type")))
    }
    if not found:
        kinds = sorted({kind for meta in models.values() for kind in listed(meta.get("_tasks"))})
        raise WeightsError(f"{path} holds models for {', '.join(kinds) or 'nothing that it tells'}; a recogniser is read here")
    if len(found) > 1:
        raise WeightsError(f"{path} holds {len(found)} recognisers ({', '.join(found)}); give a file with one of them")
    prefix, meta = next(iter(found.items()))
    least = str(meta.get("_kraken_min_version", "0"))
    if not least.split(".")[0].isdigit() or int(least.split(".")[0]) > NEWEST:
        raise WeightsError(f"{path} needs kraken {least} or later; files up to kraken {NEWEST} are read here")
    kind = meta.get("_model", NETWORK)
    if kind not in (NETWORK, PPOCR):
        raise WeightsError(f"{path} holds a network of the class {kind}; of kraken's, {NETWORK} and {PPOCR} are read here")
    return prefix, meta


def _model(spec: Spec, state: Mapping[str, torch.Tensor], head: str, meta: dict[str, Any], path: Path) -> KrakenModel:
    spec = _as_kraken_runs(spec, state, path)
    renamed, names = {}, {}
    for name, value in state.items():
        own = f"head.{name.removeprefix(f'nn.{head}.')}" if name.startswith(f"nn.{head}.") else f"backbone.{name}"
        renamed[own], names[own] = value, name
    codec = read_codec(meta.get("codec"), renamed.get("head.lin.bias"), path)
    height = spec.channels if spec.height == 1 and spec.channels > 3 else spec.height
    architecture = {
        "model_type": "rec",
        "algorithm": "VGSL",
        "Backbone": {"name": "VGSL", "spec": spec.told()},
        "Head": {"name": "VGSLHead"},
    }
    made = recipe_of(architecture, line_of(meta, height, 3 if spec.channels == 3 else 1), 1e-3, follows=True)
    silent = {"seg_type": None, "one_channel_mode": None, "legacy_polygons": True}  # what kraken takes of files that do not say
    return KrakenModel(renamed, names, codec, made, {**silent, **beside(meta, "vgsl")})


def _as_kraken_runs(spec: Spec, state: Mapping[str, torch.Tensor], path: Path) -> Spec:
    """The string as kraken runs it where that is not what it says: `G` is an LSTM, `r` runs forward, `Cs` is linear."""
    said: list[str] = []

    def mended(tokens: tuple[Token, ...], prefix: str) -> tuple[Token, ...]:
        made = []
        for token in tokens:
            if token.within:
                made.append(replace(token, within=mended(token.within, f"{prefix}{token.name}.")))
                continue
            values, text = dict(token.values), token.text
            if token.kind == "L":
                weight = state.get(f"{prefix}{token.name}.layer.weight_hh_l0")
                cells = weight is not None and weight.dim() == 2 and weight.shape[0] == _LSTM_GATES * weight.shape[1]
                if values["cell"] == "G" and cells:
                    said.append(f"{token.text} holds the cells of an LSTM")
                    values["cell"], text = "L", "L" + text[1:]
                if values["way"] == "r":
                    said.append(f"{token.text} runs forward in kraken")
                    values["way"], text = "f", text.replace("r", "f", 1)
            elif token.kind == "C" and values["act"] == "s":
                said.append(f"{token.text} has no sigmoid in kraken")
                values["act"], text = "l", text.replace("s", "l", 1)
            made.append(replace(token, values=values, text=text))
        return tuple(made)

    spec = replace(spec, layers=mended(spec.layers, "nn."))
    if said:
        logger.warning("%s: %s; the recipe's spec says so", path, "; ".join(said))
    return spec


def _places(tokens: tuple[Token, ...], prefix: str) -> Iterator[tuple[Token, str]]:
    """(layer, the beginning of its parameters' names) of all layers."""
    for token in tokens:
        if token.within:
            yield from _places(token.within, f"{prefix}{token.name}.")
        else:
            yield token, f"{prefix}{token.name}."


def _blank(spec: Spec, path: Path) -> VGSL:
    """The network without values, to ask for its shapes."""
    try:
        with torch.device("meta"):
            return VGSL(FeatureSpec(1 if spec.height == 1 and spec.channels > 3 else spec.channels), spec.told())
    except ValueError as error:
        raise WeightsError(f"{path}: its network cannot be built: {error}") from error


def _spec(told: object, path: Path) -> Spec:
    if not isinstance(told, str):
        raise WeightsError(f"{path}: it does not tell its network (`vgsl`); it is no model of kraken's, or damaged")
    try:
        return parse(re.sub(r"Do\.(\{[^{}]*\})(\d)", r"Do\1.\2", told))  # so kraken puts the name into `Do.5`
    except ValueError as error:
        raise WeightsError(f"{path}: its network cannot be read: {error}") from error


def _output(spec: Spec, path: Path) -> Token:
    if spec.output is None or spec.output.values["dims"] != "1":
        told = "no output" if spec.output is None else spec.output.text
        raise WeightsError(f"{path}: its network ends with {told}; a recogniser ends with O1c<classes>")
    return spec.output


def _json(text: str) -> dict[str, Any]:
    value = parse_json(text)
    if not isinstance(value, dict):
        raise Malformed(f"its entry {META!r} is no mapping")
    return value
