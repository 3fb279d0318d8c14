"""Tokens of VGSL become modules, each with the shape that goes through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from torch import nn

from ppocr_like.modeling.vgsl.grammar import Token
from ppocr_like.modeling.vgsl.layers import (
    DIMS,
    Addition,
    Conv,
    Dropout,
    GroupNorm,
    Layer,
    MaskedSpans,
    Parallel,
    Pool,
    Projection,
    Reshape,
    Series,
    Shape,
)
from ppocr_like.modeling.vgsl.recurrent import Recurrent

Stride = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Row:
    """One layer for people: its token, name, output (channels, height, width; 0 unknown), px of the image for each place of its
    output (vertical, horizontal), and parameters."""

    text: str
    name: str
    shape: Shape
    stride: Stride
    parameters: int


def build(tokens: Sequence[Token], shape: Shape, rows: list[Row] | None = None) -> tuple[Series, Shape]:
    """The layers of a network, one after the other, and the shape that comes out of them.

    Args:
        tokens: of `grammar.parse`.
        shape: (channels, height, width) that goes in; 0: not known.
        rows: every layer is added to it.

    Raises:
        ValueError: a layer does not fit what it gets, with its character.
    """
    return _Making([] if rows is None else rows).series(tokens, shape, (Fraction(1), Fraction(1)), None)


class _Making:
    """Layers are made in the order of the string, which is that of the random generator.

    Args:
        rows: every layer is added to it.
    """

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def series(self, tokens: Sequence[Token], shape: Shape, stride: Stride, goal: Shape | None) -> tuple[Series, Shape]:
        made = []
        for token in tokens:
            layer, shape = self._one(token, shape, stride, goal if token is tokens[-1] else None)
            stride = (stride[0] * layer.stride[0], stride[1] * layer.stride[1])
            made.append((token.name, layer))
        return Series(made), shape

    def _parallel(self, token: Token, shape: Shape, stride: Stride, goal: Shape | None) -> tuple[Parallel, Shape]:
        made: list[tuple[str, Layer]] = []
        shapes: list[Shape] = []
        for one in token.within:
            layer, out = self._one(one, shape, stride, goal)
            if shapes and out[1:] != shapes[0][1:]:
                told = [
                    f"{height or '?'} x {width or '?'} (character {part.place})"
                    for part, (_, height, width) in ((token.within[0], shapes[0]), (one, out))
                ]
                raise ValueError(
                    f"spec, character {token.place}: branches beside each other give maps of {' and '.join(told)}, height x width"
                )
            made.append((one.name, layer))
            shapes.append(out)
            goal = goal or out
        return Parallel(made), (sum(out[0] for out in shapes), shapes[0][1], shapes[0][2])

    def _one(self, token: Token, shape: Shape, stride: Stride, goal: Shape | None) -> tuple[Layer, Shape]:
        if token.kind == "[":
            return self.series(token.within, shape, stride, goal)
        if token.kind == "(":
            return self._parallel(token, shape, stride, goal)
        try:
            layer = _layer(token, shape)
            if isinstance(layer, Conv):
                layer.goal = goal
            out = layer.shape(shape)
        except ValueError as error:
            raise ValueError(f"spec, character {token.place}, {token.text!r}: {error}") from error
        own = (stride[0] * layer.stride[0], stride[1] * layer.stride[1])
        self.rows.append(Row(token.text, token.name, out, own, count(layer)))
        return layer, out


def _layer(token: Token, shape: Shape) -> Layer:
    number, channels = token.number, shape[0]
    if token.kind == "C":
        return Conv(
            channels,
            number("out"),
            (number("ky"), number("kx")),
            (number("sy", 1), number("sx", 1)),
            (number("dy", 1), number("dx", 1)),
            str(token.values["act"]),
            token.values["transposed"] is not None,
        )
    if token.kind == "L":
        values = token.values
        return Recurrent(
            channels,
            number("out"),
            str(values["way"]),
            values["axis"] == "y",
            values["last"] is not None,
            values["legacy"] or "",
            values["cell"] == "G",
        )
    if token.kind == "Mp":
        kernel = (number("ky"), number("kx"))
        return Pool(kernel, (number("sy", kernel[0]), number("sx", kernel[1])))
    if token.kind == "Do":
        return _dropout(token)
    if token.kind == "Gn":
        return GroupNorm(channels, number("groups"))
    if token.kind == "S":
        return _reshape(token)
    if token.kind == "A":
        if number("dim") not in (1, 2, 3):
            raise ValueError("chunks of dimension 1 (height), 2 (width) or 3 (channels) can be added")
        return Addition(DIMS[number("dim")], number("chunk"))
    if token.kind == "W":
        return MaskedSpans(channels, number("out"), number("width"), float(token.values["share"] or 0), number("negatives"))
    if token.kind == "O":
        return Projection(channels, number("out"), token.values["ones"] is not None)
    return Layer()


def _dropout(token: Token) -> Dropout:
    share, dims = float(token.values["share"] or 0.5), token.number("dims", 1)
    if share > 1:
        raise ValueError(f"{share} is no share from 0 to 1")
    if dims not in (1, 2):
        raise ValueError(f"single values (1) or whole maps (2) can be dropped, not dimension {dims}")
    return Dropout(share, dims)


def _reshape(token: Token) -> Reshape:
    source, high, low = token.number("dim"), token.number("high"), token.number("low")
    parts = (token.number("a") or -1, token.number("b") or -1)
    if any(dim not in (1, 2, 3) for dim in (source, high, low)):
        raise ValueError("dimension 1 (height), 2 (width) or 3 (channels) can be split and joined")
    if source not in (high, low):
        raise ValueError(f"one part must stay: {high} or {low} must be {source}, the dimension that is split")
    if parts == (-1, -1):
        raise ValueError("0 stands for what is left, so only one of the two parts may be 0")
    return Reshape(DIMS[source], parts, (DIMS[high], DIMS[low]))


def count(module: nn.Module) -> int:
    """Numbers that a module learns."""
    return sum(parameter.numel() for parameter in module.parameters())
