"""What labels hold that a run cannot use is said at start, recorded, and a reason to stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from det_pages import det_recipe, make_pages

from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.engine import evaluate, report, train
from ppocr_like.errors import TrainingError

from .helpers import make_data, tiny_recipe
from .helpers import records as all_records

INLINE = {"Train__loader__num_workers": 0, "Global__save_batch_step": None, "Global__epoch_num": 1}


def records(run: Path, kind: str) -> list[dict[str, Any]]:
    return [record for record in all_records(run) if record["kind"] == kind]


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Pages whose label files a test may change."""
    make_pages(tmp_path / "pages")
    return tmp_path / "pages"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    make_data(tmp_path / "data")
    return tmp_path / "data"


def relabel(file: Path, change: Any) -> None:
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    file.write_text("".join(f"{name}\t{change(text, n)}\n" for n, (name, text) in enumerate(rows)), encoding="utf-8")


def start(data: Path, run: Path, **over: Any) -> None:
    load_components()
    train(Recipe.from_tree(tiny_recipe(data, run, **{**INLINE, **over})))


def test_too_many_unknown_characters_stop_the_run(data: Path, tmp_path: Path) -> None:
    relabel(data / "train.txt", lambda text, n: f"{text[:2]} {text[2:]}")
    with pytest.raises(TrainingError) as caught:
        start(data, tmp_path / "run")
    told = str(caught.value)
    assert "22 of 99 characters (22.2%)" in told and "U+0020 (22; " in told and "train.txt, line 1: " in told
    assert "Global.max_unknown: 0.05" in told and "use_space_char: true" in told
    assert "22 of 99 characters" in (tmp_path / "run" / "train.log").read_text(encoding="utf-8")


def test_a_few_are_said_and_recorded(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    relabel(data / "train.txt", lambda text, n: f"{text}x" if n == 4 else text)
    relabel(data / "eval.txt", lambda text, n: f"{text}é" if n == 1 else f"{text}\tlost" if n == 2 else text)
    run = tmp_path / "run"
    start(data, run)
    log = (run / "train.log").read_text(encoding="utf-8")
    assert "training labels: 1 of 78 characters (1.3%)" in log and "train.txt, line 5: " in log
    assert "evaluation set eval: 1 of" in log and "é U+00E9" in log
    assert "evaluation set eval: 1 label lines have further columns" in log and "line 3: 'lost'" in log
    manifest = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (record,) = records(run, "labels")
    assert manifest["labels"]["train"]["unknown"]["x"]["count"] == 1 == record["train"]["unknown_characters"]
    assert "line 5" in manifest["labels"]["train"]["unknown"]["x"]["first"][0]
    load_components()
    tree = tiny_recipe(data, run, Global__pretrained_model=str(run))
    (evaluation,) = evaluate(Recipe.from_tree(tree), keep=None)
    assert report(evaluation)["labels"]["unknown"]["é"]["count"] == 1


def test_they_may_be_allowed(data: Path, tmp_path: Path) -> None:
    relabel(data / "train.txt", lambda text, n: f"{text}x")
    start(data, tmp_path / "run", Global__max_unknown=1.0)
    (record,) = records(tmp_path / "run", "labels")
    assert record["train"]["unknown_characters"] == 22


def test_two_records_in_one_line_are_counted(data: Path, tmp_path: Path) -> None:
    file = data / "train.txt"
    file.write_text(file.read_text(encoding="utf-8").replace("\n", "", 1), encoding="utf-8")
    start(data, tmp_path / "run")
    assert "1 sample rejected, two records in one line" in (tmp_path / "run" / "train.log").read_text(encoding="utf-8")


def crossed(file: Path, but: int = 0) -> None:
    """All boxes of a label file with their corners in the wrong order, but those of the first pages."""
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows):
        boxes = json.loads(row[1])
        for entry in boxes if number >= but else ():
            a, b, c, d = entry["points"]
            entry["points"] = [a, b, d, c]
        row[1] = json.dumps(boxes)
    file.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")


def detector(pages: Path, run: Path, **over: Any) -> Recipe:
    load_components()
    return Recipe.from_tree(det_recipe(pages, run, **{**INLINE, **over}))


def test_a_set_without_a_usable_box_is_an_error(pages: Path, tmp_path: Path) -> None:
    crossed(pages / "train.txt")
    with pytest.raises(TrainingError, match=r"training labels: not one of \d+ boxes .*order_corners: true"):
        train(detector(pages, tmp_path / "run"))
    recipe = det_recipe(pages, tmp_path / "run", **INLINE)
    for step in recipe["Train"]["dataset"]["transforms"]:
        if "DetLabelEncode" in step:
            step["DetLabelEncode"] = {"order_corners": True}
    train(Recipe.from_tree(recipe))
    assert records(tmp_path / "run", "labels")[0]["train"]["unusable"] == {}


def test_boxes_that_cannot_be_used_are_named(pages: Path, tmp_path: Path) -> None:
    crossed(pages / "train.txt", but=8)
    crossed(pages / "eval.txt", but=4)
    train(detector(pages, tmp_path / "run"))
    log = (tmp_path / "run" / "train.log").read_text(encoding="utf-8")
    assert "training labels: " in log and "train.txt, line 9, box 1: " in log and "order_corners" in log
    assert "evaluation set eval: " in log and "eval.txt, line 5, box 1: " in log
    (record,) = records(tmp_path / "run", "labels")
    (fault,) = record["train"]["unusable"].values()
    assert fault["count"] > 1 and record["train"]["usable"] > 0


def test_a_page_without_text_is_a_page(pages: Path, tmp_path: Path) -> None:
    """In training it goes through the whole chain; in an evaluation what is found there is wrong."""
    for name in ("train", "eval"):
        file = pages / f"{name}.txt"
        rows = file.read_text(encoding="utf-8").splitlines()
        file.write_text("\n".join([rows[0].split("\t")[0] + "\t[]", *rows[1:]]) + "\n", encoding="utf-8")
    train(detector(pages, tmp_path / "run", Train__loader__batch_size_per_card=1))
    assert "rejected" not in (tmp_path / "run" / "train.log").read_text(encoding="utf-8")
    assert records(tmp_path / "run", "labels")[0]["train"]["empty"] == 1
    assert records(tmp_path / "run", "eval")[-1]
