"""Global and loader settings: defaults, types, values that do not go together."""

from __future__ import annotations

import pytest

from ppocr_like.config import BucketByWidth, Builder, EarlyStop, Recipe
from ppocr_like.errors import ConfigError, Problem


def settings(**values):
    return Recipe.from_tree({"Global": {"epoch_num": 1, **values}}).globals


def wrong(**values) -> list[Problem]:
    with pytest.raises(ConfigError) as error:
        settings(**values)
    return error.value.problems


def test_defaults() -> None:
    got = settings()
    assert (got.seed, got.pretrained_min_match, got.charset_resize, got.accumulate_steps) == (1024, 0.5, "fail", 1)
    assert (got.use_space_char, got.infer_mode, got.max_text_length, got.character_dict_path) == (False, False, None, None)
    assert (got.amp_dtype, got.use_amp, got.device, got.use_gpu) == (None, False, "auto", None)
    assert got.eval_at_start and got.eval_at_end and got.channels_last
    assert got.plugins == [] and got.early_stop is None


def test_both_forms_of_eval_batch_step() -> None:
    assert settings(eval_batch_step=500).eval_batch_step == 500
    assert settings(eval_batch_step=[0, 2000]).eval_batch_step == [0, 2000]


def test_early_stop_is_nested() -> None:
    assert settings(early_stop={"patience": 3}).early_stop == EarlyStop(3, 0.0, 0)


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"epoch_nums": 3}, "Global.epoch_nums"),
        ({"epoch_num": 0}, "Global.epoch_num"),
        ({"epoch_num": "ten"}, "Global.epoch_num"),
        ({"eval_batch_step": [0]}, "Global.eval_batch_step"),
        ({"eval_batch_step": [0, 0]}, "Global.eval_batch_step"),
        ({"eval_batch_step": [0, "x"]}, "Global.eval_batch_step.1"),
        ({"eval_batch_step": 0}, "Global.eval_batch_step"),
        ({"early_stop": {"patients": 3}}, "Global.early_stop.patients"),
        ({"early_stop": {"patience": 0}}, "Global.early_stop.patience"),
        ({"charset_resize": "unoin"}, "Global.charset_resize"),
        ({"pretrained_min_match": 1.5}, "Global.pretrained_min_match"),
        ({"device": "gpu"}, "Global.device"),
        ({"device": "cpu", "use_gpu": True}, "Global.use_gpu"),
        ({"plugins": "mine"}, "Global.plugins"),
        ({"ema_decay": 1.0}, "Global.ema_decay"),
        ({"seed": -1}, "Global.seed"),
    ],
)
def test_wrong_values_are_named(values: dict, path: str) -> None:
    assert [p.path for p in wrong(**values)] == [path]


def test_the_nearest_key_is_named() -> None:
    assert "nearest: epoch_num" in wrong(epoch_nums=3)[0].message


def test_all_mistakes_together() -> None:
    assert len(wrong(seed="x", epoch_nums=1, print_batch_step=0)) == 3


def test_a_missing_section_lacks_its_required_key() -> None:
    with pytest.raises(ConfigError, match=r"Global\.epoch_num: is missing"):
        _ = Recipe.from_tree({}).globals


def loader(**values):
    return Builder(Recipe.from_tree({"Train": {"loader": {"batch_size_per_card": 4, **values}}})).loader("Train")


def test_loader_with_buckets() -> None:
    got = loader(bucket_by_width={"step": 32, "max_width": 640})
    assert got.bucket_by_width == BucketByWidth(step=32, max_width=640, min_width=None, batch_by_area=False)
    assert (got.shuffle, got.drop_last, got.num_workers, got.ratio_in_batch) == (False, False, 0, False)


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"batch_size_per_card": 0}, "Train.loader.batch_size_per_card"),
        ({"num_workers": -1}, "Train.loader.num_workers"),
        ({"num_worker": 1}, "Train.loader.num_worker"),
        ({"shuffle": "maybe"}, "Train.loader.shuffle"),
        ({"bucket_by_width": {"step": 0}}, "Train.loader.bucket_by_width.step"),
        ({"bucket_by_width": {"step": 64, "max_width": 32}}, "Train.loader.bucket_by_width.max_width"),
        ({"bucket_by_width": {"stepp": 64}}, "Train.loader.bucket_by_width.stepp"),
        ({"bucket_by_width": True}, "Train.loader.bucket_by_width"),
        ({"collate_fn": "DyMaskCollator"}, "Train.loader.collate_fn"),
    ],
)
def test_wrong_loader_values_are_named(values: dict, path: str) -> None:
    with pytest.raises(ConfigError) as error:
        loader(**values)
    assert [p.path for p in error.value.problems] == [path]


def test_a_missing_loader_is_said() -> None:
    with pytest.raises(ConfigError, match=r"Eval\.loader: is null"):
        Builder(Recipe.from_tree({"Eval": {}})).loader("Eval")
