"""Which networks and recipes kraken runs as they run here.

kraken 7.1 takes some layers of its own language otherwise than the string says, and stops at others once lines of several widths
are read together (`modeling.vgsl` does what the string says). A file of such a network would load there and read nonsense, so
it is not written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import nn

from ppocr_like.modeling.backbones.vgsl import VGSL
from ppocr_like.modeling.heads.vgsl_head import VGSLHead
from ppocr_like.modeling.vgsl.grammar import Token
from ppocr_like.weights.kraken_ppocr import variant_of

STEP = "KrakenLine"
INSTEAD = "tools/export.py makes an ONNX bundle of it, which runs without this program"
_WIDTH = 2  # as VGSL counts dimensions


def network_misfits(model: nn.Module, tree: Mapping[str, Any]) -> list[str]:
    """Why kraken would not run a network as it runs here; empty where it does.

    Args:
        tree: its recipe.
    """
    if variant_of(tree) is not None:
        return []
    backbone, head = getattr(model, "backbone", None), getattr(model, "head", None)
    if not isinstance(backbone, VGSL) or not isinstance(head, VGSLHead):
        parts = [type(part).__name__ for part in (backbone, getattr(model, "neck", None), head) if part is not None]
        told = " + ".join(parts) or type(model).__name__
        known = "of a VGSL string (Backbone VGSL, Head VGSLHead), and PP-OCRv6's with one head"
        return [f"it is {told}, and kraken builds recognisers {known}; {INSTEAD}"]
    if getattr(model, "neck", None) is not None:
        return [f"between string and output stands the neck {type(model.neck).__name__}, which no string has; leave Neck out"]
    rows = {row.name: row.shape for row in backbone.rows}
    return [said for token in _leaves(backbone) for said in _differs(token, rows[token.name])]


def recipe_misfits(tree: Mapping[str, Any]) -> list[str]:
    """Why kraken would give the network other lines than the recipe does. A recipe without data has none."""
    chain = line_chain(tree)
    made = dict(chain or []).get(STEP)
    if made is not None and variant_of(tree) is not None and made.get("channels", 1) != 3:
        return ["its lines are gray, and kraken gives this network lines in colour; train it with KrakenLine: {channels: 3}"]
    if chain is None or made is not None:
        return []
    sizes = [name for name, _ in chain if "Resize" in name] or ["no step that scales them"]
    return [f"its lines are made by {', '.join(sizes)}, and kraken makes them as {STEP} does; train it with that step"]


def line_chain(tree: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]] | None:
    """(name, arguments) of the steps that evaluation, else training, makes lines with; None where the recipe has none."""
    for section in ("Eval", "Train"):
        dataset = (tree.get(section) or {}).get("dataset")
        steps = dataset.get("transforms") if isinstance(dataset, Mapping) else None
        if isinstance(steps, Sequence) and steps:
            return [(str(name), dict(args or {})) for step in steps if isinstance(step, Mapping) for name, args in step.items()]
    return None


def _leaves(backbone: VGSL) -> Iterator[Token]:
    for token in backbone.spec.layers:
        yield from token.leaves()


def _differs(token: Token, shape: tuple[int, int, int]) -> Iterator[str]:
    """What kraken does otherwise with a layer.

    Args:
        shape: (channels, height, width) that comes out of it.
    """
    told, values = f"{token.text} (character {token.place})", token.values
    if not re.fullmatch(r"\w+", token.name):
        yield f"{told}: kraken reads names of letters, digits and _ only, not {{{token.name}}}"
    if token.kind == "L":
        if values["cell"] == "G":
            yield f"{told} is a GRU, and kraken builds an LSTM; write L for G and train it anew"
        if values["way"] == "r":
            yield f"{told} runs in reverse, and kraken runs it forward; write Lb or Lf and train it anew"
        if values["axis"] == "x" and values["last"]:
            yield f"{told} sums a line up to one place, at which kraken stops where it reads several lines at once"
        elif values["axis"] == "x" and shape[1] != 1:
            yield f"{told} runs along {shape[1] or 'several'} rows, and kraken stops at several; fold them first (S1(1x0)1,3)"
        if values["axis"] == "x" and values["legacy"] == "o":
            yield f"{told} has ocropy's cells, at which kraken 7 stops"
    elif token.kind == "C" and values["act"] == "s":
        yield f"{told} is a sigmoid, which kraken leaves out; write Ct or Cr and train it anew"
    elif token.kind == "S" and _WIDTH in {token.number(key) for key in ("dim", "high", "low")}:
        yield f"{told} changes the width, after which kraken counts the columns of a line wrongly"
    elif token.kind == "A" and token.number("dim") == _WIDTH:
        yield f"{told} adds parts of the width up, after which kraken counts the columns of a line wrongly"
