"""Figures, turns and the stopwatch."""

import time

import pytest
import torch

from ppocr_like.benchmark.timing import Stopwatch, figure, in_turns, told


def test_a_figure_has_median_and_quartiles():
    made = figure([5.0, 1.0, 2.0, 3.0, 4.0], "ms")
    assert made == {"value": 3.0, "low": 2.0, "high": 4.0, "n": 5, "unit": "ms"}
    assert told(made) == "3 ms (2 to 4)"
    assert told(figure([1234.5], "samples/s")) == "1,234 samples/s"


def test_everything_has_its_turn_after_one_run_to_warm_up():
    order = []
    ticks = []
    takes = {name: (lambda n=name: order.append(n) or len(order)) for name in "abc"}
    found = in_turns(takes, 2, lambda: ticks.append(1))
    assert order == ["a", "b", "c", "a", "b", "c", "c", "b", "a"]
    assert found == {"a": [4, 9], "b": [5, 8], "c": [6, 7]}
    assert len(ticks) == len(order)


def test_stretches_of_one_name_are_added_up():
    watch = Stopwatch(torch.device("cpu"))
    time.sleep(0.02)
    watch.mark("a")
    time.sleep(0.01)
    watch.mark("b")
    time.sleep(0.03)
    watch.mark("a")
    spent = watch.seconds()
    assert list(spent) == ["a", "b"]
    assert 0.05 <= spent["a"] < 1
    assert 0.01 <= spent["b"] < 1
    assert Stopwatch(torch.device("cpu")).seconds() == {}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_timed_by_its_own_work():
    device = torch.device("cuda")
    side = torch.rand(4096, 4096, device=device)
    torch.mm(side, side)
    watch = Stopwatch(device)
    for _ in range(10):
        torch.mm(side, side)
    watch.mark("products")
    assert watch.seconds()["products"] > 1e-4
