"""The network is tried in every size that the recipe will give it; what fails all the same is told with place and size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe, load_recipe
from ppocr_like.config.input_checks import bucket_widths
from ppocr_like.engine import train
from ppocr_like.errors import ConfigError, DataError, TrainingError
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Transform
from tests.engine.helpers import make_data, tiny_recipe

from .conftest import ROOT


def recipe(data: Path, **over: Any) -> Recipe:
    load_components()
    tree = tiny_recipe(data, data / "run", **{"Train__loader__num_workers": 0, **over})
    if not (data / "dict.txt").exists():
        tree["Global"]["character_dict_path"] = str(ROOT / "configs" / "dict" / "ascii.txt")
    return Recipe.from_tree(tree)


def problems(made: Recipe) -> dict[str, str]:
    try:
        Builder(made).check()
    except ConfigError as error:
        return {problem.path: problem.message for problem in error.problems}
    return {}


def scales(*sizes: list[int]) -> dict[str, Any]:
    return {"name": "MultiScaleSampler", "scales": list(sizes), "first_bs": 4}


def test_scales_that_the_network_cannot_take(tmp_path: Path) -> None:
    found = problems(recipe(tmp_path, Train__sampler=scales([96, 32], [96, 64], [96, 96])))
    assert found.keys() == {"Train.sampler.scales"}
    assert "96 x 64, 96 x 96 px" in found["Train.sampler.scales"]
    assert problems(recipe(tmp_path, Train__sampler=scales([96, 32], [128, 32]))) == {}


@pytest.mark.parametrize("section", ["Train", "Eval"])
def test_buckets_that_are_too_narrow(tmp_path: Path, section: str) -> None:
    narrow = {"step": 1, "min_width": 1, "max_width": 40}
    found = problems(recipe(tmp_path, **{f"{section}__loader__bucket_by_width": narrow}))
    assert found.keys() == {f"{section}.loader.bucket_by_width"} and "1 x 32" in found[f"{section}.loader.bucket_by_width"]
    wide = {"step": 32, "min_width": 32, "max_width": 320}
    assert problems(recipe(tmp_path, **{f"{section}__loader__bucket_by_width": wide})) == {}


def test_the_widths_of_buckets() -> None:
    assert bucket_widths(64, 64, 200) == [64, 128, 192, 200]
    assert bucket_widths(64, 100, 128) == [100, 128]


@TRANSFORMS.register("FailsHere")
class FailsHere(Transform):
    """Refuses every image in the way of a plug-in that knows nothing of `Rejected`."""

    def __call__(self, sample: dict, rng: Any) -> dict:
        raise ValueError("cannot do that")


def test_a_transform_that_fails_is_told_with_its_place(tmp_path: Path) -> None:
    make_data(tmp_path / "data")
    made = recipe(tmp_path / "data", Global__eval_at_start=False)
    made.tree["Train"]["dataset"]["transforms"].insert(2, {"FailsHere": None})
    words = r"train\.txt, line \d+: Train\.dataset\.transforms\.2\.FailsHere fails: cannot do that \(image .*train_\d+\.png"
    with pytest.raises(DataError, match=words):
        train(made)


def test_a_size_that_comes_all_the_same_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the check cannot know it."""
    make_data(tmp_path / "data")
    monkeypatch.setattr("ppocr_like.config.checks.try_canvases", lambda *_: None)
    made = recipe(tmp_path / "data", Train__sampler=scales([96, 64]), Global__eval_at_start=False)
    with pytest.raises(
        TrainingError, match=r"a batch of 4 x 3 x 64 x 96 \(Train\.sampler\.scales decides .*train\.txt, line \d+"
    ):
        train(made)


@pytest.mark.parametrize(
    ("change", "path", "said"),
    [
        ("Train.loader.bucket_by_width={step: 1, max_width: 1000000000000}", "Train.loader.bucket_by_width.max_width", "32,768"),
        ("Eval.dataset.transforms.RecResizeImg.image_shape=[3, 48, 4194304]", "RecResizeImg.image_shape", "memory"),
        (f"Eval.dataset.transforms.RecResizeImg.image_shape=[3, 48, 1{'0' * 30}]", "RecResizeImg.image_shape", "64 bits"),
        (f"Architecture.Backbone.last_conv_stride=[1, 1{'0' * 30}]", "Backbone", ""),
        ("Architecture.Neck.depth=2147483648", "Architecture.Neck", "8,000 tensors"),
        ("Architecture.Neck.hidden_dims=60000000", "Architecture.Neck", ""),
        ("Global.eval_batch_epoch=.inf", "Global.eval_batch_epoch", "a number of epochs"),
        (f"Architecture.Backbone.last_pool_kernel_size=[1, 1{'0' * 30}]", "", ""),
    ],
)
def test_sizes_beyond_all_machines_are_refused_at_once(change: str, path: str, said: str) -> None:
    load_components()
    with pytest.raises(ConfigError) as caught:
        Builder(load_recipe(ROOT / "configs" / "rec" / "svtr_ft.yml", [change])).check()
    found = [(problem.path, problem.message) for problem in caught.value.problems]
    assert any(path in where and said in message for where, message in found), found
