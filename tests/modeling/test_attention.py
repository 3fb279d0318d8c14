"""Attention in lower precision on a CPU."""

import pytest
import torch
from torch.nn import functional as F

from ppocr_like.modeling.attention import Attention, attend

KINDS = (torch.bfloat16, torch.float16)


def operands(kind, steps=12):
    torch.manual_seed(0)
    return [torch.randn(2, 3, steps, 8).to(kind).requires_grad_() for _ in range(3)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", ["plain", "mask", "causal"])
def test_lower_precision_is_float32_rounded_once(kind, case):
    mask = torch.randn(12, 12).to(kind) if case == "mask" else None
    given, exact = operands(kind), [x.detach().float().requires_grad_() for x in operands(kind)]
    wanted = F.scaled_dot_product_attention(*exact, None if mask is None else mask.float(), is_causal=case == "causal", scale=0.3)
    with torch.autocast("cpu", dtype=kind):
        found = attend(*given, mask, scale=0.3, causal=case == "causal")
    assert found.dtype == kind
    assert torch.equal(found, wanted.to(kind))
    found.float().square().sum().backward()
    wanted.to(kind).float().square().sum().backward()
    for x, y in zip(given, exact, strict=True):
        assert torch.equal(x.grad, y.grad.to(kind))


def test_float32_is_left_alone():
    q, k, v = operands(torch.float32)
    assert torch.equal(attend(q, k, v), F.scaled_dot_product_attention(q, k, v))


def test_a_block_under_autocast_asks_for_the_float32_gradient():
    layer = Attention(24, 3, True, None, 0.0, 0.0)
    seen = []
    real = F.scaled_dot_product_attention

    def spy(*args, **kwargs):
        seen.append(args[0].dtype)
        return real(*args, **kwargs)

    F.scaled_dot_product_attention = spy
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = layer(torch.randn(2, 5, 24))
    finally:
        F.scaled_dot_product_attention = real
    assert seen == [torch.float32]
    assert out.dtype == torch.bfloat16
