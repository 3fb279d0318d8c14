"""Freed memory stays with the process: in a process of its own, as the setting holds for good."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, torch
from ppocr_like.modeling.memory import keep_freed_memory
assert keep_freed_memory()
def step():
    return len([torch.ones(1_000_000 * n) for n in range(1, 9)])
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.thorough
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_freed_memory_is_used_again() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    assert int(run.stdout) < 40_000  # 67,000 pages and more where nothing is kept


RELEASE = """
import os, torch
from ppocr_like.modeling.memory import keep_freed_memory, release_freed_memory
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
assert keep_freed_memory()
blocks = [torch.ones(5_000_000) for _ in range(20)]
last = torch.ones(1000)  # lies behind them, so that the heap's end cannot simply be cut off
full = resident()
del blocks
kept = resident()
assert release_freed_memory()
print(full - kept, kept - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_freed_memory_is_kept_until_it_is_released() -> None:
    run = subprocess.run([sys.executable, "-c", RELEASE], capture_output=True, text=True, check=True, timeout=120)
    given_back, released = map(int, run.stdout.split())
    assert given_back < 40_000_000
    assert released > 300_000_000  # of 400 MB
