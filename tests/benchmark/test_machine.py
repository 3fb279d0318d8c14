"""Load and memory of this machine."""

import subprocess
import sys
import time

import pytest
import torch

from ppocr_like.benchmark.machine import Others, describe, peak_memory_mb, worker_memory_mb

CPU = torch.device("cpu")
linux = pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")


@pytest.mark.skipif(peak_memory_mb() is None, reason="the system does not tell")
def test_peak_memory_grows_with_what_is_held():
    before, _ = peak_memory_mb()
    held = torch.ones(2**26)  # 268 MB
    after, _ = peak_memory_mb()
    assert after >= before
    assert after > held.numel() * 4 / 1e6


PEAK_TWICE = """
import torch
from ppocr_like.benchmark.machine import Peak
held = torch.ones(2**27)
first = Peak(torch.device("cpu")).read()["process_mb"]
del held
peak = Peak(torch.device("cpu"))
low = peak.read()["process_mb"]
held = torch.ones(2**26)
print(first, low, peak.read()["process_mb"])
"""


@pytest.mark.thorough
@linux
def test_the_peak_begins_anew():
    """In a process of its own: other tests' memory, freed meanwhile, would hide what is looked for."""
    run = subprocess.run([sys.executable, "-c", PEAK_TWICE], capture_output=True, text=True, check=True)
    first, low, high = map(float, run.stdout.split())
    assert first > low + 400 and high > low + 200


@linux
def test_other_programs_are_seen_and_own_work_is_not_theirs():
    others = Others()
    end = time.perf_counter() + 0.5
    while time.perf_counter() < end:
        pass
    share = others.share()
    assert share is not None and 0 <= share <= 1
    cores = describe(CPU)["cores"]
    busy, others = [], Others()
    try:
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
        time.sleep(1.0)
        assert others.share() > 0.4
    finally:
        for process in busy:
            process.kill()
            process.wait()


@linux
def test_children_are_measured():
    child = subprocess.Popen([sys.executable, "-c", "x = b'x' * 50_000_000; print(1, flush=True); input()"], stdin=-1, stdout=-1)
    try:
        child.stdout.readline()
        assert max(entry["own_mb"] for entry in worker_memory_mb()) > 50
    finally:
        child.kill()
        child.communicate()


def test_machine_is_described():
    machine = describe(CPU)
    assert machine["cores"] >= 1
    assert machine["processor"]
    assert machine["torch"] == torch.__version__
