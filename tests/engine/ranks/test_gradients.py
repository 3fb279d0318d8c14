"""Gradients summed over the ranks in buckets."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ppocr_like.engine.ranks import gradients, join_ranks
from ppocr_like.engine.ranks.gradients import GradientSum
from tests.processes import in_ranks


class Net(nn.Module):
    """A chain, a layer that only rank 0 uses, one that nobody uses, and one that is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 8, 3), nn.Linear(8, 2)
        self.sometimes, self.never, self.frozen = nn.Linear(8, 2), nn.Linear(8, 2), nn.Linear(2, 2)
        self.frozen.requires_grad_(False)

    def forward(self, x: torch.Tensor, detour: bool) -> torch.Tensor:
        y = self.first(x).mean((2, 3))
        return self.frozen(self.last(y) + (self.sometimes(y) if detour else 0.0))


def summed(bucket: int, without: int | None) -> dict[str, list[float] | None]:
    """Gradients after two accumulated batches; rank `without` has no samples at all."""
    found: dict[str, list[float] | None] = {}
    with join_ranks(False) as ranks, pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradients, "BUCKET_BYTES", bucket)
        patch.setattr(gradients, "FIRST_BYTES", bucket)
        torch.manual_seed(0)
        net = Net().to(memory_format=torch.channels_last)
        total = GradientSum(ranks, net.parameters())
        x = torch.randn(2, ranks.world, 4, 3, 5, 5).double().float()
        for _ in range(2):  # buckets are used again
            net.zero_grad()
            for number in range(2):
                if number == 1 and ranks.rank != without:
                    total.arm()
                if ranks.rank != without:
                    net(x[number, ranks.rank], detour=ranks.rank == 0).square().sum().backward()
            total.finish()
        for name, parameter in net.named_parameters():
            assert parameter.grad is None or parameter.grad.stride() == parameter.stride(), name
            found[name] = None if parameter.grad is None else parameter.grad.flatten().tolist()
        net.zero_grad()
        for number in range(2):
            for rank in (rank for rank in range(ranks.world) if rank != without):
                net(x[number, rank], detour=rank == 0).square().sum().backward()
        for name, parameter in net.named_parameters():
            assert (parameter.grad is None) == (found[name] is None), name
            if parameter.grad is not None:
                torch.testing.assert_close(torch.tensor(found[name]), parameter.grad.flatten(), rtol=1e-4, atol=1e-5)
    return found


@pytest.mark.parametrize("bucket", [100, 1 << 20])
@pytest.mark.parametrize("without", [None, 1])
def test_sums_over_ranks(bucket: int, without: int | None) -> None:
    """Whatever a rank does not use counts as 0, and what none uses stays without a gradient."""
    first, *others = in_ranks(3, summed, bucket, without)
    assert first["never.weight"] is None and first["frozen.weight"] is None and first["sometimes.weight"] is not None
    assert all(other == first for other in others)  # to the last bit: the weights of the ranks must not drift apart
