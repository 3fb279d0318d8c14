"""Freed memory stays with the process: in a process of its own, as the setting holds for good."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import resource, torch
from ppocr_like.memory import keep_freed_memory
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
from ppocr_like.memory import keep_freed_memory, release_freed_memory
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


HEAPS = """
import ctypes, sys, threading
from ppocr_like.memory import share_heaps
if sys.argv[1] == "shared":
    assert share_heaps()
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes, library.fopen.restype = ctypes.c_void_p, [ctypes.c_size_t], ctypes.c_void_p
library.malloc_info.argtypes, library.fclose.argtypes = [ctypes.c_int, ctypes.c_void_p], [ctypes.c_void_p]
meet = threading.Barrier(6)
threads = [threading.Thread(target=lambda: (meet.wait(), library.malloc(1000), meet.wait())) for _ in range(6)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
file = library.fopen(sys.argv[2].encode(), b"w")
library.malloc_info(0, file), library.fclose(file)
print(open(sys.argv[2]).read().count("<heap nr="))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_threads_share_heaps(tmp_path: Path) -> None:
    counts = [
        int(subprocess.check_output([sys.executable, "-c", HEAPS, how, str(tmp_path / how)], text=True, timeout=120))
        for how in ("own", "shared")
    ]
    assert counts[0] > 4, "each thread has its own where nothing is said"
    assert counts[1] <= 2
