"""The expected calibration error, by hand."""

from __future__ import annotations

import pytest

from ppocr_like.metrics.calibration import Calibration


def test_by_hand() -> None:
    one = Calibration()
    one.add([0.95, 0.95, 0.05], [True, False, False])
    other = Calibration()
    other.add([1.0, 0.9], [True, True])  # 1.0 belongs to the last bin
    one.merge(other)
    numbers = one.numbers()
    assert numbers is not None
    # the last bin: 4 values, sure to 0.95 on average, right in 3 of 4; the first: 1 value of 0.05, wrong
    assert numbers["expected_calibration_error"] == pytest.approx((4 * abs(0.95 - 0.75) + 0.05) / 5)
    assert [(row["from"], row["n"]) for row in numbers["bins"]] == [(0.0, 1), (0.9, 4)]
    assert numbers["bins"][1]["accuracy"] == 0.75 and numbers["bins"][1]["confidence"] == pytest.approx(0.95)
    assert numbers["n"] == 5 and numbers["accuracy"] == 0.6


def test_nothing_and_much() -> None:
    assert Calibration().numbers() is None
    many = Calibration()
    for _ in range(3):
        many.add([0.5] * 50_000, [True] * 50_000)
    numbers = many.numbers()
    assert numbers is not None and numbers["n"] == 150_000 and numbers["expected_calibration_error"] == pytest.approx(0.5)
