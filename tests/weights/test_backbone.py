"""`Architecture.Backbone.pretrained`: weights of a backbone, beside those of the whole."""

from pathlib import Path

import pytest
import torch

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.config.architecture import backbone_weights
from ppocr_like.errors import ConfigError, WeightsError
from ppocr_like.weights import load_backbones
from ppocr_like.weights.paddle_write import paddle_state, write_paddle

BACKBONE = {"name": "MobileNetV1Enhance", "scale": 0.125}


def recipe(**backbone: object) -> Recipe:
    parts = {
        "Backbone": {**BACKBONE, **backbone},
        "Neck": {"name": "SequenceEncoder", "encoder_type": "reshape"},
        "Head": {"name": "CTCHead"},
    }
    return Recipe.from_tree({"Global": {"epoch_num": 1}, "Architecture": {"model_type": "rec", **parts}})


def build(seed: int = 0, **backbone: object) -> torch.nn.Module:
    load_components()
    torch.manual_seed(seed)
    return Builder(recipe(**backbone)).model()


@pytest.mark.parametrize("prefix", ["", "backbone."])
def test_a_backbone_from_imagenet_or_of_a_network(tmp_path: Path, prefix: str) -> None:
    source, path = build(), tmp_path / "b.pdparams"
    state = paddle_state(source.state_dict(), source)
    kept = {prefix + name.removeprefix("backbone."): value for name, value in state.items() if name.startswith("backbone.")}
    write_paddle(path, kept | ({} if not prefix else {"head.fc.bias": state["head.fc.bias"]}))
    model = build(1, pretrained=str(path))
    head = model.head.fc.weight.clone()
    assert backbone_weights(recipe(pretrained=str(path))) == {"": str(path)}
    load_backbones(model, {"": str(path)}, 1.0)
    assert all(torch.equal(value, source.backbone.state_dict()[name]) for name, value in model.backbone.state_dict().items())
    assert torch.equal(model.head.fc.weight, head)


def test_what_is_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    write_paddle(tmp_path / "x.pdparams", {"conv1._conv.weight": torch.ones(9, 9).numpy()})
    with pytest.raises(WeightsError, match=r"Architecture\.Backbone\.pretrained: only 0\.0%"):
        load_backbones(build(), {"": str(tmp_path / "x.pdparams")}, 0.5)
    with pytest.raises(ConfigError, match=r"Architecture\.Backbone\.pretrained: is true, but nothing is downloaded"):
        build(pretrained=True)
    for off in (None, False):
        build(pretrained=off)
        assert backbone_weights(recipe(pretrained=off)) == {}
