"""RapidOCR's settings of a detector, without RapidOCR."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from ppocr_like.export.pages import HEADER, page_params
from ppocr_like.export.rapidocr import complete_config, write_rapidocr
from ppocr_like.transforms.normalize import NormalizeImage

POST = {"name": "DBPostProcess", "thresh": 0.25, "box_thresh": 0.55, "max_candidates": 500, "unclip_ratio": 1.8,
        "use_dilation": False, "score_mode": "slow", "box_type": "quad"}  # fmt: skip
DECODE = {"DecodeImage": {"img_mode": "BGR"}}
IMAGENET = NormalizeImage(scale="1./255.", mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225], order="hwc")


def params(resize: dict | None, post: dict = POST, decode: dict = DECODE, normalize: NormalizeImage = IMAGENET):
    return page_params(Path("/m/model.onnx"), [decode, {"DetResizeForTest": resize}], post, normalize)


def test_every_value_in_which_rapidocrs_defaults_differ_is_set():
    given, notes = params({"limit_side_len": 960, "limit_type": "max"})
    assert notes == []
    assert np.allclose(given["Det.mean"], [0.485, 0.456, 0.406]) and np.allclose(given["Det.std"], [0.229, 0.224, 0.225])
    assert {key: given[f"Det.{key}"] for key in POST if key not in ("name", "box_type")} == {
        key: value for key, value in POST.items() if key not in ("name", "box_type")
    }
    assert (given["Det.limit_side_len"], given["Det.limit_type"], given["Det.model_path"]) == (960, "max", "/m/model.onnx")
    assert given["Global.use_preprocess_img"] is given["Global.use_vertical_padding"] is given["Global.use_cls"] is False


@pytest.mark.parametrize(
    ("resize", "side", "kind", "says"),
    [
        (None, 736, "min", []),
        ({"limit_type": "max"}, 736, "min", []),  # as PaddleOCR: limit_type alone is ignored
        ({"limit_side_len": 1280}, 1280, "min", []),
        ({"limit_side_len": 960, "limit_type": "resize_long"}, 960, "max", ["limit_type resize_long"]),
        ({"resize_long": 1024}, 1024, "max", ["resize_long"]),
        ({"image_shape": [736, 1280]}, 1280, "max", ["736, 1280"]),
    ],
)
def test_sizes_and_what_rapidocr_cannot_do(resize, side, kind, says):
    given, notes = params(resize)
    assert (given["Det.limit_side_len"], given["Det.limit_type"]) == (side, kind)
    assert len(notes) == len(says) and all(part in note for part, note in zip(says, notes, strict=True))
    assert given["Global.use_preprocess_img"] is (kind == "min") and given["Global.max_side_len"] == 4000


def test_polygons_and_other_channel_orders_are_said():
    _, notes = params(None, {**POST, "box_type": "poly"}, {"DecodeImage": {"img_mode": "RGB"}})
    assert len(notes) == 2 and "BGR" in notes[0] and "polygons" in notes[1]
    assert len(params(None, decode={"DecodeImage": None})[1]) == 1, "DecodeImage gives RGB by default"


def test_another_scale_goes_into_mean_and_std():
    step = NormalizeImage(scale=0.02, mean=[1.0, 2.0, 3.0], std=[0.5, 1.0, 2.0], order="hwc")
    given, _ = params(None, normalize=step)
    pixels = np.arange(0, 256, 5.0)[:, None]
    theirs = (pixels / 255 - given["Det.mean"]) / given["Det.std"]
    assert np.allclose(theirs, (pixels * 0.02 - [1, 2, 3]) / [0.5, 1, 2])


def test_the_files(tmp_path):
    given, _ = params(None)
    write_rapidocr(tmp_path, HEADER, given)
    assert json.loads((tmp_path / "rapidocr_params.json").read_text()) == given
    config = yaml.safe_load((tmp_path / "rapidocr.yaml").read_text())
    assert config == complete_config(given) and set(config) == {"Global", "EngineConfig", "Det", "Cls", "Rec"}
    assert config["Det"]["model_path"] == "/m/model.onnx" and config["Rec"]["model_path"] is None
    assert "Det.model_path" in (tmp_path / "rapidocr.yaml").read_text()
