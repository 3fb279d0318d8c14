"""What the C library does with freed memory: kept for the next training step, or shared by the threads that read pages.

glibc gives large blocks back to the system at once and takes them anew, page by page and zeroed, a moment later. For a
network on a CPU that costs about a quarter of a training step. Each thread gets a heap of its own, which keeps what any page in
that thread once needed.
"""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # malloc.h


def keep_freed_memory() -> bool:
    """Call once per process, before the first step, and `release_freed_memory` now and then: batches of ever other shapes
    leave gaps between blocks, so the memory that is kept would grow for hours.

    Returns:
        Whether the C library took it; False (and nothing changed) where it is not glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    return bool(library.mallopt(M_MMAP_MAX, 0)) and bool(library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1))


def release_freed_memory() -> bool:
    """Gives the pages of freed blocks back to the system; the next step takes those it needs anew.

    Returns:
        Whether the C library could; False where it is not glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    return bool(ctypes.CDLL(None).malloc_trim(0))


def share_heaps(number: int = 2) -> bool:
    """Call once per process, before its threads start: all of them together use so many heaps.

    Returns:
        Whether the C library took it; False (and nothing changed) where it is not glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    return bool(ctypes.CDLL(None).mallopt(M_ARENA_MAX, number))
