"""Batch norm over several processes is batch norm over their samples, values and gradients."""

from __future__ import annotations

import copy

import torch
import torch.distributed as dist
from torch import nn

from ppocr_like.modeling.backbones.pplcnet_v3 import LearnableRep
from ppocr_like.modeling.layers import BatchNorm2d
from ppocr_like.modeling.sync_norm import NormSync, synchronise
from tests.processes import in_ranks

SHARES = [slice(0, 4), slice(4, 4), slice(4, 7)]  # the second process has no sample

LAYERS = {
    "ours": lambda: BatchNorm2d(5),
    "torch's": lambda: nn.BatchNorm2d(5, momentum=0.3),
    "vectors": lambda: nn.BatchNorm1d(5),
    "two, with a convolution": lambda: nn.Sequential(BatchNorm2d(5), nn.Conv2d(5, 5, 3), nn.ReLU(), BatchNorm2d(5)),
    "branches": lambda: LearnableRep(5, 5, 1, 1, False, 2, 1.0, 1.0),
    "depthwise branches": lambda: LearnableRep(5, 5, 3, 1, True, 2, 1.0, 1.0),
}


def differences(name: str, channels_last: bool) -> dict[str, float]:
    """Of one process' share to the whole batch: output, gradient of the input, sums of the weights' gradients, statistics."""
    torch.manual_seed(0)
    shape = (7, 5) if name == "vectors" else (7, 5, 6, 4)
    x = 3 * torch.randn(*shape, dtype=torch.float64) + 100  # a mean far from 0
    if channels_last and x.dim() == 4:
        x = x.contiguous(memory_format=torch.channels_last)
    whole = LAYERS[name]().double()
    for parameter in whole.parameters():
        nn.init.normal_(parameter)
    part = copy.deepcopy(whole)
    sync = NormSync()
    synchronise(part, sync)

    given = x.clone().requires_grad_()
    wanted = whole(given)
    upstream = torch.randn_like(wanted)
    wanted.backward(upstream)

    own = SHARES[dist.get_rank()]
    muted = own.start == own.stop
    mine = x[:1] if muted else x[own]
    mine = mine.clone().requires_grad_()
    with sync.muting(muted):
        found = part(mine)
        found.backward(torch.zeros_like(found) if muted else upstream[own])
    assert mine.grad is not None and given.grad is not None
    gaps = {} if muted else {"output": found - wanted[own], "input": mine.grad - given.grad[own]}
    if muted:
        gaps["nothing"] = mine.grad
    for (key, a), b in zip(whole.named_parameters(), part.parameters(), strict=True):
        assert a.grad is not None and b.grad is not None
        dist.all_reduce(b.grad)
        gaps[key] = (b.grad - a.grad) / a.grad.abs().max().clamp(min=1.0)
    for (key, a), b in zip(whole.named_buffers(), part.buffers(), strict=True):
        if a.is_floating_point():
            gaps[key] = b - a
    with torch.no_grad():
        gaps["evaluation"] = part.eval()(x) - whole.eval()(x)
    return {key: float(gap.detach().abs().max()) for key, gap in gaps.items()}


def all_differences() -> dict[str, float]:
    found = {}
    dist.init_process_group("gloo")
    for name in LAYERS:
        for channels_last in (False, True):
            found |= {f"{name}, {channels_last}: {key}": gap for key, gap in differences(name, channels_last).items()}
    dist.destroy_process_group()
    return found


def test_equal_to_the_whole_batch() -> None:
    """Also with a process that has no sample, and whatever the memory layout."""
    for rank, found in enumerate(in_ranks(3, all_differences)):
        wrong = {key: gap for key, gap in found.items() if not gap < 1e-9}
        assert not wrong, f"rank {rank}: {wrong}"


def in_bfloat16() -> tuple[str, float]:
    """An autocast map keeps its type; the statistics are taken in float32."""
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    x = torch.randn(4, 5, 6, 4).bfloat16()
    norm, whole = BatchNorm2d(5), BatchNorm2d(5)
    synchronise(norm, NormSync())
    share = x[:2] if dist.get_rank() == 0 else x[2:]
    found = norm(share.clone().requires_grad_())
    found.sum().backward()
    wanted = whole(x)[: len(share)] if dist.get_rank() == 0 else whole(x)[2:]
    gap = float((found - wanted).detach().abs().max())
    dist.destroy_process_group()
    return str(found.dtype), gap


def test_low_precision() -> None:
    for dtype, gap in in_ranks(2, in_bfloat16):
        assert dtype == "torch.bfloat16" and gap < 0.04
