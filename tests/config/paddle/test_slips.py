"""Words of PaddleOCR's earlier recipes: understood in a file, said once, held to today's names with `-o`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ppocr_like.config import Builder, Recipe, load_recipe
from ppocr_like.errors import ConfigError


def detector(**backbone: object) -> Recipe:
    return Recipe.from_tree({"Architecture": {"model_type": "det", "Backbone": {"name": "ResNet", "layers": 18, **backbone}}})


def test_the_early_resnet_of_detectors_is_resnet_vd() -> None:
    recipe = detector(disable_se=True)
    assert recipe.get("Architecture.Backbone.name") == "ResNet_vd"
    assert len(recipe.notes) == 1 and "means ResNet_vd" in recipe.notes[0]


def test_a_plain_resnet_without_deformable_convolutions_stays_and_is_said() -> None:
    recipe = detector()
    assert recipe.get("Architecture.Backbone.name") == "ResNet"
    assert ["ResNet_vd: write that there" in note for note in recipe.notes] == [True]
    assert detector(dcn_stage=[False] * 4).notes == []


def test_a_recogniser_s_resnet_is_left_alone() -> None:
    tree = {"Architecture": {"model_type": "rec", "Backbone": {"name": "ResNet", "layers": 34}}}
    assert Recipe.from_tree(tree).notes == []


def test_the_networks_of_a_distillation_are_looked_at_each() -> None:
    backbone = {"name": "ResNet", "disable_se": True}
    models = {"Teacher": {"Backbone": dict(backbone)}, "Student": {"Backbone": {"name": "MobileNetV3", "disable_se": True}}}
    recipe = Recipe.from_tree({"Architecture": {"model_type": "det", "Models": models}})
    assert recipe.get("Architecture.Models.Teacher.Backbone.name") == "ResNet_vd"
    assert recipe.get("Architecture.Models.Student.Backbone.name") == "MobileNetV3"


@pytest.mark.parametrize(("switch", "arguments"), [(False, {"tia_prob": 0.0}), (True, {})])
def test_the_switch_of_the_warping(switch: bool, arguments: dict) -> None:
    tree = {"Train": {"dataset": {"transforms": [{"DecodeImage": None}, {"RecAug": {"use_tia": switch}}]}}}
    recipe = Recipe.from_tree(tree)
    assert recipe.get("Train.dataset.transforms.1.RecAug") == arguments
    assert recipe.notes[0].startswith("Train.dataset.transforms.1.RecAug.use_tia")


def schedule(epochs: list[int]) -> Recipe:
    rate = {"name": "Piecewise", "decay_epochs": epochs, "values": [0.001, 0.0001]}
    return Recipe.from_tree({"Global": {"epoch_num": 10}, "Optimizer": {"name": "Adam", "lr": rate}})


def test_a_last_boundary_without_a_rate_behind_it() -> None:
    recipe = schedule([7, 8])
    assert recipe.get("Optimizer.lr.decay_epochs") == [7]
    values = Builder(recipe).schedule(10, 1)
    assert [values.value(step) for step in (6, 7, 8, 9)] == [0.001, 0.0001, 0.0001, 0.0001]
    assert len(recipe.notes) == 1


def test_two_boundaries_too_many_are_still_a_mistake() -> None:
    with pytest.raises(ConfigError, match="needs one rate more"):
        Builder(schedule([6, 7, 8])).schedule(10, 1)


def test_what_is_typed_is_held_to_todays_names(shipped: Callable[..., Recipe]) -> None:
    with pytest.raises(ConfigError, match="use_tia: unknown key"):
        Builder(shipped("Train.dataset.transforms.RecAug.use_tia=false")).check()


LOSS = "Loss:\n  name: CombinedLoss\n  model_name_pairs:\n  - [a, b]\n  weight: 1\n  model_name_pairs: [a, b]\n"


def test_a_key_that_stands_twice_in_paddleocr_s_own_recipes_counts_last(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yml"
    path.write_text(LOSS, encoding="utf-8")
    recipe = load_recipe(path)
    assert recipe.get("Loss.model_name_pairs") == ["a", "b"]
    told = "line 6: the key 'model_name_pairs' stands twice (first in line 3); the last one counts, as in PaddleOCR"
    assert recipe.notes == [told]


def test_the_same_twice_does_no_harm_and_another_value_does(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yml"
    path.write_text("Global:\n  a: [1, 2]\n  b: 3\n  a: [1, 2]\n", encoding="utf-8")
    assert load_recipe(path).notes == ["line 4: the key 'a' stands twice (first in line 2)"]
    path.write_text("Global:\n  a: [1, 2]\n  b: 3\n  a: [1, 3]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 4, column 3: the key 'a' stands twice"):
        load_recipe(path)
