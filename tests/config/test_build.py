"""What the builder makes of the shipped recipe."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ppocr_like.charset import Charset
from ppocr_like.config import Builder, Recipe
from ppocr_like.errors import ConfigError
from ppocr_like.registry import OPTIMIZERS, SCHEDULES


def test_the_parts_get_what_only_the_builder_knows(shipped: Callable) -> None:
    builder = Builder(shipped())
    model = builder.model()
    assert builder.charset == Charset.from_file("train_data/dict.txt", True)
    out = model.eval()(torch.zeros(1, 3, 48, 64))["ctc"]
    assert out.shape == (1, 64 // model.out_spec.stride[1], builder.charset.num_classes)


def test_a_charset_that_is_given_replaces_the_dictionary(shipped: Callable) -> None:
    builder = Builder(shipped("Global.character_dict_path=gone.txt"), Charset("abc"))
    assert builder.model().eval()(torch.zeros(1, 3, 48, 32))["ctc"].shape[2] == 4
    assert builder.transforms([{"CTCLabelEncode": None}], "T")[0].charset == Charset("abc")


def test_schedule_and_optimizer_know_the_length_of_the_run(shipped: Callable) -> None:
    builder = Builder(shipped("Optimizer.lr.warmup_epoch=0"))
    schedule = builder.schedule(epochs=2, steps_per_epoch=10)
    assert schedule.value(0) == pytest.approx(5e-4)
    assert schedule.value(10) == pytest.approx(2.5e-4)
    model = builder.model()
    optimizer = builder.optimizer(model, 2, 10)
    assert optimizer.names == [name for name, _ in model.named_parameters()]
    assert optimizer.lr(10) == pytest.approx(2.5e-4)


def test_lr_may_be_a_number_or_have_no_name(shipped: Callable) -> None:
    for override in ("Optimizer.lr=3e-4", "Optimizer.lr={_replace_: true, learning_rate: 3e-4}"):
        assert Builder(shipped(override)).schedule(1, 5).value(4) == pytest.approx(3e-4)


def test_auto_scale_counts_cards_and_accumulated_batches(shipped: Callable) -> None:
    overrides = ("Optimizer.lr.auto_scale={base_batch: 1024}", "Optimizer.lr.learning_rate=1e-3", "Optimizer.lr.warmup_epoch=0")
    recipe = shipped(*overrides, "Train.loader.batch_size_per_card=32", "Global.accumulate_steps=2")
    assert Builder(recipe).schedule(1, 10).value(0) == pytest.approx(1e-3 * 64 / 1024)
    assert Builder(recipe).schedule(1, 10, world=4).value(0) == pytest.approx(1e-3 * 256 / 1024)
    assert "64 samples a step for 1024: learning_rate 0.001 -> 6.25e-05" in recipe.notes[0]


def test_a_regularizer_is_built_for_the_optimizer(shipped: Callable) -> None:
    overrides = ("Optimizer={_replace_: true, name: Adam, regularizer: {name: L2, factor: 3e-5}, lr: {learning_rate: 1e-3}}",)
    builder = Builder(shipped(*overrides))
    assert any("3e-05" in line for line in builder.optimizer(builder.model(), 1, 1).describe())


def test_every_optimizer_and_schedule_can_be_written_in_a_recipe(shipped: Callable) -> None:
    """With a penalty, clipping and a warm-up, which go with all of them."""
    more = {"Momentum": {"momentum": 0.9}}
    rates = {
        "Piecewise": {"decay_epochs": [1], "values": [0.1, 0.01]},
        "Step": {"step_size": 3},
        "MultiStepDecay": {"milestones": [2, 5]},
        "CyclicalCosine": {"cycle": 3},
        "OneCycle": {"max_lr": 0.1},
    }
    pairs = [(name, "Const") for name, _ in OPTIMIZERS] + [("Lamb", name) for name, _ in SCHEDULES]
    for optimizer, schedule in pairs:
        rate = {"name": schedule, "warmup_epoch": 1, **rates.get(schedule, {})}
        if schedule not in ("Piecewise", "OneCycle"):
            rate["learning_rate"] = 0.1
        node = {"name": optimizer, "regularizer": {"name": "CosineL2", "factor": 3e-5}, "clip_norm_global": 5, "lr": rate}
        tree = {**shipped().tree, "Optimizer": {**node, **more.get(optimizer, {})}}
        builder = Builder(Recipe.from_tree(tree))
        made = builder.optimizer(WithAttrs(2, 2), 10, 10)
        assert type(made).__name__ == optimizer and made.lr(0) < made.lr(8), (optimizer, schedule)
        assert "CosineL2(3e-05 to 0)" in made.describe()[0]


class WithAttrs(torch.nn.Linear):
    def param_attrs(self) -> dict:
        return {}


def test_evaluation_sets_are_merged_over_the_common_node(shipped: Callable) -> None:
    builder = Builder(shipped())
    assert builder.eval_names() == ["typewritten_fr", "fraktur_archiscribe"]
    node, path = builder.dataset_node("Eval", "fraktur_archiscribe")
    assert path == "Eval.datasets.fraktur_archiscribe"
    assert node["label_file_list"] == ["train_data/fraktur_archiscribe/test.txt"]
    assert node["transforms"] == builder.recipe.get("Eval.dataset.transforms")
    assert builder.dataset_node("Eval")[0]["label_file_list"] == ["train_data/typewritten_fr/val.txt"]


def test_without_names_there_is_one_evaluation_set(shipped: Callable) -> None:
    builder = Builder(shipped("Eval.datasets="))
    assert builder.eval_names() == ["eval"]
    assert builder.dataset_node("Eval", "eval")[0] == builder.recipe.get("Eval.dataset")


def test_an_evaluation_set_that_is_not_there(shipped: Callable) -> None:
    with pytest.raises(ConfigError, match=r"has no set 'fraktur'; nearest: fraktur_archiscribe"):
        Builder(shipped()).dataset("Eval", "fraktur")


def test_data_sets_know_their_mode_and_seed(shipped: Callable) -> None:
    builder = Builder(shipped("Global.seed=7"))
    assert {k: builder.bind_dataset("Train").kwargs[k] for k in ("mode", "seed")} == {"mode": "train", "seed": 7}
    assert builder.bind_dataset("Eval").kwargs["mode"] == "eval"


def test_a_check_leaves_the_recipe_as_it_was(shipped: Callable) -> None:
    recipe = shipped()
    before = recipe.to_yaml()
    Builder(recipe).check()
    assert recipe.to_yaml() == before
    assert recipe.notes == []


def test_a_chain_that_ends_gray_asks_for_one_channel() -> None:
    chain = [{"DetResizeForTest": None}, {"ToGray": None}, {"KeepKeys": {"keep_keys": ["image"]}}]
    tree = {"Architecture": {"model_type": "det", "Backbone": {"name": "UNet", "widths": [4, 8]}, "Head": {"name": "UNetHead"}}}
    for transforms, channels in ((chain, 1), (chain[:1] + chain[2:], 3)):
        model = Builder(Recipe({**tree, "Eval": {"dataset": {"transforms": transforms}}})).model()
        assert model.backbone.first[0].depthwise.in_channels == channels
        assert model(torch.zeros(1, channels, 32, 48))["maps"].shape == (1, 1, 32, 48)
