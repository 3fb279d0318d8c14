"""Beam search against sums over all alignments; what it tells of characters; and the old threshold decoder."""

import itertools

import numpy as np
import pytest

from ppocr_like.charset import Charset
from ppocr_like.codec import Codec
from ppocr_like.contracts import SampleInfo
from ppocr_like.errors import ConfigError
from ppocr_like.postprocess.align import align
from ppocr_like.postprocess.beam import Search
from ppocr_like.postprocess.ctc import CTCLabelDecode
from ppocr_like.postprocess.lattice import make_lattice
from ppocr_like.postprocess.ngram import scorer
from ppocr_like.postprocess.ngram.arpa import arpa_text
from ppocr_like.postprocess.ngram.kneser_ney import estimate_labels
from ppocr_like.postprocess.ngram.scorer import LabelScorer

CHARSET = Charset("abc")
LETTERS = Charset("abcdehilnort", use_space_char=True)


def sums(probabilities):
    """Labels -> the probability of all alignments that say them."""
    found = {}
    for path in itertools.product(range(probabilities.shape[1]), repeat=len(probabilities)):
        weight = np.prod([row[number] for row, number in zip(probabilities, path, strict=True)])
        labels = tuple(number for number, _ in itertools.groupby(path) if number)
        found[labels] = found.get(labels, 0.0) + weight
    return found


def drawn(rng, lines, steps, sharp):
    """Probabilities of which every other step may be certain."""
    found = rng.dirichlet(np.full(4, sharp), (lines, steps)).astype(np.float32)
    if rng.random() < 0.4:
        certain = rng.integers(0, 4, found[:, ::2].shape[:2])
        found[:, ::2] = np.eye(4, dtype=np.float32)[certain]
    return found


@pytest.mark.parametrize("with_model", [False, True])
def test_the_best_of_all_texts_is_found(with_model):
    scorer = LabelScorer(estimate_labels([[1, 2, 3, 1], [1, 2], [3, 3, 2], [1, 1, 2]], CHARSET, 4).model, CHARSET)
    rng = np.random.default_rng(7)
    for _ in range(15):
        probabilities = drawn(rng, 3, int(rng.integers(1, 6)), rng.choice([0.1, 0.5, 2.0]))
        lengths = rng.integers(1, probabilities.shape[1] + 1, 3)
        weight, bonus = (rng.uniform(0, 2), rng.uniform(-1, 1)) if with_model else (0.0, 0.0)
        search = Search(600, scorer if with_model else None, weight, bonus)
        for line, found in enumerate(search(make_lattice(probabilities, lengths, prune=0.0), probabilities)):
            totals = sums(probabilities[line, : lengths[line]].astype(float))
            ranks = {
                labels: np.log(total) + (weight * scorer.score(labels) if with_model else 0.0) + bonus * len(labels)
                for labels, total in totals.items()
                if total
            }
            assert ranks[tuple(found)] == pytest.approx(max(ranks.values()), abs=1e-9)


def test_the_rows_of_a_large_model_may_grow_at_any_step(monkeypatch):
    """The last states of a line, too: there the longer table was looked for in the shorter one."""
    rng = np.random.default_rng(3)
    lines = rng.integers(1, 4, (60, 12)).tolist()
    read = []
    for first in (scorer.FIRST_ROWS, 1, 2, 3, 5, 8, 13, 21, 34):
        monkeypatch.setattr(scorer, "FIRST_ROWS", first)
        search = Search(8, LabelScorer(estimate_labels(lines, CHARSET, 5).model, CHARSET), 0.7, 0.1)
        for steps in (1, 2, 3, 20):
            probabilities = np.random.default_rng(steps).dirichlet(np.ones(4), (4, steps)).astype(np.float32)
            read.append(search(make_lattice(probabilities, np.full(4, steps), prune=0.0), probabilities))
    assert all(read[number] == read[number % 4] for number in range(len(read)))


def network(texts, charset=LETTERS, top=0.9, rng=None):
    """What a network gives that reads these texts: a peak of `top` for each label, then a blank; the rest is spread out."""
    longest = max(len(charset.encode(text)) for text in texts)
    found = np.full((len(texts), 2 * longest + 2, charset.num_classes), 1e-5, np.float32)
    found[:, :, 0] = 1.0
    for row, text in zip(found, texts, strict=True):
        for place, number in enumerate(charset.encode(text)):
            row[2 * place + 1, [0, number]] = 0.001, top
    if rng is not None:
        found += rng.random(found.shape) * 1e-4
    return (found / found.sum(axis=2, keepdims=True)).astype(np.float32)


def decoder(**more):
    return CTCLabelDecode(charset=LETTERS, decoder="beam", **more)


@pytest.fixture
def model_file(tmp_path):
    lines = ["the old hotel here", "on the other line", "the letter there", "a hint to the other one", "a code or a tile"] * 3
    path = tmp_path / "lm.arpa"
    model = estimate_labels([LETTERS.encode(line) for line in lines], LETTERS).model
    path.write_text("".join(arpa_text(model)), encoding="utf-8")
    return str(path)


def test_a_certain_network_is_read_as_its_best_path_with_the_same_places_and_confidences():
    outputs = network(["the old hotel", "aa", "", "letter"], rng=np.random.default_rng(0))
    assert decoder()(outputs) == CTCLabelDecode(charset=LETTERS)(outputs)


def test_lines_of_a_batch_are_read_as_alone():
    rng = np.random.default_rng(5)
    outputs = rng.dirichlet(np.full(LETTERS.num_classes, 0.05), (20, 20)).astype(np.float32)
    post = decoder(beam=4)
    assert post(outputs) == [post(outputs[line : line + 1])[0] for line in range(20)]


def test_a_language_model_mends_what_the_network_is_not_sure_of(model_file):
    outputs = network(["the other letter"])
    n, h = LETTERS.encode("nh")
    outputs[0, 3, [0, n, h]] = 0.0, 0.58, 0.42  # the h of "the"
    greedy, beam = CTCLabelDecode(charset=LETTERS)(outputs)[0], decoder(lm=model_file, lm_weight=1.0)(outputs)[0]
    assert (greedy.text, beam.text) == ("tne other letter", "the other letter")
    assert beam.columns == greedy.columns
    assert beam.confidences[1] == pytest.approx(0.42) and beam.confidences[2:] == greedy.confidences[2:]
    assert decoder(lm=model_file, lm_weight=0.0)(outputs)[0].text == greedy.text


def test_a_bonus_for_length_makes_texts_longer(model_file):
    outputs = network(["hotel"])
    outputs[0, 9, 0] = outputs[0, 9, LETTERS.encode("l")[0]] * 1.5
    outputs[0, 9] /= outputs[0, 9].sum()
    assert decoder()(outputs)[0].text == "hote"
    assert decoder(length_bonus=1.0)(outputs)[0].text == "hotel"


def test_steps_of_padding_are_not_read():
    outputs = network(["the code"])
    scores = {"ctc": outputs, "lengths": np.array([6])}
    for name in ("greedy", "threshold", "beam"):
        assert CTCLabelDecode(charset=LETTERS, decoder=name)(scores)[0].text == "the"


@pytest.mark.parametrize("name", ["threshold", "beam"])
def test_logits_read_as_their_probabilities(name):
    outputs = network(["the other one", "a tile"], rng=np.random.default_rng(2))
    post = CTCLabelDecode(charset=LETTERS, decoder=name)
    for of_logits, own in zip(post(np.log(outputs) + 3.0), post(outputs), strict=True):
        assert (of_logits.text, of_logits.columns) == (own.text, own.columns)
        assert of_logits.confidences == pytest.approx(own.confidences, abs=1e-4)


@pytest.mark.parametrize("name", ["threshold", "beam"])
def test_right_to_left_lines_and_their_told_directions(name):
    charset = Charset("אב12", direction="bidi")
    infos = [SampleInfo(0, "f", 1, "p", "", base_dir=told) for told in ("", "ltr")]
    outputs = network(["אב 12".replace(" ", "")] * 2, charset)
    of = {"info": infos}
    ours = CTCLabelDecode(charset=charset, decoder=name)({"ctc": outputs}, of)
    for line, greedy in zip(ours, CTCLabelDecode(charset=charset)({"ctc": outputs}, of), strict=True):
        assert line.text == greedy.text and line.columns == greedy.columns
    assert ours[0].text != ours[1].text


def test_a_codec_of_several_classes_an_entry_is_read_whole():
    codec = Codec({"a": [1], "ﬀ": [2, 3], "b": [4]})
    outputs = np.full((1, 8, 5), 1e-5, np.float32)
    outputs[0, :, 0] = 1.0
    for step, number, top in ((1, 1, 0.9), (3, 2, 0.8), (4, 3, 0.6), (6, 4, 0.9)):
        outputs[0, step, [0, number]] = 1 - top, top
    line = CTCLabelDecode(charset=codec, decoder="beam")(outputs)[0]
    assert (line.text, line.columns) == ("aﬀb", (1, 3, 6))
    assert line.confidences[1] == pytest.approx(0.7, abs=1e-3)


def test_one_label_for_each_stretch_without_blank():
    """As older kraken: of stretches with the blank below 0.5 the class of the highest peak; none where it is the blank."""
    steps = np.array(
        [
            [0.9, 0.1, 0.0, 0.0],
            [0.4, 0.5, 0.1, 0.0],
            [0.1, 0.2, 0.7, 0.0],  # the peak: b, though the stretch begins with a
            [0.6, 0.0, 0.4, 0.0],
            [0.45, 0.25, 0.0, 0.3],  # the blank is the highest: nothing
            [0.9, 0.0, 0.1, 0.0],
            [0.2, 0.0, 0.0, 0.8],
        ],
        np.float32,
    )
    (line,) = CTCLabelDecode(charset=CHARSET, decoder="threshold")(steps[None])
    assert (line.text, line.columns) == ("bc", (2, 6))
    assert line.confidences == pytest.approx((0.7, 0.8))
    assert CTCLabelDecode(charset=CHARSET, decoder="threshold")(steps[None, :1])[0].text == ""


def test_temperature_changes_confidences_and_not_the_best_path():
    outputs = network(["the other one", "a tile"], top=0.9, rng=np.random.default_rng(2))
    plain = CTCLabelDecode(charset=LETTERS)(outputs)
    for temperature in (0.5, 2.0):
        for name in ("greedy", "beam"):
            post = CTCLabelDecode(charset=LETTERS, decoder=name, temperature=temperature)
            for line, of_logits, own in zip(post(outputs), post(np.log(outputs)), plain, strict=True):
                assert (line.text, line.columns) == (own.text, own.columns)
                assert line.confidences == pytest.approx(of_logits.confidences, abs=1e-4)
                assert (np.array(line.confidences) < np.array(own.confidences)).all() == (temperature > 1)
    logs = np.log(outputs[0, 1].astype(float)) / 2
    wanted = np.exp(logs[LETTERS.encode("t")[0]]) / np.exp(logs).sum()
    made = CTCLabelDecode(charset=LETTERS, temperature=2.0)(outputs)[0]
    assert made.confidences[0] == pytest.approx(wanted, abs=1e-5)


def test_alignment_is_the_most_probable_one():
    rng = np.random.default_rng(4)
    for _ in range(12):
        probabilities = rng.dirichlet(np.ones(4), 5)
        labels = rng.integers(1, 4, int(rng.integers(1, 4))).tolist()
        paths = [p for p in itertools.product(range(4), repeat=5) if [n for n, _ in itertools.groupby(p) if n] == labels]
        found = align(np.log(probabilities), labels)
        if not paths:
            assert found is None
            continue
        best = max(paths, key=lambda path: np.prod(probabilities[np.arange(5), path]))
        assert found == [step for step in range(5) if best[step] and (step == 0 or best[step - 1] != best[step])]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"decoder": "viterbi"}, "decoder: is 'viterbi'"),
        ({"temperature": 0.0}, "temperature: is 0"),
        ({"temperature": float("nan")}, "temperature: is nan"),
        ({"decoder": "beam", "beam": 0}, "beam: is 0"),
        ({"decoder": "beam", "lm_weight": -1.0}, "lm_weight: is -1"),
        ({"decoder": "beam", "length_bonus": float("inf")}, "length_bonus: is inf"),
        ({"decoder": "beam", "lm": "none.arpa"}, "lm: none.arpa: cannot read the language model"),
        ({"lm": "none.arpa"}, "lm: is read by decoder: beam alone"),
    ],
)
def test_values_that_are_refused(values, said):
    with pytest.raises(ConfigError, match=said):
        CTCLabelDecode(charset=CHARSET, **values)


def test_a_model_of_another_alphabet_is_refused_by_its_place(model_file):
    with pytest.raises(ConfigError, match=r"lm: .*lm\.arpa: the language model is of another alphabet"):
        CTCLabelDecode(charset=Charset("ΑΒΓ"), decoder="beam", lm=model_file)


def test_other_values_keep_the_model(model_file):
    post = decoder(lm=model_file)
    other = post.changed(lm_weight=0.5, beam=4)
    assert other._search.scorer is post._search.scorer
    assert (other._search.lm_weight, other._search.beam, post._search.lm_weight) == (0.5, 4, 1.5)
    greedy = post.beside()["greedy"]
    assert (greedy.decoder, greedy.lm) == ("greedy", None) and not greedy.beside()
