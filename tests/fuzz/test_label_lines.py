"""Label lines of recognisers and detectors, and everything that reads them: data set, chain, doctor, metric, drawing."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppocr_like.charset import Charset
from ppocr_like.components import load_components
from ppocr_like.contracts import PageBoxes, Rejected, RejectedSample, Request
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.doctor.pages import PageExaminer
from ppocr_like.documents.formats.paddle import readable_lines
from ppocr_like.metrics.det import DetMetric
from ppocr_like.registry import TRANSFORMS
from tests.fuzz.material import Edit, as_json, both, edited, fuzz, garbled

load_components()
BOX = [[4, 4], [40, 4], [40, 20], [4, 20]]
PAGE = [
    {"transcription": "one", "points": BOX},
    {"transcription": "###", "points": [[4, 30], [60, 30], [60, 44], [4, 44]]},
    {"transcription": "bent", "points": [[4, 50], [30, 48], [60, 50], [60, 60], [30, 58], [4, 60]], "difficult": False},
]


def step(name: str, **arguments: object) -> object:
    return TRANSFORMS.get(name, "det")(**arguments)


def det_chain() -> list:
    return [
        step("DecodeImage", img_mode="BGR", channel_first=False),
        step("DetLabelEncode"),
        step(
            "IaaAugment", augmenter_args=[{"type": "Fliplr", "args": {"p": 0.5}}, {"type": "Resize", "args": {"size": [0.5, 3]}}]
        ),
        step("EastRandomCropData", size=[64, 64], max_tries=10, keep_ratio=True),
        step("MakeBorderMap", shrink_ratio=0.4, thresh_min=0.3, thresh_max=0.7),
        step("MakeShrinkMap", shrink_ratio=0.4, min_text_size=2),
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lines")
    for name in ("a.png", "b.png", "c.png"):
        cv2.imwrite(str(folder / name), np.full((80, 100, 3), 200, np.uint8))
    return folder


def one_page(folder: Path, edits: list[Edit], form: int) -> str:
    """A label file with a line that is whole and one that is not."""
    text = as_json(edited(PAGE, edits), ensure_ascii=form % 2 == 0)
    line = f"b.png\t{text}".encode("utf-8", "surrogatepass")
    line = garbled(f"b.png\t{json.dumps(PAGE)}".encode(), edits) if form % 3 == 0 else line
    (folder / "pages.txt").write_bytes(f"a.png\t{json.dumps(PAGE)}\n".encode() + line + b"\n")
    data = SimpleDataSet(str(folder), str(folder / "pages.txt"), det_chain(), seed=form)
    examiner, metric = PageExaminer(data, 8.0), DetMetric()
    examiner.run(np.arange(len(data)))
    good = 0
    for index in range(len(data)):
        label = data.record(index).info.text
        readable_lines(label)
        metric.reject([RejectedSample(data.info(index), "broken label", "")])
        try:
            sample = data.fetch(Request(index, 0))
        except Rejected:
            continue
        metric.update([PageBoxes()], {"polys": [sample["polys"]], "ignore_tags": [sample["ignore_tags"]]})
        assert np.isfinite(sample["threshold_map"]).all() and np.isfinite(sample["shrink_map"]).all()
        good += 1
    metric.compute()
    assert good, "the whole line is read whatever stands in the other"
    return "read" if good == len(data) else "rejected"


def one_line(folder: Path, edits: list[Edit], form: int) -> str:
    """A recogniser's label file."""
    names = as_json(edited(["a.png", "b.png"], edits)) if form % 2 else "a.png"
    line = f"{names}\tsome text\n".encode("utf-8", "surrogatepass")
    rest = garbled(b"b.png\tmore text\nc.png\tthree\n", edits)
    (folder / "lines.txt").write_bytes(b"a.png\tfirst\n" + (line if form % 2 else b"") + rest)
    charset = Charset("abcdefghijklmnopqrstuvwxyz")
    encode = TRANSFORMS.get("CTCLabelEncode", "rec")(max_text_length=25, charset=charset)
    chain = [step("DecodeImage", img_mode="BGR", channel_first=False), encode]
    data = SimpleDataSet(str(folder), str(folder / "lines.txt"), chain, seed=form)
    good = 0
    for index in range(len(data)):
        try:
            data.fetch(Request(index, 0))
            good += 1
        except Rejected:
            continue
    assert data.sizes(progress=False).shape == (len(data), 2)
    assert good, "the whole line is read whatever stands in the others"
    return "read" if good == len(data) else "rejected"


@both(300, 9_000)
def test_pages(folder: Path, count: int) -> None:
    fuzz(partial(one_page, folder), count)


@both(900, 10_000)
def test_lines(folder: Path, count: int) -> None:
    fuzz(partial(one_line, folder), count)
