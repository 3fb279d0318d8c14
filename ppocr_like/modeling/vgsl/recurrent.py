"""Recurrent layers of VGSL: along the lines or down the columns of a map, forward, in reverse, or both ways.

A line in reverse begins at its own last column, not in the padding beside it. No sequence is packed: each row is turned round
within its own length and runs through the cells as a plain sequence, for which PyTorch has a faster way on processors (2.3 times
as fast in training as packed sequences, AMD EPYC with AVX2).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.modeling.recurrent import fitting_precision
from ppocr_like.modeling.vgsl.layers import Answer, Layer, Pair, Shape, there, without_padding

_GATES = 4


class Recurrent(Layer):
    """`L`, `G`: an LSTM or a GRU over one axis, for each row (or column) of the map by itself.

    Args:
        channels: of the map.
        hidden: outputs of each direction.
        way: `f` forward, `r` in reverse, `b` both.
        down: over the height, not the width.
        last: gives the last place alone.
        legacy: `c` as clstm (a 1 before each input, no biases), `o` as ocropy (that, with peepholes, both ways).
        gru: a GRU.

    Initial values: orthogonal matrices; biases of an LSTM's forget gate 1, as far as PyTorch has two of them each.
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        way: str = "b",
        down: bool = False,
        last: bool = False,
        legacy: str = "",
        gru: bool = False,
    ) -> None:
        super().__init__()
        self.way, self.down, self.last, self.legacy, self.gru = way, down, last, legacy, gru
        self.hidden = hidden
        both = way == "b"
        inputs = channels + bool(legacy)
        self.layer: nn.Module
        if legacy == "o":
            self.layer, both = PeepholeLSTM(inputs, hidden), True
        else:
            kind = nn.GRU if gru else nn.LSTM
            self.layer = kind(inputs, hidden, bidirectional=both, batch_first=True, bias=not legacy)
            for parameter in self.layer.parameters():
                if parameter.dim() == 2:
                    nn.init.orthogonal_(parameter)
                elif not gru:
                    with torch.no_grad():
                        parameter[len(parameter) // _GATES : len(parameter) // 2].fill_(1.0)
        self.out = 2 * hidden if both else hidden

    def shape(self, shape: Shape) -> Shape:
        _, height, width = shape
        if self.last:
            return (self.out, 1, width) if self.down else (self.out, height, 1)
        return self.out, height, width

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None, size: Pair | None = None) -> Answer:
        n, _, rows, columns = x.shape
        x = x.permute(0, 3, 2, 1) if self.down else x.permute(0, 2, 3, 1)
        x = x.flatten(0, 1)
        if self.legacy:
            x = F.pad(x, (1, 0), value=1.0)
        own = None if self.down or lengths is None else lengths.repeat_interleave(rows)
        x = self._run(x, own)
        if self.last:
            x = x[:, -1:] if own is None else x[torch.arange(len(x), device=x.device), there(own, x) - 1][:, None]
            lengths = lengths if self.down or lengths is None else torch.ones_like(lengths)
        # `unflatten` would make the batch's size a constant of an exported graph.
        x = x.reshape(n, columns if self.down else rows, x.shape[1], self.out)
        if self.down:
            return x.permute(0, 3, 2, 1), lengths
        return without_padding(x.permute(0, 3, 1, 2), lengths), lengths

    def _run(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """x (rows, T, C) -> (rows, T, out)."""
        precision, x = fitting_precision(x)
        with precision:
            return self._read(x, lengths)

    def _read(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        if isinstance(self.layer, PeepholeLSTM):
            return self.layer(x, lengths)
        if self.way == "f" or (self.way == "b" and lengths is None):
            return self.layer(x)[0]
        turned = turned_round(x, lengths)
        if self.way == "r":
            return turned_round(self.layer(turned)[0], lengths)
        forward = self._one_way(x, "")
        return torch.cat((forward, turned_round(self._one_way(turned, "_reverse"), lengths)), dim=2)

    def _one_way(self, x: torch.Tensor, suffix: str) -> torch.Tensor:
        names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
        weights = [getattr(self.layer, name + suffix) for name in names if hasattr(self.layer, name + suffix)]
        start = x.new_zeros(1, len(x), self.hidden)
        settings = (len(weights) == len(names), 1, 0.0, self.training, False, True)
        if self.gru:
            return torch.gru(x, start, weights, *settings)[0]
        return torch.lstm(x, (start, start), weights, *settings)[0]


class PeepholeLSTM(nn.Module):
    """ocropy's cells, both ways: (rows, T, C) -> (rows, T, 2 hidden). The gates also see the state, and there are no biases."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        for suffix in ("", "_reverse"):
            for name, size in (("ih", inputs), ("hh", hidden)):
                weight = nn.Parameter(torch.empty(_GATES * hidden, size))
                nn.init.orthogonal_(weight)
                self.register_parameter(f"weight_{name}_l0{suffix}", weight)
            for gate in ("ip", "fp", "op"):
                self.register_parameter(f"weight_{gate}_l0{suffix}", nn.Parameter(torch.zeros(hidden)))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        back = turned_round(self._one_way(turned_round(x, lengths), "_reverse"), lengths)
        return torch.cat((self._one_way(x, ""), back), dim=2)

    def _one_way(self, x: torch.Tensor, suffix: str) -> torch.Tensor:
        own = {name: getattr(self, f"weight_{name}_l0{suffix}") for name in ("ih", "hh", "ip", "fp", "op")}
        state = x.new_zeros(len(x), self.hidden)
        cell, made = state, []
        given = F.linear(x, own["ih"])
        for step in range(x.shape[1]):
            into, forget, new, out = (given[:, step] + F.linear(state, own["hh"])).chunk(_GATES, dim=1)
            into, forget = torch.sigmoid(into + own["ip"] * cell), torch.sigmoid(forget + own["fp"] * cell)
            cell = forget * cell + into * torch.tanh(new)
            state = torch.sigmoid(out + own["op"] * cell) * torch.tanh(cell)
            made.append(state)
        return torch.stack(made, dim=1)


def turned_round(x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
    """x (rows, T, C) with the first `lengths` (rows,) steps of each row in reverse; the rest stays."""
    if lengths is None:
        return x.flip(1)
    steps, lengths = torch.arange(x.shape[1], device=x.device), there(lengths, x)
    places = torch.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    return x.gather(1, places[:, :, None].expand(-1, -1, x.shape[2]))
