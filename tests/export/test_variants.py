"""Static shapes and int8 weights: what is written, runs, and is said of the accuracy."""

import os
import re

import cv2
import numpy as np
import onnx
import pytest

from ppocr_like.components import load_components
from ppocr_like.config import load_recipe
from ppocr_like.errors import ConfigError
from ppocr_like.export import export, variants
from ppocr_like.export.choices import INT8, parse_size
from ppocr_like.pipeline import Detector, Recogniser, read_spec
from ppocr_like.pipeline.ocr import OCR, with_long_lines

load_components(["tests.ink_net"])


def recipe(run, target, *more):
    return load_recipe(run.recipe, [f"Global.pretrained_model={run.folder}", f"Global.save_inference_dir={target}", *more])


def sizes(path) -> list[list]:
    graph = onnx.load(str(path)).graph
    dims = [value.type.tensor_type.shape.dim for value in (*graph.input, *graph.output)]
    return [[d.dim_param or d.dim_value for d in dim] for dim in dims]


def test_a_recogniser_of_one_size(tiny_run, tmp_path):
    said = []
    report = export(recipe(tiny_run, tmp_path / "out"), static=(48, 256), say=said.append)
    given, result = sizes(report.folder / "model.onnx")
    assert given == [1, 3, 48, 256] and result[0] == 1 and all(isinstance(size, int) for size in result)
    assert [(c.batch, c.height, c.width) for c in report.shapes] == [(1, 48, 256)]
    (check,), (dynamic,) = report.sets, report.others
    assert check.torch == check.onnx and check.preprocessed == len(tiny_run.images)
    usual = export(recipe(tiny_run, tmp_path / "usual"), say=lambda line: None)
    assert dynamic.form == "dynamic" and dynamic.numbers == usual.sets[0].torch
    assert re.search(r"eval: as trained, of any size: acc", "\n".join(said))
    assert read_spec(report.folder).bucket is None
    recogniser = Recogniser(report.folder)
    assert recogniser.preprocess(tiny_run.images[4]).tensor.shape == (3, 48, 256)  # a long line is squeezed
    assert with_long_lines(recogniser) is recogniser
    narrow = [cv2.imread(str(path)) for path in tiny_run.images[:2]]
    assert len(recogniser(narrow * 5)) == 10  # one after the other: a batch of one
    assert [line.text for line in recogniser(narrow * 5)] == [recogniser([image])[0].text for image in narrow] * 5


def test_a_detector_of_one_size(ink_run, tiny_bundle, tmp_path):
    report = export(recipe(ink_run, tmp_path / "out"), static=(256, 320), say=lambda line: None)
    assert sizes(report.folder / "model.onnx") == [[1, 3, 256, 320], [1, 1, 256, 320]]
    detector = Detector(report.folder, batch_size=4)
    assert {finding.map.shape for finding in detector.stream(ink_run.images)} == {(256, 320)}
    assert sum(len(page.boxes) for page in detector(ink_run.images)) > 5
    assert OCR(report.folder, tiny_bundle, min_confidence=0.0)(str(ink_run.images[0])).lines


def test_sizes_that_do_not_fit(tiny_run, ink_run, tmp_path):
    assert parse_size("48x320") == (48, 320)
    for text in ("48", "48x", "x320", "0x320", "48x320x3", "-48x320"):
        with pytest.raises(ValueError, match="HEIGHTxWIDTH"):
            parse_size(text)
    with pytest.raises(ConfigError, match="trained on 48 px height"):
        export(recipe(tiny_run, tmp_path / "out"), static=(32, 320))
    with pytest.raises(ConfigError, match="multiples of 32"):
        export(recipe(ink_run, tmp_path / "out"), static=(250, 320))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("form", ["all", "matmul"])
def test_int8(tiny_run, tmp_path, form):
    said = []
    report = export(recipe(tiny_run, tmp_path / "out"), int8=form, say=said.append)
    proto = onnx.load(str(report.folder / "model.onnx"))
    kinds = {node.op_type for node in proto.graph.node}
    assert "MatMulInteger" in kinds or "DynamicQuantizeMatMul" in kinds
    assert ("ConvInteger" in kinds) == (form == "all")
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    assert metadata["character"].split("\n") == list(read_spec(report.folder).charset.entries)
    assert metadata["weights"] == f"int8 ({form})" and sorted(os.listdir(report.folder)) == [
        "inference.yml", "model.onnx", "rapidocr.yaml", "rapidocr_params.json",
    ]  # fmt: skip
    (check,), (other,) = report.sets, report.others
    assert check.torch == check.onnx and (other.form, other.numbers["n"]) == ("int8", check.torch["n"])
    text = "\n".join(said)
    assert re.search(r"int8 weights \(\w+\): [\d.]+ MB became [\d.]+ MB", text) and "eval: int8  acc" in text
    lines = Recogniser(report.folder)(tiny_run.images)
    assert len(lines) == len(tiny_run.images) and np.isfinite([line.confidence for line in lines]).all()


def test_int8_of_a_detector_keeps_its_boxes_about(ink_run, ink_bundle, tmp_path):
    report = export(recipe(ink_run, tmp_path / "out"), int8="all", fold_normalize="pixels", say=lambda line: None)
    assert report.others[0].numbers["hmean"] > 0.8
    found, wanted = Detector(report.folder)(ink_run.images), Detector(ink_bundle)(ink_run.images)
    assert sum(len(page.boxes) for page in found) >= 0.8 * sum(len(page.boxes) for page in wanted)


def test_the_command_line_knows_the_forms() -> None:
    assert tuple(variants.INT8) == INT8
