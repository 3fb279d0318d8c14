"""The fast form of a doubling transposed convolution against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from ppocr_like.modeling.doubling import TransposedConv2d


@pytest.mark.parametrize("outputs", [1, 5])
@pytest.mark.parametrize("channels_last", [True, False])
def test_equals_torchs_own(outputs: int, channels_last: bool) -> None:
    torch.manual_seed(0)
    layer = TransposedConv2d(6, outputs, 2, 2).double()
    x = torch.randn(2, 6, 3, 7, dtype=torch.double)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    got, want = layer(x), F.conv_transpose2d(x, layer.weight, layer.bias, 2)
    assert "Convolution" not in type(got.grad_fn).__name__  # the fast form ran
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)
    grad = torch.randn_like(want)
    inputs = (x, *layer.parameters())
    for a, b in zip(torch.autograd.grad(got, inputs, grad), torch.autograd.grad(want, inputs, grad), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kernel", [1, 3, 4])
def test_other_kernels_are_torchs(kernel: int) -> None:
    layer = TransposedConv2d(3, 2, kernel, 2)
    x = torch.randn(1, 3, 4, 5)
    assert torch.equal(layer(x), F.conv_transpose2d(x, layer.weight, layer.bias, 2))


def test_results_follow_in_channels_last() -> None:
    x = torch.randn(2, 3, 4, 5, requires_grad=True)
    assert TransposedConv2d(3, 2, 2, 2)(x).is_contiguous(memory_format=torch.channels_last)
