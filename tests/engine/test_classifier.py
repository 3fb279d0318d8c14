"""A classifier in the engine: trained, measured, exported, asked, examined by the doctor."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.doctor.examine import examine
from ppocr_like.engine import evaluate, train
from ppocr_like.errors import ConfigError
from ppocr_like.export import export
from ppocr_like.pipeline import Classifier
from ppocr_like.pipeline.infer import infer
from ppocr_like.pipeline.opening import open_model

from .helpers import records

LINES = 24


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lines that are dark above and light below, which is upright; and a label file that turns every other one."""
    folder = tmp_path_factory.mktemp("lines")
    rng = np.random.default_rng(0)
    upright, turned = [], []
    for number in range(LINES):
        image = rng.integers(150, 256, (24, 60 + 4 * number, 3), np.uint8)
        image[:10] //= 4
        cv2.imwrite(str(folder / f"{number}.png"), image)
        cv2.imwrite(str(folder / f"t{number}.png"), image if number % 2 else image[::-1, ::-1])
        upright.append(f"{number}.png\tsome text\n")
        turned.append(f"t{number}.png\t{'0' if number % 2 else '180'}\n")
    (folder / "lines.txt").write_text("".join(upright), encoding="utf-8")
    (folder / "turned.txt").write_text("".join(turned), encoding="utf-8")
    return folder


def recipe(lines: Path, run: Path) -> dict[str, Any]:
    """Trained on views of lines without labels, measured on labelled ones."""
    decode = {"DecodeImage": {"img_mode": "BGR", "channel_first": False}}
    keep = {"KeepKeys": {"keep_keys": ["image", "label"]}}
    shape = {"image_shape": [3, 48, 96]}
    views = [decode, {"RandAugment": {"prob": 0.2}}, {"SSLRotateResize": {**shape, "padding": True, "select_all": False}}, keep]
    labelled = [decode, {"ClsLabelEncode": None}, {"ClsResizeImg": shape}, keep]
    loader = {"shuffle": True, "drop_last": False, "batch_size_per_card": 8, "num_workers": 0}
    data = {"name": "SimpleDataSet", "data_dir": str(lines)}
    return {
        "Global": {
            "epoch_num": 4,
            "save_model_dir": str(run),
            "eval_batch_epoch": 4,
            "label_list": ["0", "180"],
            "cal_metric_during_train": True,
            "device": "cpu",
            "num_threads": 1,
            "save_epoch_step": 100,
            "print_batch_step": 1,
        },
        "Optimizer": {"name": "Adam", "lr": {"name": "Const", "learning_rate": 0.01}},
        "Architecture": {
            "model_type": "cls",
            "algorithm": "CLS",
            "Backbone": {"name": "MobileNetV3", "scale": 0.35, "model_name": "small"},
            "Head": {"name": "ClsHead", "class_dim": 2},
        },
        "Loss": {"name": "ClsLoss"},
        "PostProcess": {"name": "ClsPostProcess"},
        "Metric": {"name": "ClsMetric", "main_indicator": "acc"},
        "Train": {
            "dataset": {**data, "label_file_list": [str(lines / "lines.txt")], "transforms": views},
            "loader": {**loader, "collate_fn": "SSLRotateCollate"},
        },
        "Eval": {
            "dataset": {**data, "label_file_list": [str(lines / "turned.txt")], "transforms": labelled},
            "loader": {**loader, "shuffle": False},
        },
    }


def test_it_learns_and_its_bundle_says_the_same(lines: Path, tmp_path: Path) -> None:
    load_components()
    tree = recipe(lines, tmp_path / "run")
    result = train(Recipe.from_tree(tree))
    steps = [record for record in records(tmp_path / "run") if record["kind"] == "train"]
    assert steps[-1]["samples"] == 4 * 2 * LINES and "acc" in steps[-1]  # each line is shown both ways
    losses = [record["loss_now"] for record in steps]
    assert sum(losses[-3:]) < 0.8 * sum(losses[:3]) and set(result.last["eval"]) >= {"acc", "balanced_acc"}

    tree["Global"].update(pretrained_model=str(tmp_path / "run"), save_inference_dir=str(tmp_path / "bundle"))
    (evaluation,) = evaluate(Recipe.from_tree(tree), keep=None)
    assert evaluation.lines[0][1].label in ("0", "180")
    report = export(Recipe.from_tree(tree))
    assert report.sets[0].preprocessed == LINES and report.sets[0].torch["acc"] == evaluation.metrics["acc"]

    model = open_model(tmp_path / "bundle")
    assert isinstance(model, Classifier)
    paths = [info.path for info, _ in evaluation.lines]
    assert [one.label for one in model(paths)] == [one.label for _, one in evaluation.lines]
    assert [one.label for one in open_model(tmp_path / "run")(paths)] == [one.label for _, one in evaluation.lines]
    summary = infer(model, [*paths, str(lines / "none.png")], tmp_path / "out")
    assert summary.read == LINES and len(summary.failed) == 1
    assert (tmp_path / "out" / "predictions.txt").read_text().splitlines()[0].split("\t")[1] in ("0", "180")

    told = (tmp_path / "bundle" / "inference.yml").read_text(encoding="utf-8")
    assert "cls_image_shape" in told and "label_list" in told and "&id" not in told
    params = json.loads((tmp_path / "bundle" / "rapidocr_params.json").read_text(encoding="utf-8"))
    assert params["Cls.cls_image_shape"] == [3, 48, 96] and params["Cls.label_list"] == ["0", "180"]
    meta = onnxruntime.InferenceSession(str(tmp_path / "bundle" / "model.onnx")).get_modelmeta().custom_metadata_map
    assert json.loads(meta["label_list"]) == ["0", "180"]


def test_views_in_evaluation_are_exported_as_a_plain_resize(lines: Path, tmp_path: Path) -> None:
    load_components()
    tree = recipe(lines, tmp_path / "run")
    tree["Global"].update(epoch_num=1, label_list=None, save_inference_dir=str(tmp_path / "bundle"))
    tree["Eval"]["dataset"].update(copy.deepcopy(tree["Train"]["dataset"]), transforms=tree["Train"]["dataset"]["transforms"])
    tree["Eval"]["dataset"]["transforms"] = [step for step in tree["Train"]["dataset"]["transforms"] if "RandAugment" not in step]
    result = train(Recipe.from_tree(tree))
    assert result.last["eval"]["n"] == 2 * LINES
    tree["Global"]["pretrained_model"] = str(tmp_path / "run")
    assert export(Recipe.from_tree(tree)).sets[0].preprocessed == 0
    model = open_model(tmp_path / "bundle")
    assert model.spec.postprocess["label_list"] == ["0", "180"] and "SSLRotateResize" not in str(model.spec.transforms)


def test_mistakes_are_told(lines: Path, tmp_path: Path) -> None:
    load_components()
    tree = recipe(lines, tmp_path / "run")
    tree["Architecture"]["Head"]["class_dim"] = 4
    with pytest.raises(ConfigError, match=r"Global\.label_list: names 2 classes.*class_dim.*4"):
        Builder(Recipe.from_tree(tree)).check()
    tree["Global"]["label_list"] = None
    with pytest.raises(ConfigError, match=r"ClsLabelEncode\.label_list: is missing"):
        Builder(Recipe.from_tree(tree)).check()


def test_the_doctor_counts_classes(lines: Path, tmp_path: Path) -> None:
    load_components()
    tree = recipe(lines, tmp_path / "run")
    (lines / "wrong.txt").write_text("t0.png\t180\nt1.png\t0\nt2.png\tninety\n", encoding="utf-8")
    tree["Eval"]["dataset"]["label_file_list"] = [str(lines / "wrong.txt")]
    builder = Builder(Recipe.from_tree(tree))
    builder.check()
    text = examine(builder, progress=False, threads=1).text()
    assert "labels are made by turning each image" in text and "0: 1, 180: 1" in text
    assert "unknown class" in text and "'ninety' is none of 0, 180" in text
