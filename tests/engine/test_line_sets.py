"""Runs on pages: what the run folder says, what reads such a set beside training, and a run that is killed."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.doctor.examine import examine
from ppocr_like.engine import evaluate, train
from ppocr_like.engine.manifest import file_changes
from ppocr_like.engine.pictures import prediction_pictures
from ppocr_like.errors import DataError
from ppocr_like.report.samples import draw_samples
from tests.data.lines.pages import write_page

from .helpers import kill_after, run, same_run, start, tiny_recipe, write_recipe

load_components()


def digits(folder: Path, pages: int = 6, lines: int = 4) -> str:
    """The manifest of pages of digits."""
    rng = np.random.default_rng(0)
    for number in range(pages):
        texts = ["".join(map(str, rng.integers(0, 10, 4))) for _ in range(lines)]
        write_page(folder, f"p{number}", texts, "page" if number % 2 else "alto")
    (folder / "pages.txt").write_text("".join(f"p{number}.xml\n" for number in range(pages)))
    (folder / "dict.txt").write_text("\n".join("0123456789") + "\n")
    return str(folder / "pages.txt")


def on_pages(data: Path, folder: Path, **over: Any) -> dict[str, Any]:
    """`tiny_recipe` on the pages of `data`, divided by the partition."""
    tree = tiny_recipe(data, folder, **over)
    for section in ("Train", "Eval"):
        chain = tree[section]["dataset"]["transforms"]
        pages = {"name": "XMLDataSet", "manifests": str(data / "pages.txt"), "partition": 0.7, "transforms": chain}
        tree[section]["dataset"] = pages
    return tree


def test_what_reads_a_set_of_pages(tmp_path: Path) -> None:
    manifest = digits(tmp_path / "data")
    Path(manifest).write_text(Path(manifest).read_text() + "gone.xml\n")
    joined = {"RecConAug": {"prob": 0.5, "image_shape": [32, 96, 3], "max_text_length": 8, "ext_data_num": 1}}
    tree = on_pages(
        tmp_path / "data",
        tmp_path / "run",
        Global__epoch_num=1,
        Global__use_visualdl=True,
        Train__loader__bucket_by_width={"step": 32, "max_width": 160},
    )
    tree["Train"]["dataset"] |= {"max_left_out": 0.5}
    tree["Eval"]["dataset"] |= {"max_left_out": 0.5}
    tree["Train"]["dataset"]["transforms"].insert(1, joined)
    recipe = Recipe.from_tree(tree)
    train(recipe)
    folder = tmp_path / "run"
    rows = [row.split("\t") for row in (folder / "split.tsv").read_text().splitlines()]
    assert [row[0] for row in rows[1:]].count("train") == 4 and len(rows) == 7
    assert "gone.xml" in (folder / "left_out.tsv").read_text()
    assert len(list((folder / "cache").glob("lines-*"))) == 1  # training and evaluation share the cut lines
    manifest_of_run = json.loads((folder / "run.json").read_text())
    assert manifest in manifest_of_run["files"]
    assert [part["samples"] for part in manifest_of_run["folders"].values()] == [16, 8]

    tree["Global"] |= {"pretrained_model": str(folder), "save_model_dir": str(tmp_path / "other")}
    builder = Builder(Recipe.from_tree(tree))
    (evaluation,) = evaluate(builder.recipe, keep=None)
    assert evaluation.samples == 8 and not evaluation.rejected.total
    info, _ = evaluation.lines[0]
    assert info.place == f"{tmp_path}/data/{Path(info.file).name}, line 1 (l1)"
    pictures = prediction_pictures("eval", builder.dataset("Eval"), evaluation.lines[:2])
    assert sorted(pictures) == ["predictions/eval/0", "predictions/eval/1"]

    drawn = draw_samples(builder, 5, tmp_path / "drawn", progress=False)
    assert all(cv2.imread(str(path)) is not None for path in drawn.paths) and drawn.paths
    write_page(tmp_path / "data", "p0", ["4711"] * 4, "alto")
    sets = [Builder(recipe).dataset(section) for section in ("Train", "Eval")]
    (changed,) = file_changes(folder / "run.json", recipe, True, sets)
    assert changed.startswith("the lines for ") and f" of {manifest} was changed since the run used it" in changed

    report = examine(builder, progress=False, threads=2)
    text = report.text()
    assert "gone.xml" in text and "file of the list is missing" in text
    assert [part.lines for part in report.sets] == [16, 8]


def test_a_run_stops_where_too_many_lines_are_lost(tmp_path: Path) -> None:
    digits(tmp_path / "data")
    (tmp_path / "data" / "p0.png").unlink()
    with pytest.raises(DataError, match=r"train: 16\.7% of the lines are lost, more than max_left_out: 0\.05: missing image"):
        train(Recipe.from_tree(on_pages(tmp_path / "data", tmp_path / "run")))
    assert len((tmp_path / "run" / "left_out.tsv").read_text().splitlines()) == 5


def test_lines_that_the_chain_rejects_are_named_once_however_often_they_are_drawn(tmp_path: Path) -> None:
    digits(tmp_path / "data")
    tree = on_pages(tmp_path / "data", tmp_path / "run", Global__epoch_num=2, Global__max_text_length=3)
    recipe = Recipe.from_tree(tree)
    write_page(tmp_path / "data", "p0", ["12"] * 4, "alto")
    write_page(tmp_path / "data", "p1", ["12"] * 4, "alto")
    write_page(tmp_path / "data", "p5", ["12"] * 4, "alto")
    parts = train(recipe) and (tmp_path / "run" / "split.tsv").read_text().splitlines()[1:]
    rows = [row.split("\t") for row in (tmp_path / "run" / "left_out.tsv").read_text().splitlines()]
    assert rows[0] == ["set", "file", "line", "reason", "detail"]
    divided = {row.split("\t")[1]: row.split("\t")[0].replace("validation", "eval") for row in parts}
    long = {(part, file) for file, part in divided.items() if Path(file).stem not in ("p0", "p1", "p5")}
    assert {(row[0], row[1]) for row in rows[1:]} == long and {row[0] for row in rows[1:]} == {"train", "eval"}
    assert len(rows) == len({tuple(row[:4]) for row in rows}) == 1 + 4 * len(long)


@pytest.mark.thorough
def test_a_run_on_pages_that_is_killed_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    digits(tmp_path / "data")
    for name in ("whole", "killed"):
        write_recipe(tmp_path / f"{name}.yml", on_pages(tmp_path / "data", tmp_path / name, Global__epoch_num=3))
    run("train", tmp_path / "whole.yml")
    struck = 0
    for seconds in (0.0, 0.1):
        resumed = [f"Global.checkpoints={tmp_path}/killed"] if (tmp_path / "killed" / "latest.ckpt").exists() else []
        process = start("train", tmp_path / "killed.yml", *resumed)
        assert process.stdout is not None
        for line in process.stdout:
            if ("global_step: " in line and "global_step: 1," not in line) or "resumed" in line:
                break  # a step was saved
        kill_after(process, seconds)
        struck += process.returncode == -signal.SIGKILL
    assert struck
    run("train", tmp_path / "killed.yml", f"Global.checkpoints={tmp_path}/killed")
    same_run(tmp_path / "whole", tmp_path / "killed")
    assert yaml.safe_load((tmp_path / "killed" / "config.yml").read_text())["Train"]["dataset"]["partition"] == 0.7
