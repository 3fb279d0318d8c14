"""The temperature at which a recogniser is as often right as it says it is.

It is fitted as in Guo et al., "On Calibration of Modern Neural Networks" (2017): by the least negative log-likelihood, here of
each character that was read being right. A temperature does not change the best path, so what is right is judged once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppocr_like.contracts import TextLine
from ppocr_like.metrics.alignment import edits
from ppocr_like.metrics.calibration import Calibration
from ppocr_like.metrics.line_rules import LineRules
from ppocr_like.postprocess.ctc import CTCLabelDecode
from ppocr_like.tune.readings import KeptLine, ReadSet

LOWEST, HIGHEST = 0.2, 10.0
ROUNDS = 14  # of golden sections: the temperature is found to half a percent
_GOLDEN = (math.sqrt(5) - 1) / 2
_SURE = 1e-6  # a confidence is taken to be no nearer to 0 and 1


@dataclass(frozen=True)
class Judged:
    """How well confidences at one temperature tell what is right.

    Args:
        temperature: see `CTCLabelDecode`.
        loss: mean negative log-likelihood of a character.
        characters, lines: see `Calibration.numbers`.
    """

    temperature: float
    loss: float
    characters: dict[str, Any]
    lines: dict[str, Any]

    def text(self) -> str:
        """For people."""
        of_characters, of_lines = (one["expected_calibration_error"] for one in (self.characters, self.lines))
        errors = f"expected calibration error of characters {of_characters:.4f}, of lines {of_lines:.4f}"
        return f"temperature {self.temperature:g}: {errors}"


def fit_temperature(lines: ReadSet, post: CTCLabelDecode, rules: LineRules) -> tuple[Judged, Judged]:
    """The post-processing's own temperature, and the best one: its own, too, where nothing was read, or all of it was right, or
    none is better.

    Args:
        lines: of an evaluation set.
        post: its best path is judged, whatever its decoder is.
        rules: how texts are compared.
    """
    greedy = post.changed(decoder="greedy", lm=None)
    right = _right(lines, greedy, rules)
    own = _judged(lines, greedy, rules, right)
    flags = [flag for line in right for flag in line]
    if all(flags) or not any(flags):
        return own, own
    low, high = math.log(LOWEST), math.log(HIGHEST)
    left, other = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    losses = [_judged(lines, greedy.changed(temperature=math.exp(place)), rules, right).loss for place in (left, other)]
    for _ in range(ROUNDS):  # golden sections
        if losses[0] < losses[1]:
            high, other, left = other, left, other - _GOLDEN * (other - low)
            losses = [_judged(lines, greedy.changed(temperature=math.exp(left)), rules, right).loss, losses[0]]
        else:
            low, left, other = left, other, left + _GOLDEN * (high - left)
            losses = [losses[1], _judged(lines, greedy.changed(temperature=math.exp(other)), rules, right).loss]
    best = _judged(lines, greedy.changed(temperature=float(f"{math.exp((low + high) / 2):.3g}")), rules, right)
    return own, best if best.loss < own.loss else own


def judged(lines: ReadSet, post: CTCLabelDecode, rules: LineRules) -> Judged:
    """How well the confidences of the best path tell what is right, at the post-processing's own temperature."""
    greedy = post.changed(decoder="greedy", lm=None)
    return _judged(lines, greedy, rules, _right(lines, greedy, rules))


def _right(lines: ReadSet, greedy: CTCLabelDecode, rules: LineRules) -> list[list[bool]]:
    """Of each line of each batch whether each of its characters that counts is right."""
    found = []
    for part, read in _readings(lines, greedy):
        for line, result in zip(part, read, strict=True):
            right = [True] * len(rules.places(result.text))
            for kind, _, place in edits(rules.compared(line.reference), rules.compared(result.text)):
                if kind != "delete":
                    right[place] = False
            found.append(right)
    return found


def _judged(lines: ReadSet, greedy: CTCLabelDecode, rules: LineRules, right: Sequence[list[bool]]) -> Judged:
    characters, whole = Calibration(), Calibration()
    sure, flags = list[float](), list[bool]()
    number = 0
    for part, read in _readings(lines, greedy):
        for line, result in zip(part, read, strict=True):
            own = [result.confidences[place] for place in rules.places(result.text)]
            sure += own
            flags += right[number]
            characters.add(own, right[number])
            whole.add((result.confidence,), (rules.compared(line.reference) == rules.compared(result.text),))
            number += 1
    clipped = np.clip(np.array(sure), _SURE, 1 - _SURE)
    losses = -np.log(np.where(flags, clipped, 1 - clipped))
    nothing = {"expected_calibration_error": 0.0, "n": 0}
    numbers = characters.numbers() or nothing, whole.numbers() or nothing
    return Judged(greedy.temperature, float(losses.mean()) if len(losses) else 0.0, *numbers)


def _readings(lines: ReadSet, post: CTCLabelDecode) -> list[tuple[list[KeptLine], list[TextLine]]]:
    return [(part, post(outputs, {"info": part})) for part, outputs in lines.batches()]
