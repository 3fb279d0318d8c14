"""Models written and read again, and files that are none."""

import io
from itertools import pairwise

import numpy as np
import pytest

from ppocr_like.errors import DataError
from ppocr_like.postprocess.ngram.arpa import arpa_text
from ppocr_like.postprocess.ngram.kneser_ney import estimate
from ppocr_like.postprocess.ngram.table import read_model, write_table
from ppocr_like.postprocess.ngram.tokens import label_of, token_of

LABELS = ["a", "b", "c", " ", "\u3000", "<", "<unk>", "é", "fi"]
TOKENS = [token_of(label) for label in LABELS]
LINES = [[0, 1, 3, 2, 2, 4], [0, 1, 5, 6], [7, 8, 3, 0, 1], [2, 2, 1], [0, 1, 3, 2]]
MODEL = estimate(LINES, TOKENS, 4, "ltr").model


def arpa(model=MODEL):
    return "".join(arpa_text(model))


@pytest.fixture
def files(tmp_path):
    (tmp_path / "m.arpa").write_text(arpa(), encoding="utf-8")
    with open(tmp_path / "m.npz", "wb") as file:
        write_table(MODEL, file)
    return tmp_path


def test_tokens_hold_no_blank_and_come_back():
    assert TOKENS == ["a", "b", "c", "<space>", "<U+3000>", "<", "<U+003C_0075_006E_006B_003E>", "é", "fi"]
    assert [label_of(token) for token in TOKENS] == LABELS


@pytest.mark.parametrize("name", ["m.arpa", "m.npz"])
def test_a_model_read_again_gives_the_same_scores(files, name):
    read = read_model(files / name)
    assert (read.tokens, read.order, read.direction) == (MODEL.tokens, 4, "ltr")
    rng = np.random.default_rng(1)
    for line in [*LINES, *(rng.integers(0, len(LABELS), 8).tolist() for _ in range(20))]:
        words = [word + 3 for word in line]
        assert read.score(words) == pytest.approx(MODEL.score(words), abs=1e-5)


def test_nothing_stands_before_the_data_or_behind_them():
    """KenLM refuses such files, by name of the line. What is announced is there, the word of the direction included."""
    lines = arpa().splitlines()
    assert lines[0] == "\\data\\" and lines[-1] == "\\end\\" and arpa().endswith("\\end\\\n")
    counts = [int(line.partition("=")[2]) for line in lines if line.startswith("ngram ")]
    marks = [number for number, line in enumerate(lines) if line.endswith("-grams:")] + [len(lines) - 1]
    assert [len(list(filter(None, lines[a + 1 : b]))) for a, b in pairwise(marks)] == counts
    single = lines[marks[0] + 1 : marks[1] - 1]
    assert single[-1].split() == ["-99", "<direction=ltr>", "0"]
    assert counts[0] == len(MODEL.tokens) + 1


def test_without_a_direction_there_is_no_word_of_it(tmp_path):
    for order in (2, 3):
        for direction in ("", "rtl"):
            model = estimate(LINES, TOKENS, order, direction).model
            (tmp_path / "m.arpa").write_text(arpa(model), encoding="utf-8")
            read = read_model(tmp_path / "m.arpa")
            assert (read.tokens, read.order, read.direction) == (model.tokens, order, direction)
            assert ("direction" in arpa(model)) == bool(direction)


def test_the_word_of_the_direction_stays_where_another_program_has_moved_it(tmp_path):
    """It is a word that no class has, then, and nothing else changes."""
    lines = arpa().splitlines()
    place = next(number for number, line in enumerate(lines) if "<direction=" in line)
    lines.insert(lines.index("\\1-grams:") + 1, lines.pop(place))
    (tmp_path / "m.arpa").write_text("\n".join(lines), encoding="utf-8")
    read = read_model(tmp_path / "m.arpa")
    assert set(read.tokens) - set(MODEL.tokens) == {"<direction=ltr>"} and read.direction == ""
    for line in LINES:
        words = [[m.places[TOKENS[word]] for word in line] for m in (read, MODEL)]
        assert read.score(words[0]) == pytest.approx(MODEL.score(words[1]), abs=1e-5)


def test_arpa_of_others_without_all_suffixes_and_with_blanks_between_the_fields(tmp_path):
    """SRILM prunes, and writes no back-off of 0. P(b | x a) of the pair and back-off: ln of 10 ** (-0.5 - 0.4)."""
    path = tmp_path / "pruned.arpa"
    path.write_text(
        "\n\\data\\\nngram 1=6\nngram 2=3\nngram 3=1\n\n\\1-grams:\n-1.0 </s>\n-99 <s> -0.3\n-2 <unk>\n-0.9 a -0.4\n"
        "-0.7 b\n-0.8 x -0.2\n\n\\2-grams:\n-0.1 <s> x -0.25\n-0.6 x a -0.5\n-0.3 a x\n\n\\3-grams:\n-0.05 <s> x b\n\n\\end\\\n",
        encoding="utf-8",
    )
    model = read_model(path)
    x, a, b = (model.places[token] for token in "xab")
    assert model.score([x, b], end=False) / np.log(10) == pytest.approx(-0.1 - 0.05)
    assert model.score([x, a], end=False) / np.log(10) == pytest.approx(-0.1 - 0.25 - 0.6)
    assert model.score([x, a, b], end=False) / np.log(10) == pytest.approx(-0.1 - 0.25 - 0.6 - 0.5 - 0.4 - 0.7)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[: len(text) // 2], "is cut"),
        (lambda text: text.replace("\\end\\", ""), "is cut"),
        (lambda text: text.replace("\\data\\", ""), "data"),
        (lambda text: "", "data"),
        (lambda text: text.replace("ngram 4=", "ngram 5="), "announces 5-grams where 4-grams"),
        (lambda text: text.replace("ngram 2=", "ngram 2=9"), "is cut"),
        (lambda text: text.replace("\ta b\t", "\ta q\t"), "'q' is not among the 1-grams"),
        (lambda text: text.replace("\t<s> a b\t", "\tc a b\t"), "begin with words that are no 2-gram|stands twice|no 3-gram"),
        (lambda text: text.replace("\t<s> a\t", "\tx <s> a\t"), "a probability, 2 tokens"),
        (lambda text: text.replace("-99\t<s>", "nan\t<s>"), "no logarithm of a probability"),
    ],
)
def test_a_broken_arpa_file_is_refused_with_its_place(tmp_path, change, said):
    path = tmp_path / "m.arpa"
    text = arpa()
    assert change(text) != text
    path.write_text(change(text), encoding="utf-8")
    with pytest.raises(DataError, match=said) as raised:
        read_model(path)
    assert str(path) in str(raised.value)


def test_order_nine_is_refused_with_the_limit(tmp_path):
    path = tmp_path / "m.arpa"
    path.write_text("\\data\\\n" + "".join(f"ngram {n}=3\n" for n in range(1, 10)) + "\n\\1-grams:\n", encoding="utf-8")
    with pytest.raises(DataError, match="has 9-grams; n-grams of up to 8 words"):
        read_model(path)


def test_a_broken_table_is_refused(files, tmp_path):
    whole = (files / "m.npz").read_bytes()
    packed, arrays = io.BytesIO(), dict(np.load(files / "m.npz"))
    np.savez_compressed(packed, **arrays)
    wrong, mixed = io.BytesIO(), io.BytesIO()
    np.savez(wrong, **{**arrays, "words2": arrays["words2"][::-1]})
    np.savez(mixed, **{**arrays, "logp3": np.array([{"a": 1}], object)})
    for number, data in enumerate([whole[: len(whole) // 2], b"PK\x03\x04", wrong.getvalue(), mixed.getvalue()]):
        path = tmp_path / f"{number}.npz"
        path.write_bytes(data)
        with pytest.raises(DataError, match="no language model"):
            read_model(path)
    with pytest.raises(DataError, match="cannot read the language model"):
        read_model(tmp_path / "none.npz")
