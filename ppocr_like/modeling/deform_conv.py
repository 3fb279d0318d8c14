"""Modulated deformable convolution (Zhu et al. 2018, arXiv 1811.11168) in plain torch: exact gradients, bounded memory.

Every tap of the kernel reads the map at a place of its own, by bilinear interpolation with zeros around the map, and weighs
what it finds. Reading is a weighted sum of four rows of a table (the map, one row per pixel), which torch has as one operator;
the taps' results are then one matrix product. They are nine times the map: they are made piece by piece, and again in the
backward pass.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ppocr_like.modeling.init import default_conv_

PIECE = 1 << 23  # numbers of the taps' results that are held at once
HALVES = (torch.bfloat16, torch.float16)


def _taps(x: torch.Tensor, index: torch.Tensor, weight: torch.Tensor, groups: int) -> torch.Tensor:
    """Rows of x (P, C), read at index (M, K, G, 4) and weighed -> (M, K C)."""
    table = x.reshape(x.shape[0] * groups, x.shape[1] // groups)
    found = F.embedding_bag(index.reshape(-1, 4), table, per_sample_weights=weight.reshape(-1, 4), mode="sum")
    return found.reshape(index.shape[0], -1)


class _Gathered(torch.autograd.Function):
    """(P, C) map, (M, K, G, 4) places and weights, (K C, O) kernel -> (M, O)."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, index: torch.Tensor, weight: torch.Tensor, kernel: torch.Tensor, groups: int
    ) -> torch.Tensor:
        ctx.save_for_backward(x, index, weight, kernel)
        ctx.groups = groups
        ctx.piece = max(1, PIECE // kernel.shape[0])
        out = x.new_empty(index.shape[0], kernel.shape[1])
        pieces = zip(out.split(ctx.piece), index.split(ctx.piece), weight.split(ctx.piece), strict=True)
        for part, places, weights in pieces:
            torch.mm(_taps(x, places, weights, groups), kernel, out=part)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, index, weight, kernel = ctx.saved_tensors
        grad_x, grad_kernel, grad_weight = torch.zeros_like(x), torch.zeros_like(kernel), torch.empty_like(weight)
        parts = (grads[0], index, weight, grad_weight)
        for grad, places, weights, part in zip(*(tensor.split(ctx.piece) for tensor in parts), strict=True):
            with torch.enable_grad():
                given = x.detach().requires_grad_(), weights.detach().requires_grad_()
                taps = _taps(given[0], places, given[1], ctx.groups)
            grad_kernel.addmm_(taps.detach().t(), grad)
            of_x, of_weights = torch.autograd.grad(taps, given, grad @ kernel.t())
            grad_x += of_x
            part.copy_(of_weights)
        return grad_x, None, grad_weight, grad_kernel, None


class DeformConv2d(nn.Module):
    """The kernel (O, C, k, k) of a deformable convolution, with padding k // 2; no bias.

    Args:
        inputs, outputs: C and O.
        kernel: k.
        stride: (vertical, horizontal).
        groups: of channels that read at places of their own.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: tuple[int, int], groups: int = 1) -> None:
        super().__init__()
        if inputs % groups:
            raise ValueError(f"{inputs} channels cannot be shared by {groups} groups of offsets")
        self.kernel, self.stride, self.groups = kernel, stride, groups
        plain = nn.Conv2d(inputs, outputs, kernel, bias=False)
        default_conv_(plain)
        self.weight = plain.weight

    def _places(self, offset: torch.Tensor) -> torch.Tensor:
        """(N, 2 G K, H', W') offsets -> (N, G, K, 2, H', W') places (y, x) in px of the input."""
        batch, _, height, width = offset.shape
        taps = torch.arange(self.kernel, device=offset.device, dtype=offset.dtype) - self.kernel // 2
        rows = torch.arange(height, device=offset.device, dtype=offset.dtype) * self.stride[0]
        columns = torch.arange(width, device=offset.device, dtype=offset.dtype) * self.stride[1]
        given = offset.reshape(batch, self.groups, self.kernel, self.kernel, 2, height, width)
        y = given[:, :, :, :, 0] + taps.reshape(-1, 1, 1, 1) + rows.reshape(-1, 1)
        x = given[:, :, :, :, 1] + taps.reshape(-1, 1, 1) + columns
        return torch.stack((y, x), 4).reshape(batch, self.groups, self.kernel**2, 2, height, width)

    def _by_sampling(self, x: torch.Tensor, offset: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """In operators that an ONNX graph has: GridSample and 1x1 convolutions, tap by tap."""
        batch, _, height, width = offset.shape
        places = self._places(offset)
        mask = mask.reshape(batch, self.groups, self.kernel**2, height, width)
        # A place in units of half the map, its border at -1 and 1.
        y = (2.0 * places[:, :, :, 0] + 1.0) / x.shape[2] - 1.0
        grid = torch.stack(((2.0 * places[:, :, :, 1] + 1.0) / x.shape[3] - 1.0, y), dim=5)
        found = []
        for tap in range(self.kernel**2):
            kernel = self.weight[:, :, tap // self.kernel, tap % self.kernel, None, None]
            parts = [
                F.grid_sample(part, grid[:, g, tap], mode="bilinear", padding_mode="zeros", align_corners=False)
                * mask[:, g, tap, None]
                for g, part in enumerate(x.chunk(self.groups, dim=1))
            ]
            found.append(F.conv2d(torch.cat(parts, dim=1), kernel))
        return functools.reduce(torch.add, found)

    def _corners(self, places: torch.Tensor, mask: torch.Tensor, size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Places (N, G, K, 2, H', W') and masks (N, G, K, H', W') -> the four pixels around, as numbers of the rows of a map
        (N H W G), and their weights; both (N H' W', K, G, 4). Pixels out of the map weigh nothing."""
        batch, groups, taps, _, height, width = places.shape
        whole = places.detach().floor().nan_to_num()
        part = places - whole
        shares: list[torch.Tensor] = []
        numbers: list[torch.Tensor] = []
        inside: list[list[torch.Tensor]] = []
        clamped: list[list[torch.Tensor]] = []
        for axis in range(2):
            at, share = whole[:, :, :, axis], part[:, :, :, axis]
            shares.append(torch.stack((1.0 - share, share)))
            both = torch.stack((at, at + 1.0))
            inside.append([(both[i] >= 0) & (both[i] <= size[axis] - 1) for i in range(2)])
            clamped.append([both[i].clamp(0, size[axis] - 1).long() for i in range(2)])
        first = torch.arange(batch, device=places.device).reshape(-1, 1, 1, 1, 1) * size[0]
        group = torch.arange(groups, device=places.device).reshape(-1, 1, 1, 1)
        weights = []
        for i in range(2):
            for j in range(2):
                weights.append(shares[0][i] * shares[1][j] * mask * (inside[0][i] & inside[1][j]))
                numbers.append(((first + clamped[0][i]) * size[1] + clamped[1][j]) * groups + group)
        order, shape = (1, 4, 5, 3, 2, 0), (batch * height * width, taps, groups, 4)
        index = torch.stack(numbers).permute(order).reshape(shape)
        return index, torch.stack(weights).permute(order).reshape(shape)

    def forward(self, x: torch.Tensor, offset: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """x (N, C, H, W) -> (N, O, H', W'), in float32 under autocast too: places need it.

        Args:
            offset: (N, 2 G k k, H', W'): for each group and tap the place's distance (y, x) from the plain one, px.
            mask: (N, G k k, H', W').
        """
        if torch.jit.is_tracing():
            return self._by_sampling(x, offset, mask)
        batch, _, height, width = offset.shape
        with torch.autocast(x.device.type, enabled=False):
            kind = torch.promote_types(x.dtype, torch.float32)
            x, offset, mask = x.to(kind), offset.to(kind), mask.to(kind)
            mask = mask.reshape(batch, self.groups, self.kernel**2, height, width)
            index, weights = self._corners(self._places(offset), mask, (x.shape[2], x.shape[3]))
            rows = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
            kernel = self.weight.permute(2, 3, 1, 0).reshape(-1, self.weight.shape[0]).to(kind)
            y = _Gathered.apply(rows, index, weights, kernel, self.groups)
        return y.reshape(batch, height, width, -1).permute(0, 3, 1, 2)


class ModulatedDeformConv2d(nn.Module):
    """A deformable convolution whose offsets and masks are read from its input, (N, C, H, W) -> (N, O, H', W').

    PaddleOCR's DeformableConvV2, with its parameter names and initial values: at first a plain convolution of half the weight.

    Args:
        inputs, outputs, kernel, stride, groups: see `DeformConv2d`.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: tuple[int, int], groups: int = 1) -> None:
        super().__init__()
        self.taps = groups * kernel**2
        self.conv_dcn = DeformConv2d(inputs, outputs, kernel, stride, groups)
        self.conv_offset = nn.Conv2d(inputs, 3 * self.taps, kernel, stride, kernel // 2)
        nn.init.zeros_(self.conv_offset.weight)
        assert self.conv_offset.bias is not None
        nn.init.zeros_(self.conv_offset.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(x.device.type, enabled=False):  # a hundredth of a pixel counts, few channels
            offset, mask = self.conv_offset(x.float() if x.dtype in HALVES else x).split((2 * self.taps, self.taps), dim=1)
        return self.conv_dcn(x, offset, mask.sigmoid())
