"""Weights of several networks in one file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from ppocr_like.errors import WeightsError
from ppocr_like.modeling.distillation import DistillationModel, SubModel
from ppocr_like.weights import load_into, load_own_weights, load_weights, save_weights, sub_weights


class Net(nn.Module):
    needs: tuple[str, ...] = ()

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(2, width), nn.Linear(width, 2))
        self.head = nn.Linear(2, 1)

    def class_parameters(self) -> dict[str, str]:
        return {}


def several(frozen: bool = True, width: int = 3) -> DistillationModel:
    return DistillationModel({"Student": SubModel(Net()), "Teacher": SubModel(Net(width), freeze_params=frozen)})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    save_weights(tmp_path / "both.safetensors", several().state_dict(), {})
    save_weights(tmp_path / "one.safetensors", Net().state_dict(), {})
    return tmp_path / "both.safetensors"


def same(model: nn.Module, state: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_each_network_gets_its_own(file: Path) -> None:
    weights, model = load_weights(file), several()
    report = load_into(model, weights, None, 1.0)
    assert same(model, weights.state) and report.share == 1 and len(report.matched) == 12
    one = Net()
    load_into(one, weights, None, 1.0)
    assert same(one, {name.removeprefix("Student."): value for name, value in weights.state.items() if "Student" in name})
    assert set(sub_weights(weights, "Teacher").state) == set(one.state_dict())
    with pytest.raises(WeightsError, match=r"no network 'Assistant'"):
        sub_weights(weights, "Assistant")


def test_each_network_has_its_own_floor(file: Path) -> None:
    weights = load_weights(file)
    odd = several(width=5)
    with pytest.raises(WeightsError, match="network Teacher: only 5"):
        load_into(odd, weights, None, 0.6)
    missing = DistillationModel({"Student": SubModel(Net()), "Other": SubModel(Net())})
    with pytest.raises(WeightsError, match="network Other"):
        load_into(missing, weights, None, 0.5)
    own = {"Models": {"Other": {"pretrained": "somewhere"}}}
    assert len(load_into(missing, weights, None, 0.5, architecture=own).matched) == 6
    with pytest.raises(WeightsError, match="network Other"):
        load_into(missing, weights, None, 1.0, architecture=own)  # as it is: it would be measured with random weights


def test_weights_of_its_own(file: Path) -> None:
    model, both = several(), load_weights(file).state
    one = load_weights(file.with_name("one.safetensors")).state
    load_own_weights(model, {"Teacher": str(file), "Student": str(file.with_name("one.safetensors"))}, None, "fail", 1.0, "det")
    assert same(model.sub("Teacher"), {n.removeprefix("Teacher."): v for n, v in both.items()})
    assert same(model.sub("Student"), one)
    with pytest.raises(WeightsError, match=r"Architecture\.Models\.Teacher\.pretrained: .*not found"):
        load_own_weights(model, {"Teacher": "nowhere"}, None, "fail", 1.0, "det")
    with pytest.raises(WeightsError, match="holds one network, the recipe has Student, Teacher"):
        load_into(model, load_weights(file.with_name("one.safetensors")), None, 0.5)
