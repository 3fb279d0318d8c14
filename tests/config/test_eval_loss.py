"""`Global.eval_loss` and a rate that follows the loss: what an evaluation chain must have is said before data is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from det_pages import det_recipe

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.errors import ConfigError
from tests.engine.helpers import make_data, tiny_recipe

CHAIN = "Eval.dataset.transforms"
FOLLOWS = {"Optimizer__lr": {"name": "ReduceLROnPlateau", "learning_rate": 1e-3, "follow": "loss"}}
ASKED = {"Global__eval_loss": True}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    load_components()
    folder = tmp_path_factory.mktemp("eval_loss") / "data"
    make_data(folder)
    return folder


def found(tree: dict[str, Any]) -> dict[str, str]:
    try:
        Builder(Recipe.from_tree(tree)).check()
    except ConfigError as error:
        return {p.path: p.message for p in error.problems}
    return {}


def allowed(tree: dict[str, Any]) -> bool:
    builder = Builder(Recipe.from_tree(tree))
    return not builder.loss_problems("eval", builder.model(), builder.loss())


def rec(data: Path, keep: list[str], **over: Any) -> dict[str, Any]:
    tree = tiny_recipe(data, data / "run", **over)
    tree["Eval"]["dataset"]["transforms"] = [*tree["Eval"]["dataset"]["transforms"][:-1], {"KeepKeys": {"keep_keys": keep}}]
    return tree


def test_what_is_kept_is_enough(data: Path) -> None:
    for over in (ASKED, FOLLOWS, {**ASKED, **FOLLOWS}):
        tree = tiny_recipe(data, data / "run", **over)
        assert found(tree) == {} and allowed(tree)


def test_entries_that_are_not_kept_are_named(data: Path) -> None:
    wanted = "the loss (CTCLoss) and the network's head read label, length, but KeepKeys keeps only image: add them to keep_keys"
    assert found(rec(data, ["image"])) == {} and not allowed(rec(data, ["image"]))
    assert found(rec(data, ["image"], **ASKED)) == {CHAIN: f"{wanted} (for Global.eval_loss: true)"}
    assert found(rec(data, ["image"], **FOLLOWS)) == {CHAIN: f"{wanted} (for Optimizer.lr.follow: loss)"}


def test_steps_that_are_not_there_are_named(data: Path) -> None:
    for keep in (["image"], ["image", "label"]):
        tree = rec(data, keep, **ASKED)
        del tree["Eval"]["dataset"]["transforms"][1]
        assert "put CTCLabelEncode of the training chain before KeepKeys, and add them to keep_keys" in found(tree)[CHAIN]
        tree["Global"]["eval_loss"] = None
        assert not allowed(tree)


def test_a_label_of_another_loss_is_refused(data: Path) -> None:
    tree = tiny_recipe(data, data / "run", **ASKED)
    tree["Eval"]["dataset"]["transforms"][1] = {"NRTRLabelEncode": None}
    assert "which CTCLabelEncode gives in training: the loss would be another one" in found(tree)[f"{CHAIN}.1.NRTRLabelEncode"]
    tree["Global"]["eval_loss"] = None
    assert found(tree) == {} and not allowed(tree)


def test_the_set_that_lacks_something_is_named(data: Path) -> None:
    own = tiny_recipe(data, data / "run")["Eval"]["dataset"]["transforms"][:-1]
    sets = {"good": {}, "bad": {"transforms": [*own, {"KeepKeys": {"keep_keys": ["image"]}}]}}
    assert list(found(tiny_recipe(data, data / "run", Eval__datasets=sets, **ASKED))) == ["Eval.datasets.bad.transforms"]
    assert found(tiny_recipe(data, data / "run", Eval__datasets=sets, **FOLLOWS)) == {}  # the first one is followed


def test_a_rate_cannot_follow_what_is_switched_off(data: Path) -> None:
    tree = tiny_recipe(data, data / "run", Global__eval_loss=False, **FOLLOWS)
    assert found(tree) == {"Optimizer.lr.follow": "is loss, but Global.eval_loss is false; set it to null or true"}


def test_a_detector_needs_its_maps(tmp_path: Path) -> None:
    load_components()
    tree = det_recipe(tmp_path, tmp_path / "run", **ASKED)
    message = found(tree)[CHAIN]
    assert "threshold_map, threshold_mask, shrink_map, shrink_mask" in message
    assert "MakeEvalMaps: {maps: [...]}` with MakeBorderMap and MakeShrinkMap of the training chain" in message
    chain = tree["Eval"]["dataset"]["transforms"]
    chain[-1]["KeepKeys"]["keep_keys"] += ["threshold_map", "threshold_mask", "shrink_map", "shrink_mask"]
    maps = [{"MakeBorderMap": None}, {"MakeShrinkMap": None}]
    tree["Eval"]["dataset"]["transforms"] = [*chain[:3], *maps, *chain[3:]]
    problems = found(tree)
    assert set(problems) == {f"{CHAIN}.3.MakeBorderMap", f"{CHAIN}.4.MakeShrinkMap"}
    assert all("put it into MakeEvalMaps.maps" in text for text in problems.values())
    tree["Eval"]["dataset"]["transforms"] = [*chain[:3], {"MakeEvalMaps": {"maps": maps}}, *chain[3:]]
    assert found(tree) == {} and allowed(tree)
    tree["Eval"]["dataset"]["transforms"][3] = {"MakeEvalMaps": {"maps": [{"ToCHWImage": None}]}}
    assert "maps needs steps that draw polygons" in str(found(tree))
