"""A depthwise convolution of a large kernel with dilated branches in training (UniRepLKNet, Ding et al. 2024)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.modeling.fuse import batch_norm_kernel, convolution_like
from ppocr_like.modeling.init import default_conv_
from ppocr_like.modeling.large_depthwise import LargeDepthwiseConv2d
from ppocr_like.modeling.layers import BatchNorm2d

# Kernel -> its branches' (kernel, dilation); none reaches further than the kernel itself.
BRANCHES: Mapping[int, tuple[tuple[int, int], ...]] = {
    5: ((3, 1), (3, 2)),
    7: ((5, 1), (3, 2), (3, 3)),
    9: ((5, 1), (5, 2), (3, 3), (3, 4)),
    11: ((5, 1), (5, 2), (3, 3), (3, 4), (3, 5)),
    13: ((5, 1), (7, 2), (3, 3), (3, 4), (3, 5)),
}


def spread(kernel: torch.Tensor, dilation: int) -> torch.Tensor:
    """A dilated kernel (C, 1, k, k) as a plain one (C, 1, K, K), K = dilation (k - 1) + 1, with zeros in between."""
    size = dilation * (kernel.shape[2] - 1) + 1
    plain = kernel.new_zeros(*kernel.shape[:2], size, size)
    plain[:, :, ::dilation, ::dilation] = kernel
    return plain


class DilatedReparam(nn.Module):
    """(N, C, H, W) -> the same size: the sum of batch-normed depthwise convolutions; `fuse()` makes one of them.

    PaddleOCR's DilatedReparamBlock, with its parameter names and initial values.

    Args:
        channels: C.
        kernel: of the largest, a key of `BRANCHES`.

    Raises:
        ValueError: another kernel.
    """

    def __init__(self, channels: int, kernel: int = 9) -> None:
        super().__init__()
        if kernel not in BRANCHES:
            raise ValueError(f"the large kernel must be one of {', '.join(map(str, BRANCHES))}, got {kernel}")
        self.names = [("lk_origin", "origin_bn", 1)]
        self._add(channels, kernel)
        for size, dilation in BRANCHES[kernel]:
            self.names.append((f"dil_conv_k{size}_{dilation}", f"dil_bn_k{size}_{dilation}", dilation))
            self._add(channels, size)
        self.fused: nn.Conv2d | None = None

    def _add(self, channels: int, size: int) -> None:
        """The convolution and the batch norm called as the last of `names` says."""
        conv_name, norm_name, dilation = self.names[-1]
        conv = LargeDepthwiseConv2d(channels, size, dilation)
        default_conv_(conv)
        self.add_module(conv_name, conv)
        self.add_module(norm_name, BatchNorm2d(channels))

    def branches(self) -> list[tuple[nn.Conv2d, BatchNorm2d]]:
        """The largest one first."""
        found = []
        for conv_name, norm_name, _ in self.names:
            conv, norm = self.get_submodule(conv_name), self.get_submodule(norm_name)
            assert isinstance(conv, nn.Conv2d) and isinstance(norm, BatchNorm2d)
            found.append((conv, norm))
        return found

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.fused is not None:
            return self.fused(x)
        (conv, norm), *others = self.branches()
        total = norm(conv(x))
        for conv, norm in others:
            total = total + norm(conv(x))
        return total

    @torch.no_grad()
    def fuse(self) -> None:
        """Replaces the branches by one convolution (see `modeling.fuse`); a second call changes nothing."""
        if self.fused is not None:
            return
        branches = self.branches()
        largest = branches[0][0]
        weight = torch.zeros_like(largest.weight, dtype=torch.double)
        bias = weight.new_zeros(largest.out_channels)
        for conv, norm in branches:
            kernel, shift = batch_norm_kernel(spread(conv.weight, conv.dilation[0]), norm)
            weight = weight + F.pad(kernel, ((largest.kernel_size[0] - kernel.shape[2]) // 2,) * 4)
            bias = bias + shift
        self.fused = convolution_like(largest, weight, bias)
        for conv_name, norm_name, _ in self.names:
            delattr(self, conv_name)
            delattr(self, norm_name)
