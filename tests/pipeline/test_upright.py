"""Lines upside down: a classifier beside detector and recogniser."""

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from ppocr_like.documents.formats.alto import write_alto
from ppocr_like.documents.formats.hocr import write_hocr
from ppocr_like.documents.formats.page_xml import write_page_xml
from ppocr_like.errors import WeightsError
from ppocr_like.pipeline import Classifier, Detector, Recogniser
from ppocr_like.pipeline.ocr import OCR, with_long_lines
from ppocr_like.transforms.line_cut import cut_quad


@pytest.fixture(scope="module")
def darker_above(tmp_path_factory) -> Path:
    """A classifier that says 180 of images that are darker in their upper half: PP-OCR's layout, (N, 3, 48, 192) -> (N, 2)."""
    path = tmp_path_factory.mktemp("cls") / "cls.onnx"
    nodes = [
        helper.make_node("Split", ["x"], ["above", "below"], axis=2),
        helper.make_node("ReduceMean", ["above"], ["a"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("ReduceMean", ["below"], ["b"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Sub", ["b", "a"], ["d"]),
        helper.make_node("Mul", ["d", "gain"], ["g"]),
        helper.make_node("Sigmoid", ["g"], ["p"]),
        helper.make_node("Sub", ["one", "p"], ["q"]),
        helper.make_node("Unsqueeze", ["p", "axis"], ["p1"]),
        helper.make_node("Unsqueeze", ["q", "axis"], ["q1"]),
        helper.make_node("Concat", ["q1", "p1"], ["y"], axis=1),
    ]
    numbers = [
        helper.make_tensor("gain", TensorProto.FLOAT, [], [20.0]),
        helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
    ]
    proto = helper.make_model(
        helper.make_graph(
            nodes, "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 48, 192])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
            numbers,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )  # fmt: skip
    onnx.checker.check_model(proto)
    onnx.save(proto, str(path))
    return path


def page(path: Path) -> tuple[str, list[bool]]:
    """Bars with letters; the ones of the second and third row are darker above."""
    image = np.full((320, 480, 3), 245, np.uint8)
    turned = [False, True, True, False]
    for row, upside_down in enumerate(turned):
        top = 20 + 75 * row
        image[top : top + 36, 40:400] = 20
        half = slice(top + 18, top + 36) if upside_down else slice(top, top + 18)
        image[half, 60:380:24] = 140
        image[half, 61:380:24] = 140
    cv2.imwrite(str(path), image)
    return str(path), turned


def test_lines_upside_down_are_turned(ink_bundle, tiny_bundle, darker_above, tmp_path):
    path, turned = page(tmp_path / "page.png")
    ocr = OCR(ink_bundle, tiny_bundle, darker_above, cls_thresh=0.5, min_confidence=0.0, order="none")
    read = ocr(path)
    boxes = Detector(ink_bundle)([path])[0].boxes
    lines = sorted([*read.lines, *read.left_out], key=lambda line: line.frame[1])
    assert [line.turned for line in lines] == [180 * turn for turn in turned] and len(boxes) == len(turned)
    recogniser, picture = with_long_lines(Recogniser(tiny_bundle)), cv2.imread(path)
    for line, turn in zip(lines, turned, strict=True):
        crop = cut_quad(picture, line.points)
        (wanted,) = recogniser([crop.rotated(2 * turn).image])
        assert line.text == wanted.text
        if turn and len(line.characters) > 1:  # they run from the right to the left of the page
            first, last = (line.characters[i].points[:, 0].mean() for i in (0, -1))
            assert first > last
    assert {line.turned for line in OCR(ink_bundle, tiny_bundle, min_confidence=0.0)(path).lines} == {0}
    sure = Classifier(darker_above)([cut_quad(picture, line.points).image for line in lines])
    highest = max(result.confidence for result, turn in zip(sure, turned, strict=True) if turn)
    strict = OCR(ink_bundle, tiny_bundle, darker_above, cls_thresh=highest, min_confidence=0.0)(path)
    assert {line.turned for line in [*strict.lines, *strict.left_out]} == {0}  # it must be above


def test_other_models_are_refused(ink_bundle, tiny_bundle, darker_above):
    with pytest.raises(WeightsError, match="classifier is needed as `cls`"):
        OCR(ink_bundle, tiny_bundle, tiny_bundle)
    classifier = Classifier(darker_above)
    classifier.spec.postprocess["label_list"] = ["latin", "greek"]
    with pytest.raises(WeightsError, match="no class with 180"):
        OCR(ink_bundle, tiny_bundle, classifier)
    with pytest.raises(ValueError, match="cls_thresh"):
        OCR(ink_bundle, tiny_bundle, darker_above, cls_thresh=1.5)


@pytest.mark.parametrize("quarters", [0, 2])
def test_a_page_upside_down_is_written_first_line_first(ink_bundle, tiny_bundle, darker_above, tmp_path, quarters):
    image = np.full((320, 480, 3), 245, np.uint8)
    for row in range(4):  # from the top: longer and longer, all darker below, so upright
        top = 20 + 75 * row
        image[top : top + 36, 40 : 200 + 60 * row] = 20
        image[top : top + 18, 60 : 190 + 60 * row : 24] = 140
        image[top : top + 18, 61 : 190 + 60 * row : 24] = 140
    ocr = OCR(ink_bundle, tiny_bundle, darker_above, cls_thresh=0.5, min_confidence=0.0)
    upright = ocr(np.ascontiguousarray(np.rot90(image, quarters)))
    assert upright.turned == 90 * quarters and len(upright.lines) == 4
    lengths = [line.frame[2] - line.frame[0] for line in upright.lines]
    assert lengths == sorted(lengths)
    for write in (write_page_xml, write_alto, write_hocr):
        data = write(upright, image).decode()
        texts = [line.words()[0].text for line in upright.lines if line.words()]
        places = [data.index(f">{text}<" if write is not write_alto else f'CONTENT="{text}"') for text in dict.fromkeys(texts)]
        assert places == sorted(places)
