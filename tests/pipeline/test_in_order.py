"""Work on many things at a time: order, errors, how much is held."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ppocr_like.pipeline.in_order import in_order


def test_results_come_in_the_order_of_the_things():
    def slow_at_first(number):
        time.sleep(0.05 if number % 3 == 0 else 0.0)
        return number

    assert list(in_order(ThreadPoolExecutor(4), slow_at_first, range(12), 4)) == list(range(12))


def test_several_work_at_a_time_and_no_more_than_asked():
    busy, most, lock = 0, 0, threading.Lock()

    def work(number):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.02)
        with lock:
            busy -= 1

    list(in_order(ThreadPoolExecutor(3), work, range(12), 3))
    assert most == 3


def test_who_takes_results_slowly_makes_the_threads_wait():
    begun = []
    results = in_order(ThreadPoolExecutor(2), begun.append, range(100), 2)
    next(results)
    time.sleep(0.1)
    assert len(begun) <= 3
    results.close()
    assert len(begun) <= 3


def test_an_error_stands_where_its_result_would():
    def work(number):
        if number == 2:
            raise ValueError("the third")
        return number

    results = in_order(ThreadPoolExecutor(2), work, range(5), 2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="the third"):
        next(results)
