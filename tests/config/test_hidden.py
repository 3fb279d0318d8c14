"""No mistake hides another; an override that changes nothing is a mistake."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe, load_recipe
from ppocr_like.errors import ConfigError
from tests.engine.helpers import tiny_recipe

from .conftest import ROOT

DICT = ROOT / "configs" / "dict" / "ascii.txt"


@pytest.fixture
def tree(tmp_path: Path) -> dict[str, Any]:
    made = tiny_recipe(tmp_path, tmp_path / "run")
    made["Global"]["character_dict_path"] = str(DICT)
    return made


def problems(tree: dict[str, Any], overridden: frozenset[str] = frozenset()) -> dict[str, str]:
    load_components()
    try:
        Builder(Recipe(copy.deepcopy(tree), None, overridden)).check()
    except ConfigError as error:
        assert len({problem.path for problem in error.problems}) == len(error.problems)
        return {problem.path: problem.message for problem in error.problems}
    return {}


def test_types_of_global_do_not_hide_its_ranges(tree: dict[str, Any]) -> None:
    tree["Global"].update(epoch_num="ten", save_epoch_step=0, ema_decay=3.0, device="gpux", eval_batch_step=[1])
    found = problems(tree)
    assert found.keys() == {f"Global.{key}" for key in ("epoch_num", "save_epoch_step", "ema_decay", "device", "eval_batch_step")}


def test_a_backbone_hides_neither_neck_nor_head(tree: dict[str, Any]) -> None:
    tree["Architecture"]["Backbone"]["scle"] = 1
    tree["Architecture"]["Neck"]["encoder_type"] = "nothing"
    tree["Architecture"]["Head"]["fc_decai"] = 1
    found = problems(tree)
    assert {"Architecture.Backbone.scle", "Architecture.Head.fc_decai"} <= found.keys()
    assert any(path.startswith("Architecture.Neck") for path in found), found


def test_a_constructor_that_refuses_one_argument_hides_nothing(tree: dict[str, Any]) -> None:
    tree["Architecture"]["Backbone"]["last_pool_type"] = "median"
    tree["Architecture"]["Neck"]["encoder_type"] = "nothing"
    found = problems(tree)
    assert any(path.startswith("Architecture.Backbone") for path in found), found
    assert any(path.startswith("Architecture.Neck") for path in found), found


def test_one_argument_of_the_optimizer_does_not_hide_another(tree: dict[str, Any]) -> None:
    tree["Optimizer"].update(beta1=3, beta2=-1, param_groups=[{"pattern": "backbone.*", "lr_mult": -1}], clip_norm=-2)
    tree["Optimizer"]["lr"].update(learning_rate=-1, warmup_epoch=-3)
    found = problems(tree)
    keys = ("beta1", "beta2", "clip_norm", "lr.learning_rate", "lr.warmup_epoch")
    assert {f"Optimizer.{key}" for key in keys} <= found.keys(), found
    assert any(path.startswith("Optimizer.param_groups.0") for path in found), found


@pytest.mark.parametrize("ratio", [[-1.0], -0.5, [0.0], [float("nan")], [float("inf")]])
def test_ratios(tree: dict[str, Any], ratio: Any) -> None:
    tree["Train"]["dataset"]["ratio_list"] = ratio
    assert problems(tree).keys() == {"Train.dataset.ratio_list"}


def test_a_good_recipe_has_no_problem(tree: dict[str, Any]) -> None:
    assert problems(tree) == {}


def test_what_is_taken_out_is_no_further_problem(tree: dict[str, Any]) -> None:
    """Neither that a key is missing afterwards, nor that parts no longer fit together."""
    tree["Train"]["dataset"]["data_dir"] = 5
    tree["Architecture"]["Backbone"]["last_conv_stride"] = "two"
    assert problems(tree).keys() == {"Train.dataset.data_dir", "Architecture.Backbone.last_conv_stride"}


SETS = {"target": {"label_file_list": ["a.txt"]}, "general": {"label_file_list": ["b.txt"], "transforms": []}}


@pytest.mark.parametrize(
    ("over", "path", "advice"),
    [
        ({}, "Eval.dataset.label_file_list", "-o Eval.datasets.target.label_file_list=... or -o Eval.datasets.general."),
        ({"Global__eval_batch_epoch": 2}, "Global.eval_batch_step", "Global.eval_batch_epoch=null"),
        ({"Global__checkpoints": "x"}, "Global.pretrained_model", "Global.checkpoints=null"),
        ({}, "Global.amp_dtype", "without Global.use_amp: true"),
        ({}, "Global.ema_decay", "without Global.use_ema: true"),
        ({}, "Train.dataset.transforms.2.CTCLabelEncode.max_text_length", "-o Global.max_text_length=..."),
        ({}, "Train.dataset.transforms.2.CTCLabelEncode.character_dict_path", "-o Global.character_dict_path=..."),
    ],
)
def test_an_override_that_changes_nothing(tree: dict[str, Any], over: dict[str, Any], path: str, advice: str) -> None:
    if path.startswith("Eval"):
        tree["Eval"]["datasets"] = copy.deepcopy(SETS)
    for key, value in over.items():
        tree["Global"][key.removeprefix("Global__")] = value
    if "CTCLabelEncode" in path:
        tree["Train"]["dataset"]["transforms"][2]["CTCLabelEncode"] = {path.rpartition(".")[2]: 3 if "max" in path else "x.txt"}
    found = problems(tree, frozenset([path]))
    assert "the override changes nothing" in found[path] and advice in found[path]


def test_an_override_that_some_sets_take_is_good(tree: dict[str, Any]) -> None:
    tree["Eval"]["datasets"] = copy.deepcopy(SETS)
    found = problems(tree, frozenset(["Eval.dataset.data_dir", "Eval.dataset.transforms"]))
    assert "Eval.dataset.data_dir" not in found and "Eval.dataset.transforms" not in found


def test_an_override_that_a_later_one_throws_away(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yml"
    recipe.write_text("Train: {dataset: {transforms: [{A: {x: 1}}, {B: }]}}\n", encoding="utf-8")
    over = ["Train.dataset.transforms.1.B.y=2", "Train.dataset.transforms=[{A: }]"]
    with pytest.raises(ConfigError, match=r"'Train\.dataset\.transforms\.1\.B\.y=2' is lost"):
        load_recipe(recipe, over)
    load_recipe(recipe, ["Train.dataset.transforms.A.x=2", "Train.dataset.transforms.A.x=3"])  # the last one counts


@pytest.mark.thorough
def test_a_system_recipe() -> None:
    shipped = ROOT / "configs" / "system" / "typed_pages.yml"

    def tool(name: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, f"tools/{name}.py", "-c", str(shipped), *options]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )

    good = tool("check")
    assert (good.returncode, good.stdout) == (0, f"{shipped}: good\n"), good.stderr
    bad = tool("check", "-o", "System.ordr=rows", "Eval.dataset.label_file_list=[x.txt]")
    assert bad.returncode == 1 and "System.ordr" in bad.stdout and "Eval.datasets.typed_pages.label_file_list" in bad.stdout
    other = tool("train")
    assert other.returncode == 2 and "1 problem" in other.stderr and "tools/eval.py" in other.stderr
