"""SARLabelDecode and NRTRLabelDecode on arrays by hand."""

import math

import numpy as np
import pytest

from ppocr_like.charset import Charset
from ppocr_like.errors import OcrError
from ppocr_like.postprocess.nrtr import NRTRLabelDecode
from ppocr_like.postprocess.sar import SARLabelDecode

CHARSET = Charset("abC", use_space_char=True)  # SAR: a b C space <UKN> 4 <BOS/EOS> 5 <PAD> 6; NRTR: a is 4


def scores(rows, classes, probability=0.75):
    out = np.full((len(rows), len(rows[0]), classes), 0.01, np.float32)
    for i, row in enumerate(rows):
        out[i, np.arange(len(row)), row] = probability
    return out


def test_sar_stops_at_the_end_and_leaves_out_unknown():
    rows = [[0, 4, 2, 5, 1], [5, 0, 0, 0, 0]]
    lines = SARLabelDecode(charset=CHARSET)({"sar": scores(rows, 6)})
    assert [line.text for line in lines] == ["aC", ""]
    assert lines[0].confidence == pytest.approx(0.75) and lines[0].columns == (0, 2) and lines[0].steps == 5
    assert lines[1].confidence == 0.0
    exact = SARLabelDecode(charset=CHARSET, paddle_exact=True)({"sar": scores(rows, 6)})
    assert exact[0].text == "a<UKN>C" and math.isnan(exact[1].confidence)


def test_sar_labels_begin_with_the_sign_that_ends_them():
    post = SARLabelDecode(charset=CHARSET)
    assert [line.text for line in post.decode_labels({"label": [[5, 0, 3, 1, 5, 6], [5, 5, 6, 6, 6, 6]]})] == ["a b", ""]


def test_nrtr_reads_ids_with_and_without_the_start():
    post = NRTRLabelDecode(charset=CHARSET)
    ids, probabilities = np.array([[4, 1, 7, 6, 3, 5], [5, 3, 3, 3, 3, 3]]), np.full((2, 6), 0.5)
    lines = post({"nrtr_ids": ids, "nrtr_probs": probabilities})
    assert [line.text for line in lines] == ["a C", "b"] and lines[0].confidence == 0.5
    start = np.full((2, 1), 2)
    assert [line.text for line in post((np.hstack((start, ids)), np.hstack((start, probabilities))))] == ["a C", "b"]
    assert NRTRLabelDecode(charset=CHARSET, paddle_exact=True)((ids, probabilities))[0].text == "a<unk> C"
    assert [line.text for line in post.decode_labels({"label": [[2, 4, 5, 3, 0]]})] == ["ab"]


def test_a_batch_of_two_arrays_of_probabilities_is_a_batch_of_two():
    lines = NRTRLabelDecode(charset=CHARSET)(scores([[4, 3], [5, 3]], 9))
    assert [line.text for line in lines] == ["a", "b"]


def test_right_to_left_sets_are_put_in_reading_order():
    charset = Charset("ab12", direction="rtl")
    assert SARLabelDecode(charset=charset)(scores([[2, 3, 5, 5]], 6))[0].text == "12"
    hebrew = Charset("אב", direction="rtl")
    line = NRTRLabelDecode(charset=hebrew)((np.array([[4, 5, 3]]), np.array([[0.9, 0.5, 1.0]])))[0]
    assert (line.text, line.columns) == ("בא", (1, 0))


@pytest.mark.parametrize("post", [SARLabelDecode(charset=CHARSET), NRTRLabelDecode(charset=CHARSET)])
def test_another_dictionary_is_said(post):
    with pytest.raises(OcrError, match="is not the one of the network"):
        post(np.zeros((1, 4, 5), np.float32))
