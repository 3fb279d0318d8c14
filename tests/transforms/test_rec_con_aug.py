"""RecConAug: lines beside each other."""

import numpy as np
import pytest

from ppocr_like.charset import Charset
from ppocr_like.codec import Codec
from ppocr_like.contracts import Request
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.errors import ConfigError
from ppocr_like.transforms.channels import repeat_gray
from ppocr_like.transforms.decode import DecodeImage
from ppocr_like.transforms.keep_keys import KeepKeys
from ppocr_like.transforms.rec_con_aug import RecConAug


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def picture(width, height, value):
    return np.full((height, width, 3), value, np.uint8)


def line(text="ab", width=60, height=20, value=10, others=()):
    queue = list(others)
    return {"image": picture(width, height, value), "label": text, "fetch_other": lambda _: queue.pop(0) if queue else None}


def test_picture_and_label_grow_to_the_right():
    out = RecConAug(1.0, [40, 400, 3])(line(others=[line("cde", 30, 10, 200)]), rng())
    assert out["label"] == out["text"] == "abcde"
    assert out["image"].shape == (40, 240, 3)
    assert (out["image"][:, :120] == 10).all()
    assert (out["image"][:, 120:] == 200).all()


@pytest.mark.parametrize(
    ("other", "arguments"),
    [
        (line("c" * 24), {}),
        (line("c", 200, 20), {}),
        (None, {}),
        (line("c"), {"prob": 0.0}),
    ],
)
def test_left_alone(other, arguments):
    sample = line(others=[other] if other else [])
    out = RecConAug(**{"prob": 1.0, "image_shape": [48, 480, 3], **arguments})(sample, rng())
    assert (out["label"], out["image"].shape) == ("ab", (20, 60, 3))
    assert "text" not in out


def test_the_limits_themselves_fit():
    out = RecConAug(1.0, [20, 80, 3], max_text_length=4)(line(others=[line("cd", 20)]), rng())
    assert out["label"] == "abcd"


def test_classes_of_a_codec_and_told_base_directions_count():
    codec = Codec({"a": [1, 2], "b": [3], "c": [4]})
    for most, wanted in ((6, "abac"), (5, "ab")):  # 3 classes and 3
        assert RecConAug(1.0, [20, 400, 3], most, charset=codec)(line(others=[line("ac")]), rng())["label"] == wanted
    hebrew = Charset("ab \u05d0\u05d1", direction="bidi")
    for told, wanted in (("", "a"), ("rtl", "a\u05d0")):
        other = {**line("\u05d0"), "base_dir": "rtl"}
        sample = {**line("a", others=[other]), **({"base_dir": told} if told else {})}
        assert RecConAug(1.0, [20, 400, 3], charset=hebrew)(sample, rng())["label"] in (wanted, wanted[::-1])


def test_several_stop_at_the_first_that_does_not_fit():
    others = [line("c"), line("d" * 30), line("e")]
    assert RecConAug(1.0, [20, 400, 3], ext_data_num=3)(line(others=others), rng())["label"] == "abc"
    others = [line("c"), line("d"), line("e")]
    assert RecConAug(1.0, [20, 400, 3], ext_data_num=2)(line(others=others), rng())["label"] == "abcd"


def test_gray_stays_gray_where_both_are():
    gray = {**line(), "image": repeat_gray(np.full((20, 60), 7, np.uint8))}
    other = {**line("c"), "image": repeat_gray(np.full((20, 30), 9, np.uint8))}
    out = RecConAug(1.0)({**gray, "fetch_other": lambda _: other}, rng())["image"]
    assert out.strides[2] == 0
    assert out.shape == (32, 144, 3)
    mixed = RecConAug(1.0)({**gray, "fetch_other": lambda _: line("c")}, rng())["image"]
    assert mixed.strides[2] == 1
    assert mixed.shape == (32, 192, 3)


def test_how_often():
    aug = RecConAug(0.3, [48, 480, 3])
    generator = rng()
    joined = sum(aug(line(others=[line("c")]), generator)["label"] == "abc" for _ in range(1000))
    assert 250 < joined < 350


def test_arguments():
    for wrong, message in (
        ({"prob": 2.0}, "prob is 2.0"),
        ({"image_shape": [3, 48, 320]}, r"order is \[height, width, channels\]"),
        ({"image_shape": [48, 320]}, "image_shape"),
        ({"ext_data_num": 0}, "ext_data_num is 0"),
        ({"max_text_length": 0}, "max_text_length is 0"),
    ):
        with pytest.raises(ValueError, match=message):
            RecConAug(**wrong)
    raw = {**line(), "image": np.zeros(10, np.uint8)}
    with pytest.raises(ConfigError, match="ext_op_transform_idx"):
        RecConAug(1.0)(line(others=[raw]), rng())


def test_in_a_data_set_info_tells_the_whole_text(tmp_path):
    import cv2

    names = []
    for n in range(4):
        cv2.imwrite(str(tmp_path / f"{n}.png"), picture(40, 20, n * 50))
        names.append(f"{n}.png\t<{n}>\n")
    (tmp_path / "l.txt").write_text("".join(names))
    steps = [DecodeImage("BGR"), RecConAug(1.0), KeepKeys(["image"])]
    data = SimpleDataSet(str(tmp_path), str(tmp_path / "l.txt"), transforms=steps, ext_op_transform_idx=1)
    texts = {data.fetch(Request(0, epoch))["info"].text for epoch in range(30)}
    assert texts == {"<0><1>", "<0><2>", "<0><3>"}
    again = [data.fetch(Request(0, 5)) for _ in range(2)]
    np.testing.assert_array_equal(again[0]["image"], again[1]["image"])
    assert data.info(0).text == "<0>"
