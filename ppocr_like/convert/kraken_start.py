"""The network of a kraken experiment and what it starts from: `spec`, `load`, `arch`, `padding`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppocr_like.charset import Charset
from ppocr_like.codec import Codec
from ppocr_like.convert.kraken_network import architecture
from ppocr_like.convert.kraken_work import Work
from ppocr_like.errors import WeightsError
from ppocr_like.modeling.backbones.vgsl import DEFAULT, extended
from ppocr_like.modeling.vgsl.grammar import Spec, parse
from ppocr_like.weights import WeightsFile, load_weights

CTC = "1c"  # the output of a recogniser


def start(work: Work) -> None:
    """Architecture, Global.pretrained_model, and the height, channels, mode and padding of the lines."""
    _arch(work)
    weights = _loaded(work)
    node = _backbone(weights)
    if weights is not None and node is None:
        work.wrong("load", f"{weights.path} holds no network of a VGSL string; go on with tools/train.py --load and its recipe")
    if node is not None and weights is not None:
        text, line = _whole(node), _line_of(weights)
        work.leave_given(("spec",), "the network is that of load, as in kraken")
        work.loaded = weights.charset
    else:
        text, line = str(work.value("spec") or DEFAULT), {}
        work.told("spec", "Architecture.Backbone.spec" + ("" if work.value("spec") else f": {DEFAULT}"))
    spec = _spec(work, text)
    padding = work.value("padding")
    if padding < 0:
        work.wrong("padding", f"is {padding}; it is px, 0 or more")
    work.told("padding", f"KrakenLine.padding: {padding}, of Train and Eval")
    work.tree["Architecture"] = architecture(text)
    work.line = {
        "height": spec.channels if _of_one_px(spec) else spec.height,
        "channels": 1 if _of_one_px(spec) else spec.channels,
        "padding": max(padding, 0),
        "mode": str(line.get("mode", "auto")),
    }


def codec_of(charset: Charset) -> dict[str, list[int]]:
    """Classes as `Global.codec` has them."""
    if isinstance(charset, Codec):
        return {entry: list(classes) for entry, classes in charset.mapping.items()}
    return {entry: [number] for number, entry in enumerate(charset.labels) if number}


def _arch(work: Work) -> None:
    arch = work.value("arch")
    if arch == "ppocrv6":
        work.leave("arch", "the network is that of spec; kraken's ppocrv6 is configs/rec/ppocrv6_small_rec.yml and its sisters")
    elif arch == "vgsl":
        work.told("arch", "Architecture.algorithm: VGSL")
    else:
        work.wrong("arch", f"is {arch}; kraken knows vgsl and ppocrv6")


def _loaded(work: Work) -> WeightsFile | None:
    source = work.value("load")
    if source is None:
        return None
    work.take("load", "Global.pretrained_model", str(source))
    try:
        return load_weights(str(source))
    except WeightsError as error:
        work.wrong("load", f"{error}. The recipe needs the network's string, which stands in that file")
        return None


def _backbone(weights: WeightsFile | None) -> Mapping[str, Any] | None:
    tree = weights.recipe if weights is not None else None
    node: Any = ((tree or {}).get("Architecture") or {}).get("Backbone")
    return node if isinstance(node, Mapping) and node.get("name") == "VGSL" and "spec" in node else None


def _whole(node: Mapping[str, Any]) -> str:
    """The string of a network, with what was appended to it."""
    text = str(node["spec"])
    return extended(parse(text), node["append"]).told() if node.get("append") else text


def _line_of(weights: WeightsFile) -> Mapping[str, Any]:
    """The arguments of KrakenLine in the weights' recipe."""
    chain = (((weights.recipe or {}).get("Eval") or {}).get("dataset") or {}).get("transforms") or []
    found = [item["KrakenLine"] for item in chain if isinstance(item, Mapping) and "KrakenLine" in item]
    return found[0] if found and isinstance(found[0], Mapping) else {}


def _of_one_px(spec: Spec) -> bool:
    """Lines whose rows are the channels."""
    return spec.height == 1 and spec.channels > 3


def _spec(work: Work, text: str) -> Spec:
    key = "spec" if "spec" in work.experiment.values else "load"
    try:
        spec = parse(text)
    except ValueError as error:
        work.wrong(key, str(error).removeprefix("spec, ").removeprefix("spec "))
        return parse(DEFAULT)
    output = None if spec.output is None else f"{spec.output.values['dims']}{spec.output.values['kind']}"
    if output not in (None, CTC):
        work.wrong(key, f"ends with O{output}; a recogniser ends with O1c<classes>, or without an output")
    if not _of_one_px(spec):
        if not spec.height:
            work.wrong(key, "says height 0; give the height to which lines are scaled, as [1,120,0,1 ...]")
        if spec.channels not in (1, 3):
            work.wrong(key, f"says {spec.channels} channels; 1 is gray and 3 is colour")
    return spec
