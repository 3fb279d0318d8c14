"""A network whose whole architecture is one string enters by a package: checked, trained, loaded, exported, read with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import pytest
import torch

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.engine import evaluate, train
from ppocr_like.engine.api import load_model
from ppocr_like.errors import ConfigError
from ppocr_like.export import export
from ppocr_like.pipeline import Recogniser
from tests.engine.helpers import make_data, tiny_recipe

LAYERS = "Cr3,3,8 Mp2,2 Cr3,3,16 Mp2,2 Y"
WHOLE = {"model_type": "rec", "name": "WholeNet", "spec": f"[1,32,0,3 {LAYERS}]"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    make_data(folder)
    load_components(["tests.string_net"])
    return folder


def recipe(data: Path, run: Path, architecture: dict[str, Any], **more: Any) -> Recipe:
    tree = tiny_recipe(data, run, Global__plugins=["tests.string_net"], Train__loader__num_workers=0, **more)
    return Recipe.from_tree({**tree, "Architecture": architecture})


def problems(made: Recipe) -> list[str]:
    with pytest.raises(ConfigError) as error:
        Builder(made).check()
    return [str(problem) for problem in error.value.problems]


def test_it_is_trained_loaded_exported_and_read_with(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(recipe(data, run, WHOLE, Global__epoch_num=1, Global__eval_loss=True))
    (measured,) = evaluate(recipe(data, run, WHOLE, Global__pretrained_model=str(run)))
    assert 0 <= measured.metrics["acc"] <= 1
    (data / "more.txt").write_text("\n".join("x0123456789") + "\n", encoding="utf-8")
    union = {"Global__character_dict_path": str(data / "more.txt"), "Global__charset_resize": "union", "Global__epoch_num": 1}
    train(recipe(data, tmp_path / "other", WHOLE, Global__pretrained_model=str(run / "latest.ckpt"), **union))

    report = export(recipe(data, run, WHOLE, Global__pretrained_model=str(run), Global__save_inference_dir=str(run / "bundle")))
    assert all(check.difference < 1e-4 for check in report.shapes)
    images = [cv2.imread(str(data / "img" / f"eval_{number}.png")) for number in range(3)]
    _, model = load_model(recipe(data, run, WHOLE, Global__pretrained_model=str(run)))
    assert len(Recogniser(report.folder)(images)) == 3 and model.eval()(torch.zeros(1, 3, 32, 96))["ctc"].shape == (1, 24, 11)


def test_mistakes_in_it_have_their_places(data: Path, tmp_path: Path) -> None:
    assert problems(recipe(data, tmp_path, {**WHOLE, "spec": "[1,32,0,1 Y]"})) == [
        "Architecture: spec is for images of 1 channels, the recipe's have 3"
    ]
    assert problems(recipe(data, tmp_path, {**WHOLE, "specs": 1})) == ["Architecture.specs: unknown key; nearest: spec"]
    assert problems(recipe(data, tmp_path, {**WHOLE, "Backbone": {"name": "ResNet"}})) == [
        "Architecture.Backbone: unknown key; accepted: model_type, algorithm, name, spec"
    ]


def test_it_may_be_one_of_several(data: Path, tmp_path: Path) -> None:
    node = {key: value for key, value in WHOLE.items() if key != "model_type"}
    several = {"model_type": "rec", "Models": {"Student": node, "Teacher": {**node, "freeze_params": True}}}
    model = Builder(recipe(data, tmp_path, several)).model()
    outputs = model.train()(torch.zeros(1, 3, 32, 96))
    assert set(outputs) == {"Student/ctc", "Teacher/ctc"} and not model.Teacher.layers.training
    assert not torch.allclose(outputs["Teacher/ctc"].sum(dim=2), torch.ones(1, 24)), "a teacher gives logits, too"


def test_a_backbone_of_one_string(data: Path, tmp_path: Path) -> None:
    parts = {"Neck": {"name": "SequenceEncoder", "encoder_type": "reshape"}, "Head": {"name": "CTCHead"}}
    made = recipe(data, tmp_path, {"model_type": "rec", "Backbone": {"name": "StringBackbone", "spec": LAYERS}, **parts})
    Builder(made).check()
    assert Builder(made).model().out_spec.stride[1] == 4
    wrong = {"model_type": "rec", "Backbone": {"name": "StringBackbone", "spec": "Lbx64"}, **parts}
    assert problems(recipe(data, tmp_path, wrong)) == [
        "Architecture.Backbone: spec has the layer 'Lbx64'; known are Cr3,3,16 and Mp2,2 and Y"
    ]
