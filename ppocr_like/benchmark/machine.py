"""The machine: its processor, what else runs on it, the memory that a run takes."""

from __future__ import annotations

import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import torch

from ppocr_like.data.apart import cores

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def describe(device: torch.device) -> dict[str, Any]:
    """Processor, its instruction sets, usable cores, threads, GPU, versions."""
    found = {
        "processor": _processor(),
        "instructions": _instructions(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "device": str(device),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "opencv": cv2.__version__,
    }
    if device.type == "cuda":
        found["gpu"] = torch.cuda.get_device_name(device)
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


# Those that decide how fast a network is computed, as Linux names them.
_SETS = (
    *("sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8"),
    *("asimd", "asimddp", "i8mm", "bf16", "sve", "sve2"),
)


def _instructions() -> str:
    """The processor's instruction sets as far as the system tells them, and which of them PyTorch's own operators use."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features"))), [])
    used = torch.backends.cpu.get_cpu_capability()
    return ", ".join([*(name for name in _SETS if name in flags), f"PyTorch: {used}"])


def load_average() -> list[float]:
    """Of the last 1, 5 and 15 minutes; empty where the system knows none (Windows)."""
    return list(os.getloadavg()) if hasattr(os, "getloadavg") else []


class Others:
    """How busy the machine is with other programs, from when this is made to `share`. Linux only.

    Processes of our own that have not ended yet count as others.
    """

    def __init__(self) -> None:
        self._begin = self._now()

    def share(self) -> float | None:
        """Share of all cores' time that other programs (or, on a shared host, other machines) had; None where unknown."""
        begin, end = self._begin, self._now()
        if begin is None or end is None or end[0] <= begin[0]:
            return None
        elapsed, busy, own = (after - before for after, before in zip(end, begin, strict=True))
        return min(1.0, max(0.0, (busy - own) / elapsed))

    @staticmethod
    def _now() -> tuple[float, float, float] | None:
        """Seconds: of all cores together, busy ones, this process with its ended children."""
        try:
            first = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
        except OSError:
            return None
        user, nice, system, idle, waiting, irq, soft, stolen = (int(n) / TICKS for n in first[1:9])
        times = os.times()
        own = times.user + times.system + times.children_user + times.children_system
        busy = user + nice + system + irq + soft + stolen
        return busy + idle + waiting, busy, own


def peak_memory_mb() -> tuple[float, float] | None:
    """Largest resident set so far in MB (10^6 bytes): of this process, and of the largest of its processes that have ended.

    None where the system does not tell (Windows).
    """
    if resource is None:
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes on macOS, in KiB elsewhere
    own, ended = (resource.getrusage(who).ru_maxrss * unit / 1e6 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own, ended


class Peak:
    """Largest memory from when this is made to `read`: of this process, and what PyTorch holds on a GPU."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._exact = _reset_peak()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    def read(self) -> dict[str, float]:
        """`process_mb`, `gpu_mb`; without `process_mb` where the system only knows the peak since the start."""
        found = {"process_mb": _status("VmHWM")} if self._exact else {}
        if self._device.type == "cuda":
            found["gpu_mb"] = torch.cuda.max_memory_allocated(self._device) / 1e6
        return found


def _reset_peak() -> bool:
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # proc(5): the peak begins anew
    except OSError:
        return False
    return True


def _status(key: str, process: int | str = "self") -> float:
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def worker_memory_mb() -> list[dict[str, float]]:
    """Of each child process that runs now: its `peak_mb`, and `own_mb` which it does not share with others. Linux only."""
    found = []
    for child in _children():
        try:
            rollup = Path(f"/proc/{child}/smaps_rollup").read_text(encoding="ascii").splitlines()
            own = sum(int(line.split()[1]) for line in rollup if line.startswith(("Private_Clean", "Private_Dirty")))
            found.append({"peak_mb": _status("VmHWM", child), "own_mb": own * 1024 / 1e6})
        except OSError:
            continue  # it has ended, or the system does not tell
    return found


def _children() -> list[int]:
    """Processes that this one started from any of its threads."""
    found: list[int] = []
    try:
        for thread in Path("/proc/self/task").iterdir():
            found += [int(n) for n in (thread / "children").read_text(encoding="ascii").split()]
    except OSError:
        return found
    return found


def now() -> str:
    """The time, for the figures' file."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
