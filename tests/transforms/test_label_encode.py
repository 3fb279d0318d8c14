"""CTCLabelEncode and KeepKeys."""

import numpy as np
import pytest

from ppocr_like.charset import Charset
from ppocr_like.codec import Codec
from ppocr_like.contracts import Rejected
from ppocr_like.postprocess.nrtr import NRTRLabelDecode
from ppocr_like.postprocess.sar import SARLabelDecode
from ppocr_like.transforms.base import chain_problems
from ppocr_like.transforms.decode import DecodeImage
from ppocr_like.transforms.guide_label_encode import NRTRLabelEncode, SARLabelEncode
from ppocr_like.transforms.keep_keys import KeepKeys
from ppocr_like.transforms.label_encode import CTCLabelEncode


def rng():
    return np.random.Generator(np.random.PCG64(0))


def encode(text, length=8, **arguments):
    arguments.setdefault("charset", Charset("abc12", use_space_char=True))
    return CTCLabelEncode(length, **arguments)({"label": text}, rng())


def test_encodes_pads_and_counts():
    out = encode("ab a", 6)
    assert out["label"].tolist() == [1, 2, 6, 1, 0, 0]
    assert out["label"].dtype == out["label_ace"].dtype == out["length"].dtype == np.int64
    assert out["length"].shape == ()
    assert out["length"] == 4
    assert out["label_ace"].tolist() == [2, 2, 1, 0, 0, 0, 1]


def test_unknown_characters_are_dropped():
    out = encode("xaéb!")
    assert out["label"].tolist() == [1, 2, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "empty label"), ("abcabcabc", "label too long"), ("xyz", "no known characters"), ("x" * 9, "label too long")],
)
def test_rejections(text, reason):
    with pytest.raises(Rejected) as caught:
        encode(text)
    assert caught.value.reason == reason


def test_length_is_counted_before_unknown_characters_are_dropped():
    assert encode("abxxxxxx")["length"] == 2
    with pytest.raises(Rejected, match=r"label too long: 9 characters, max_text_length is 8"):
        encode("abxxxxxxx")


def test_dictionary_file_and_default(tmp_path):
    path = tmp_path / "dict.txt"
    path.write_bytes("a\r\nb\nа\n".encode())
    out = CTCLabelEncode(4, str(path), use_space_char=True)({"label": "b а"}, rng())
    assert out["label"].tolist() == [2, 4, 3, 0]
    assert CTCLabelEncode(4)({"label": "A1"}, rng())["label"].tolist() == [11, 2, 0, 0]


def test_charset_of_the_builder_wins(tmp_path):
    encoder = CTCLabelEncode(4, str(tmp_path / "missing.txt"), charset=Charset("z"))
    assert encoder({"label": "z"}, rng())["label"].tolist() == [1, 0, 0, 0]


def test_max_text_length_must_be_positive():
    with pytest.raises(ValueError, match="max_text_length is 0"):
        CTCLabelEncode(0)


def test_keep_keys():
    sample = KeepKeys(["label", "image"])({"image": 1, "label": 2, "other": 3}, rng())
    assert sample == {"label": 2, "image": 1}
    assert list(sample) == ["label", "image"]


def test_keep_keys_arguments():
    for wrong, message in (("image", "write a list"), ([], "empty"), (["a", "b", "a"], "a more than once")):
        with pytest.raises(ValueError, match=message):
            KeepKeys(wrong)


def test_broken_chain_is_found_without_data():
    chain = [DecodeImage("BGR"), KeepKeys(["image", "length"])]
    (problem,) = chain_problems(chain, ["image", "label"])
    assert problem[0] == 1
    assert "length" in problem[1]
    assert not chain_problems([chain[0], CTCLabelEncode(5), chain[1]], ["image", "label"])


def test_a_codec_s_classes_must_fit_as_well():
    codec = Codec({"ch": [1], "\ufb03": [2, 2, 3]})
    assert encode("chch\ufb03", 5, charset=codec)["label"].tolist() == [1, 1, 2, 2, 3]
    with pytest.raises(Rejected, match="label too long: the codec makes 6 classes, max_text_length is 5"):
        encode("\ufb03\ufb03", 5, charset=codec)


@pytest.mark.parametrize("part", [SARLabelEncode, NRTRLabelEncode, SARLabelDecode, NRTRLabelDecode])
def test_of_the_encoders_ctc_s_alone_takes_several_classes_an_entry(part):
    arguments = {"max_text_length": 9} if "Encode" in part.__name__ else {}
    part(charset=Codec({"ch": [1]}), **arguments)
    with pytest.raises(ValueError, match=r"the codec writes 'ch' \(U\+0063 U\+0068\) with the classes \[1, 2\]"):
        part(charset=Codec({"ch": [1, 2]}), **arguments)


def test_a_line_without_text_may_be_kept() -> None:
    encode = CTCLabelEncode(8, charset=Charset(["a", "b"], False), empty="keep")
    sample = encode({"label": ""}, np.random.default_rng(0))
    assert sample["length"] == 0 and not sample["label"].any() and sample["label_ace"][0] == 8
    with pytest.raises(Rejected, match="no known characters"):
        encode({"label": "x"}, np.random.default_rng(0))
