"""The fast sum of batch-normed 1x1 convolutions against one branch after the other."""

from __future__ import annotations

import copy

import pytest
import torch

from ppocr_like.modeling import branches
from ppocr_like.modeling.backbones import pplcnet_v3
from ppocr_like.modeling.backbones.pplcnet_v3 import LearnableRep


def layer(inputs: int, outputs: int) -> LearnableRep:
    torch.manual_seed(0)
    made = LearnableRep(inputs, outputs, 1, 1, False, branches=3, lr_mult=1.0, lab_lr=0.1)
    with torch.no_grad():
        for norm in (module for module in made.modules() if isinstance(module, torch.nn.BatchNorm2d)):
            norm.weight.uniform_(-1.5, 1.5)
            norm.bias.normal_()
        made.lab.scale.fill_(0.8)
        made.lab.bias.fill_(0.3)
    return made.train()


def run(module: LearnableRep, x: torch.Tensor, grad: torch.Tensor) -> list[torch.Tensor]:
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = module(x)
    found = torch.autograd.grad(y, [x, *module.parameters()], grad.to(y.dtype))
    return [y, *found, *module.buffers()]


def both(module: LearnableRep, x: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """What the fast way gives, and what the branches give one by one: result, gradients, running statistics."""
    slow = copy.deepcopy(module)
    grad = torch.randn(x.shape[0], module.conv_kxk[0].conv.out_channels, *x.shape[2:])
    calls: list[int] = []

    def counted(*args: object) -> torch.Tensor:
        calls.append(1)
        return branches.summed_branches(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(pplcnet_v3, "summed_branches", counted)
    got = run(module, x, grad)
    assert calls == [1]
    monkeypatch.setattr(pplcnet_v3, "sums_fast", lambda *_: False)
    want = run(slow, x, grad)
    assert calls == [1]
    return got, want


@pytest.mark.parametrize(("inputs", "outputs"), [(6, 6), (5, 8)])
@pytest.mark.parametrize("size", [(2, 7, 9), (2, 1, 1), (1, 1, 5)])
def test_equals_the_branches_one_by_one(
    inputs: int, outputs: int, size: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = 3.0 + 2.0 * torch.randn(size[0], inputs, *size[1:], dtype=torch.double)
    for got, want in zip(*both(layer(inputs, outputs).double(), x, monkeypatch), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-8, atol=1e-8)


def test_float32_is_as_near_to_the_truth_as_the_branches(monkeypatch: pytest.MonkeyPatch) -> None:
    """On an input whose mean is ten times its deviation, with a channel that does not change at all."""
    x = 10.0 + torch.randn(4, 16, 40, 40)
    x[:, 3] = 10.0
    module = layer(16, 24)
    truth = copy.deepcopy(module).double()
    got, want = both(module, x.contiguous(memory_format=torch.channels_last), monkeypatch)
    exact = truth(x.double())
    assert (got[0] - exact).abs().max() <= max(4 * (want[0] - exact).abs().max(), 1e-4 * exact.std())


def test_bfloat16_is_nearer_to_the_truth_than_the_branches(monkeypatch: pytest.MonkeyPatch) -> None:
    module, x, grad = layer(16, 16), (1.0 + torch.randn(4, 16, 20, 20)).bfloat16(), torch.randn(4, 16, 20, 20)
    slow = copy.deepcopy(module)
    exact = run(copy.deepcopy(module).double(), x.double(), grad)
    with torch.autocast("cpu", torch.bfloat16):
        got = run(module, x, grad)
        monkeypatch.setattr(pplcnet_v3, "sums_fast", lambda *_: False)
        want = run(slow, x, grad)
    assert got[0].dtype == want[0].dtype == torch.bfloat16
    statistics = [i for i, value in enumerate(exact) if i >= len(exact) - len(list(module.buffers())) and value.dim() == 1]
    for i in (0, 1, *statistics):  # the result, the input's gradient, the running statistics
        assert (got[i] - exact[i]).norm() <= 1.1 * (want[i] - exact[i]).norm() + 1e-6 * exact[i].norm()


def test_a_frozen_batch_norm_takes_the_slow_way() -> None:
    module, x = layer(4, 4), torch.randn(2, 4, 5, 5)
    module.conv_kxk[1].bn.eval()
    before = module.conv_kxk[1].bn.running_mean.clone()
    module(x)
    assert torch.equal(before, module.conv_kxk[1].bn.running_mean)
    assert not torch.equal(before, module.conv_kxk[0].bn.running_mean)
