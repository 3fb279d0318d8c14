"""Mistakes in the shipped recipe: each is found without data, with its place and the nearest name."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from ppocr_like.config import Builder, Recipe
from ppocr_like.errors import ConfigError


def test_the_shipped_recipe_is_good(problems: Callable) -> None:
    assert problems() == []


MISTAKES = [
    ("Globl.epoch_num=3", "Globl", "unknown section; nearest: Global"),
    ("Global.epoch_nums=3", "Global.epoch_nums", "nearest: epoch_num"),
    ("Global.character_dict_path=none.txt", "Global.character_dict_path", "No such file"),
    ("Global.use_xpu=true", "Global.use_xpu", "Global.device"),
    ("Architecture.model_type=ocr", "Architecture.model_type", "is 'ocr'; accepted: rec, det, cls"),
    ("Architecture.Bakbone={name: X}", "Architecture.Bakbone", "nearest: Backbone"),
    ("Architecture.Backbone.name=MobileNetV1Enhanse", "Architecture.Backbone", "nearest: MobileNetV1Enhance"),
    ("Architecture.Backbone.scale=half", "Architecture.Backbone.scale", "a number is needed"),
    ("Architecture.Backbone.scal=1", "Architecture.Backbone.scal", "nearest: scale"),
    ("Architecture.Backbone=", "Architecture.Backbone", "is missing"),
    ("Architecture.Neck.encoder_type=svtrr", "Architecture.Neck", "svtr"),
    ("Architecture.Head.num_classes=7", "Architecture.Head.num_classes", "is given by the program"),
    ("Loss.use_focal=true", "Loss.use_focal", "nearest: use_focal_loss"),
    ("Loss.name=", "Loss.name", "is missing: which loss?"),
    ("Optimizer.bta1=0.5", "Optimizer.bta1", "nearest: beta1"),
    ("Optimizer.beta1=1.5", "Optimizer.beta1", "below 1"),
    ("Optimizer.lr.name=Cosin", "Optimizer.lr", "nearest: Cosine"),
    ("Optimizer.lr.learning_rate=-1", "Optimizer.lr.learning_rate", "at least 0"),
    ("Optimizer.lr.warmup=1", "Optimizer.lr.warmup", "nearest: warmup_epoch"),
    ("Optimizer.lr=", "Optimizer.lr", "is missing"),
    ("Optimizer.lr.auto_scale={base_batch: 0}", "Optimizer.lr.auto_scale.base_batch", "at least 1"),
    ("Optimizer.regularizer={name: L3}", "Optimizer.regularizer", "unknown regularizer 'L3'"),
    ("Optimizer.freeze=[{pattern: bakbone.*}]", "Optimizer.freeze.0.pattern", "matches no parameter"),
    ("Metric.main_indicator=accuracy", "Metric.main_indicator", "acc"),
    ("PostProcess.name=CTCDecode", "PostProcess", "nearest: CTCLabelDecode"),
    ("Train.datasett={}", "Train.datasett", "nearest: dataset"),
    ("Train.dataset.name=SimpleDataset", "Train.dataset", "nearest: SimpleDataSet"),
    ("Train.dataset.strct=true", "Train.dataset.strct", "nearest: strict"),
    ("Train.dataset.ratio_list=[1.0]", "Train.dataset.ratio_list", "has 1 numbers for 2 files"),
    ("Train.dataset.transforms.RecAug.tia_prop=0.2", "Train.dataset.transforms.1.RecAug.tia_prop", "nearest: tia_prob"),
    ("Train.dataset.transforms.1={RecAgu: null}", "Train.dataset.transforms.1.RecAgu", "nearest: RecAug"),
    ("Train.dataset.transforms=", "Train.dataset.transforms", "a list of transforms is needed"),
    ("Train.dataset.transforms.2={RecAug: null}", "Train.dataset.transforms.4", "KeepKeys needs length"),
    ("Train.dataset.transforms.KeepKeys.keep_keys=[image, label]", "Train.dataset.transforms", "Loss (CTCLoss) needs length"),
    ("Train.dataset.transforms.4={RecAug: null}", "Train.dataset.transforms", "without KeepKeys"),
    (
        "Train.dataset.transforms.RecResizeImg.image_shape=[3, 32, 320]",
        "Train.dataset.transforms.3.RecResizeImg.image_shape",
        "differs",
    ),
    (
        "Eval.dataset.transforms.RecResizeImg.image_shape=[3, 48]",
        "Eval.dataset.transforms.2.RecResizeImg",
        "[channels, height, width]",
    ),
    ("Eval.datasets.typewritten_fr.delimitr=x", "Eval.datasets.typewritten_fr.delimitr", "nearest: delimiter"),
    ("Eval.dataset.delimitr=x", "Eval.dataset.delimitr", "nearest: delimiter"),
    ("Eval.datasets.typewritten_fr=3", "Eval.datasets.typewritten_fr", "a mapping is needed"),
    ("Eval.datasets=[]", "Eval.datasets", "a mapping of names"),
    ("Train.loader.batch_size=3", "Train.loader.batch_size", "nearest: batch_size_per_card"),
    ("Train.loader=", "Train.loader", "a mapping with batch_size_per_card"),
    ("Train.sampler={name: MultiScale}", "Train.sampler", "unknown sampler"),
    ("Eval=", "Eval", "the section is missing"),
    ("Loss=text", "Loss", "is 'text', but a mapping is needed"),
    ("Global.use_shared_memory=true", "Global.use_shared_memory", "unknown key"),
    ("Train.loader.use_shared_memory=true", "Train.loader.use_shared_memory", "has no effect"),
]


@pytest.mark.parametrize(("override", "path", "words"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_one_mistake_is_one_problem(problems: Callable, override: str, path: str, words: str) -> None:
    found = problems(override)
    assert [p.path for p in found] == [path]
    assert words in found[0].message


SAMPLER_MISTAKES = [
    ("Train.sampler={name: MultiScaleSampler, scales: [[320, 8]]}", "Train.sampler", "smaller than divided_factor"),
    ("Train.sampler={name: MultiScaleSampler, scales: [[320, 48]], bs: 3}", "Train.sampler.bs", "unknown key"),
    ("Train.sampler={name: MultiScaleSampler, scales: [[320, 48]]}", "Train.sampler", "bucket_by_width; remove one"),
    ("Eval.sampler={name: MultiScaleSampler, scales: [[320, 48]]}", "Eval.sampler", "belongs to training"),
]


@pytest.mark.parametrize(("override", "path", "words"), SAMPLER_MISTAKES)
def test_mistakes_of_a_sampler(problems: Callable, override: str, path: str, words: str) -> None:
    found = {problem.path: problem.message for problem in problems(override)}
    assert words in found.pop(path)
    assert all("bucket_by_width" in message for message in found.values()), "which the shipped recipe has beside the sampler"


def test_all_mistakes_are_reported_at_once(problems: Callable) -> None:
    together = ["Global.epoch_nums", "Global.character_dict_path", "Architecture.Backbone.scal="]
    together += [
        "Architecture.Head.num_classes",
        "Loss.use_focal",
        "Optimizer.bta1",
        "Optimizer.lr.warmup",
        "Optimizer.regularizer",
    ]
    together += [
        "Optimizer.lr.auto_scale",
        "Metric.main_indicator",
        "PostProcess.name",
        "Train.dataset.strct",
        "Train.dataset.ratio_list",
    ]
    together += [
        "Train.dataset.transforms.RecAug.tia_prop",
        "Eval.dataset.delimitr",
        "Train.loader.batch_size",
        "Train.sampler",
        "Globl",
    ]
    chosen = [m for m in MISTAKES if any(m[0].startswith(key) for key in together)]
    assert len(chosen) == len(together)
    assert {p.path for p in problems(*(m[0] for m in chosen))} == {m[1] for m in chosen}


def test_a_height_that_the_network_cannot_take(shipped: Callable) -> None:
    shape = "image_shape=[3, 64, 320]"
    recipe = shipped(f"Train.dataset.transforms.RecResizeImg.{shape}", f"Eval.dataset.transforms.RecResizeImg.{shape}")
    with pytest.raises(ConfigError, match=r"Eval\.dataset\.transforms\.2\.RecResizeImg\.image_shape: \[3, 64, 320\].*height 1"):
        Builder(recipe).check()


def test_gray_images_make_a_gray_network(shipped: Callable) -> None:
    shape = "image_shape=[1, 48, 320]"
    recipe = shipped(f"Train.dataset.transforms.RecResizeImg.{shape}", f"Eval.dataset.transforms.RecResizeImg.{shape}")
    Builder(recipe).check()
    assert next(iter(Builder(recipe).model().parameters())).shape[1] == 1


@pytest.mark.parametrize("section", ["Train", "Eval"])
def test_another_sample_is_there_in_training_only(shipped: Callable, section: str) -> None:
    recipe = shipped()
    recipe.get(f"{section}.dataset.transforms").insert(1, {"DetLabelEncode": None})
    recipe.get(f"{section}.dataset.transforms").insert(2, {"CopyPaste": None})
    found = []
    try:
        Builder(recipe).check()
    except ConfigError as error:
        found = [problem.message for problem in error.problems if "CopyPaste needs fetch_other" in problem.message]
    assert bool(found) == (section == "Eval")


def test_no_data_is_needed(problems: Callable) -> None:
    gone = ["Train.dataset.label_file_list=[nowhere/a.txt, nowhere/b.txt]", "Train.dataset.data_dir=nowhere"]
    assert problems(*gone, "Eval.datasets={x: {_replace_: true, label_file_list: [nowhere/c.txt]}}") == []


def test_it_takes_seconds(problems: Callable) -> None:
    start = time.perf_counter()
    problems()
    assert time.perf_counter() - start < 5


def test_an_empty_recipe_lacks_every_section() -> None:
    with pytest.raises(ConfigError) as error:
        Builder(Recipe.from_tree({})).check()
    missing = {p.path for p in error.value.problems if p.message == "the section is missing"}
    assert missing == {"Global", "Optimizer", "Architecture", "Loss", "PostProcess", "Metric", "Train", "Eval"}


@pytest.mark.thorough
@pytest.mark.parametrize("junk", [[{"a": None}], 3, "text", {"name": ["x"]}, {"x": {"y": 1}}])
def test_junk_anywhere_is_a_problem_and_never_a_crash(shipped: Callable, junk: object) -> None:
    paths = ["Global", "Optimizer", "Optimizer.lr", "Optimizer.regularizer", "Architecture", "Architecture.Backbone"]
    paths += [
        "Architecture.Transform",
        "Architecture.name",
        "Loss",
        "PostProcess",
        "Metric",
        "Train",
        "Train.dataset",
        "Train.loader",
    ]
    paths += ["Train.dataset.transforms", "Train.dataset.label_file_list", "Train.dataset.transforms.1", "Train.sampler"]
    paths += [
        "Train.dataset.transforms.4.KeepKeys",
        "Eval.datasets",
        "Eval.datasets.typewritten_fr",
        "Eval.dataset",
        "Train.loader.bucket_by_width",
    ]
    for path in paths:
        if (path, junk) == ("Optimizer.lr", 3):
            continue  # a rate
        recipe = shipped()
        parent, _, key = path.rpartition(".")
        node = recipe.get(parent)
        node[int(key) if isinstance(node, list) else key] = junk
        with pytest.raises(ConfigError):
            Builder(recipe).check()
