"""Several networks in a recipe: what is told about them, and one of them as a recipe of its own."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.config.single import single_model
from ppocr_like.errors import ConfigError

NET: dict[str, Any] = {
    "Backbone": {"name": "MobileNetV3", "scale": 0.35, "model_name": "small"},
    "Neck": {"name": "DBFPN", "out_channels": 24},
    "Head": {"name": "DBHead", "k": 50},
}
RECALL = {"main_indicator": "recall"}
LOSS = {
    "name": "CombinedLoss",
    "loss_config_list": [
        {"DistillationDBLoss": {"weight": 1.0, "model_name_list": ["Student"], "alpha": 4}},
        {
            "DistillationDMLLoss": {
                "weight": 0.5,
                "model_name_pairs": ["Student", "Teacher"],
                "key": "maps",
                "maps_name": "thrink_maps",
            }
        },
    ],
}


@pytest.fixture
def tree() -> dict[str, Any]:
    load_components()
    student = {**copy.deepcopy(NET), "algorithm": "DB", "model_type": "det"}
    models = {"Student": student, "Teacher": {**NET, "freeze_params": True}}
    return copy.deepcopy(
        {
            "Global": {"epoch_num": 1},
            "Architecture": {"name": "DistillationModel", "model_type": "det", "algorithm": "Distillation", "Models": models},
            "Loss": LOSS,
            "PostProcess": {"name": "DistillationDBPostProcess", "model_name": ["Student"], "key": "head_out", "thresh": 0.25},
            "Metric": {
                "name": "DistillationMetric",
                "base_metric_name": "DetMetric",
                "main_indicator": "recall",
                "key": "Student",
            },
        }
    )


def problems(tree: dict[str, Any], *paths: str) -> list[str]:
    """What the check says of the architecture and what reads it (data is left out here)."""
    try:
        Builder(Recipe.from_tree(tree)).check()
    except ConfigError as error:
        return [str(p) for p in error.problems if p.path.partition(".")[0] in ("Architecture", "Loss", "PostProcess", "Metric")]
    return []


def test_a_good_one(tree: dict[str, Any]) -> None:
    assert problems(tree) == []
    recipe = Recipe.from_tree(tree)
    builder = Builder(recipe)
    loss, metric = builder.loss(), builder.metric()
    assert loss.member_weights == [1.0, 0.5] and loss.members[0].loss.alpha == 4
    assert metric.base.main_indicator == metric.main_indicator == "recall"
    assert builder.postprocess().reader.thresh == 0.25
    model = builder.model()

    optimised = {n for n, _ in model.named_parameters() if n.startswith("Student.")}
    tree["Optimizer"] = {"name": "Adam", "lr": {"name": "Const", "learning_rate": 0.001}}
    assert set(Builder(Recipe.from_tree(tree)).optimizer(model, 1, 10).names) == optimised
    assert "Architecture.Models.Teacher is frozen and has no weights" in " ".join(recipe.notes)


def change(tree: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    *parents, last = path.split(".")
    node: Any = tree
    for key in parents:
        node = node[int(key) if key.isdigit() else key]
    node[last] = value
    return tree


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("Architecture.Models.Student.Bakbone", {}, "Architecture.Models.Student.Bakbone: unknown key; nearest: Backbone"),
        (
            "Architecture.Models.Student.Neck.out_chanels",
            3,
            "Models.Student.Neck.out_chanels: unknown key; nearest: out_channels",
        ),
        ("Architecture.Models.Teacher.freeze_params", "yes", "Models.Teacher.freeze_params: is 'yes', but true or false"),
        ("Architecture.Models.Student.freeze_params", True, "every sub-model has freeze_params: true"),
        ("Architecture.Models.Student.model_type", "rec", "Models.Student.model_type: is 'rec', but that of Architecture is det"),
        ("Architecture.Models", {}, "Architecture.Models: is {}; a mapping of names to networks"),
        ("Architecture.Backbone", {"name": "ResNet_vd"}, "Architecture.Backbone: belongs to the networks under Models"),
        ("Architecture.name", "OcrModel", "OcrModel is one network; several need name: DistillationModel"),
        ("Loss.loss_config_list.0.DistillationDBLoss.weight", None, "0.DistillationDBLoss.weight: is missing; a number"),
        ("Loss.loss_config_list.0.DistillationDBLoss.model_name_list", ["Studnet"], "'Studnet'; nearest: Student"),
        ("Loss.loss_config_list.0.DistillationDBLoss.alfa", 1, "DistillationDBLoss.alfa: unknown key; nearest: alpha"),
        ("Loss", {"name": "DBLoss"}, "Loss.name: DBLoss does not fit the networks' outputs"),
        ("PostProcess", {"name": "DBPostProcess"}, "PostProcess.name: DBPostProcess does not fit"),
        ("PostProcess.model_name", ["Teacher"], "Metric.key: is Student, which PostProcess.model_name does not read"),
        ("Metric.base_metric_name", "DetMetrik", "Metric.base_metric_name: unknown metric 'DetMetrik'; nearest: DetMetric"),
        ("Metric.main_indicator", "acc", "main_indicator is 'acc'; accepted: hmean, precision, recall"),
        ("Metric.ignore_space", True, "Metric.ignore_space: unknown key"),
    ],
)
def test_mistakes_are_told_with_their_place(tree: dict[str, Any], path: str, value: Any, told: str) -> None:
    found = problems(change(tree, path, value))
    assert any(told in line for line in found), found


def test_one_of_them_alone(tree: dict[str, Any]) -> None:
    tree["Architecture"]["Models"]["Teacher"]["Neck"]["out_channels"] = 48
    student, teacher = (single_model(Recipe.from_tree(tree), name) for name in (None, "Teacher"))
    assert student.get("Architecture.Neck.out_channels") == 24 and teacher.get("Architecture.Neck.out_channels") == 48
    assert student.get("PostProcess") == {"name": "DBPostProcess", "thresh": 0.25, "box_thresh": 0.6, "unclip_ratio": 1.5}
    assert student.get("Metric") == {"name": "DetMetric", "main_indicator": "recall"}
    assert Builder(student).model().eval().class_parameters() == {}
    with pytest.raises(ConfigError, match="has no network 'Student3'"):
        single_model(Recipe.from_tree(tree), "Student3")


def test_an_unknown_network_does_not_hide_mistakes_in_its_parts(tree: dict[str, Any]) -> None:
    tree["Architecture"] = {"name": "OcrModle", "model_type": "det", "Transform": None, **copy.deepcopy(NET)}
    tree["Architecture"]["Backbone"]["scall"] = 1
    with pytest.raises(ConfigError) as error:
        Builder(Recipe.from_tree(tree)).model()
    assert [str(problem) for problem in error.value.problems] == [
        "Architecture: unknown architecture 'OcrModle'; nearest: OcrModel",
        "Architecture.Backbone.scall: unknown key; nearest: scale",
    ]
