"""TextNormalize: one spelling for the network, the metric and the counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppocr_like.charset import Charset
from ppocr_like.codec import Codec
from ppocr_like.contracts import Rejected, Request
from ppocr_like.data.census import count_lines
from ppocr_like.data.loader import _Fetcher
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.data.spelling import spelling
from ppocr_like.metrics.rec import RecMetric
from ppocr_like.postprocess.ctc import CTCLabelDecode
from ppocr_like.postprocess.sar import SARLabelDecode
from ppocr_like.text import normalised
from ppocr_like.transforms.decode import DecodeImage
from ppocr_like.transforms.guide_label_encode import MultiLabelEncode
from ppocr_like.transforms.label_encode import CTCLabelEncode
from ppocr_like.transforms.text_normalize import TextNormalize


@pytest.mark.parametrize(
    ("form", "whitespace", "text", "wanted"),
    [
        (None, True, "\u00a0a\u2003\tb \n", "a  b"),
        (None, False, " a\u00a0", " a\u00a0"),
        ("NFC", True, "a\u0308", "\u00e4"),
        ("NFD", True, "\u1ebd \u0168 \u00e3", "e\u0303 U\u0303 a\u0303"),
        ("NFKC", True, "\ufb03", "ffi"),
        ("NFKD", True, "\u00b4a", "\u0301a"),
        (None, True, " \t", ""),
    ],
)
def test_form_then_blanks(form, whitespace, text, wanted):
    assert normalised(text, form, whitespace) == wanted
    sample = TextNormalize(form, whitespace)({"label": text}, np.random.default_rng(0))
    assert sample == {"label": wanted, "text": wanted}


def test_the_direction_of_the_run_and_bidi_must_agree():
    hebrew = ["\u05d0", "a"]
    TextNormalize(charset=Charset(hebrew, direction="rtl"))
    TextNormalize(bidi=False, charset=Charset(hebrew, direction="ltr"))
    TextNormalize(bidi=False, charset=Charset("ab"))
    with pytest.raises(ValueError, match=r"bidi is false, but .* makes the direction rtl; set it to auto or ltr"):
        TextNormalize(bidi=False, charset=Charset(hebrew, direction="rtl"))
    for direction in ("ltr", "paddle"):
        message = rf"bidi is true and base_dir auto, but .* the direction {direction}; set it to auto or bidi or rtl"
        with pytest.raises(ValueError, match=message):
            TextNormalize(charset=Charset(hebrew, direction=direction))
    for base, direction in (("auto", "bidi"), ("L", "bidi_ltr"), ("R", "bidi_rtl")):
        TextNormalize(base_dir=base, charset=Charset(hebrew, direction=direction))
    with pytest.raises(ValueError, match=r"base_dir L, but .* the direction bidi; set it to auto or bidi_ltr, or change"):
        TextNormalize(base_dir="L", charset=Charset(hebrew, direction="bidi"))


class Told(SimpleDataSet):
    """A set whose files tell a base direction, as XML pages do."""

    def __init__(self, told, *args):
        super().__init__(*args)
        self.told = told

    def record(self, index):
        record = super().record(index)
        return replace(record, info=replace(record.info, base_dir=self.told))


def test_the_direction_that_a_file_tells_reaches_label_and_reading(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "l.txt").write_text("a.png\tab \u05d0\u05d1!\n", encoding="utf-8")
    charset = Charset("ab! \u05d0\u05d1", direction="bidi")
    for told, shown in (("", "ab \u05d1\u05d0!"), ("ltr", "ab \u05d1\u05d0!"), ("rtl", "!\u05d1\u05d0 ab")):
        for encode in (CTCLabelEncode(8, charset=charset), MultiLabelEncode(9, charset=charset)):
            chain = [DecodeImage("BGR"), TextNormalize(charset=charset), encode]
            sample = Told(told, str(tmp_path), [str(tmp_path / "l.txt")], chain).fetch(Request(0, 1))
            assert sample["info"].base_dir == told
            label = sample["label_ctc" if "label_ctc" in sample else "label"]
            indices = label[label != 0].tolist()
            assert indices == Charset("ab! \u05d0\u05d1").encode(shown)
            scores = np.eye(charset.num_classes, dtype=np.float32)[None, indices]
            (line,) = CTCLabelDecode(charset=charset)(scores, {"info": [sample["info"]]})
            assert line.text == sample["info"].text == "ab \u05d0\u05d1!"
            (same,) = CTCLabelDecode(charset=charset).decode_labels({"info": [sample["info"]], "label": label[None]})
            assert same.text == line.text
            if "label_sar" in sample:
                (guided,) = SARLabelDecode(charset=charset).decode_labels(
                    {"info": [sample["info"]], "label": sample["label_sar"][None]}
                )
                assert guided.text == line.text


def test_network_metric_and_counts_see_one_spelling(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "l.txt").write_text("a.png\t\u00e4\u00a0b \na.png\t \n", encoding="utf-8")
    charset = Codec({"a\u0308": [1], " ": [2], "b": [3]})
    chain = [DecodeImage("BGR"), TextNormalize("NFD", charset=charset), CTCLabelEncode(8, charset=charset)]
    dataset = SimpleDataSet(str(tmp_path), [str(tmp_path / "l.txt")], chain)
    sample = dataset.fetch(Request(0, 1))
    assert sample["label"].tolist()[:4] == [1, 2, 3, 0] and sample["info"].text == "a\u0308 b"
    assert count_lines(dataset, charset).unknown == {} and spelling(chain)("\u00e4\u00a0") == "a\u0308"
    with pytest.raises(Rejected, match="empty label"):
        dataset.fetch(Request(1, 1))
    (tmp_path / "l.txt").write_text("a.png\t\u00e4\u00a0bbbbbbbbb\n", encoding="utf-8")
    (batch,) = _Fetcher(SimpleDataSet(str(tmp_path), [str(tmp_path / "l.txt")], chain))[Request(0, 1)]
    (rejected,) = batch["rejected"]
    metric = RecMetric(ignore_space=False, charset=charset)
    metric.reject([rejected])
    assert rejected.info.text == "a\u0308 bbbbbbbbb" and metric.sums.characters == 12, "one code point more than in the file"
