"""What the machine can do at best, measured in the same run as the figures that are held against it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ppocr_like.benchmark.timing import Figure, figure, in_turns, seconds_of

SIDE = {"cpu": 1536, "cuda": 8192}  # of the matrix products: far beyond the caches, a fraction of a second
SIZES = tuple(2**power for power in (16, 18, 20, 22, 24, 26, 28))  # bytes read and written by the copies
REPEATED = 2**24  # small copies are repeated until they are as long as one of so many bytes
PAGE = (1280, 960)  # px of the picture that is decoded
FILE_BYTES = 2**26
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Limits:
    """What was measured.

    Args:
        device: "cpu", "cuda".
        flops: precision -> best rate of a matrix product with all threads, operations a second.
        copies: (bytes read and written, bytes a second) by size, with all threads.
        decode: px of a JPEG a second on one core.
        figures: all of it as plain data.
    """

    device: str
    flops: dict[str, float]
    copies: Sequence[tuple[int, float]]
    decode: float
    figures: dict[str, Any]

    def products(self, precision: str) -> float:
        """Operations a second in this precision, at least those in float32: a processor that only emulates the precision could
        do the product there."""
        return max(self.flops.get(precision, 0.0), self.flops["float32"])

    def bandwidth(self, size: int) -> float:
        """Bytes a second for an operator that moves `size` bytes: small ones stay in the caches."""
        sizes, rates = zip(*self.copies, strict=True)
        return float(np.interp(np.log(max(size, 1)), np.log(sizes), rates))


def measure(
    device: torch.device,
    scratch: Path,
    files: Sequence[str],
    rounds: int,
    tick: Callable[[], None] = lambda: None,
    precisions: Sequence[str] = PRECISIONS,
) -> Limits:
    """Takes every limit. `tick` is called `takes()` x (`rounds` + 1) times.

    Args:
        device: that the recipe trains on.
        scratch: folder on the disk that is read from.
        files: images of the recipe, read past the system's cache; none where they are no files.
        precisions: of the matrix products; float32 is among them.
    """
    threads = torch.get_num_threads()
    page = _page()
    stored = scratch / "speed_of_disk"
    stored.write_bytes(np.random.default_rng(0).bytes(FILE_BYTES))
    works: dict[str, Callable[[], float]] = {}
    for precision in precisions:
        works[f"product {precision} 1"] = _on_threads(1, _product(torch.device("cpu"), precision))
        works[f"product {precision} all"] = _on_threads(threads, _product(device, precision))
    works |= {f"copy {size}": _on_threads(threads, _copy(device, size)) for size in SIZES}
    works["copy one thread"] = _on_threads(1, _copy(torch.device("cpu"), SIZES[-1]))
    works["decode"] = lambda: page[1] / _wall(lambda: cv2.imdecode(page[0], cv2.IMREAD_COLOR))
    works["disk"] = lambda: FILE_BYTES / _wall_read([str(stored)])
    if files:
        size = sum(os.path.getsize(file) for file in files)
        works["files"] = lambda: size / _wall_read(files)
    with _no_cv2_threads():
        taken = in_turns(works, rounds, tick)
    stored.unlink()
    return _limits(device, taken, threads, len(files), precisions)


def takes(files: bool = True, precisions: Sequence[str] = PRECISIONS) -> int:
    """How many things `measure` takes in a round."""
    return 2 * len(precisions) + len(SIZES) + 3 + files


def _limits(device: torch.device, taken: dict[str, list[float]], threads: int, files: int, precisions: Sequence[str]) -> Limits:
    """The best of each counts as the limit."""
    flops = {precision: max(taken[f"product {precision} all"]) for precision in precisions}
    copies = [(size, max(taken[f"copy {size}"])) for size in SIZES]
    entries: dict[str, Any] = {"device": str(device), "threads": threads, "precisions": list(precisions)}
    for precision in precisions:
        for who in ("1", "all"):
            name = f"matrix_product_{precision}_{'one_thread' if who == '1' else 'all_threads'}"
            entries[name] = _rate(taken[f"product {precision} {who}"], "GFLOP/s", 1e9)
    entries["copy"] = {str(size): _rate(taken[f"copy {size}"], "GB/s", 1e9) for size in SIZES}
    entries["memory_one_thread"] = _rate(taken["copy one thread"], "GB/s", 1e9)
    entries["memory_all_threads"] = entries["copy"][str(SIZES[-1])]
    entries["jpeg_decode_one_core"] = _rate(taken["decode"], "MPx/s", 1e6)
    entries["disk_read"] = _rate(taken["disk"], "MB/s", 1e6)
    if files:
        entries["disk_read_of_images"] = {**_rate(taken["files"], "MB/s", 1e6), "files": files}
    return Limits(device.type, flops, copies, max(taken["decode"]), entries)


def _rate(values: Sequence[float], unit: str, factor: float) -> Figure:
    return figure([value / factor for value in values], unit)


def _product(device: torch.device, precision: str) -> Callable[[], float]:
    side = SIDE.get(device.type, SIDE["cpu"])
    a, b = (torch.rand(side, side, device=device, dtype=getattr(torch, precision)) for _ in range(2))
    out = torch.empty_like(a)
    return lambda: 2 * side**3 / seconds_of(lambda: torch.mm(a, b, out=out), device)


def _copy(device: torch.device, size: int) -> Callable[[], float]:
    source = torch.zeros(size // 8, device=device)  # read and written: half of the bytes each
    target = torch.ones_like(source)
    times = max(1, REPEATED // size)

    def work() -> None:
        for _ in range(times):
            target.copy_(source)

    return lambda: size * times / seconds_of(work, device)


def _on_threads(threads: int, work: Callable[[], float]) -> Callable[[], float]:
    def run() -> float:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            return work()
        finally:
            torch.set_num_threads(before)

    return run


@contextmanager
def _no_cv2_threads() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(0)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _wall(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _page() -> tuple[np.ndarray, int]:
    """(a JPEG like a scanned page, its px): dark strokes on paper with some grain."""
    rng = np.random.default_rng(0)
    page = np.full((*PAGE, 3), 225, np.uint8)
    for line in range(30, PAGE[0] - 30, 30):
        for left in range(40, PAGE[1] - 60, 14):
            x, y = rng.integers(0, 10, 2).tolist()
            cv2.line(page, (left, line + y), (left + x, line + 10 - y), (40, 40, 45), 2)
    grain = cv2.GaussianBlur(rng.normal(0, 14, page.shape).astype(np.float32), (0, 0), 1)
    noisy = np.clip(page + grain, 0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].ravel(), PAGE[0] * PAGE[1]


def _wall_read(files: Sequence[str]) -> float:
    """Seconds to read files that the system is asked to forget before (where it can be asked)."""
    if hasattr(os, "posix_fadvise"):
        for file in files:
            with open(file, "rb") as stream:
                os.fsync(stream.fileno())
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def read() -> None:
        for file in files:
            with open(file, "rb") as stream:
                stream.read()

    return _wall(read)
