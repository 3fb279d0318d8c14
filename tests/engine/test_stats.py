from __future__ import annotations

import time

from ppocr_like.engine.stats import Smoother, StepClock, duration


def test_median_over_the_window() -> None:
    smoother = Smoother(3)
    for value in (9.0, 1.0, 2.0, 100.0):
        smoother.add({"loss": value})
    assert smoother.medians() == {"loss": 2.0}
    other = Smoother(3)
    other.load(smoother.state())
    other.add({"loss": 3.0, "acc": 0.5})
    assert other.medians() == {"loss": 3.0, "acc": 0.5}


def test_clock_splits_waiting_and_computing() -> None:
    clock = StepClock()
    for _ in range(2):
        time.sleep(0.03)
        clock.ready()
        time.sleep(0.01)
        clock.done(5)
    time.sleep(0.05)  # an evaluation
    clock.resume_after_pause()
    report = clock.report(steps_left=10)
    assert 0.6 < report["data_wait"] < 0.9
    assert 10 / 0.2 < report["samples_per_s"] < 10 / 0.08
    assert 0.4 <= report["eta_s"] < 1.0
    assert clock.report(0)["samples_per_s"] == 0.0


def test_duration() -> None:
    assert duration(3723.4) == "1:02:03"
    assert duration(59.6) == "0:01:00"
