"""A language model beside a character set."""

import numpy as np
import pytest

from ppocr_like.charset import Charset
from ppocr_like.codec import Codec
from ppocr_like.postprocess.ngram.kneser_ney import estimate, estimate_labels
from ppocr_like.postprocess.ngram.scorer import LabelScorer
from ppocr_like.postprocess.ngram.tokens import class_tokens

CHARSET = Charset("abcd", use_space_char=True)
LINES = ["ab ba", "abba cab", "bad cab", "a bad dab", "cab"]


def model_of(charset, lines=LINES, order=4):
    return estimate_labels([charset.encode(line) for line in lines], charset, order).model


def test_rows_say_what_the_model_says(monkeypatch):
    model = model_of(CHARSET)
    scorer = LabelScorer(model, CHARSET)
    rng = np.random.default_rng(0)
    for room in (1 << 26, 1):  # with all rows kept, and with room for no more than are asked for
        monkeypatch.setattr("ppocr_like.postprocess.ngram.scorer.MEMORY", room)
        scorer = LabelScorer(model, CHARSET)
        for _ in range(30):
            classes = rng.integers(1, CHARSET.num_classes, int(rng.integers(0, 9))).tolist()
            words = [number + 2 for number in classes]
            assert scorer.score(classes) == pytest.approx(model.score(words), abs=1e-4)


def test_rows_of_many_states_at_once():
    model = model_of(CHARSET)
    scorer = LabelScorer(model, CHARSET)
    states = np.arange(len(model.words))[model.states == np.arange(len(model.words))].reshape(1, -1)
    with scorer.rows(states.size) as rows:
        found = rows.of(states)
        assert found.shape == states.shape
        for state, row in zip(states[0].tolist(), found[0].tolist(), strict=True):
            for number in range(1, CHARSET.num_classes):
                wanted, after = model.step(state, number + 2)
                assert rows.logp[row, number] == pytest.approx(wanted, abs=1e-5)
                assert rows.states[row, number] == after


def test_classes_are_found_by_their_text_whatever_their_number_is():
    other = Charset("dcbaxe", use_space_char=True)
    model = model_of(CHARSET)
    mine, theirs = LabelScorer(model, CHARSET), LabelScorer(model, other)
    assert theirs.score(other.encode("bad cab")) == pytest.approx(mine.score(CHARSET.encode("bad cab")), abs=1e-5)
    x = other.encode("x")[0]
    ends = model.step(0, model.places["</s>"])[0]
    assert theirs.score([x]) == pytest.approx(model.step(model.start, model.places["<unk>"])[0] + ends, abs=1e-4)


def test_a_character_that_stands_twice_in_the_dictionary_is_one():
    twice = Charset(["a", "b", "a"])
    scorer = LabelScorer(model_of(twice, ["ab", "aab", "ba"]), twice)
    assert scorer.score([3, 2]) == pytest.approx(scorer.score([1, 2]))
    assert scorer.score([2, 1]) == pytest.approx(scorer.score([2, 3]))


def test_classes_of_a_codec_without_a_text_of_their_own_are_labels_too():
    codec = Codec({"a": [1], "ff": [2, 3], "b": [4]})
    assert class_tokens(codec) == ["", "a", "<class=2>", "<class=3>", "b"]
    scorer = LabelScorer(model_of(codec, ["aff", "ffb", "affb"]), codec)
    assert scorer.score(codec.encode("aff")) > scorer.score([1, 2, 4])


def test_a_model_of_another_alphabet_or_direction_is_refused():
    with pytest.raises(ValueError, match=r"another alphabet: of its 3 tokens 3 are none of the 5 classes.*α"):
        LabelScorer(estimate([[0, 1, 2]], ["α", "β", "γ"]).model, CHARSET)
    with pytest.raises(ValueError, match="a model of words"):
        LabelScorer(estimate([[0, 1, 2]], ["the", "cat", "sat"]).model, CHARSET)
    hebrew = Charset("אב1", direction="rtl")
    model = estimate([[0, 1]], class_tokens(hebrew)[1:], direction="ltr").model
    with pytest.raises(ValueError, match="text direction ltr, the recogniser's is rtl"):
        LabelScorer(model, hebrew)
