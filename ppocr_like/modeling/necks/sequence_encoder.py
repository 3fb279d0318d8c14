"""SequenceEncoder: a feature map of height 1 becomes a sequence, with context from an encoder.

PaddleOCR's neck of the same name (necks/rnn.py). Parameter names are PaddleOCR's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec, HeightMisfit, ParamAttr
from ppocr_like.modeling.init import default_linear_, uniform_linear_
from ppocr_like.modeling.necks.light_svtr import EncoderWithLightSVTR
from ppocr_like.modeling.necks.svtr import EncoderWithSVTR
from ppocr_like.modeling.recurrent import fitting_precision
from ppocr_like.registry import NECKS

FC_DECAY = 1e-5  # L2 that PaddleOCR gives to EncoderWithFC

_BLOCKS = ("num_heads", "qkv_bias", "mlp_ratio", "drop_rate", "attn_drop_rate", "drop_path", "qk_scale")

# Arguments that an encoder reads beside the feature map's channels.
ARGUMENTS = {
    "reshape": (),
    "fc": ("hidden_size",),
    "rnn": ("hidden_size",),
    "gru": ("hidden_size",),
    "cascadernn": ("hidden_size", "out_channels", "num_layers", "with_linear"),
    "svtr": ("dims", "depth", "hidden_dims", "use_guide", "kernel_size", *_BLOCKS),
    "lightsvtr": ("dims", "depth", "use_guide", "local_kernel", *_BLOCKS),
}


class EncoderWithFC(nn.Module):
    """One linear layer; (N, T, C) -> (N, T, hidden)."""

    def __init__(self, channels: int, hidden_size: int) -> None:
        super().__init__()
        self.out_channels = hidden_size
        self.fc = nn.Linear(channels, hidden_size)
        uniform_linear_(self.fc)

    def own_param_attrs(self) -> dict[str, ParamAttr]:
        return {"fc.weight": ParamAttr(l2=FC_DECAY), "fc.bias": ParamAttr(l2=FC_DECAY)}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x)


class EncoderWithRNN(nn.Module):
    """Two bidirectional LSTM layers; (N, T, C) -> (N, T, 2 * hidden). Initial values: torch's and Paddle's are equal."""

    def __init__(self, channels: int, hidden_size: int) -> None:
        super().__init__()
        self.out_channels = 2 * hidden_size
        self.lstm = nn.LSTM(channels, hidden_size, num_layers=2, batch_first=True, bidirectional=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        precision, x = fitting_precision(x)
        with precision:
            return self.lstm(x)[0]


class EncoderWithGRU(nn.Module):
    """Two bidirectional GRU layers; (N, T, C) -> (N, T, 2 * hidden), always in float32. ocrs-models' recogniser has it."""

    def __init__(self, channels: int, hidden_size: int) -> None:
        super().__init__()
        self.out_channels = 2 * hidden_size
        self.gru = nn.GRU(channels, hidden_size, num_layers=2, batch_first=True, bidirectional=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return self.gru(x.to(next(self.gru.parameters()).dtype))[0]


class BidirectionalLSTM(nn.Module):
    """One bidirectional LSTM layer, and a linear layer where wanted."""

    def __init__(self, channels: int, hidden_size: int, out_channels: int, with_linear: bool) -> None:
        super().__init__()
        self.rnn = nn.LSTM(channels, hidden_size, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * hidden_size, out_channels) if with_linear else None
        if self.linear is not None:
            default_linear_(self.linear)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        precision, x = fitting_precision(x)
        with precision:
            x = self.rnn(x)[0]
        return x if self.linear is None else self.linear(x)


class EncoderWithCascadeRNN(nn.Module):
    """LSTM layers one after the other; (N, T, C) -> (N, T, out_channels[-1])."""

    def __init__(
        self, channels: int, hidden_size: int, out_channels: Sequence[int], num_layers: int = 2, with_linear: bool = False
    ) -> None:
        super().__init__()
        if len(out_channels) != num_layers:
            raise ValueError(f"out_channels must list {num_layers} numbers (num_layers), got {list(out_channels)}")
        if not with_linear and any(n != 2 * hidden_size for n in out_channels):
            raise ValueError(f"without with_linear every entry of out_channels must be 2 * hidden_size = {2 * hidden_size}")
        self.out_channels = out_channels[-1]
        inputs = [channels, *out_channels[:-1]]
        self.encoder = nn.ModuleList(
            BidirectionalLSTM(n, hidden_size, out, with_linear) for n, out in zip(inputs, out_channels, strict=True)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.encoder:
            x = layer(x)
        return x


@NECKS.register()
class SequenceEncoder(nn.Module):
    """Features (N, C, 1, W) -> sequence (N, W, C').

    Args:
        in_spec: the features.
        encoder_type: reshape (nothing but the change of shape), fc, rnn, gru (not in PaddleOCR), cascadernn, svtr or
            lightsvtr.
        hidden_size: of fc, rnn, gru, cascadernn.
        dims, depth, use_guide, num_heads, qkv_bias, mlp_ratio, drop_rate, attn_drop_rate, drop_path, qk_scale: of svtr and
            lightsvtr; see `EncoderWithSVTR` and `EncoderWithLightSVTR`, whose depth (2; 1) and mlp_ratio (2; 4) differ.
        hidden_dims, kernel_size: of svtr.
        local_kernel: of lightsvtr.
        out_channels, num_layers, with_linear: of cascadernn.

    Raises:
        ValueError: an unknown encoder_type, or an argument that this encoder does not read.
    """

    def __init__(
        self,
        in_spec: FeatureSpec,
        encoder_type: str,
        hidden_size: int = 48,
        dims: int = 64,
        depth: int | None = None,
        hidden_dims: int = 120,
        use_guide: bool = False,
        num_heads: int = 8,
        qkv_bias: bool = True,
        mlp_ratio: float | None = None,
        drop_rate: float = 0.1,
        attn_drop_rate: float = 0.1,
        drop_path: float = 0.0,
        kernel_size: Sequence[int] = (3, 3),
        qk_scale: float | None = None,
        out_channels: Sequence[int] | None = None,
        num_layers: int = 2,
        with_linear: bool = False,
        local_kernel: int = 7,
    ) -> None:
        super().__init__()
        given = {name: value for name, value in locals().items() if name not in ("self", "in_spec", "encoder_type", "__class__")}
        if encoder_type not in ARGUMENTS:
            raise ValueError(f"encoder_type must be one of {', '.join(ARGUMENTS)}; got {encoder_type!r}")
        self._refuse_foreign(encoder_type, given)
        self.encoder_type = encoder_type
        own = {name: given[name] for name in ARGUMENTS[encoder_type] if given[name] is not None}
        channels = in_spec.channels
        self.encoder: nn.Module | None = None
        if encoder_type == "svtr":
            self.encoder = EncoderWithSVTR(channels, **own)
        elif encoder_type == "lightsvtr":
            self.encoder = EncoderWithLightSVTR(channels, **own)
        elif encoder_type == "rnn":
            self.encoder = EncoderWithRNN(channels, **own)
        elif encoder_type == "gru":
            self.encoder = EncoderWithGRU(channels, **own)
        elif encoder_type == "fc":
            self.encoder = EncoderWithFC(channels, **own)
        elif encoder_type == "cascadernn":
            if out_channels is None:
                raise ValueError("cascadernn needs out_channels, one number per layer")
            self.encoder = EncoderWithCascadeRNN(channels, **own)
        out = channels if self.encoder is None else int(self.encoder.out_channels)
        self.out_spec = FeatureSpec(out, in_spec.stride, height=1)

    def _refuse_foreign(self, encoder_type: str, given: dict[str, object]) -> None:
        """Refuses a value that the encoder would ignore (one equal to the default passes: it changes nothing)."""
        defaults = dict(zip(reversed(list(given)), reversed(type(self).__init__.__defaults__ or ()), strict=True))
        for name, value in given.items():
            plain = tuple(value) if isinstance(value, list) else value
            if name not in ARGUMENTS[encoder_type] and plain != defaults[name]:
                readers = [kind for kind, names in ARGUMENTS.items() if name in names]
                raise ValueError(f"encoder_type {encoder_type} does not read {name}; it belongs to {', '.join(readers)}")

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        if not torch.jit.is_tracing() and features.shape[2] != 1:
            raise HeightMisfit(
                f"SequenceEncoder needs features of height 1, got {tuple(features.shape)} (N, C, H, W): "
                "the image height in image_shape does not fit the backbone's strides and pooling"
            )
        if self.encoder_type in ("svtr", "lightsvtr"):
            assert self.encoder is not None
            return self.encoder(features).squeeze(2).transpose(1, 2)
        sequence = features.squeeze(2).transpose(1, 2)
        return sequence if self.encoder is None else self.encoder(sequence)
