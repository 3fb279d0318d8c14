"""Convolution and batch norm as one unit that can be fused, and the depthwise one with side branches that can too."""

from __future__ import annotations

import warnings

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import ParamAttr
from ppocr_like.modeling.depthwise import DepthwiseConv2d
from ppocr_like.modeling.fuse import batch_norm_kernel, convolution_like, unit_kernel
from ppocr_like.modeling.init import default_conv_
from ppocr_like.modeling.layers import ACTIVATIONS, BatchNorm2d, norm_act, pair

Stride = int | tuple[int, int]


def attrs(lr_mult: float, l2: float | None, *names: str) -> dict[str, ParamAttr]:
    """The same settings for several parameters; none where they are the optimizer's own."""
    return {} if lr_mult == 1.0 and l2 is None else dict.fromkeys(names, ParamAttr(lr_mult=lr_mult, l2=l2))


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm, activation; the size stays (up to the stride).

    A kernel of 2 pads at the lower and the right edge alone, as Paddle's padding "SAME" does.

    Args:
        inputs, outputs: channels.
        kernel, stride: of the convolution.
        depthwise: one kernel per channel (as many outputs as inputs).
        act: a name in `layers.ACTIVATIONS`.
        norm_weight: initial weight of the batch norm.
        lr_mult: rate multiplier of all parameters.
        norm_l2: L2 of the batch norm's parameters, in place of the optimizer's.
    """

    CONV = "conv"  # attribute name of the convolution, which weights go by

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: Stride = 1,
        depthwise: bool = False,
        act: str = "none",
        norm_weight: float = 1.0,
        lr_mult: float = 1.0,
        norm_l2: float | None = None,
    ) -> None:
        super().__init__()
        self.act = act
        self.lr_mult = lr_mult
        self.norm_l2 = norm_l2
        self.pad_end = kernel == 2
        conv: nn.Conv2d
        if depthwise:
            conv = DepthwiseConv2d(inputs, kernel, pair(stride, "stride"))
        else:
            conv = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, bias=False)
        default_conv_(conv)
        self.add_module(self.CONV, conv)
        self.bn: BatchNorm2d | None = BatchNorm2d(outputs)
        nn.init.constant_(self.bn.weight, norm_weight)

    @property
    def convolution(self) -> nn.Conv2d:
        conv = self.get_submodule(self.CONV)
        assert isinstance(conv, nn.Conv2d)
        return conv

    def own_param_attrs(self) -> dict[str, ParamAttr]:
        names = [f"{self.CONV}.{name}" for name, _ in self.convolution.named_parameters()]
        norm = {} if self.bn is None else attrs(self.lr_mult, self.norm_l2, "bn.weight", "bn.bias")
        return attrs(self.lr_mult, None, *names) | norm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self._padded(x) if self.pad_end else self.convolution(x)
        return ACTIVATIONS[self.act](y) if self.bn is None else norm_act(self.bn, self.act, y)

    def _padded(self, x: torch.Tensor) -> torch.Tensor:
        conv = self.convolution
        if torch.jit.is_tracing():  # a graph's convolution pads by itself; a step before it would hide the sizes
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of a copy, which tracing makes once
                return F.conv2d(x, conv.weight, conv.bias, padding="same")
        return conv(F.pad(x, (0, 1, 0, 1)))

    @torch.no_grad()
    def fuse(self) -> None:
        """Takes the batch norm into the convolution (see `modeling.fuse`); a second call changes nothing."""
        if self.bn is None:
            return
        self.add_module(self.CONV, convolution_like(self.convolution, *batch_norm_kernel(self.convolution.weight, self.bn)))
        self.bn = None


class RepDepthwise(nn.Module):
    """norm(norm(depthwise(x)) + w x + b + x): RepVGG's idea (Ding et al. 2021) as in RepViT (Wang et al. 2023).

    `fuse()` makes one depthwise convolution of it.

    Args:
        channels: in and out.
        kernel: of the depthwise convolution.
        bias: whether there is a b.
        unit: class of the convolution with the inner batch norm.
    """

    def __init__(self, channels: int, kernel: int = 3, bias: bool = False, unit: type[ConvNorm] = ConvNorm) -> None:
        super().__init__()
        self.conv: ConvNorm | None = unit(channels, channels, kernel, depthwise=True)
        self.conv1: nn.Conv2d | None = nn.Conv2d(channels, channels, 1, groups=channels, bias=bias)
        default_conv_(self.conv1)
        self.bn: BatchNorm2d | None = BatchNorm2d(channels)
        self.fused: nn.Conv2d | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.fused is not None:
            return self.fused(x)
        assert self.conv is not None and self.conv1 is not None and self.bn is not None
        # A 1x1 depthwise convolution is a product per channel: one pass over the map adds it and x.
        scale = (1.0 + self.conv1.weight.reshape(1, -1, 1, 1)).to(x.dtype)
        y = torch.addcmul(self.conv(x), x, scale)
        if self.conv1.bias is not None:
            y = y + self.conv1.bias.reshape(1, -1, 1, 1).to(y.dtype)
        return self.bn(y)

    @torch.no_grad()
    def fuse(self) -> None:
        """Replaces the branches by one convolution (see `modeling.fuse`); a second call changes nothing."""
        if self.conv is None or self.conv1 is None or self.bn is None:
            return
        conv = self.conv.convolution
        assert self.conv.bn is not None
        weight, bias = batch_norm_kernel(conv.weight, self.conv.bn)
        weight = weight + F.pad(self.conv1.weight.double(), (conv.kernel_size[0] // 2,) * 4) + unit_kernel(conv)
        if self.conv1.bias is not None:
            bias = bias + self.conv1.bias.double()
        weight, shift = batch_norm_kernel(weight, self.bn)
        gain = self.bn.weight.double() / torch.sqrt(self.bn.running_var.double() + self.bn.eps)  # type: ignore[union-attr]
        self.fused = convolution_like(conv, weight, bias * gain + shift)
        self.conv = self.conv1 = self.bn = None
