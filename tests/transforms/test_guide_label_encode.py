"""SARLabelEncode, NRTRLabelEncode, MultiLabelEncode."""

import numpy as np
import pytest

from ppocr_like.charset import Charset
from ppocr_like.contracts import Rejected
from ppocr_like.transforms.base import chain_problems
from ppocr_like.transforms.guide_label_encode import MultiLabelEncode, NRTRLabelEncode, SARLabelEncode
from ppocr_like.transforms.keep_keys import KeepKeys

CHARSET = Charset("abc", use_space_char=True)  # CTC: a 1, b 2, c 3, space 4


def rng():
    return np.random.Generator(np.random.PCG64(0))


def test_nrtr_has_its_specials_before_the_characters():
    out = NRTRLabelEncode(7, charset=CHARSET)({"label": "a c!"}, rng())
    assert out["label"].tolist() == [2, 4, 7, 6, 3, 0, 0]
    assert out["label"].dtype == out["length"].dtype == np.int64
    assert out["length"] == 3


def test_sar_has_its_specials_behind_the_characters():
    out = SARLabelEncode(6, charset=CHARSET)({"label": "ab"}, rng())
    assert out["label"].tolist() == [5, 0, 1, 5, 6, 6]
    assert out["length"] == 2


@pytest.mark.parametrize(("gtc", "entry", "guide"), [(None, "label_sar", [5, 2, 5]), ("NRTRLabelEncode", "label_gtc", [2, 6, 3])])
def test_both_targets_of_a_text(gtc, entry, guide):
    encode = MultiLabelEncode(6, gtc_encode=gtc, charset=CHARSET)
    out = encode({"label": "c", "image": "kept"}, rng())
    assert out["label_ctc"].tolist() == [3, 0, 0, 0, 0, 0]
    assert out[entry].tolist()[:3] == guide
    assert (out["length"], out["label"], out["image"]) == (1, "c", "kept")
    assert not chain_problems([encode, KeepKeys(["label_ctc", entry, "length"])], ["image", "label"])


def test_sar_named_as_the_guide_goes_by_the_general_name():
    assert "label_gtc" in MultiLabelEncode(6, gtc_encode="SARLabelEncode", charset=CHARSET).gives


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "empty label"), ("xyz", "no known characters"), ("abcab", "label too long"), ("aaaaxxx", "label too long")],
)
def test_rejections(text, reason):
    for encode in (MultiLabelEncode(6, charset=CHARSET), NRTRLabelEncode(6, charset=CHARSET), SARLabelEncode(6, charset=CHARSET)):
        with pytest.raises(Rejected) as caught:
            encode({"label": text}, rng())
        assert caught.value.reason == reason
        assert encode({"label": "abca"}, rng())["length"] == 4


def test_arguments():
    with pytest.raises(ValueError, match=r"gtc_encode is 'CTCLabelEncode'; accepted: SARLabelEncode, NRTRLabelEncode"):
        MultiLabelEncode(6, gtc_encode="CTCLabelEncode", charset=CHARSET)
    with pytest.raises(ValueError, match="max_text_length is 2"):
        MultiLabelEncode(2, charset=CHARSET)
