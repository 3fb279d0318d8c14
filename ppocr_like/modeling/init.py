"""Paddle's initial values, so that training from nothing starts where PaddleOCR's does.

torch's own defaults differ (Kaiming uniform with a = sqrt(5) for everything, random biases). Each function fills in
place under the generator of torch's global seed.
"""

from __future__ import annotations

import math

import torch
from torch import nn


def _fan_in(weight: torch.Tensor) -> int:
    """Inputs that one output sees; for a grouped convolution those of its group."""
    return weight[0].numel()


def kaiming_normal_(weight: torch.Tensor) -> None:
    """Normal(0, sqrt(2 / fan_in)): Paddle's KaimingNormal."""
    nn.init.normal_(weight, 0.0, math.sqrt(2.0 / _fan_in(weight)))


def kaiming_uniform_(weight: torch.Tensor) -> None:
    """Uniform(+-sqrt(6 / fan_in)): Paddle's KaimingUniform."""
    bound = math.sqrt(6.0 / _fan_in(weight))
    nn.init.uniform_(weight, -bound, bound)


def default_conv_(conv: nn.Conv1d | nn.Conv2d) -> None:
    """Paddle's Conv1D and Conv2D without an initialiser: Normal(0, sqrt(2 / (kh kw in_channels))), bias 0.

    `in_channels` counts all groups (other than in `kaiming_normal_`).
    """
    nn.init.normal_(conv.weight, 0.0, math.sqrt(2.0 / (math.prod(conv.kernel_size) * conv.in_channels)))
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)


def default_linear_(linear: nn.Linear) -> None:
    """Paddle's Linear without an initialiser: Xavier uniform, bias 0."""
    nn.init.xavier_uniform_(linear.weight)
    if linear.bias is not None:
        nn.init.zeros_(linear.bias)


def truncated_normal_linear_(linear: nn.Linear, std: float = 0.02) -> None:
    """Linear layers of the SVTR blocks: normal cut at two standard deviations, bias 0."""
    nn.init.trunc_normal_(linear.weight, 0.0, std, -2 * std, 2 * std)
    if linear.bias is not None:
        nn.init.zeros_(linear.bias)


def uniform_linear_(linear: nn.Linear) -> None:
    """Weight and bias Uniform(+-1 / sqrt(in)): PaddleOCR's CTCHead and EncoderWithFC."""
    bound = 1.0 / math.sqrt(linear.in_features)
    nn.init.uniform_(linear.weight, -bound, bound)
    if linear.bias is not None:
        nn.init.uniform_(linear.bias, -bound, bound)
