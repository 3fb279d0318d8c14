"""Another training sample for a transform that asks for one, and the epoch."""

from __future__ import annotations

from collections import Counter
from typing import Any

import cv2
import numpy as np
import pytest

from ppocr_like.contracts import Rejected, Request
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.registry import DATASETS
from ppocr_like.transforms.base import Sample, Transform

from .helpers import Folder


class Decode(Transform):
    """Decodes and notes that it ran."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        image = cv2.imdecode(sample["image"], cv2.IMREAD_COLOR)
        if image is None:
            raise Rejected("unreadable image")
        return {**sample, "image": image, "steps": 1}


class Refuse(Transform):
    """Rejects labels that say so; draws from the generator."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        if sample["label"].startswith("bad"):
            raise Rejected("bad")
        return {**sample, "steps": sample["steps"] + 1, "draw": rng.random()}


class Ask(Transform):
    """Asks `times` times for another sample."""

    def __init__(self, times: int = 1) -> None:
        self.times = times

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        others = [sample["fetch_other"](rng) for _ in range(self.times)]
        return {"epoch": sample["epoch"], "others": others}


def make(folder: Folder, files: Any, **more: Any) -> SimpleDataSet:
    return SimpleDataSet(str(folder.root), files, **{"transforms": [Decode(), Refuse(), Ask()], "seed": 3, **more})


def test_paddlexs_names_mean_the_same() -> None:
    assert DATASETS.get("TextDetDataset") is DATASETS.get("TextRecDataset") is SimpleDataSet


def test_the_epoch_is_told_in_training_only(folder: Folder) -> None:
    file = folder.labels("a.txt", 2)
    assert make(folder, file, transforms=[]).fetch(Request(0, 7))["epoch"] == 7
    evaluation = make(folder, file, transforms=[], mode="eval").fetch(Request(0, 7))
    assert {"epoch", "fetch_other"}.isdisjoint(evaluation)


def test_the_sample_that_leaves_holds_no_function(folder: Folder) -> None:
    assert "fetch_other" not in make(folder, folder.labels("a.txt", 2), transforms=[Decode()]).fetch(Request(0, 0))


def test_another_sample_after_the_first_transforms(folder: Folder) -> None:
    data = make(folder, folder.labels("a.txt", 5))
    for index in range(5):
        out = data.fetch(Request(index, 4))
        (other,) = out["others"]
        assert out["epoch"] == other["epoch"] == 4
        assert other["steps"] == 2
        assert other["image"].ndim == 3
        assert other["label"] != f"text {index}"
        assert other["label"] in [f"text {n}" for n in range(5)]
    (raw,) = make(folder, folder.labels("a.txt", 5), ext_op_transform_idx=0).fetch(Request(0, 0))["others"]
    assert raw["image"].ndim == 1


def test_draws_are_spread_and_repeatable(folder: Folder) -> None:
    data = make(folder, folder.labels("a.txt", 5), transforms=[Decode(), Refuse(), Ask(40)])
    others = [other["label"] for other in data.fetch(Request(0, 0))["others"]]
    assert Counter(others).keys() == {"text 1", "text 2", "text 3", "text 4"}
    again = [(other["label"], other["draw"]) for other in data.fetch(Request(0, 0))["others"]]
    assert [label for label, _ in again] == others
    assert again == [(other["label"], other["draw"]) for other in data.fetch(Request(0, 0))["others"]]
    assert others != [other["label"] for other in data.fetch(Request(0, 1))["others"]]


def test_files_are_drawn_by_their_share(folder: Folder) -> None:
    a, b, c = folder.labels("a.txt", 4), folder.labels("b.txt", 40), folder.labels("c.txt", 4)
    data = make(folder, [a, b, c], ratio_list=[0.0, 0.1, 3.0], transforms=[Decode(), Refuse(), Ask(100)])
    folders = Counter(other["img_path"].split("/")[-2] for other in data.fetch(Request(0, 0))["others"])
    assert folders["a"] == 0
    assert 10 <= folders["b"] <= 45


def test_unusable_draws_are_followed_by_others(folder: Folder) -> None:
    good = folder.image("good.png")
    lines = [f"{good}\tfirst", "gone.png\tx", f"{good}\tbad", "no delimiter", f"{good}\tsecond"]
    data = make(folder, folder.write("l.txt", "".join(line + "\n" for line in lines)), transforms=[Decode(), Refuse(), Ask(20)])
    labels = {other["label"] if other else None for other in data.fetch(Request(0, 0))["others"]}
    assert "second" in labels
    assert labels <= {"second", None}


def test_none_when_there_is_no_other(folder: Folder) -> None:
    assert make(folder, folder.labels("a.txt", 1)).fetch(Request(0, 0))["others"] == [None]


def test_a_fetched_sample_fetches_no_further(folder: Folder) -> None:
    data = make(folder, folder.labels("a.txt", 4), transforms=[Decode(), Ask()], ext_op_transform_idx=2)
    (other,) = data.fetch(Request(0, 0))["others"]
    assert other["others"] == [None]


def test_a_negative_number_of_transforms(folder: Folder) -> None:
    with pytest.raises(ValueError, match="ext_op_transform_idx is -1"):
        make(folder, folder.labels("a.txt", 1), ext_op_transform_idx=-1)
