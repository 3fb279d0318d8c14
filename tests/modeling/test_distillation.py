"""DistillationModel: what teaches does not change, and answers as in training."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.modeling.distillation import DistillationModel, SubModel

DETECTOR = {
    "Backbone": {"name": "MobileNetV3", "scale": 0.35, "model_name": "small"},
    "Neck": {"name": "RSEFPN", "out_channels": 24},
    "Head": {"name": "DBHead", "k": 50},
}
GUIDED = {
    "Backbone": {"name": "MobileNetV1Enhance", "scale": 0.25, "last_conv_stride": [1, 2], "last_pool_type": "avg"},
    "Head": {
        "name": "MultiHead",
        "head_list": [
            {"CTCHead": {"Neck": {"name": "svtr", "dims": 32, "depth": 1, "hidden_dims": 24, "use_guide": True}, "Head": {}}},
            {"NRTRHead": {"nrtr_dim": 64, "max_text_length": 10, "num_decoder_layers": 1}},
        ],
    },
}


def built(task: str, **models: dict) -> DistillationModel:
    load_components()
    node = {"model_type": task, "name": "DistillationModel", "algorithm": "Distillation", "Models": models}
    recipe = Recipe.from_tree({"Global": {"epoch_num": 1}, "Architecture": node})
    return Builder(recipe, Charset(list("abcdef")) if task == "rec" else None).model()


def test_a_frozen_teacher_stays_as_it_is_and_gives_all_maps() -> None:
    torch.manual_seed(0)
    model = built("det", Student=DETECTOR, Teacher={**DETECTOR, "freeze_params": True})
    before = {name: value.clone() for name, value in model.sub("Teacher").state_dict().items()}
    model.train()
    outputs = model(torch.randn(2, 3, 64, 64))
    assert set(outputs) == {"Student/maps", "Teacher/maps"}
    assert outputs["Teacher/maps"].shape == outputs["Student/maps"].shape == (2, 3, 64, 64)
    assert outputs["Student/maps"].requires_grad and not outputs["Teacher/maps"].requires_grad
    outputs["Student/maps"].sum().backward()
    assert all(p.grad is None for p in model.sub("Teacher").parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.sub("Teacher").state_dict().items())
    student = model.sub("Student").state_dict()
    assert any(name.endswith("running_mean") and value.any() for name, value in student.items())


def test_a_frozen_teacher_is_in_evaluation_mode_but_for_its_heads() -> None:
    model = built("rec", Student=GUIDED, Teacher={**GUIDED, "freeze_params": True, "return_all_feats": True}).train()
    teacher = model.sub("Teacher")
    assert not any(m.training for m in teacher.modules() if isinstance(m, (nn.Dropout, nn.BatchNorm2d, nn.LayerNorm)))
    targets = {"label_gtc": torch.tensor([[2, 4, 5, 3, 0], [2, 6, 3, 0, 0]]), "length": torch.tensor([2, 1])}
    images = torch.randn(2, 3, 48, 64)
    first, second = model(images, targets), model(images, targets)
    assert {name for name in first if name.startswith("Teacher/")} == {
        f"Teacher/{key}" for key in ("ctc", "ctc_neck", "gtc", "backbone_out", "neck_out")
    }
    assert "Student/backbone_out" not in first
    for name, value in first.items():
        if name.startswith("Teacher/"):
            assert torch.equal(value, second[name]), name
    assert not torch.equal(first["Student/ctc"], second["Student/ctc"])  # its dropouts are at work
    assert not torch.allclose(first["Teacher/ctc"].exp().sum(2), torch.ones(()))  # logits, not probabilities
    evaluated = model.eval()(images)
    assert set(evaluated) == {"Student/ctc", "Teacher/ctc"}
    assert torch.allclose(evaluated["Teacher/ctc"], first["Teacher/ctc"].softmax(2), atol=1e-5)
    assert model.needs == ("label_gtc", "length")


def test_only_what_is_read_runs_in_evaluation() -> None:
    load_components()
    node = {"model_type": "det", "Models": {"Student": DETECTOR, "Teacher": {**DETECTOR, "freeze_params": True}}}
    post = {"name": "DistillationDBPostProcess", "model_name": ["Student"]}
    recipe = Recipe.from_tree({"Global": {"epoch_num": 1}, "Architecture": node, "PostProcess": post})
    model = Builder(recipe).model()
    assert set(model.eval()(torch.randn(1, 3, 64, 64))) == {"Student/maps"}
    assert set(model.train()(torch.randn(2, 3, 64, 64))) == {"Student/maps", "Teacher/maps"}


def test_names_and_settings_are_those_of_the_networks() -> None:
    model = built("rec", Student=GUIDED, Teacher={**GUIDED, "freeze_params": True})
    names = [name for name, _ in model.named_parameters()]
    assert all(name.partition(".")[0] in ("Student", "Teacher") for name in names)
    assert set(model.class_parameters().values()) == {"ctc", "nrtr"}
    assert all(name.startswith("Student.") for name in model.param_attrs())
    assert {n for n in model.fixed_names() if n in names} == {n for n in names if n.startswith("Teacher.")}
    assert model.out_spec == model.sub("Student").out_spec


def test_mistakes_are_told() -> None:
    one = nn.Identity()
    with pytest.raises(ValueError, match="every sub-model"):
        DistillationModel({"Student": SubModel(one, freeze_params=True)})
    with pytest.raises(ValueError, match="cannot be the name"):
        DistillationModel({"forward": SubModel(one)})
