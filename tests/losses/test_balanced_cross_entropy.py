"""BalancedCrossEntropyLoss against sums by hand."""

from __future__ import annotations

import math

import pytest
import torch

from ppocr_like.losses.balanced_cross_entropy import BalancedCrossEntropyLoss, _mean_there

MAPS = torch.tensor([[[[0.9, 0.4, 0.2, 0.8, 0.6, 0.99]]]])
TEXT = torch.tensor([[[1.0, 1, 0, 0, 0, 0]]])
MASK = torch.tensor([[[1.0, 1, 1, 1, 1, 0]]])


def value(maps: torch.Tensor, text: torch.Tensor, mask: torch.Tensor) -> float:
    return BalancedCrossEntropyLoss()({"maps": maps}, {"shrink_map": text, "shrink_mask": mask})["loss"].item()


def mean_log(*right: float) -> float:
    return -sum(map(math.log, right)) / len(right)


def test_as_many_others_as_text_the_hardest_ones() -> None:
    assert value(MAPS, TEXT, MASK) == pytest.approx(mean_log(0.9, 0.4, 0.2, 0.4), rel=1e-5)


def test_the_hardest_text_where_there_is_more_of_it() -> None:
    assert value(1 - MAPS, 1 - TEXT, MASK) == pytest.approx(mean_log(0.9, 0.4, 0.2, 0.4), rel=1e-5)


def test_batches_of_one_kind_and_of_nothing() -> None:
    assert value(MAPS, TEXT * 0, MASK) == pytest.approx(mean_log(0.1, 0.6, 0.8, 0.2, 0.4), rel=1e-5)
    assert value(MAPS, TEXT * 0 + 1, MASK) == pytest.approx(mean_log(0.9, 0.4, 0.2, 0.8, 0.6), rel=1e-5)
    assert value(MAPS, TEXT, MASK * 0) == 0.0


def test_masked_and_easy_pixels_have_no_gradient_and_it_is_float32() -> None:
    maps = MAPS.bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = BalancedCrossEntropyLoss()({"maps": maps}, {"shrink_map": TEXT, "shrink_mask": MASK})["loss"]
    assert loss.dtype == torch.float32
    loss.backward()
    assert maps.grad is not None and (maps.grad != 0).flatten().tolist() == [True, True, False, True, True, False]


def test_without_a_number_that_leaves_the_device() -> None:
    """The way of a GPU: the same loss and gradient, whichever of both there is more of."""
    torch.manual_seed(0)
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        maps = torch.rand(2, 1, 9, 11)
        text, mask = (torch.rand(2, 9, 11) < share).float(), (torch.rand(2, 9, 11) < 0.8).float()
        for counted in (mask, mask * 0):
            given = [maps.clone().requires_grad_() for _ in range(2)]
            near = BalancedCrossEntropyLoss()({"maps": given[0]}, {"shrink_map": text, "shrink_mask": counted})["loss"]
            losses = torch.nn.functional.binary_cross_entropy(given[1][:, 0], text, reduction="none")
            there = _mean_there(losses, (counted > 0.5) & (text > 0.5), (counted > 0.5) & (text <= 0.5))
            torch.testing.assert_close(there, near)
            near.backward()
            there.backward()
            torch.testing.assert_close(given[1].grad, given[0].grad)
