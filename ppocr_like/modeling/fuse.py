"""Fusing: modules whose training form has more layers than they need afterwards say so with a method `fuse() -> None`.

It changes the module in place into one that computes the same in evaluation mode (to rounding) and can no longer be
trained or loaded with the weights of before.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

Model = TypeVar("Model", bound=nn.Module)


def batch_norm_kernel(weight: torch.Tensor, norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of the convolution that equals a convolution with `weight` and the batch norm after it.

    Computed in float64, for several of them may be added up. The batch norm is taken on its running statistics.
    """
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    bias = norm.bias.double() - norm.running_mean.double() * scale
    return weight.double() * scale.reshape(-1, *(1,) * (weight.dim() - 1)), bias


@torch.no_grad()
def fused_copy(model: Model) -> Model:
    """A copy in evaluation mode in which every module that can be fused is; `model` stays as it is."""
    fused = copy.deepcopy(model).eval()
    for module in list(fused.modules()):
        if callable(fuse := getattr(module, "fuse", None)):
            fuse()
    return fused
