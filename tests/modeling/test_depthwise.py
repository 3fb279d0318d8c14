"""The fast depthwise gradient against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from ppocr_like.modeling.depthwise import DepthwiseConv2d


def gradients(layer: DepthwiseConv2d, x: torch.Tensor, grad: torch.Tensor, plain: bool) -> tuple[torch.Tensor, ...]:
    x = x.detach().clone().requires_grad_()
    if plain:
        y = F.conv2d(x, layer.weight, None, layer.stride, layer.padding, 1, layer.groups)
    else:
        y = layer(x)
    return (y, *torch.autograd.grad(y, (x, layer.weight), grad))


STRIDES = [(1, 1), (2, 1), (1, 2), (2, 2)]


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("size", [(6, 40), (3, 41), (4, 8), (1, 7), (2, 2), (5, 1), (1, 1)])
@pytest.mark.parametrize("channels_last", [True, False])
def test_equals_torchs_own_gradient(kernel: int, stride: tuple[int, int], size: tuple[int, int], channels_last: bool) -> None:
    torch.manual_seed(0)
    layer = DepthwiseConv2d(16, kernel, stride).double()
    x = torch.randn(3, 16, *size, dtype=torch.double)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    assert layer._own_gradient(x)
    grad = torch.randn_like(layer(x))
    for got, want in zip(gradients(layer, x, grad, False), gradients(layer, x, grad, True), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("stride", STRIDES)
def test_gradcheck(stride: tuple[int, int]) -> None:
    torch.manual_seed(1)
    layer = DepthwiseConv2d(3, 5, stride).double()
    x = torch.randn(2, 3, 4, 6, dtype=torch.double, requires_grad=True)
    weight = layer.weight.detach().clone().requires_grad_()

    def run(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, {"weight": weight}, (x,))

    assert torch.autograd.gradcheck(run, (x, weight))


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", STRIDES)
def test_float32_and_bfloat16_are_near_and_repeat_bit_for_bit(kernel: int, stride: tuple[int, int]) -> None:
    torch.manual_seed(2)
    layer = DepthwiseConv2d(32, kernel, stride)
    x = torch.randn(4, 32, 6, 40).contiguous(memory_format=torch.channels_last)
    grad = torch.randn_like(layer(x))
    first, plain = gradients(layer, x, grad, False), gradients(layer, x, grad, True)
    for got, want in zip(first, plain, strict=True):
        assert (got - want).abs().max() <= 1e-5 * want.abs().max()
    assert all(torch.equal(a, b) for a, b in zip(first, gradients(layer, x, grad, False), strict=True))

    x16 = x.detach().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x16)
    assert y.dtype == torch.bfloat16
    y.backward(grad.bfloat16())
    assert layer.weight.grad is not None and layer.weight.grad.dtype == torch.float32
    assert x16.grad is not None
    for got, want in ((x16.grad, plain[1]), (layer.weight.grad, plain[2])):
        assert (got - want).abs().max() <= 2e-2 * want.abs().max()


def test_frozen_weight_still_gives_the_input_gradient() -> None:
    layer = DepthwiseConv2d(4, 5, (1, 1)).requires_grad_(False)
    x = torch.randn(1, 4, 5, 6, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None and layer.weight.grad is None


def test_inference_takes_torchs_own_path() -> None:
    layer, x = DepthwiseConv2d(4, 5, (1, 1)), torch.zeros(1, 4, 5, 6)
    assert layer._own_gradient(x)
    with torch.inference_mode():
        assert not layer._own_gradient(x)
