"""Weights of several networks, of a part, and in another layout."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.errors import WeightsError
from ppocr_like.weights import WeightsFile, load_into, same_charset
from ppocr_like.weights.sub_models import sub_models_of


class Net(nn.Module):
    """Names as an OcrModel's; the linear layer is square, so that only a rule can tell its layout."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.head = nn.Sequential(nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3)), nn.Sequential(nn.Linear(3, 3))

    def class_parameters(self) -> dict[str, str]:
        return {"head.0.weight": "ctc", "head.0.bias": "ctc"}


def file_of(state, **changes) -> WeightsFile:
    return replace(WeightsFile(state, None, None, {}, Path("w.pdparams")), **changes)


def distilled() -> tuple[dict[str, Net], dict[str, torch.Tensor]]:
    nets = {name: Net() for name in ("Teacher", "Student", "Student2")}
    return nets, {f"{name}.{key}": value for name, net in nets.items() for key, value in net.state_dict().items()}


def equal(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(value, b.state_dict()[key]) for key, value in a.state_dict().items())


def test_one_network_of_a_distillation(caplog):
    caplog.set_level("INFO", "ppocr_like")
    nets, state = distilled()
    assert sub_models_of(state) == ["Teacher", "Student", "Student2"]
    for wanted, taken in ((None, "Student"), ("Teacher", "Teacher"), ("Student2", "Student2")):
        model = Net()
        assert load_into(model, file_of(state, sub_model=wanted), None, 1.0).share == 1.0
        assert equal(model, nets[taken])
    assert "Student is taken" in caplog.text
    with pytest.raises(WeightsError, match="Pupil"):
        load_into(Net(), file_of(state, sub_model="Pupil"), None, 1.0)
    with pytest.raises(WeightsError, match="holds one network alone"):
        load_into(Net(), file_of(Net().state_dict(), sub_model="Teacher"), None, 1.0)


def test_square_linear_weights_are_turned_by_rule():
    source, model = Net(), Net()
    state = source.state_dict()
    load_into(model, file_of({**state, "head.0.weight": state["head.0.weight"].T}, paddle=True), None, 1.0)
    assert equal(model, source)


def test_a_backbone_alone_fills_the_backbone(caplog):
    caplog.set_level("INFO", "ppocr_like")
    charset = Charset("ab")
    source, model = Net(), Net()
    head = model.head[0].weight.detach().clone()
    state = {**source.backbone.state_dict(), "fc.weight": torch.zeros(9, 3)}
    report = load_into(model, file_of(state, paddle=True), same_charset(charset, assumed=True), 0.9)
    assert report.share == 1.0 and [name for name, _ in report.unexpected] == ["fc.weight"]
    assert equal(model.backbone, source.backbone) and torch.equal(model.head[0].weight, head)
    assert "backbone alone" in caplog.text
    with pytest.raises(WeightsError, match="all must match"):  # evaluation and export need the whole
        load_into(Net(), file_of(state), None, 1.0)
    with pytest.raises(WeightsError, match=r"only 16\.7%"):
        load_into(Net(), file_of({"0.weight": state["0.weight"]}), None, 0.5)


def test_both_class_counts_are_told():
    plan = same_charset(Charset("abcd"), assumed=True)
    with pytest.raises(WeightsError, match=r"head\.0\.weight has 3 classes, the recipe's dictionary 5"):
        load_into(Net(), file_of(Net().state_dict(), paddle=True), plan, 0.5)
