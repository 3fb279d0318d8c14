"""PP-OCR's models as PaddleOCR and RapidOCR give them: what is found out about them, and what is said when it cannot be."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper

from ppocr_like.errors import WeightsError
from ppocr_like.pipeline import Classifier, Detector, Recogniser, read_spec
from ppocr_like.pipeline.locate import on_onnx, open_onnx
from ppocr_like.pipeline.opening import open_model

HALF = [0.5, 0.5, 0.5]


def stripped(bundle: Path, target: Path, **metadata: str) -> Path:
    """A bundle's network as others write it: without our metadata."""
    proto = onnx.load(str(bundle / "model.onnx"))
    del proto.metadata_props[:]
    helper.set_model_props(proto, metadata)
    target.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(proto, str(target))
    return target


def graph(path: Path, shape: list, result: list, **metadata: str) -> Path:
    """A network that gives the mean of its input in every place."""
    nodes = [helper.make_node("ReduceMean", ["x"], ["m"], keepdims=0), helper.make_node("Expand", ["m", "size"], ["y"])]
    size = helper.make_tensor("size", TensorProto.INT64, [len(result)], [n if isinstance(n, int) else 1 for n in result])
    proto = helper.make_model(
        helper.make_graph(
            nodes, "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, result)],
            [size],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )  # fmt: skip
    helper.set_model_props(proto, metadata)
    onnx.save(proto, str(path))
    return path


def described(folder: Path, ops: list, post: dict) -> None:
    tree = {"Global": {"model_name": "PP-OCR"}, "PreProcess": {"transform_ops": ops}, "PostProcess": post}
    (folder / "inference.yml").write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")


def same_texts(recogniser: Recogniser, bundle: Path, images: list) -> None:
    """As the bundle's own, on the same canvases."""
    ours = Recogniser(bundle)
    ours = Recogniser.with_backend(replace(ours.spec, bucket=recogniser.spec.bucket), ours.backend)
    got, wanted = recogniser(images), ours(images)
    assert [line.text for line in got] == [line.text for line in wanted]
    assert np.allclose([line.confidence for line in got], [line.confidence for line in wanted], atol=1e-5)
    assert len({line.text for line in got}) > 3


def test_a_recogniser_with_its_dictionary_in_the_file(tiny_run, tiny_bundle, tmp_path):
    entries = list(read_spec(tiny_bundle).charset.entries)
    path = stripped(tiny_bundle, tmp_path / "rec.onnx", character="\n".join(entries))
    recogniser = open_model(path)
    assert isinstance(recogniser, Recogniser) and recogniser.preprocess.image_shape == (3, 48, 320)
    assert (recogniser.spec.bucket.min_width, recogniser.spec.bucket.max_width) == (320, 3200)
    assert recogniser.spec.charset.labels == read_spec(tiny_bundle).charset.labels  # with the space that the file does not name
    same_texts(recogniser, tiny_bundle, tiny_run.images)


def test_paddleocrs_own_recogniser(tiny_run, tiny_bundle, tmp_path):
    entries = list(read_spec(tiny_bundle).charset.entries)
    stripped(tiny_bundle, tmp_path / "inference.onnx")
    ops = [
        {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
        {"MultiLabelEncode": {"gtc_encode": "NRTRLabelEncode"}},
        {"RecResizeImg": {"image_shape": [3, 48, 320]}},
        {"KeepKeys": {"keep_keys": ["image", "label_ctc"]}},
    ]
    described(tmp_path, ops, {"name": "CTCLabelDecode", "character_dict": entries})
    for named in (tmp_path, tmp_path / "inference.onnx", tmp_path / "inference.yml"):
        same_texts(open_model(named), tiny_bundle, tiny_run.images)
    described(tmp_path, ops, {"name": "CTCLabelDecode", "character_dict": entries[:-1]})
    with pytest.raises(WeightsError, match=r"gives \d+ classes.*names \d+ characters"):
        open_model(tmp_path)


def test_paddleocrs_own_detector(ink_run, ink_bundle, tmp_path):
    spec = read_spec(ink_bundle)
    stripped(ink_bundle, tmp_path / "model.onnx")
    resize = next(node for node in spec.transforms if "DetResizeForTest" in node)
    normalize = next(node for node in spec.transforms if "NormalizeImage" in node)
    ops = [{"DecodeImage": {"img_mode": "BGR"}}, {"DetLabelEncode": None}, resize, normalize, {"ToCHWImage": None}]
    described(tmp_path, [*ops, {"KeepKeys": {"keep_keys": ["image", "shape"]}}], dict(spec.postprocess))
    found, wanted = open_model(tmp_path)(ink_run.images), Detector(ink_bundle)(ink_run.images)
    assert [[box.points.tolist() for box in page.boxes] for page in found] == [
        [box.points.tolist() for box in page.boxes] for page in wanted
    ]
    assert sum(len(page.boxes) for page in found) > 5


def test_a_detector_alone_is_prepared_as_rapidocr_does(ink_bundle, ink_run, tmp_path):
    detector = open_model(stripped(ink_bundle, tmp_path / "det.onnx"))
    assert isinstance(detector, Detector)
    prepared = detector.preprocess(np.full((1000, 500, 3), 255, np.uint8))
    assert prepared.tensor.shape == (3, 1472, 736) and prepared.tensor.max() == 1.0
    assert detector.preprocess(np.zeros((4000, 1000, 3), np.uint8)).tensor.shape == (3, 1984, 512)
    post = detector.postprocess
    assert (post.thresh, post.box_thresh, post.unclip_ratio, post.use_dilation) == (0.3, 0.5, 1.6, True)
    assert len(detector([ink_run.images[0]])[0].boxes) > 0


@pytest.mark.parametrize("threads", [1, 2])
def test_a_larger_detector_alone_keeps_no_memory_between_pages(ink_bundle, tmp_path, monkeypatch, threads):
    path = stripped(ink_bundle, tmp_path / "det.onnx")
    for most, kept in ((1 << 30, True), (10, False)):
        monkeypatch.setattr("ppocr_like.pipeline.onnx_backend.SMALL", most)
        assert open_onnx(path, threads)[1].session.get_session_options().enable_cpu_mem_arena == kept


def test_classifiers(tmp_path):
    plain = open_model(graph(tmp_path / "cls.onnx", ["n", 3, None, None], ["n", 2]))
    assert isinstance(plain, Classifier) and plain.preprocess.image_shape == (3, 48, 192)
    assert plain.spec.postprocess["label_list"] == ["0", "180"]
    assert open_model(graph(tmp_path / "v5.onnx", ["n", 3, 80, 160], ["n", 2])).preprocess.image_shape == (3, 80, 160)
    (tmp_path / "paddle").mkdir()
    graph(tmp_path / "paddle" / "inference.onnx", ["n", 3, 80, 160], ["n", 2])
    ops = [
        {"ResizeImage": {"size": [160, 80]}},
        {"NormalizeImage": {"channel_num": 3, "mean": HALF, "order": "", "scale": 1 / 255, "std": HALF}},
        {"ToCHWImage": None},
    ]
    described(tmp_path / "paddle", ops, {"Topk": {"topk": 1, "label_list": ["0_degree", "180_degree"]}})
    classifier = open_model(tmp_path / "paddle")
    picture = np.zeros((20, 90, 3), np.uint8)
    picture[..., 2] = 255
    tensor = classifier.preprocess(picture).tensor
    assert tensor.shape == (3, 80, 160) and tensor[:, 5, 5].tolist() == [1.0, -1.0, -1.0]  # red first
    assert classifier([picture])[0].label in ("0_degree", "180_degree")


def test_what_cannot_be_run_says_why(tiny_bundle, tmp_path):
    def says(what: str, path: Path) -> None:
        assert on_onnx(path)
        with pytest.raises(WeightsError, match=what):
            open_onnx(path)

    says("recogniser without its dictionary.*character_dict", graph(tmp_path / "a.onnx", ["n", 3, 48, "w"], ["n", "t", 20]))
    says(
        "gives 20 classes; its metadata names 3",
        graph(tmp_path / "b.onnx", ["n", 3, 48, "w"], ["n", "t", 20], character="a\nb\nc"),
    )
    says(r"takes \(\?, 3, 224, 224\).*none of PP-OCR", graph(tmp_path / "c.onnx", ["n", 3, 224, 224], ["n", 1000]))
    (tmp_path / "d.onnx").write_bytes(b"no model")
    says("no usable ONNX model", tmp_path / "d.onnx")
    says("no usable ONNX model", tmp_path / "missing.onnx")
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "model.onnx").write_bytes((tiny_bundle / "model.onnx").read_bytes())
    says("inference.yml is not beside it", tmp_path / "ours" / "model.onnx")
    says("inference.yml: No such file", tmp_path / "ours")
    folder = tmp_path / "paddle"
    folder.mkdir()
    ops = [{"DetResizeForTest": {"resize_long": 960}}, {"Sharpen": None}]
    described(folder, ops, {"name": "DBPostProcess", "thresh": 0.3})
    says("no ONNX file beside it", folder)
    (folder / "inference.pdiparams").touch()
    says("Convert it .paddlex --paddle2onnx", folder)
    graph(folder / "one.onnx", ["n", 3, "h", "w"], ["n", 1, "h", "w"])
    says("Sharpen is not known", folder)
    described(folder, ops, {"name": "CTCLabelDecode"})
    says("PostProcess is CTCLabelDecode, but one.onnx takes", folder)
    graph(folder / "two.onnx", ["n", 3, "h", "w"], ["n", 1, "h", "w"])
    says("has 2 ONNX files", folder)


def test_a_fixed_batch_and_width(tmp_path):
    """Such graphs are run batch by batch, on the width they have; a page's long lines are not widened for them."""
    path = graph(tmp_path / "cls.onnx", [4, 3, 48, 192], [4, 2])
    images = [np.full((48, 192, 3), 40 * i, np.uint8) for i in range(6)]
    single = Classifier(graph(tmp_path / "one.onnx", ["n", 3, 48, 192], ["n", 2]), batch_size=1)
    assert [len(Classifier(path)([image])) for image in images] == [1] * 6
    assert len(Classifier(path, threads=2)(images)) == len(single(images)) == 6
    rec = graph(tmp_path / "rec.onnx", [1, 3, 32, 100], [1, 25, 5], character="a\nb\nc")
    recogniser = Recogniser(rec)
    assert recogniser.preprocess(cv2.resize(images[1], (500, 32))).tensor.shape == (3, 32, 100)
    assert recogniser.spec.bucket is None
