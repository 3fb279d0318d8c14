"""Whole runs on pairs of image and .gt.txt, and on the same lines compiled: their classes, their parts, the doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ppocr_like.codec import read_codec
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.data.classes import training_codec
from ppocr_like.data.lines.path_set import PathDataSet
from ppocr_like.data.pack import pack_set
from ppocr_like.doctor.examine import examine
from ppocr_like.engine import train
from ppocr_like.weights import load_weights

from .helpers import tiny_recipe

pytest.importorskip("pyarrow")
load_components()


@pytest.fixture(scope="module")
def pairs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The training lines of the tests as pairs; one image has no text."""
    folder = tmp_path_factory.mktemp("pairs")
    for row in (data / "train.txt").read_text().splitlines():
        name, _, text = row.partition("\t")
        stem = Path(name).stem
        (folder / f"{stem}.bin.png").write_bytes((data / name).read_bytes())
        (folder / f"{stem}.gt.txt").write_text(f"{text}\n")
    (folder / "train_3.gt.txt").unlink()
    return str(folder / "*.png")


@pytest.fixture(scope="module")
def compiled(pairs: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = str(tmp_path_factory.mktemp("compiled") / "set.arrow")
    pack_set(PathDataSet(files=pairs, mode="eval"), out, {}, workers=1, progress=False)
    return out


def recipe(data: Path, run: Path, **keys: Any) -> Recipe:
    tree = tiny_recipe(data, run, Global__epoch_num=1, Global__cal_metric_during_train=False)
    tree["Global"]["codec"] = "auto"
    for section in ("Train", "Eval"):
        node = tree[section]["dataset"]
        tree[section]["dataset"] = {**keys, "partition": 0.8, "partition_by": "line", "transforms": node["transforms"]}
    return Recipe.from_tree(tree)


def test_classes_and_parts_of_runs_on_both(data: Path, pairs: str, compiled: str, tmp_path: Path) -> None:
    for name, keys in (
        ("pairs", {"name": "PathDataSet", "files": pairs, "max_left_out": 0.1}),
        ("compiled", {"name": "ArrowDataSet", "files": compiled}),
    ):
        made = recipe(data, tmp_path / name, **keys)
        train(made)
        settled = made.changed("Global.codec", str(tmp_path / name / "codec.json"))
        texts = [t for piece in Builder(settled).dataset("Train").label_texts() for t in piece.texts]
        assert list(read_codec(tmp_path / name / "codec.json")) == sorted(set("".join(texts)))
        assert load_weights(tmp_path / name).charset.num_classes == len(set("".join(texts))) + 1
        rows = [row.split("\t") for row in (tmp_path / name / "split.tsv").read_text().splitlines()[1:]]
        assert [sum(row[0] == part for row in rows) for part in ("train", "validation")] == [17, 4]
        left_out = (tmp_path / name / "left_out.tsv").read_text()
        assert ("train_3.bin.png\t1\timage without a .gt.txt" in left_out) == (name == "pairs")


def test_the_doctor_looks_at_them(data: Path, pairs: str, compiled: str, tmp_path: Path) -> None:
    for found, keys in (
        (["image without a .gt.txt"], {"name": "PathDataSet", "files": pairs}),
        ([], {"name": "ArrowDataSet", "files": compiled}),
    ):
        made = recipe(data, tmp_path / "run", **keys)
        report = examine(Builder(made).reading(training_codec(made)), progress=False)
        assert [(part.lines, part.examined, part.error) for part in report.sets] == [(17, 17, ""), (4, 4, "")]
        assert sum(report.sets[0].characters.values()) > 40
        assert list(report.sets[0].findings) == found
