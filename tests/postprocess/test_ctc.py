"""Greedy CTC decoding on arrays made by hand."""

import numpy as np
import pytest

from ppocr_like.charset import Charset
from ppocr_like.errors import OcrError
from ppocr_like.postprocess.ctc import CTCLabelDecode

CHARSET = Charset("abc", use_space_char=True)  # blank a b c space


def probabilities(rows, classes=5, top=0.8):
    """(N, T, C): `rows` are lists of class indices, each with probability `top` (or its own: (class, probability))."""
    out = np.zeros((len(rows), max(map(len, rows)), classes), np.float32)
    for n, row in enumerate(rows):
        for t, cell in enumerate(row):
            index, p = cell if isinstance(cell, tuple) else (cell, top)
            out[n, t] = (1 - p) / (classes - 1)
            out[n, t, index] = p
    return out


def decode(array, charset=CHARSET, **arguments):
    return CTCLabelDecode(charset=charset, **arguments)(array)


def test_repeats_merge_blanks_part_and_places_are_those_of_the_first_step():
    (line,) = decode(probabilities([[0, 1, (1, 0.6), 0, 1, (2, 0.5), 4, 3, 3, 0]]))
    assert line.text == "aab c"
    assert line.columns == (1, 4, 5, 6, 7)
    assert line.confidences == pytest.approx((0.8, 0.8, 0.5, 0.8, 0.8))
    assert line.confidence == pytest.approx((0.8 * 4 + 0.5) / 5)
    assert line.steps == 10


def test_empty_lines_have_confidence_zero():
    blank, full = decode(probabilities([[0, 0, 0], [1, 2, 3]]))
    assert (blank.text, blank.confidence, blank.columns, blank.steps) == ("", 0.0, (), 3)
    assert full.text == "abc"


def test_batches_decode_like_single_lines():
    rng = np.random.default_rng(5)
    scores = rng.dirichlet(np.ones(5), (20, 17)).astype(np.float32)
    together = decode(scores)
    assert together == [decode(scores[i : i + 1])[0] for i in range(20)]
    for line, row in zip(together, scores, strict=True):  # the definition, step by step
        text, last = "", 0
        for step in row:
            best = int(step.argmax())
            text += CHARSET.labels[best] if best not in (0, last) else ""
            last = best
        assert line.text == text.strip()


def test_empty_batch_and_no_steps():
    assert decode(np.zeros((0, 7, 5), np.float32)) == []
    assert [line.text for line in decode(np.zeros((2, 0, 5), np.float32))] == ["", ""]


def test_logits_give_the_texts_and_confidences_of_their_softmax():
    rng = np.random.default_rng(1)
    logits = (rng.standard_normal((6, 30, 5)) * 3).astype(np.float32)
    softmax = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    for one, other in zip(decode(logits), decode(softmax), strict=True):
        assert (one.text, one.columns) == (other.text, other.columns)
        assert one.confidences == pytest.approx(other.confidences, abs=1e-5)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-5)


def test_half_precision_probabilities_are_not_taken_for_logits():
    scores = probabilities([[1, (2, 0.7), 3]]).astype(np.float16)
    assert decode(scores)[0].confidences == pytest.approx((0.8, 0.7, 0.8), abs=1e-3)


def test_outputs_come_as_dict_array_or_list():
    scores = probabilities([[1, 2]])
    post = CTCLabelDecode(charset=CHARSET)
    assert post({"ctc": scores}, {}) == post(scores) == post([None, scores])


def test_entries_of_several_characters_share_their_step():
    (line,) = decode(probabilities([[1, 2, 3]], classes=4), Charset(["a", "ij", ""]))
    assert line.text == "aij"
    assert line.columns == (0, 1, 1)
    assert len(line.confidences) == 3


@pytest.mark.parametrize("direction", ["rtl", "paddle"])
def test_right_to_left_text_takes_its_columns_along(direction):
    charset = Charset("مر12", direction=direction)
    (line,) = decode(probabilities([[1, 2, 3, 4]], classes=5), charset)
    assert line.text == "12رم"
    assert line.columns == (2, 3, 1, 0)


def test_labels_keep_repeats_and_drop_padding():
    post = CTCLabelDecode(charset=CHARSET)
    lines = post.decode_labels({"label": np.array([[1, 1, 4, 2, 0, 0], [0] * 6])})
    assert [(line.text, line.confidence) for line in lines] == [("aa b", 1.0), ("", 1.0)]


def test_a_dictionary_file_serves_without_charset(tmp_path):
    path = tmp_path / "dict.txt"
    path.write_text("a\nb\nc\n", encoding="utf-8")
    post = CTCLabelDecode(str(path), use_space_char=True)
    assert post(probabilities([[1, 4, 3]]))[0].text == "a c"


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (np.zeros((1, 3, 7), np.float32), r"\(N, T, 5\).*\(1, 3, 7\).*character_dict_path"),
        (np.zeros((3, 5), np.float32), r"\(3, 5\)"),
        ({"sar": np.zeros((1, 3, 5))}, "'ctc', which is not among sar"),
    ],
)
def test_outputs_of_another_network_are_refused(outputs, words):
    with pytest.raises(OcrError, match=words):
        CTCLabelDecode(charset=CHARSET)(outputs)


def test_a_line_begins_and_ends_with_its_characters():
    """The white beside a line is read as a space: it is no part of the text, nor of the characters' places."""
    space = len(CHARSET.labels) - 1
    assert CHARSET.labels[space] == " "
    steps = [space, 0, 1, 0, space, 2, 0, space, space]  # " a b ", a blank class between
    scores = np.full((1, len(steps), len(CHARSET.labels)), 0.025, np.float32)
    scores[0, range(len(steps)), steps] = 0.9
    (line,) = decode(scores)
    assert line.text == f"{CHARSET.labels[1]} {CHARSET.labels[2]}"
    assert line.columns == (2, 4, 5) and len(line.confidences) == 3 and line.steps == len(steps)
    (exact,) = CTCLabelDecode(charset=CHARSET, paddle_exact=True)(scores)
    assert exact.text == f" {line.text} " and exact.confidence == line.confidence
    blank = np.zeros((1, 3, len(CHARSET.labels)), np.float32)
    blank[0, :, space] = 1
    (nothing,) = decode(blank)
    assert (nothing.text, nothing.confidence, nothing.columns) == ("", 0.0, ())


def test_steps_behind_a_lines_own_are_not_read():
    array = probabilities([[1, 0, 2, 3], [1, 0, 2, 3]])
    whole, cut = CTCLabelDecode(charset=CHARSET)({"ctc": array, "lengths": np.array([4, 3])})
    assert whole.text == decode(array)[0].text
    assert cut.text == whole.text[:2]
    assert cut.steps == 4
