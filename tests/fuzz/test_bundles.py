"""Bundles and what stands in for them: inference.yml (ours and PaddleOCR's), metadata in ONNX files, RapidOCR's settings."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import yaml
from onnx import helper

from ppocr_like.export.pair import refresh_pair, write_pair
from ppocr_like.pipeline.opening import open_model
from ppocr_like.pipeline.spec import Spec
from tests.fuzz.material import Edit, as_json, both, edited, fuzz, garbled

PADDLE_REC = {
    "Global": {"model_name": "x"},
    "PreProcess": {"transform_ops": [{"DecodeImage": {"img_mode": "BGR"}}, {"RecResizeImg": {"image_shape": [3, 48, 320]}}]},
    "PostProcess": {"name": "CTCLabelDecode", "character_dict": []},
}


class Bundles:
    """A recogniser's and a detector's bundle, each in a copy whose files may be changed."""

    def __init__(self, folder: Path, rec: Path, det: Path) -> None:
        self.folder, self.whole = folder, {"rec": rec, "det": det}
        for kind, source in self.whole.items():
            shutil.copytree(source, folder / kind)
        self.image = np.full((48, 200, 3), 255, np.uint8)
        cv2.putText(self.image, "abc", (5, 36), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2)
        self.trees = {kind: yaml.safe_load((source / "inference.yml").read_text("utf-8")) for kind, source in self.whole.items()}
        self.foreign = folder / "foreign"
        self.foreign.mkdir()
        self.graph = onnx.load(str(rec / "model.onnx"))
        self.entries = list(self.trees["rec"]["PostProcess"]["character_dict"])

    def other_graph(self, **metadata: str) -> Path:
        """The recogniser's network as others write it."""
        del self.graph.metadata_props[:]
        helper.set_model_props(self.graph, metadata)
        onnx.save(self.graph, str(self.foreign / "rec.onnx"))
        return self.foreign / "rec.onnx"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path, ink_bundle: Path) -> Bundles:
    return Bundles(tmp_path_factory.mktemp("bundles"), tiny_bundle, ink_bundle)


def dumped(tree: object) -> str:
    return as_json(tree)  # JSON is YAML, and holds what PyYAML's dumper refuses


def described(bundles: Bundles, edits: list[Edit], form: int) -> None:
    """Our own inference.yml, and what it makes of a picture."""
    kind = ("rec", "det")[form % 2]
    file = bundles.folder / kind / "inference.yml"
    if form % 3:
        file.write_text(dumped(edited(bundles.trees[kind], edits)), encoding="utf-8")
    else:
        file.write_bytes(garbled((bundles.whole[kind] / "inference.yml").read_bytes(), edits))
    model = open_model(file.parent, threads=1)
    for outcome in model.stream([bundles.image]):
        assert outcome.error or (outcome.line if hasattr(outcome, "line") else outcome.page) is not None


def from_weights(bundles: Bundles, edits: list[Edit], form: int) -> None:
    Spec.from_tree(edited(bundles.trees["rec"], edits))


def settings(bundles: Bundles, edits: list[Edit], form: int) -> None:
    """What RapidOCR is told of whole pages, which names the bundle beside."""
    for kind in ("rec", "det"):
        shutil.copy(bundles.whole[kind] / "inference.yml", bundles.folder / kind / "inference.yml")
    folder = bundles.folder / ("rec", "det")[form % 2]
    params, _ = write_pair(folder, bundles.folder / "det", bundles.folder / "rec")
    whole = params.read_bytes()
    params.write_bytes(garbled(whole, edits) if form % 3 == 0 else as_json(edited(json.loads(whole), edits)).encode())
    refresh_pair(folder)


def paddle(bundles: Bundles, edits: list[Edit], form: int) -> None:
    """PaddleOCR's inference.yml beside an ONNX file, and metadata in the file."""
    described = bundles.foreign / "inference.yml"
    described.unlink(missing_ok=True)
    if form % 4 == 0:
        entries = garbled("\n".join(bundles.entries).encode(), edits).decode("utf-8", "replace")
        bundles.other_graph(character=entries)
    else:
        bundles.other_graph()
        tree = {**PADDLE_REC, "PostProcess": {"name": "CTCLabelDecode", "character_dict": bundles.entries}}
        text = dumped(edited(tree, edits)).encode() if form % 4 < 3 else garbled(yaml.safe_dump(tree).encode(), edits)
        described.write_bytes(text)
    model = open_model(bundles.foreign / "rec.onnx", threads=1)
    for outcome in model.stream([bundles.image]):
        assert outcome.error or (outcome.line if hasattr(outcome, "line") else outcome.page) is not None


@both(250, 3_000)
def test_our_own(bundles: Bundles, count: int) -> None:
    fuzz(partial(described, bundles), count)


@both(2000, 10_000)
def test_in_weights(bundles: Bundles, count: int) -> None:
    fuzz(partial(from_weights, bundles), count)


@both(150, 2_100)
def test_settings_for_rapidocr(bundles: Bundles, count: int) -> None:
    fuzz(partial(settings, bundles), count)


@both(150, 2_100)
def test_other_programs_models(bundles: Bundles, count: int) -> None:
    fuzz(partial(paddle, bundles), count)
