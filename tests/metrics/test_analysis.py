"""Everything that a test report tells, against an example computed by hand; the numbers of the metric to the last digit."""

from __future__ import annotations

import pickle
import random

import numpy as np
import pytest

from ppocr_like.contracts import Origin, RejectedSample, SampleInfo, TextLine
from ppocr_like.metrics.analysis import WORST, Analysis
from ppocr_like.metrics.line_rules import LineRules
from ppocr_like.metrics.rec import RecMetric

EVERY = LineRules(ignore_space=False)


def info(text: str, index: int = 0) -> SampleInfo:
    return SampleInfo(index, "lines.txt", index + 1, f"img/p{index // 2}_{index}.png", text)


def read(text: str, *confidences: float) -> TextLine:
    kept = confidences or (0.9,) * len(text)
    return TextLine(text, sum(kept) / len(kept) if kept else 0.0, tuple(range(len(kept))), kept)


def gathered(pairs: list[tuple[str, str]], rules: LineRules = EVERY) -> Analysis:
    analysis = Analysis(rules)
    for index, (wanted, got) in enumerate(pairs):
        analysis.add(info(wanted, index), read(got), Origin("lines.txt", f"p{index // 2}"))
    return analysis


def test_by_hand() -> None:
    analysis = gathered([("ab cd", "ab cx"), ("Abc", "abc"), ("xy", "xyz"), ("cafe\u0301 no", "cafe no")])
    total = analysis.total
    assert (total.lines, total.right, total.characters, total.errors) == (4, 0, 5 + 3 + 2 + 8, 4)
    assert (total.insertions, total.deletions, total.substitutions) == (1, 1, 2)
    assert (total.words, total.word_errors) == (2 + 1 + 1 + 2, 4)
    assert total.cer == 4 / 18 and total.wer == 4 / 6
    assert dict(analysis.edits) == {("d", "x"): 1, ("A", "a"): 1, ("", "z"): 1, ("\u0301", ""): 1}
    assert analysis.folded == [3, 18] and analysis.characters["a"] == 2 and analysis.characters[" "] == 2
    pages = {name: (counts.errors, counts.characters) for name, counts in analysis.groups["page"].counts.items()}
    assert pages == {"p0": (2, 8), "p1": (2, 10)}
    assert {name: counts.lines for name, counts in analysis.groups["length"].counts.items()} == {"1 to 10": 4}
    calibration = analysis.of_characters.numbers()
    assert calibration is not None and calibration["n"] == 5 + 3 + 3 + 7
    assert calibration["accuracy"] == pytest.approx(15 / 18)  # x, a and z were read wrong
    lines = analysis.of_lines.numbers()
    assert lines is not None and lines["accuracy"] == 0


PAIRS = [("ab cd", "a b cd"), ("  x", "x "), ("", "a"), ("Straße", ""), ("אב 12", "אב12"), ("", ""), ("A-b", "ab")]


@pytest.mark.parametrize("arguments", [{}, {"ignore_space": False}, {"is_filter": True}])
def test_the_numbers_are_those_of_the_metric(arguments: dict[str, bool]) -> None:
    metric = RecMetric(**arguments)
    assert metric.rules is not None
    rng = random.Random(5)
    pairs = PAIRS + [("".join(rng.choices("abC d", k=9)), "".join(rng.choices("abC d", k=9))) for _ in range(60)]
    batch = {"info": [info(wanted, index) for index, (wanted, _) in enumerate(pairs)]}
    metric.update([read(got) for _, got in pairs], batch)
    analysis = gathered(pairs, metric.rules)
    for text in ("nothing here", ""):
        metric.reject([RejectedSample(info(text), "missing image", "")])
        analysis.reject(info(text), Origin("lines.txt", "p0"), "missing image")
    numbers = metric.compute()
    assert (analysis.total.cer, analysis.total.wer) == (numbers["cer"], numbers["wer"])
    assert analysis.total.right / analysis.total.lines == numbers["acc"]
    assert dict(analysis.rejected) == {"missing image": 2}
    for group in ("source", "length", "line_type", "page"):
        counts = analysis.groups[group].counts.values()
        assert sum(one.errors for one in counts) == analysis.total.errors
        assert sum(one.characters for one in counts) == analysis.total.characters
    assert sum(analysis.edits.values()) == analysis.total.errors
    assert sum(analysis.characters.values()) == analysis.total.characters


def test_spaces_that_do_not_count_are_told_beside() -> None:
    analysis = gathered([("a b", "ab"), ("c", " c")], LineRules())
    assert analysis.total.errors == 0 and analysis.total.right == 2 and not analysis.worst()
    assert analysis.whole == [1, 4]


def test_shares_of_processes_are_joined() -> None:
    whole, shares = Analysis(EVERY), [Analysis(EVERY), Analysis(EVERY)]
    rng = random.Random(1)
    for index in range(400):
        wanted, got = ("".join(rng.choices("ab ", k=rng.randrange(12))) for _ in range(2))
        origin = Origin("lines.txt", f"p{index % 7}", "heading" if index % 3 else "")
        for one in (whole, shares[index % 2]):
            one.add(info(wanted, index), read(got), origin)
    joined = Analysis.joined([pickle.loads(pickle.dumps(share)) for share in shares])
    assert joined.total == whole.total and joined.edits == whole.edits and joined.characters == whole.characters
    assert joined.worst() == whole.worst() and len(whole.worst()) == WORST
    assert {name: group.counts for name, group in joined.groups.items()} == {n: g.counts for n, g in whole.groups.items()}
    assert joined.folded == whole.folded
    np.testing.assert_allclose(joined.of_lines.table(), whole.of_lines.table())
    np.testing.assert_allclose(joined.of_characters.table(), whole.of_characters.table())


def test_the_worst_lines_come_first() -> None:
    analysis = gathered([("abcd", "abcx"), ("a", "b"), ("abcdef", "ghijkl"), ("ok", "ok"), ("ab", "")])
    assert [line.info.text for line in analysis.worst()] == ["abcdef", "ab", "a", "abcd"]


def test_a_page_that_is_not_known() -> None:
    analysis = gathered([("a", "a")])
    assert analysis.paged
    analysis.add(info("b"), read("b"), Origin("lmdb"))
    assert not analysis.paged


def test_confidences_of_characters_that_are_not_told() -> None:
    analysis = Analysis(EVERY)
    analysis.add(info("ab"), TextLine("ab", 0.8), Origin("x"))
    assert analysis.of_characters.numbers() is None and analysis.of_lines.numbers() is not None


def test_confidences_belong_to_the_characters_that_count() -> None:
    analysis = Analysis(LineRules())
    analysis.add(info("a c"), read("a b", 0.95, 0.05, 0.45), Origin("x"))  # the space does not count, b is wrong
    numbers = analysis.of_characters.numbers()
    assert numbers is not None
    assert [(row["from"], row["n"], row["accuracy"]) for row in numbers["bins"]] == [(0.4, 1, 0.0), (0.9, 1, 1.0)]
