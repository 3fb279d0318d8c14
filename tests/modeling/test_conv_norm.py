"""Convolutions with batch norm, the depthwise one with side branches, the large one with dilated branches: sums and fusing."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import ParamAttr
from ppocr_like.modeling.conv_norm import ConvNorm, RepDepthwise
from ppocr_like.modeling.fuse import fused_copy
from ppocr_like.modeling.large_kernel import BRANCHES, DilatedReparam, spread

from .test_fuse import lived_in


def only_convolutions(module: nn.Module) -> int:
    """The number of convolutions; there must be no batch norm."""
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in module.modules())
    return sum(isinstance(layer, nn.Conv2d) for layer in module.modules())


LAYERS = {
    "1x1": lambda: ConvNorm(6, 4, act="gelu"),
    "3x3, strides": lambda: ConvNorm(6, 4, 3, (2, 1), act="relu"),
    "2x2": lambda: ConvNorm(6, 4, 2, act="relu"),
    "depthwise": lambda: ConvNorm(6, 6, 5, 2, depthwise=True),
    "side branches": lambda: RepDepthwise(6),
    "side branches, bias": lambda: RepDepthwise(6, 5, bias=True),
    **{f"large {kernel}": lambda kernel=kernel: DilatedReparam(6, kernel) for kernel in BRANCHES},
}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_one_convolution_gives_the_same(make: object) -> None:
    layer = lived_in(make()).double()  # type: ignore[operator]
    for name, value in layer.named_parameters():
        if name.endswith("conv1.bias"):
            nn.init.normal_(value)
    fused, x = fused_copy(layer), torch.randn(2, 6, 15, 17, dtype=torch.double)
    with torch.inference_mode():
        torch.testing.assert_close(fused(x), layer(x), rtol=1e-12, atol=1e-12)
    assert only_convolutions(fused) == 1
    fused.fuse()
    assert only_convolutions(fused) == 1


def test_an_even_kernel_pads_below_and_on_the_right() -> None:
    layer = ConvNorm(1, 1, 2).eval()
    nn.init.ones_(layer.convolution.weight)
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    want = torch.tensor([[8.0, 12.0, 7.0], [7.0, 9.0, 5.0]])
    torch.testing.assert_close(layer(x)[0, 0], want, rtol=1e-4, atol=1e-4)


def test_the_branches_one_by_one() -> None:
    torch.manual_seed(0)
    layer = RepDepthwise(6, bias=True).train()
    x = torch.randn(2, 6, 8, 9)
    assert layer.conv is not None and layer.conv1 is not None and layer.bn is not None
    nn.init.normal_(layer.conv1.bias)
    want = F.batch_norm(layer.conv(x) + layer.conv1(x) + x, None, None, training=True)
    torch.testing.assert_close(layer(x), want, rtol=1e-4, atol=1e-5)


def test_a_dilated_kernel_as_a_plain_one() -> None:
    kernel, x = torch.randn(4, 1, 3, 3), torch.randn(1, 4, 9, 9)
    want = F.conv2d(x, kernel, padding=3, dilation=3, groups=4)
    torch.testing.assert_close(F.conv2d(x, spread(kernel, 3), padding=3, groups=4), want)


@pytest.mark.parametrize("kernel", BRANCHES)
def test_no_branch_reaches_further_than_the_kernel(kernel: int) -> None:
    assert all(dilation * (size - 1) + 1 <= kernel for size, dilation in BRANCHES[kernel])


def test_settings_before_and_after_fusing() -> None:
    layer = ConvNorm(4, 4, 3, lr_mult=0.5, norm_l2=0.0)
    assert layer.own_param_attrs() == {
        "conv.weight": ParamAttr(lr_mult=0.5),
        "bn.weight": ParamAttr(lr_mult=0.5, l2=0.0),
        "bn.bias": ParamAttr(lr_mult=0.5, l2=0.0),
    }
    fused = fused_copy(layer)
    assert fused.own_param_attrs() == dict.fromkeys(("conv.weight", "conv.bias"), ParamAttr(lr_mult=0.5))
    assert set(fused.own_param_attrs()) == {name for name, _ in fused.named_parameters()}
    assert ConvNorm(4, 4).own_param_attrs() == {}
