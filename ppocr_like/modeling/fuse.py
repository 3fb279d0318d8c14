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


def unit_kernel(conv: nn.Conv2d) -> torch.Tensor:
    """The weight with which `conv` gives its input back."""
    kernel = torch.zeros_like(conv.weight)
    channels = torch.arange(conv.in_channels)
    kernel[channels, channels % kernel.shape[1], conv.kernel_size[0] // 2, conv.kernel_size[1] // 2] = 1
    return kernel


def convolution_like(conv: nn.Conv2d, weight: torch.Tensor, bias: torch.Tensor) -> nn.Conv2d:
    """A plain convolution of the same shape, stride and precision with these numbers."""
    kernel, stride = (conv.kernel_size[0], conv.kernel_size[1]), (conv.stride[0], conv.stride[1])
    padding = (int(conv.padding[0]), int(conv.padding[1]))
    made = nn.Conv2d(conv.in_channels, conv.out_channels, kernel, stride, padding, groups=conv.groups)
    made.weight = nn.Parameter(weight.to(conv.weight))
    made.bias = nn.Parameter(bias.to(conv.weight))
    return made


@torch.no_grad()
def fused_copy(model: Model) -> Model:
    """A copy in evaluation mode in which every module that can be fused is; `model` stays as it is."""
    fused = copy.deepcopy(model).eval()
    fuse_within(fused)
    return fused


@torch.no_grad()
def fuse_within(model: nn.Module) -> None:
    """Fuses every module of `model` that can be, in place."""
    for module in list(model.modules()):
        if callable(fuse := getattr(module, "fuse", None)):
            fuse()
