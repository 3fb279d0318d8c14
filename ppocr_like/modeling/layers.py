"""What several networks share: batch norm with its activation, memory layout, numbers of channels and pairs of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.sync_norm import NormSync

LINE_POOL = (3, 2)  # strides of `line_pool` for images of 48 px

ACTIVATIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "none": lambda x: x,
    "relu": F.relu,
    "hardswish": F.hardswish,  # x * relu6(x + 3) / 6, equal in Paddle and torch
    "swish": F.silu,
    "gelu": F.gelu,  # the exact one, by the error function
}


def pair(value: int | Sequence[int], what: str) -> tuple[int, int]:
    """(vertical, horizontal) from a number or a list of two.

    Raises:
        ValueError: not one or two whole numbers.
    """
    numbers = (value, value) if isinstance(value, int) else tuple(value)
    if len(numbers) != 2 or not all(isinstance(n, int) and n > 0 for n in numbers):
        raise ValueError(f"{what} must be a whole number or a list of two, got {value!r}")
    return numbers[0], numbers[1]


class BatchNorm2d(nn.BatchNorm2d):
    """Batch norm with Paddle's numbers: momentum 0.9 there is 0.1 here, epsilon 1e-5.

    The batch counter is no part of the state: weights of Paddle do not have it and a momentum does not need it. With `sync`
    the statistics are those of all processes' batches (see `modeling.sync_norm`).
    """

    sync: NormSync | None = None

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(num_features, eps=eps, momentum=momentum)
        self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.long), persistent=False)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        # torch's own batch norm would add the counter to states that lack it, and then complain about it.
        nn.Module._load_from_state_dict(self, *args, **kwargs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return batch_norm(self, x, self.weight, self.bias)


def batch_norm(norm: BatchNorm2d, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """`norm` of x (N, C, ...), with this weight and bias (C,) in the place of its own."""
    if norm.sync is not None and norm.training:
        return norm.sync.normalise(norm, x, weight, bias)
    return F.batch_norm(x, norm.running_mean, norm.running_var, weight, bias, norm.training, norm.momentum or 0.0, norm.eps)


def norm_act(norm: nn.Module, act: str, x: torch.Tensor) -> torch.Tensor:
    """`act(norm(x))` for a name in `ACTIVATIONS`; x (N, C, H, W)."""
    y = norm(x)
    # A batch norm's gradient reads its input, not its result: ReLU may write over it.
    return F.relu_(y) if act == "relu" and y is not x else ACTIVATIONS[act](y)


def line_pool(x: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) -> (N, C, 1, W // 2): the mean of all rows and of each two columns, the end of several recognisers.

    PaddleOCR trains with an adaptive pool to one row of 40 columns and exports one of 3 x 2. This is the first one's rule for
    rows, so that multi-scale batches of any height give a sequence, and the second one's for columns, so that a network reads
    lines of any width as it was trained; for images of 48 x 320 px the three are the same.
    """
    return F.avg_pool2d(x.mean(2, keepdim=True), (1, 2))


def line_pool_spec(spec: FeatureSpec) -> FeatureSpec:
    """What `line_pool` makes of a map; its rows are those of images of 48 px."""
    return FeatureSpec(spec.channels, (spec.stride[0] * LINE_POOL[0], spec.stride[1] * LINE_POOL[1]), height=1)


def fast_layout(images: torch.Tensor) -> torch.Tensor:
    """The images (N, C, H, W) in the memory layout that convolutions are fastest in: channels last on a CPU (oneDNN)."""
    if images.device.type == "cpu" and not torch.jit.is_tracing():
        return images.contiguous(memory_format=torch.channels_last)
    return images


def make_divisible(channels: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to a scaled number of channels, at least one and no less than 0.9 of it (MobileNetV2)."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
