"""Is bfloat16 worth anything on this processor? Many only emulate it: there a network is several times slower than in float32."""

from __future__ import annotations

import time
from functools import lru_cache

import torch
import torch.nn.functional as F

SLOWER = 1.0  # times float32; an Intel Xeon with AMX takes 0.4 of it, the same one with oneDNN's AVX2 code, which emulates, 20
LAPS = 3  # of each precision


@lru_cache(maxsize=1)
def bfloat16_cost() -> float:
    """What a 3 x 3 convolution and a matrix product cost on this processor in bfloat16, in times of float32.

    They are as large as those of a small recogniser: with smaller ones, and with 1 x 1 convolutions, moving the numbers costs
    more than computing, which says nothing of a network (an Intel Xeon with AMX seemed to be twice as slow in bfloat16).

    In one thread, whose own time is taken, and the least of several laps: other programs' work counts little. Measured once in a
    process, in 20 ms, emulated in 0.2 s.
    """
    kinds = (torch.float32, torch.bfloat16)
    best = dict.fromkeys(kinds, float("inf"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            for lap in range(LAPS + 1):
                for kind in kinds:
                    image, weight = torch.ones(1, 64, 12, 80, dtype=kind), torch.ones(64, 64, 3, 3, dtype=kind)
                    rows, matrix = torch.ones(640, 256, dtype=kind), torch.ones(256, 256, dtype=kind)
                    start = time.thread_time()
                    F.conv2d(image, weight, padding=1)
                    F.linear(rows, matrix)
                    taken = time.thread_time() - start
                    if lap:  # the first one makes the kernels
                        best[kind] = min(best[kind], taken)
    finally:
        torch.set_num_threads(threads)
    return best[torch.bfloat16] / max(best[torch.float32], 1e-9)
