"""VGSL: a backbone of one string, and what its head must know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ppocr_like.contracts import Cut, FeatureSpec
from ppocr_like.modeling.vgsl.build import Row, build
from ppocr_like.modeling.vgsl.grammar import Spec, parse, parse_layers
from ppocr_like.modeling.vgsl.groups import in_groups
from ppocr_like.modeling.vgsl.layers import mixes_columns, on_processor
from ppocr_like.registry import BACKBONES

DEFAULT = (
    "[1,120,0,1 Cr3,13,32 Do0.1,2 Mp2,2 Cr3,13,32 Do0.1,2 Mp2,2 Cr3,9,64 Do0.1,2 Mp2,2 Cr3,9,64 Do0.1,2 "
    "S1(1x0)1,3 Lbx200 Do0.1,2 Lbx200 Do0.1,2 Lbx200 Do]"
)


@dataclass(frozen=True)
class VgslFeatures(FeatureSpec):
    """What a VGSL backbone gives.

    Args:
        output: the layer at the string's end without its number of classes (`1c`, `2l`); empty where the string has none.
        ones: the output layer gets a 1 beside its inputs (`O1ca80`).
        name: of the output layer, as kraken's files call it.
    """

    output: str = ""
    ones: bool = False
    name: str = ""


@BACKBONES.register("VGSL", task="rec")
class VGSL(nn.Module):
    """Images (N, C, H, W) -> features (N, C', H', W') and the columns of each sample that are no padding, (N,) int64 or None.

    Everything of kraken's network strings before the output layer (see `modeling.vgsl.grammar`). A sample gives the same
    beside longer ones as alone: padding is taken for 0 wherever a layer looks beside a column, reversed layers begin at the
    line's own end, and group norms leave it out.

    Args:
        in_spec: the images.
        spec: the string, with an output at its end or without; kraken's default for recognition where it is left out.
        append: `{after: N, spec: "[...]"}` cuts the string behind its Nth layer (a group counts once) and goes on with
            the layers of another one.

    Raises:
        ValueError: the string is not VGSL, its layers do not fit each other, or it is for images of other channels or height;
            each with the character.
    """

    needs: tuple[str, ...] = ("valid_width",)
    reads: tuple[str, ...] = ("valid_width",)
    on_host: tuple[str, ...] = ("valid_width",)

    def __init__(self, in_spec: FeatureSpec, spec: str = DEFAULT, append: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.before = parse(spec)  # the network that is cut; the same where none is
        self.spec = self.before if append is None else extended(self.before, append)
        self.after = None if append is None else int(append["after"])
        self.lines = self.spec.height == 1 and self.spec.channels > 3  # of one px: the image's rows are the channels
        if not self.lines and self.spec.channels != in_spec.channels:
            raise ValueError(f"spec is for images of {self.spec.channels} channels, the recipe's have {in_spec.channels}")
        self.rows: list[Row] = []
        self.nn, shape = build(self.spec.layers, (self.spec.channels, self.spec.height, self.spec.width), self.rows)
        self.along_lines = not any(mixes_columns(layer) for layer in self.nn.modules())
        down, right = self.nn.stride
        output = self.spec.output
        self.out_spec = VgslFeatures(
            shape[0],
            (max(1, round(down)), max(1, round(right))),
            shape[1] or None,
            "" if output is None else f"{output.values['dims']}{output.values['kind']}",
            output is not None and output.values["ones"] is not None,
            f"O_{len(self.rows)}" if output is None else output.name,
        )

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """(height, width) px where the string fixes both."""
        height = self.spec.channels if self.lines else self.spec.height
        return (height, self.spec.width) if height and self.spec.width else None

    def forward(self, images: torch.Tensor, widths: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor | None]:
        """
        Args:
            widths: (N,) px of each image that are no padding, on the host; None: all. The columns are on the host, then, too.
        """
        height = self.spec.channels if self.lines else self.spec.height
        if height and not torch.jit.is_tracing() and images.shape[2] != height:
            raise ValueError(f"spec is for images of {height} px height, these have {images.shape[2]}")
        if self.lines:
            images = images.transpose(1, 2)
        if widths is not None:
            widths = widths.to(torch.long).reshape(-1).clamp(1, images.shape[3])
        if widths is not None and len(images) > 1 and self.along_lines and on_processor(images):
            return in_groups(self.nn, images, widths)
        return self.nn(images, widths)

    def cut(self, theirs: Mapping[str, Any] | None) -> Cut | None:
        """With `append` only the layers before the cut are another network's, whatever names and shapes those behind it have.

        Args:
            theirs: the backbone in the recipe of a file; None where it does not say.

        Returns:
            None without `append`, and where the file is of the extended network itself.
        """
        if self.after is None or self._is(theirs or {}):
            return None
        kept, new = self.spec.layers[: self.after], self.spec.layers[self.after :]
        return Cut(*(tuple(f"nn.{token.name}." for token in part) for part in (kept, new)))

    def _is(self, theirs: Mapping[str, Any]) -> bool:
        """Whether another recipe's backbone is this network, new layers included."""
        try:
            before = parse(str(theirs["spec"]))
            spec = extended(before, theirs["append"]) if theirs.get("append") else before
        except (KeyError, ValueError):
            return False
        again = _bare(self.spec) == _bare(self.before)  # the layers are those that were cut off, to be learned anew
        return _bare(spec) == _bare(self.spec) and (not again or spec is not before)

    def told(self) -> str:
        """The string with a name for each layer, without the output."""
        spec = self.spec
        return Spec(spec.height, spec.width, spec.channels, spec.layers, None, spec.batch).told()

    def layer_table(self) -> list[str]:
        """For each layer a line: token, name, output (N, C, H, W), px of the image for each of its places, parameters."""
        lines = []
        for row in self.rows:
            (channels, height, width), (down, right) = row.shape, row.stride
            wide = str(width) if width else f"W/{right}" if right > 1 else "W"
            shape = f"(N, {channels}, {height or 'H'}, {wide})"
            lines.append(f"{row.text:<18} {row.name:<8} {shape:<22} {down} x {right} px {row.parameters:>10,}")
        return lines


def _bare(spec: Spec) -> tuple[object, ...]:
    """What makes two strings the same network before its output."""
    return (spec.height, spec.width, spec.channels, *(token.told() for token in spec.layers))


def extended(spec: Spec, append: Mapping[str, Any]) -> Spec:
    """The string cut behind a layer and gone on with another one's layers.

    Raises:
        ValueError: `append` is not `{after: N, spec: ...}`, or there is no such layer.
    """
    if set(append) != {"after", "spec"}:
        raise ValueError(f"append is {{after: N, spec: '[...]'}}, with both, got {dict(append)!r}")
    after, there = append["after"], len(spec.layers)
    if not isinstance(after, int) or isinstance(after, bool) or not 1 <= after <= there:
        raise ValueError(f"append.after is {after!r}; the spec has layers 1 to {there} (a group counts once)")
    kept = spec.layers[:after]
    first = sum(1 for token in kept for _ in token.leaves())
    layers, output = parse_layers(str(append["spec"]), first)
    names = {leaf.name for token in kept for leaf in token.leaves()}
    for token in layers:
        for leaf in token.leaves():
            if leaf.name in names:
                raise ValueError(f"append.spec, character {leaf.place}: the spec has a layer named {leaf.name} already")
    return Spec(spec.height, spec.width, spec.channels, (*kept, *layers), output, spec.batch)
