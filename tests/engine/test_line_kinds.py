"""Lines of another kind than the weights were trained on are told before the first step, with what to change."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.engine import evaluate, train
from ppocr_like.engine.line_kinds import LineKind, kind_of, line_misfits, of_two_levels
from ppocr_like.errors import ConfigError
from ppocr_like.weights import WeightsFile, load_weights
from tests.data.lines.pages import archive

from .helpers import tiny_recipe

load_components()
KEPT = ["image", "label", "length", "valid_width"]


def lines_recipe(data: Path, run: Path, line: dict[str, Any], **over: Any) -> dict[str, Any]:
    tree = tiny_recipe(data, run, Global__epoch_num=1, Global__save_batch_step=None, **over)
    tree["Architecture"] = {
        "model_type": "rec",
        "algorithm": "VGSL",
        "Backbone": {"name": "VGSL", "spec": "[1,16,0,1 Cr3,3,4 Mp2,2 S1(1x0)1,3 Lbx8]"},
        "Head": {"name": "VGSLHead"},
    }
    for section in ("Train", "Eval"):
        chain = [{"DecodeImage": None}, {"CTCLabelEncode": None}, {"KrakenLine": {"height": 16, **line}}]
        tree[section]["dataset"]["transforms"] = [*chain, {"KeepKeys": {"keep_keys": list(KEPT)}}]
    return tree


def dataset(tree: dict[str, Any]) -> Any:
    return Builder(Recipe.from_tree(tree)).dataset("Train", None)


def test_weights_tell_their_lines_by_krakens_metadata_or_by_their_recipe(data: Path, tmp_path: Path) -> None:
    tree = lines_recipe(data, tmp_path, {"linetype": "bbox", "mode": "1"})

    def kind(recipe: Any, **metadata: Any) -> LineKind | None:
        return kind_of(WeightsFile({}, None, recipe, metadata, Path("w")))

    assert kind(tree) == LineKind("w", "bbox", "1")
    assert kind(tree, seg_type="baselines", one_channel_mode="L") == LineKind("w", "baselines", "L")
    assert kind(tree, seg_type=None, one_channel_mode=None) == LineKind("w", None, "1")
    assert kind(lines_recipe(data, tmp_path, {})) == LineKind("w", "baselines", None)
    assert kind(tiny_recipe(data, tmp_path)) is None
    assert kind(None) is None
    assert kind_of(None) is None


def test_what_differs_is_named_with_both_sides(data: Path, tmp_path: Path) -> None:
    plain = dataset(lines_recipe(data, tmp_path, {}))
    assert line_misfits(None, plain) == []
    assert line_misfits(LineKind("w", "baselines", None), plain) == []
    (said,) = line_misfits(LineKind("w", "bbox", None), plain)
    assert said.startswith(
        "w was trained on straightened boxes (linetype: bbox), and KrakenLine makes its lines as lines cut along"
    )
    assert "set KrakenLine.linetype: bbox" in said
    (said,) = line_misfits(LineKind("w", "baselines", "1"), plain)
    assert "trained on lines of two levels (mode 1), and KrakenLine makes gray lines: set KrakenLine.mode: '1'" in said
    assert line_misfits(LineKind("w", "baselines", "1"), dataset(lines_recipe(data, tmp_path, {"mode": "1"}))) == []
    (said,) = line_misfits(LineKind("w", "baselines", None), dataset(tiny_recipe(data, tmp_path)))
    assert "transforms hold no KrakenLine" in said
    assert line_misfits(None, dataset(tiny_recipe(data, tmp_path))) == []


def test_pages_that_are_cut_otherwise_than_the_step_wants(data: Path, tmp_path: Path) -> None:
    pages = {"name": "XMLDataSet", "manifests": archive(tmp_path / "pages")}
    for cut, step, wanted in (
        ("auto", "bbox", "XMLDataSet gives lines cut along baselines, and KrakenLine is for straightened boxes (linetype: bbox)"),
        ("bbox", "baselines", "XMLDataSet gives upright boxes, and KrakenLine is for lines cut along baselines"),
        ("bbox", "bbox", None),
        ("auto", "baselines", None),
    ):
        tree = lines_recipe(data, tmp_path, {"linetype": step})
        tree["Train"]["dataset"] = {**pages, "linetype": cut, "transforms": tree["Train"]["dataset"]["transforms"]}
        said = line_misfits(None, dataset(tree))
        assert [wanted is not None and line.startswith(wanted) for line in said] == [True] * (wanted is not None), said


def test_images_of_two_levels_for_weights_of_gray_ones(data: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.png"), rng.integers(0, 2, (20, 60), np.uint8) * 255)
        rows.append(f"{number}.png\t12\n")
    (tmp_path / "two.txt").write_text("".join(rows) + "gone.png\t1\n")
    where = {"Train__dataset__data_dir": str(tmp_path), "Train__dataset__label_file_list": [str(tmp_path / "two.txt")]}
    two = dataset(lines_recipe(data, tmp_path, {}, **where))
    gray = dataset(lines_recipe(data, tmp_path, {}))
    assert of_two_levels(two)
    assert not of_two_levels(gray)
    (said,) = line_misfits(LineKind("w", None, "L"), two)
    assert "w was trained on gray lines (mode L), and the images have two levels" in said
    assert line_misfits(LineKind("w", None, "L"), gray) == []


def test_a_run_tells_it_before_its_first_step(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(Recipe.from_tree(lines_recipe(data, tmp_path / "boxes", {"linetype": "bbox"})))
    boxes = str(tmp_path / "boxes" / "best_accuracy.safetensors")
    assert kind_of(load_weights(boxes)) == LineKind(boxes, "bbox", None)
    goes_on = Recipe.from_tree(lines_recipe(data, tmp_path / "lines", {}, Global__pretrained_model=boxes))
    with caplog.at_level(logging.INFO, logger="ppocr_like"):
        train(goes_on)
    told = [i for i, record in enumerate(caplog.records) if "was trained on straightened boxes" in record.getMessage()]
    step = next(i for i, record in enumerate(caplog.records) if "step" in record.getMessage() and "loss" in record.getMessage())
    assert [caplog.records[i].getMessage().partition(":")[0] for i in told] == ["train", "eval"]
    assert max(told) < step
    caplog.clear()
    evaluate(goes_on)
    assert sum("was trained on straightened boxes" in record.getMessage() for record in caplog.records) == 1


def test_an_evaluation_set_must_keep_the_widths_that_the_network_reads(data: Path, tmp_path: Path) -> None:
    tree = lines_recipe(data, tmp_path, {})
    tree["Eval"]["dataset"]["transforms"][-1] = {"KeepKeys": {"keep_keys": ["image", "label", "length"]}}
    with pytest.raises(ConfigError) as caught:
        Builder(Recipe.from_tree(tree)).check()
    (problem,) = caught.value.problems
    assert problem.path == "Eval.dataset.transforms"
    assert problem.message.startswith(
        "Architecture (OcrModel) reads valid_width in evaluation as in training, but KeepKeys keeps"
    )
    tree["Train"]["dataset"]["transforms"][-1] = tree["Eval"]["dataset"]["transforms"][-1]
    with pytest.raises(ConfigError, match=r"Architecture .* needs valid_width") as caught:
        Builder(Recipe.from_tree(tree)).check()
    assert {problem.path for problem in caught.value.problems} == {"Train.dataset.transforms", "Eval.dataset.transforms"}
