"""RecMetric: exact numbers, rejected samples, ranks."""

import numpy as np
import pytest

from ppocr_like.charset import Charset
from ppocr_like.contracts import RejectedSample, SampleInfo, TextLine
from ppocr_like.errors import ConfigError, OcrError
from ppocr_like.metrics.rec import RecMetric


def info(text, index=0):
    return SampleInfo(index, "train.txt", index + 1, f"img/{index}.png", text)


def metric(pairs, rejected=(), **arguments):
    it = RecMetric(**arguments)
    it.update([TextLine(got, 0.9) for _, got in pairs], {"info": [info(wanted) for wanted, _ in pairs]})
    it.reject([RejectedSample(info(text), "unreadable image", "") for text in rejected])
    return it


def test_numbers_are_exact():
    result = metric([("kitten", "sitting"), ("ab cd", "ab cd"), ("", "x"), ("", "")], ignore_space=False).compute()
    assert result == {
        "acc": 0.5,
        "norm_edit_dis": pytest.approx(1 - (3 / 7 + 0 + 1 + 0) / 4, abs=1e-15),
        "cer": pytest.approx(4 / 11, abs=1e-15),
        "wer": pytest.approx(2 / 3, abs=1e-15),
        "n": 4.0,
    }


def test_spaces_count_for_words_even_when_ignored():
    result = metric([("le chat dort", "lechat dort")]).compute()
    assert (result["acc"], result["cer"]) == (1.0, 0.0)
    assert result["wer"] == pytest.approx(2 / 3)


def test_filter_keeps_letters_and_digits():
    assert metric([("Café No. 5", "caf no5")], is_filter=True).compute()["acc"] == 1.0


def test_characters_outside_the_dictionary_are_errors():
    """PaddleOCR compares with the encoded label, in which they are missing."""
    charset = Charset("ab")
    batch = {"info": [info("aéb")], "label": np.array([[1, 2, 0]])}
    ours, theirs = RecMetric(charset=charset), RecMetric(charset=charset, paddle_exact=True)
    for it in (ours, theirs):
        it.update([TextLine("ab", 1.0)], batch)
    assert (ours.compute()["acc"], ours.compute()["cer"]) == (0.0, pytest.approx(1 / 3))
    assert theirs.compute()["acc"] == pytest.approx(1 / (1 + 1e-5))


def test_rejected_samples_are_wrong_in_every_character_and_word():
    result = metric([("abc", "abc")], rejected=["de fg", ""], ignore_space=False).compute()
    assert (result["acc"], result["n"]) == (pytest.approx(1 / 3), 3)
    assert result["cer"] == pytest.approx(5 / 8)
    assert result["wer"] == pytest.approx(2 / 3)
    assert result["norm_edit_dis"] == pytest.approx(1 / 3)


def test_ranks_together_are_one():
    pairs = [("kitten", "sitting"), ("abc", "abd"), ("x y", "x y"), ("", "")]
    whole = metric(pairs, rejected=["q"]).compute()
    first, second = metric(pairs[:1]), metric(pairs[1:], rejected=["q"])
    state = second.state()
    assert all(isinstance(value, int | float) for value in state.values())
    first.merge(state)
    assert first.compute() == pytest.approx(whole, abs=1e-15)


def test_reset_forgets():
    it = metric([("a", "b")])
    it.reset()
    with pytest.raises(OcrError, match="nothing to evaluate"):
        it.compute()


def test_lower_case_charsets_compare_lower_case():
    assert metric([("Hello", "hello")], charset=Charset.from_file(None)).compute()["acc"] == 1.0


@pytest.mark.parametrize(("direction", "right"), [("rtl", "مر12"), ("ltr", "مر12"), ("paddle", "12رم")])
def test_the_label_is_compared_as_the_file_has_it_but_for_paddles_files(direction, right):
    charset = Charset("مر12", direction=direction)
    assert metric([("مر12", right)], charset=charset).compute()["acc"] == 1.0
    assert metric([("مر12", "12مر")], charset=charset).compute()["acc"] == 0.0
    assert RecMetric(charset=charset).reference("مر12") == right


def test_mistakes():
    with pytest.raises(ConfigError, match=r"Metric\.main_indicator: must be one of acc, norm_edit_dis, got 'cer'"):
        RecMetric(main_indicator="cer")
    with pytest.raises(ValueError, match="1 results for 2 samples"):
        RecMetric().update([TextLine("", 0.0)], {"info": [info(""), info("")]})
    with pytest.raises(ValueError, match="charset"):
        RecMetric(paddle_exact=True)


def test_case_may_not_count() -> None:
    result = metric([("Total RM", "TOTAL RM"), ("Ab", "ax")], ignore_space=False, ignore_case=True).compute()
    assert (result["acc"], result["cer"], result["wer"]) == (0.5, 0.1, pytest.approx(1 / 3))
