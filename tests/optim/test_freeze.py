"""Freezing by pattern until a number of samples was seen."""

import pytest
import torch
from torch import nn

from ppocr_like.errors import ConfigError
from ppocr_like.optim.freeze import Freezer, but_the_head
from ppocr_like.optim.optimizers import AdamW
from ppocr_like.optim.schedules import Const


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.Linear(4, 2)
        self.fixed = nn.Parameter(torch.ones(1), requires_grad=False)

    def forward(self, images):
        return self.head(self.backbone(images).mean(dim=(2, 3))) * self.fixed


def step(net, optim, number, consumed):
    net.train()
    optim.apply_freeze(net, consumed)
    optim.zero_grad()
    net(torch.randn(4, 3, 6, 6, generator=torch.Generator().manual_seed(number))).square().mean().backward()
    optim.step(number)


def make(freeze):
    net = Net()
    optim = AdamW(list(net.named_parameters()), {}, Const(0.01, epochs=1, steps_per_epoch=9), weight_decay=0.1, freeze=freeze)
    return net, optim


def test_frozen_parts_stay_bit_for_bit_and_thaw_after_their_samples():
    net, optim = make([{"pattern": "backbone.*", "samples": 8}])
    start = {name: value.clone() for name, value in net.state_dict().items()}
    step(net, optim, 0, 0)
    step(net, optim, 1, 4)
    for name, value in net.state_dict().items():
        assert torch.equal(value, start[name]) == (not name.startswith("head")), name
    assert not net.backbone[1].training
    step(net, optim, 2, 8)
    assert net.backbone[1].training
    assert not torch.equal(net.backbone[0].weight, start["backbone.0.weight"])
    assert not torch.equal(net.backbone[1].running_mean, start["backbone.1.running_mean"])


def test_no_samples_means_for_ever_and_a_parameters_own_flag_is_kept():
    net, optim = make([{"pattern": "backbone.0.*"}, {"pattern": "fixed", "samples": 2}])
    assert optim.apply_freeze(net, 10**9) == {"backbone.0.weight", "backbone.0.bias"}
    assert not net.fixed.requires_grad, "it was not trainable to begin with"
    assert net.backbone[1].training, "only batch norms with a frozen parameter stay in evaluation"


def test_a_resumed_run_thaws_at_the_same_place():
    rules = [{"pattern": "backbone.*", "samples": 8}]
    net, optim = make(rules)
    for number in range(4):
        step(net, optim, number, number * 4)
    half, first = make(rules)
    for number in range(2):
        step(half, first, number, number * 4)
    resumed, second = make(rules)
    resumed.load_state_dict(half.state_dict())
    second.load_state_dict(first.state_dict())
    for number in range(2, 4):
        step(resumed, second, number, number * 4)
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), resumed.state_dict().values(), strict=True))


def test_evaluation_mode_is_not_touched_by_thawing():
    net, optim = make([{"pattern": "backbone.*", "samples": 8}])
    optim.apply_freeze(net.train(), 0)
    optim.apply_freeze(net.eval(), 8)
    assert not net.backbone[1].training


def test_overlapping_rules_hold_as_long_as_one_does():
    names = ["a.weight", "b.weight", "c.weight"]
    freezer = Freezer([{"pattern": "a.*", "samples": 5}, {"pattern": "[ab].*", "samples": 3}], names)
    assert [sorted(freezer.frozen(n)) for n in (0, 3, 5)] == [["a.weight", "b.weight"], ["a.weight"], []]


@pytest.mark.parametrize("samples", [0, -3, 2.5, True, "all"])
def test_samples_must_be_a_count(samples):
    with pytest.raises(ConfigError, match=r"Optimizer\.freeze\.0\.samples"):
        Freezer([{"pattern": "a", "samples": samples}], ["a", "b"])


def test_freeze_backbone_is_short_for_all_but_the_head():
    net = Net()
    optim = AdamW(list(net.named_parameters()), {}, Const(0.01, epochs=1, steps_per_epoch=9), freeze_backbone=8)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    step(net, optim, 0, 0)
    changed = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"head.weight", "head.bias"}
    step(net, optim, 1, 8)
    assert not torch.equal(net.backbone[0].weight, before["backbone.0.weight"])


def test_freeze_backbone_keeps_the_heads_of_several_networks():
    names = ["Student.backbone.a", "Student.neck.b", "Student.head.c", "Teacher.backbone.a", "Teacher.head.c"]
    rules = but_the_head(4, names)
    assert [rule["pattern"] for rule in rules] == ["Student.backbone*", "Student.neck*", "Teacher.backbone*"]
    assert but_the_head(0, names) == []
    for wrong, said in ((-1, "number of training samples"), (True, "number of training samples"), (1.5, "training samples")):
        with pytest.raises(ConfigError, match=said):
            but_the_head(wrong, names)
    with pytest.raises(ConfigError, match="no part named head, but body"):
        but_the_head(4, ["body.a"])
