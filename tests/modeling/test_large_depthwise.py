"""The fast gradients of large and dilated depthwise kernels against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from ppocr_like.modeling.large_depthwise import LargeDepthwiseConv2d, apart, together

FORMS = [(3, 1), (5, 1), (7, 1), (9, 1), (11, 1), (13, 1), (3, 2), (3, 3), (3, 4), (5, 2), (7, 2)]


def gradients(layer: LargeDepthwiseConv2d, x: torch.Tensor, grad: torch.Tensor, plain: bool) -> tuple[torch.Tensor, ...]:
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = F.conv2d(x, layer.weight, None, 1, layer.padding, layer.dilation, layer.groups) if plain else layer(x)
    return (y, *torch.autograd.grad(y, (x, layer.weight), grad.to(y.dtype)))


@pytest.mark.parametrize(("kernel", "dilation"), FORMS)
@pytest.mark.parametrize(("size", "own"), [((20, 19), True), ((15, 26), True), ((2, 40), False), ((1, 1), False)])
def test_equals_torchs_own_gradient(kernel: int, dilation: int, size: tuple[int, int], own: bool) -> None:
    torch.manual_seed(0)
    layer = LargeDepthwiseConv2d(8, kernel, dilation).double()
    x = torch.randn(2, 8, *size, dtype=torch.double).contiguous(memory_format=torch.channels_last)
    assert layer._own_gradient(x) == own
    grad = torch.randn_like(x)
    for got, want in zip(gradients(layer, x, grad, False), gradients(layer, x, grad, True), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("kernel", "dilation"), [(9, 1), (3, 3)])
def test_bfloat16_is_as_near_as_its_rounding_allows(kernel: int, dilation: int) -> None:
    """Each value against the exact one of the same rounded inputs.

    Some processors add a kernel's products in float32, others in bfloat16 (unit roundoff 2^-8). A sum of n terms that is rounded
    after each of them is off by about sqrt(n) roundings, each as large as the root of the sum of squares at most; four times that
    is allowed, and one rounding of the result.
    """
    torch.manual_seed(0)
    layer = LargeDepthwiseConv2d(16, kernel, dilation)
    x = torch.randn(2, 16, 24, 32).contiguous(memory_format=torch.channels_last)
    grad = torch.randn_like(x)
    with torch.autocast("cpu", torch.bfloat16):
        found = gradients(layer, x, grad, False)
    assert found[0].dtype == torch.bfloat16
    rounded = [value.detach().bfloat16().double() for value in (x, layer.weight, grad)]
    exact = _gradients_of(*rounded, dilation)
    spread = [squares.sqrt() for squares in _gradients_of(*(value**2 for value in rounded), dilation)]
    unit = 2.0**-8
    for got, want, size in zip(found, exact, spread, strict=True):
        allowed = unit * want.abs() + 4 * kernel * unit * size
        assert ((got.double() - want).abs() <= allowed).all()
        assert allowed.mean() < 0.3 * want.abs().mean()  # a tap in a wrong place is off by more


def _gradients_of(x: torch.Tensor, weight: torch.Tensor, grad: torch.Tensor, dilation: int) -> tuple[torch.Tensor, ...]:
    layer = LargeDepthwiseConv2d(x.shape[1], weight.shape[2], dilation).double()
    layer.weight.data = weight
    return gradients(layer, x, grad, True)


def test_maps_apart_and_together() -> None:
    x = torch.arange(2 * 5 * 7 * 3.0).reshape(2, 5, 7, 3)
    parts = apart(x, 3)
    assert parts.shape == (18, 2, 3, 3)
    assert torch.equal(parts[0], x[0, 0::3, 0::3])
    assert torch.equal(parts[4, :, :2], x[0, 1::3, 1::3])
    assert not parts[4, :, 2].any()
    assert torch.equal(together(parts, 3, 5, 7), x)
