"""SARHead: reads a line with a recurrent decoder that looks at the feature map (Li et al. 2019, "Show, Attend and Read").

PaddleOCR's head of the same name, after mmocr's. Parameter names and numbers are PaddleOCR's.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.embedding import lookup
from ppocr_like.modeling.init import default_conv_, default_linear_
from ppocr_like.modeling.recurrent import fitting_precision
from ppocr_like.registry import HEAD_BRANCHES, HEADS


def valid_columns(valid_ratio: torch.Tensor, columns: int) -> torch.Tensor:
    """How many of the feature map's columns an image fills: (N,) shares of the canvas -> (N,) in 1 .. columns."""
    return torch.ceil(valid_ratio * columns).to(torch.long).clamp(1, columns)


def recurrent(gru: bool, inputs: int, hidden: int, dropout: float, both_ways: bool) -> nn.Module:
    """Two recurrent layers, batch first. Initial values: torch's and Paddle's are equal."""
    kind = nn.GRU if gru else nn.LSTM
    return kind(inputs, hidden, num_layers=2, batch_first=True, dropout=dropout, bidirectional=both_ways)


class SAREncoder(nn.Module):
    """Features (N, C, H, W) -> one vector (N, hidden) for the whole line: the recurrent state at its last valid column."""

    def __init__(self, channels: int, hidden: int, both_ways: bool, dropout: float, gru: bool) -> None:
        super().__init__()
        self.rnn_encoder = recurrent(gru, channels, hidden, dropout, both_ways)
        self.out_channels = hidden * (2 if both_ways else 1)
        self.linear = nn.Linear(self.out_channels, self.out_channels)
        default_linear_(self.linear)

    def forward(self, features: torch.Tensor, valid_ratio: torch.Tensor | None) -> torch.Tensor:
        columns = features.max(dim=2).values.transpose(1, 2)
        precision, columns = fitting_precision(columns)
        with precision:
            states = self.rnn_encoder(columns)[0]
        if valid_ratio is None:
            return self.linear(states[:, -1])
        last = valid_columns(valid_ratio, states.shape[1]) - 1
        return self.linear(states[torch.arange(len(states), device=states.device), last])


class ParallelSARDecoder(nn.Module):
    """Characters from the line's vector and the features, each with a look at the map that the state so far asks for.

    Args:
        classes: entries, unknown, start/end, padding; the scores leave out the padding.
        channels: of the features.
        hidden: size of the line's vector, of the embedding and of the decoder's state.
    """

    def __init__(
        self,
        classes: int,
        channels: int,
        hidden: int,
        both_ways: bool,
        dropout: float,
        gru: bool,
        d_k: int,
        pred_dropout: float,
        pred_concat: bool,
    ) -> None:
        super().__init__()
        self.start, self.padding = classes - 2, classes - 1
        self.both_ways, self.pred_concat = both_ways, pred_concat
        state = hidden * (2 if both_ways else 1)
        self.conv1x1_1 = nn.Linear(state, d_k)
        self.conv3x3_1 = nn.Conv2d(channels, d_k, 3, padding=1)
        self.conv1x1_2 = nn.Linear(d_k, 1)
        self.rnn_decoder = recurrent(gru, hidden, hidden, dropout, both_ways)
        self.embedding = nn.Embedding(classes, hidden, padding_idx=self.padding)
        self.pred_dropout = nn.Dropout(pred_dropout)
        self.prediction = nn.Linear(state + channels + hidden if pred_concat else channels, classes - 1)
        nn.init.xavier_uniform_(self.embedding.weight)
        default_conv_(self.conv3x3_1)
        for layer in (self.conv1x1_1, self.conv1x1_2, self.prediction):
            default_linear_(layer)

    def prepare(self, features: torch.Tensor, valid_ratio: torch.Tensor | None) -> tuple[torch.Tensor, ...]:
        """What every look at the features needs: keys (N, H W, d_k), values (N, H W, C), and (N, 1, H W) True behind the line."""
        keys = self.conv3x3_1(features).flatten(2).transpose(1, 2)
        values = features.flatten(2).transpose(1, 2)
        rows, columns = features.shape[2:]
        if valid_ratio is None:
            return keys, values, torch.zeros((), dtype=torch.bool, device=features.device)
        place = torch.arange(columns, device=features.device).repeat(rows)
        return keys, values, (place >= valid_columns(valid_ratio, columns)[:, None])[:, None]

    def scores(self, states: torch.Tensor, line: torch.Tensor, looked_at: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Scores (N, T, classes - 1) of the characters at decoder states (N, T, hidden)."""
        keys, values, behind = looked_at
        asked = (self.conv1x1_1(states)[:, :, None] + keys[:, None]).tanh_()
        weights = self.conv1x1_2(asked).squeeze(3).masked_fill(behind, float("-inf")).softmax(dim=2)
        glimpse = weights @ values
        if not self.pred_concat:
            return self.prediction(glimpse)
        return self.prediction(torch.cat((states, glimpse, line[:, None].expand(-1, states.shape[1], -1)), dim=2))

    def forward(
        self, features: torch.Tensor, line: torch.Tensor, label: torch.Tensor, valid_ratio: torch.Tensor | None
    ) -> torch.Tensor:
        """Teacher-forced scores (N, L, classes - 1): place i is the character after label[:, : i + 1]."""
        embedded = lookup(self.embedding, label)
        precision, told = fitting_precision(torch.cat((line[:, None].to(embedded.dtype), embedded), dim=1))
        with precision:
            states = self.rnn_decoder(told)[0]
        return self.pred_dropout(self.scores(states[:, 1:], line, self.prepare(features, valid_ratio)))

    def read(self, features: torch.Tensor, line: torch.Tensor, steps: int, valid_ratio: torch.Tensor | None) -> torch.Tensor:
        """Probabilities (N, steps, classes - 1), each step after the best characters before it."""
        looked_at = self.prepare(features, valid_ratio)
        start = lookup(self.embedding, torch.full((len(line),), self.start, device=line.device))
        given, found = [line, *[start] * steps], []
        _, memory = self.rnn_decoder(line[:, None])
        for step in range(1, steps + 1):
            if self.both_ways:  # the way back begins at start signs that stand for the characters to come
                states = self.rnn_decoder(torch.stack(given, dim=1))[0][:, step : step + 1]
            else:
                states, memory = self.rnn_decoder(given[step][:, None], memory)
            found.append(self.scores(states, line, looked_at)[:, 0].softmax(dim=1))
            if step < steps:
                given[step + 1] = lookup(self.embedding, found[-1].argmax(dim=1))
        return torch.stack(found, dim=1)


@HEAD_BRANCHES.register()
@HEADS.register()
class SARHead(nn.Module):
    """Features (N, C, H, W) -> {"sar": (N, L, classes)}: training logits, teacher-forced; evaluation probabilities.

    Classes: the dictionary's entries from 0 on, unknown, start/end; the padding of labels is no class of the outputs.
    In training targets `label` (N, L) (start, characters, end, padding) and `valid_ratio` (N,), the share of the canvas
    that the image fills; logits [:, i] stand for label[:, i + 1]. In evaluation L is `max_text_length`; without
    `valid_ratio` all columns count. PaddleOCR's head, which drops out logits, too.

    Args:
        in_spec: the features.
        sar_classes: entries, unknown, start/end, padding.
        enc_dim: size of the line's vector.
        max_text_length: characters read in evaluation.
        enc_bi_rnn, dec_bi_rnn: recurrent layers of encoder and decoder go both ways.
        enc_drop_rnn, dec_drop_rnn: dropout between the recurrent layers.
        enc_gru, dec_gru: GRU in the place of LSTM.
        d_k: channels of the attention.
        pred_dropout: dropout of the logits.
        pred_concat: the last layer reads state and line, too, not what was looked at only.
    """

    needs: tuple[str, ...] = ("label", "valid_ratio")
    reads: tuple[str, ...] = ("valid_ratio",)  # without it the padding beside a line is read, too

    def __init__(
        self,
        in_spec: FeatureSpec,
        sar_classes: int,
        enc_dim: int = 512,
        max_text_length: int = 30,
        enc_bi_rnn: bool = False,
        enc_drop_rnn: float = 0.1,
        enc_gru: bool = False,
        dec_bi_rnn: bool = False,
        dec_drop_rnn: float = 0.0,
        dec_gru: bool = False,
        d_k: int = 512,
        pred_dropout: float = 0.1,
        pred_concat: bool = True,
    ) -> None:
        super().__init__()
        for name, value in (("enc_drop_rnn", enc_drop_rnn), ("dec_drop_rnn", dec_drop_rnn), ("pred_dropout", pred_dropout)):
            if not 0 <= value < 1:
                raise ValueError(f"{name} must be in [0, 1), got {value}")
        for name, number in (("enc_dim", enc_dim), ("max_text_length", max_text_length), ("d_k", d_k)):
            if number < 1:
                raise ValueError(f"{name} must be at least 1, got {number}")
        self.max_text_length = max_text_length
        self.encoder = SAREncoder(in_spec.channels, enc_dim, enc_bi_rnn, enc_drop_rnn, enc_gru)
        self.decoder = ParallelSARDecoder(
            sar_classes,
            in_spec.channels,
            self.encoder.out_channels,
            dec_bi_rnn,
            dec_drop_rnn,
            dec_gru,
            d_k,
            pred_dropout,
            pred_concat,
        )
        self.out_spec = FeatureSpec(sar_classes - 1, in_spec.stride, height=1)

    def own_class_parameters(self) -> dict[str, str]:
        return {"decoder.embedding.weight": "sar", "decoder.prediction.weight": "sar_out", "decoder.prediction.bias": "sar_out"}

    def forward(self, features: torch.Tensor, targets: Mapping[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
        targets = targets or {}
        valid_ratio = targets.get("valid_ratio")
        line = self.encoder(features, valid_ratio)
        if not self.training:
            return {"sar": self.decoder.read(features, line, self.max_text_length, valid_ratio)}
        return {"sar": self.decoder(features, line, targets["label"].to(torch.long), valid_ratio)}
