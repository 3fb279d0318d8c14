"""In which precision recurrent layers compute."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

FEW = 8  # sequences: with fewer, oneDNN's bfloat16 LSTM is slower than its float32 one, up to four times


def fitting_precision(x: torch.Tensor) -> tuple[AbstractContextManager[object], torch.Tensor]:
    """What to compute a recurrent layer in, and its input there.

    Under autocast on a CPU a batch of a few sequences goes in float32. On an Intel Xeon with AVX-512 and AMX, forward and
    backward, 200 units both ways over 330 steps, bfloat16 takes 4.0 times as long as float32 for one sequence, 1.8 times for
    four, 0.8 times for sixteen.

    Args:
        x: (N, T, C).
    """
    if x.device.type == "cpu" and len(x) < FEW and torch.is_autocast_enabled("cpu"):
        return torch.autocast("cpu", enabled=False), x.float()
    return nullcontext(), x
