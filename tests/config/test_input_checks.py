"""A detector's recipe is held against itself without data: sizes, batch entries, characters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from det_pages import det_recipe

from ppocr_like.config import Builder, Recipe
from ppocr_like.errors import ConfigError

NOWHERE = Path("nowhere")


def tree(**over: Any) -> dict[str, Any]:
    return det_recipe(NOWHERE, NOWHERE / "run", **over)


def found(recipe: dict[str, Any]) -> dict[str, str]:
    try:
        Builder(Recipe.from_tree(recipe)).check()
    except ConfigError as error:
        return {p.path: p.message for p in error.problems}
    return {}


def step(recipe: dict[str, Any], section: str, name: str) -> dict[str, Any]:
    return next(item for item in recipe[section]["dataset"]["transforms"] if name in item)


def test_a_good_one_has_no_characters_and_no_notes() -> None:
    recipe = Recipe.from_tree(tree())
    builder = Builder(recipe)
    builder.check()
    assert builder.charset is None and recipe.notes == []


def test_no_dictionary_is_read() -> None:
    recipe = Recipe.from_tree(tree(Global__character_dict_path="no such file"))
    Builder(recipe).check()
    assert recipe.notes == ["Global.character_dict_path is not read: model_type det has no characters"]


@pytest.mark.parametrize("size", [[250, 256], [256, 33], [100, 100]])
def test_a_crop_that_the_strides_do_not_divide(size: list[int]) -> None:
    recipe = tree()
    step(recipe, "Train", "EastRandomCropData")["EastRandomCropData"]["size"] = size
    ((path, message),) = found(recipe).items()
    assert path == "Train.dataset.transforms.4.EastRandomCropData"
    assert f"{size[0]} x {size[1]} px" in message and "make both sides multiples of 32" in message


@pytest.mark.parametrize("size", [[32, 64], [640, 960], [96, 32]])
def test_a_crop_that_they_divide(size: list[int]) -> None:
    recipe = tree()
    step(recipe, "Train", "EastRandomCropData")["EastRandomCropData"]["size"] = size
    assert found(recipe) == {}


KEPT = {
    "Train": (
        ["image", "shrink_map", "shrink_mask"],
        "Loss (DBLoss) needs threshold_map, threshold_mask, but KeepKeys keeps only",
    ),
    "Eval": (["image", "shape"], "Metric (DetMetric) needs polys, ignore_tags, but KeepKeys keeps only image, shape"),
}


@pytest.mark.parametrize("section", KEPT)
def test_what_loss_and_metric_read_must_be_kept(section: str) -> None:
    recipe = tree()
    keys, message = KEPT[section]
    step(recipe, section, "KeepKeys")["KeepKeys"]["keep_keys"] = keys
    ((path, said),) = found(recipe).items()
    assert path == f"{section}.dataset.transforms" and said.startswith(message)


def test_the_metric_of_training_batches_without_polygons() -> None:
    problems = found(tree(Global__cal_metric_during_train=True))
    assert list(problems) == ["Global.cal_metric_during_train"]
    assert "needs polys, ignore_tags" in str(problems) and "set it to false" in str(problems)


def test_a_part_of_a_recogniser_is_told_that_there_are_no_characters() -> None:
    problems = found(tree(PostProcess={"name": "CTCLabelDecode"}, Architecture__Head={"name": "CTCHead"}))
    assert problems["PostProcess"] == "CTCLabelDecode needs a character set, which model_type det has not"
    assert problems["Architecture.Head"] == "CTCHead needs a character set, which model_type det has not"


def test_a_broken_chain_is_found_without_data() -> None:
    recipe = tree()
    recipe["Train"]["dataset"]["transforms"] = [t for t in recipe["Train"]["dataset"]["transforms"] if "DetLabelEncode" not in t]
    assert any("needs" in message and "polys" in message for message in found(recipe).values())


def test_a_shrink_ratio_that_grows_beyond_all_text_is_said() -> None:
    """The chain's total_epoch is 4: from epoch 12 on 0.4 + 0.2 x 12 / 4 is 1."""
    for epochs, said in ((11, 0), (12, 2), (25, 2)):
        recipe = Recipe.from_tree(tree(Global__epoch_num=epochs))
        Builder(recipe).check()
        assert len(recipe.notes) == said
        assert all(f"is 1 in epoch 12 of {epochs}" in note for note in recipe.notes)
