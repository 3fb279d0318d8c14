"""In which precision recurrent layers compute."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache

import torch
from torch import nn

FEW = 8  # sequences: with fewer, oneDNN's bfloat16 LSTM is slower than its float32 one, up to four times


def fitting_precision(x: torch.Tensor) -> tuple[AbstractContextManager[object], torch.Tensor]:
    """What to compute a recurrent layer in, and its input there.

    Under autocast on a CPU a batch of a few sequences goes in float32. On an Intel Xeon with AVX-512 and AMX, forward and
    backward, 200 units both ways over 330 steps, bfloat16 takes 4.0 times as long as float32 for one sequence, 1.8 times for
    four, 0.8 times for sixteen. So do all batches where oneDNN has no LSTM in the low precision.

    Args:
        x: (N, T, C).
    """
    low = x.device.type == "cpu" and torch.is_autocast_enabled("cpu")
    if low and (len(x) < FEW or not has_lstm(torch.get_autocast_dtype("cpu"))):
        return torch.autocast("cpu", enabled=False), x.float()
    return nullcontext(), x


@lru_cache(maxsize=4)
def has_lstm(dtype: torch.dtype) -> bool:
    """Whether this processor has an LSTM in this precision; that of processors without AVX-512 stops with an error. Draws no
    random numbers."""
    try:
        with torch.random.fork_rng(devices=[]), torch.autocast("cpu", dtype), torch.no_grad():
            nn.LSTM(2, 2)(torch.zeros(1, 1, 2))
    except RuntimeError:
        return False
    return True
