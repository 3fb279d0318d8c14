"""What a machine can do: its processor, its matrix products, the memory a run took."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import torch

MATRIX = 2048  # side of the square product: far larger than the caches, far smaller than memory
PRODUCTS = 5


def describe() -> dict[str, Any]:
    """Processor, usable cores, threads, versions."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "opencv": cv2.__version__,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def matrix_gflops(size: int = MATRIX, products: int = PRODUCTS) -> float:
    """Best float32 matrix product (size x size) with the threads PyTorch has now, in 10^9 operations a second."""
    a, b = torch.rand(size, size), torch.rand(size, size)
    out = torch.empty(size, size)
    torch.mm(a, b, out=out)
    best = float("inf")
    for _ in range(products):
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        best = min(best, time.perf_counter() - start)
    return 2.0 * size**3 / best / 1e9


def peak_memory_mb() -> tuple[float, float]:
    """Largest resident set so far in MB (10^6 bytes): of this process, and of the largest of its processes that have ended."""
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes on macOS, in KiB elsewhere
    own, ended = (resource.getrusage(who).ru_maxrss * unit / 1e6 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own, ended
