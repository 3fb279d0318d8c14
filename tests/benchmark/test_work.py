"""Operations and bytes, against arithmetic by hand."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.benchmark.limits import Limits
from ppocr_like.benchmark.work import Operator, Work, count

LIMITS = Limits("cpu", {"float32": 100.0, "bfloat16": 400.0}, [(1, 10.0), (2**40, 10.0)], 1.0, {})


def test_convolutions_and_linear_layers_forward_and_backward():
    point, depth, dense = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Linear(8, 5)
    x = torch.zeros(2, 3, 4, 10)

    def forward():
        return dense(depth(point(x)).mean(2).transpose(1, 2))

    pointwise, depthwise, linear = 2 * 2 * 40 * 3 * 8, 2 * 2 * 40 * 8 * 9, 2 * 2 * 10 * 8 * 5
    with torch.no_grad():
        assert count(forward).flop == pointwise + depthwise + linear
    # Two gradients each, but none of the images.
    assert count(lambda: forward().sum().backward()).flop == 2 * pointwise + 3 * depthwise + 3 * linear


@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_convolution(groups):
    layer = nn.ConvTranspose2d(4, 6, 2, 2, groups=groups)
    x = torch.zeros(3, 4, 5, 7, requires_grad=True)
    by_hand = 2 * x.numel() * (6 // groups) * 4
    assert count(lambda: layer(x).sum().backward()).flop == 3 * by_hand


def test_attention_and_recurrent_layers():
    q, k = torch.zeros(2, 3, 10, 4, requires_grad=True), torch.zeros(2, 3, 20, 4)
    product = 2 * 2 * 3 * 10 * 20 * 4
    assert count(lambda: F.scaled_dot_product_attention(q, k, k).sum().backward()).flop == (2 + 5) * product
    lstm = nn.LSTM(6, 5)
    with torch.no_grad():
        assert count(lambda: lstm(torch.zeros(7, 2, 6))).flop == 2 * 7 * 2 * (20 * 6 + 20 * 5)


def test_bytes_are_read_and_written_once():
    a, b = torch.zeros(1000), torch.zeros(1000)
    (add,) = count(lambda: a + b).operators
    assert (add.name, add.flop, add.bytes, add.precision) == ("add", 0, 12000, "float32")
    (add,) = count(lambda: a + torch.zeros(1).expand(1000)).operators[-1:]
    assert add.bytes == 8004  # an expanded tensor is one number in memory
    assert count(lambda: a.view(10, 100).T).operators == []  # no work at all
    assert count(lambda: torch.empty(5)).bytes == 0


def test_the_limit_that_binds():
    product, copy = Operator("mm", 1000, 10, "float32"), Operator("add", 0, 50, "float32")
    assert Work([product, copy]).least(LIMITS) == {"products": 10.0, "memory": 5.0}
    assert Operator("mm", 1000, 10, "bfloat16").least_seconds(LIMITS) == (2.5, 1.0)
    assert (Work([product, copy]).flop, Work([product, copy]).bytes) == (1000, 60)
