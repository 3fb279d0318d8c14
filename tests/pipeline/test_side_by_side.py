"""Several pages at a time by one object: the same results as one by one, and memory that does not grow with the callers."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ppocr_like.components import load_components
from ppocr_like.pipeline.locate import open_onnx
from ppocr_like.pipeline.ocr import OCR

load_components(["tests.ink_net"])
ROOT = Path(__file__).resolve().parents[2]
# Fifty threads call one object; MB after a fifth of the calls, and after all of them.
FIFTY = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from ppocr_like.components import load_components
load_components(["tests.ink_net"])
from ppocr_like.pipeline.ocr import OCR
def held():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
ocr = OCR(*sys.argv[1:3], min_confidence=0.0, threads=2)
with ThreadPoolExecutor(50) as callers:
    for number in range(5):
        list(callers.map(ocr, sys.argv[3:] * 20))
        if number in (0, 4):
            print(held())
"""


@pytest.fixture(scope="module")
def pages(ink_run, tmp_path_factory):
    """Files, one of which is no image."""
    bad = tmp_path_factory.mktemp("bad") / "bad.png"
    bad.write_bytes(b"no image")
    found = [str(path) for path in ink_run.images]
    return [*found[:2], str(bad), *found[2:]]


def told(result):
    return result.error if result.page is None else result.page.as_dict()


@pytest.mark.parametrize("threads", [1, 3])
def test_pages_side_by_side_are_those_read_one_by_one(ink_bundle, tiny_bundle, pages, threads):
    alone = OCR(ink_bundle, tiny_bundle, min_confidence=0.0, threads=1)
    ocr = OCR(ink_bundle, tiny_bundle, min_confidence=0.0, threads=threads)
    expected = [told(alone.read(page)) for page in pages]
    assert [told(result) for result in ocr.stream(iter(pages))] == expected
    assert sum(isinstance(one, str) for one in expected) == 1


def test_a_network_of_several_threads_and_its_like_of_one_give_the_same(ink_bundle, ink_run):
    _, backend = open_onnx(ink_bundle, 2)
    other = backend.side_by_side()
    assert other is not backend and other.side_by_side() is not backend
    _, single = open_onnx(ink_bundle, 1)
    assert single.side_by_side() is single


def test_larger_detectors_keep_no_memory_between_pages(ink_bundle, tiny_bundle, monkeypatch):
    def kept(backend):
        return backend.session.get_session_options().enable_cpu_mem_arena

    assert kept(open_onnx(ink_bundle, 2)[1]), "a small one is faster so"
    monkeypatch.setattr("ppocr_like.pipeline.onnx_backend.SMALL", 10)
    _, detector = open_onnx(ink_bundle, 2)
    assert not kept(detector) and not kept(detector.side_by_side())
    assert kept(open_onnx(tiny_bundle, 2)[1])


def test_many_callers_have_one_page_more_than_threads_between_them(ink_bundle, tiny_bundle, ink_run):
    ocr = OCR(ink_bundle, tiny_bundle, min_confidence=0.0, threads=2)
    busy, most, lock = 0, 0, threading.Lock()
    inner = ocr._page

    def watched(*args, **options):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        try:
            return inner(*args, **options)
        finally:
            with lock:
                busy -= 1

    ocr._page = watched
    expected = told(ocr.read(ink_run.images[0]))
    with ThreadPoolExecutor(20) as callers:
        results = list(callers.map(ocr.read, [ink_run.images[0]] * 60))
    assert [told(result) for result in results] == [expected] * 60
    assert most == 3


@pytest.mark.thorough
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_memory_is_flat_under_fifty_callers(ink_bundle, tiny_bundle, ink_run):
    command = [sys.executable, "-c", FIFTY, str(ink_bundle), str(tiny_bundle), *map(str, ink_run.images)]
    first, last = map(int, subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.split())
    assert last - first < 40, (first, last)
