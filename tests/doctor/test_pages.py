"""The dataset doctor on pages and boxes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Builder, load_recipe
from ppocr_like.config.recipe import Recipe
from ppocr_like.doctor.examine import examine
from ppocr_like.doctor.findings import DoctorReport
from tests.data.helpers import Folder


@pytest.fixture(scope="module", autouse=True)
def _components() -> None:
    load_components()


TRAIN = [
    {"DecodeImage": {"img_mode": "BGR"}},
    {"DetLabelEncode": None},
    {"EastRandomCropData": {"size": [400, 200]}},
    {"MakeShrinkMap": {"min_text_size": 10}},
    {"KeepKeys": {"keep_keys": ["image", "shrink_map", "shrink_mask"]}},
]
EVAL = [
    {"DecodeImage": {"img_mode": "BGR"}},
    {"DetLabelEncode": None},
    {"DetResizeForTest": {"image_shape": [320, 640]}},
    {"KeepKeys": {"keep_keys": ["image", "shape", "polys", "ignore_tags"]}},
]


def builder(folder: Folder, train: str, evaluation: str, chain: list | None = None) -> Builder:
    def dataset(file: str, transforms: list) -> dict[str, Any]:
        return {"name": "SimpleDataSet", "data_dir": str(folder.root), "label_file_list": [file], "transforms": transforms}

    tree = {
        "Global": {"epoch_num": 1},
        "Architecture": {"model_type": "det"},
        "Train": {"dataset": dataset(train, chain or TRAIN), "loader": {"batch_size_per_card": 1}},
        "Eval": {"dataset": dataset(evaluation, EVAL), "loader": {"batch_size_per_card": 1}},
    }
    return Builder(Recipe.from_tree(tree))


def rectangle(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def row(name: str, *boxes: tuple[str, list]) -> str:
    return f"{name}\t{json.dumps([{'transcription': text, 'points': points} for text, points in boxes])}"


def found(report: DoctorReport, number: int) -> dict[str, int]:
    return {kind: finding.count for kind, finding in report.sets[number].findings.items()}


def place(report: DoctorReport, kind: str, number: int = 0) -> str:
    return report.sets[number].findings[kind].places[0]


GOOD = ("text", rectangle(10, 10, 200, 50))


def healthy(folder: Folder, name: str, first: int) -> str:
    images = [folder.image(f"{name}/{n}.png", 640, 320, value=first + n) for n in range(3)]
    return folder.write(f"{name}.txt", "\n".join(row(image, GOOD, ("b", rectangle(10, 100, 50, 140))) for image in images))


def test_good_sets_have_no_finding_and_say_so(folder: Folder) -> None:
    report = examine(builder(folder, healthy(folder, "train", 0), healthy(folder, "eval", 50)), progress=False)
    assert report.problems == 0 and found(report, 0) == found(report, 1) == {}
    text = report.text()
    assert text.count("nothing to complain about") == 2 and "no problem found" in text
    assert "3 lines; 6 boxes, 0 of them ignored" in text and "haracters" not in text
    spreads = report.sets[0].spreads
    assert spreads["boxes per image"].median == 2
    assert spreads["text height"].median == pytest.approx(40, abs=1)
    assert spreads["text height, whole image in 400 x 200"].median == pytest.approx(25, abs=1)
    assert report.sets[1].spreads["text height after the resize"].median == pytest.approx(40, abs=1)


def test_each_ailment_is_found_with_its_place(folder: Folder) -> None:
    for n in range(13):
        folder.image(f"{n}.png", 640, 320, value=n)
    whole = (folder.root / "1.png").read_bytes()
    folder.write("cut.png", whole[: len(whole) // 2])
    shutil.copy(folder.root / "0.png", folder.root / "copy.png")
    crossed = [[10, 10], [200, 50], [200, 10], [10, 50]]
    rows = [
        row("0.png", GOOD),
        row("gone.png", GOOD),
        row("cut.png", GOOD),
        "no delimiter here",
        row("1.png"),
        row("2.png", GOOD)[:-9],
        row("3.png", GOOD, ("crossed", crossed)),
        row("4.png", GOOD, ("flat", [[10, 10], [200, 10], [300, 10], [90, 10]]), ("point", [[5, 5]] * 4)),
        row("5.png", GOOD, ("three", [[10, 10], [200, 10], [200, 50]])),
        row(
            "6.png",
            ("out", rectangle(700, 10, 800, 50)),
            ("half", rectangle(600, 10, 700, 50)),
            ("by 2", rectangle(600, 60, 642, 99)),
        ),
        row("7.png", ("###", rectangle(0, 0, 90, 50)), ("*", crossed)),
        row("8.png", GOOD, GOOD),
        row("copy.png", ("other", rectangle(1, 1, 90, 50))),
        row("9.png", GOOD, ("low", rectangle(10, 100, 200, 115))),
        '10.png\t[{"transcription": "x", "points": [[10, 10], [NaN, 10], [200, 50], [10, 50]]}]',
        row(
            "11.png",
            ("filled up", [*GOOD[1], GOOD[1][3], GOOD[1][3]]),
            ("six", [[0, 100], [50, 90], [100, 100], [100, 140], [50, 130], [0, 140]]),
        ),
    ]
    train = folder.write("train.txt", "\n".join(rows))
    evaluation = folder.write("eval.txt", "\n".join([row("12.png", GOOD), row("copy.png", GOOD), row("0.png", GOOD)]))
    report = examine(builder(folder, train, evaluation), progress=False)
    assert found(report, 0) == {
        "missing image": 1,
        "unreadable image": 1,
        "line without a delimiter": 1,
        "page without boxes": 1,
        "broken label": 1,
        "self-intersecting polygon": 1,
        "polygon without area": 2,
        "polygon of fewer than 4 points": 1,
        "box outside the image": 1,
        "points outside the image": 1,
        "points just outside the image": 1,
        "all boxes ignored": 2,
        "coordinate that is no number": 1,
        "same box twice": 1,
        "same image again": 1,
        "same image, other label": 1,
        "text below min_text_size where the whole image is taken": 1,
    }
    assert found(report, 1) == {"image also in training": 2, "path also in training": 2, "same image again": 1}
    assert report.problems == 11 + 2
    assert place(report, "broken label").startswith(f"{train}, line 6: {folder.root / '2.png'}: ")
    assert "no valid JSON" in place(report, "broken label")
    assert f"{train}, line 7: {folder.root / '3.png'}: box 2: [[10" in place(report, "self-intersecting polygon")
    assert "line 8" in place(report, "polygon without area")
    outside = place(report, "points outside the image")
    assert "line 10" in outside and "box 2: 60 px outside 640 x 320" in outside
    small = place(report, "text below min_text_size where the whole image is taken")
    assert "line 14" in small and "9.4 px of 10" in small
    assert report.sets[0].summary == "23 boxes, 3 of them ignored (13%)"
    assert "give the points in their order" in report.text()


@pytest.mark.parametrize(("low", "kind"), [(1, "a few texts below min_text_size"), (4, "text below min_text_size")])
def test_small_text_after_the_resize(folder: Folder, low: int, kind: str) -> None:
    """The resize of the evaluation halves the image: 16 px become 8, and training ignores what has less than 10."""
    image = folder.image("big.png", 1280, 640)
    boxes = [("a", rectangle(10, 10 + 30 * n, 200, 26 + 30 * n if n < low else 35 + 30 * n)) for n in range(20)]
    report = examine(builder(folder, healthy(folder, "train", 0), folder.write("e.txt", row(image, *boxes))), progress=False)
    assert found(report, 1) == {kind: low} and report.problems == (low > 1)
    assert "8.0 px of 10" in place(report, kind, 1)


def test_training_without_a_crop_is_held_against_the_image_itself(folder: Folder) -> None:
    chain = [step for step in TRAIN if "EastRandomCropData" not in step]
    train = folder.write(
        "t.txt", row(folder.image("a.png", 640, 320), ("a", rectangle(0, 0, 90, 9)), ("b", rectangle(0, 20, 90, 30)))
    )
    report = examine(builder(folder, train, healthy(folder, "eval", 50), chain), progress=False)
    assert found(report, 0) == {"text below min_text_size": 1}


def test_random_crop_enlarges_nothing(folder: Folder) -> None:
    chain = [{"RandomCrop": {"size": [400, 200]}} if "EastRandomCropData" in step else step for step in TRAIN]
    train = folder.write("t.txt", row(folder.image("a.png", 200, 100), ("a", rectangle(0, 0, 90, 12))))
    report = examine(builder(folder, train, healthy(folder, "eval", 50), chain), progress=False)
    assert report.sets[0].spreads["text height, whole image in 400 x 200"].median == pytest.approx(12)


def test_the_report_as_json(folder: Folder) -> None:
    train = folder.write("t.txt", row(folder.image("a.png", 640, 320), ("x", [[0, 0], [90, 50], [90, 0], [0, 50]])))
    data = json.loads(examine(builder(folder, train, healthy(folder, "eval", 50)), progress=False).to_json())
    finding, none_left = data["sets"][0]["findings"]
    assert none_left["kind"] == "no usable box" and none_left["problem"]
    assert finding["kind"] == "self-intersecting polygon" and finding["problem"] and finding["advice"]
    assert data["sets"][0]["spreads"]["boxes per image"]["median"] == 1


def test_the_shipped_recipes_pages_are_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).parents[2]
    monkeypatch.chdir(root)
    report = examine(Builder(load_recipe(root / "configs" / "det" / "db_mv3_ft.yml")), progress=False)
    assert report.problems == 0, report.text()
    assert [part.examined for part in report.sets] == [34, 6]
