"""TPS: straightens a line of text by a thin plate spline through fiducial points that a small network predicts.

PaddleOCR's transform of the same name, after RARE (Shi et al. 2016). Parameter names are PaddleOCR's. Points are (x, y) from -1
at the image's first edge to 1 at its last one.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec, ParamAttr
from ppocr_like.modeling.conv_norm import ConvNorm
from ppocr_like.modeling.layers import fast_layout
from ppocr_like.registry import ARCH_TRANSFORMS

# model_name -> channels of the convolutions, between two of which the map is halved, and of the hidden linear layer
SIZES = {"large": ((64, 128, 256, 512), 256), "small": ((16, 32, 64, 128), 64)}
AFFINE = 3  # rows of the spline beside its points: a constant, x, y
EPSILON = 1e-6  # added to a distance inside the logarithm
HOST = torch.device("cpu")


def straight_points(number: int) -> torch.Tensor:
    """(number, 2) float64: half of the points along the upper edge from left to right, half along the lower one."""
    x = torch.linspace(-1, 1, number // 2, dtype=torch.float64)
    edge = torch.ones_like(x)
    return torch.cat((torch.stack((x, -edge), 1), torch.stack((x, edge), 1)))


def first_points(number: int) -> torch.Tensor:
    """(number, 2) float64: the points that an untrained network predicts, the upper ones rising and the lower ones too."""
    x = torch.linspace(-1, 1, number // 2, dtype=torch.float64)
    rising = torch.linspace(0, -1, number // 2, dtype=torch.float64)
    return torch.cat((torch.stack((x, rising), 1), torch.stack((x, rising + 1), 1)))


def spline_inverse(points: torch.Tensor) -> torch.Tensor:
    """(K, 2) float64 -> (3 + K, K + 3) float64: from the places of the points to the coefficients, constant, x, y first."""
    count = len(points)
    square = (points[:, None] - points[None]).square().sum(2)
    system = torch.zeros(count + AFFINE, count + AFFINE, dtype=torch.float64)
    system[:count, 0] = system[-1, AFFINE:] = 1
    system[:count, 1:AFFINE] = points
    system[count:-1, AFFINE:] = points.T
    # r^2 log r; 0 at distance 0
    system[:count, AFFINE:] = torch.where(square > 0, 0.5 * square * square.clamp_min(1e-300).log(), 0.0)
    return torch.linalg.inv(system)


def spline_terms(size: tuple[int, int], points: torch.Tensor) -> torch.Tensor:
    """(H W, 3 + K), float64: what each px of an image takes of the spline's coefficients.

    The sizes may be tensors while a graph is traced: then they stay free in it.
    """
    height, width = size
    y, x = ((2 * torch.arange(n).to(points.dtype) + 1) / n - 1 for n in (height, width))
    places = torch.stack((x.expand(height, width), y[:, None].expand(height, width)), dim=2).reshape(-1, 2)
    distance = (places[:, None] - points[None]).square().sum(2).sqrt()
    return torch.cat((torch.ones_like(places[:, :1]), places, distance.square() * (distance + EPSILON).log()), dim=1)


@lru_cache(maxsize=16)
def spline_matrix(size: tuple[int, int], count: int, device: torch.device = HOST) -> torch.Tensor:
    """(H W, K + 3) float32: what each px of an image takes of the K points' places and of three rows more.

    Made in float64, or places would be off by 1e-4; kept on the device for the next images of this size.
    """
    with torch.inference_mode(False):
        points = straight_points(count)
        return (spline_terms(size, points) @ spline_inverse(points)).float().to(device)


class LocalizationNetwork(nn.Module):
    """Images (N, C, H, W) -> fiducial points (N, K, 2).

    Args:
        channels: C.
        points: K.
        loc_lr: rate multiplier of its linear layers (as in PaddleOCR not of the first one's bias).
        model_name: large or small.
    """

    def __init__(self, channels: int, points: int, loc_lr: float, model_name: str) -> None:
        super().__init__()
        self.points, self.loc_lr = points, loc_lr
        widths, hidden = SIZES[model_name]
        self.depth = len(widths)
        for number, width in enumerate(widths):
            self.add_module(f"loc_conv{number}", ConvNorm(channels, width, 3, act="relu"))
            channels = width
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, 2 * points)
        bound = 1 / math.sqrt(channels)
        nn.init.uniform_(self.fc1.weight, -bound, bound)
        nn.init.zeros_(self.fc1.bias)
        nn.init.zeros_(self.fc2.weight)
        with torch.no_grad():
            self.fc2.bias.copy_(first_points(points).flatten())

    def own_param_attrs(self) -> dict[str, ParamAttr]:
        return {name: ParamAttr(lr_mult=self.loc_lr) for name in ("fc1.weight", "fc2.weight", "fc2.bias")}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for number in range(self.depth):
            x = F.max_pool2d(x, 2) if number else x
            x = getattr(self, f"loc_conv{number}")(x)
        return self.fc2(F.relu(self.fc1(x.mean((2, 3))))).reshape(-1, self.points, 2)


class GridGenerator(nn.Module):
    """Fiducial points (N, K, 2) -> places (N, H W, 2) in the input that the output's px show.

    `fc` predicts three rows more for the spline. PaddleOCR never trains it: it starts at 0 and its rate is 0.
    """

    def __init__(self, points: int) -> None:
        super().__init__()
        self.fc = nn.Linear(2 * points, 2 * AFFINE)
        nn.init.zeros_(self.fc.weight)
        nn.init.zeros_(self.fc.bias)
        self.fc.requires_grad_(False)
        # For tracing alone. No buffers: these would follow the network to another precision.
        self.straight = straight_points(points)
        self.inverse = spline_inverse(self.straight)

    def forward(self, points: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        rows = self.fc(points.flatten(1)).detach().reshape(-1, AFFINE, 2)
        if torch.jit.is_tracing():  # the size stays free in the graph
            taken = spline_terms(size, self.straight) @ self.inverse
        else:
            taken = spline_matrix(size, points.shape[1], points.device)
        return taken.to(points) @ torch.cat((points, rows), dim=1)


@ARCH_TRANSFORMS.register("TPS", task="rec")
class TPS(nn.Module):
    """Images (N, C, H, W) -> straightened images of the same size; outside the image there is 0.

    Args:
        in_spec: the images.
        num_fiducial: an even number of points, half of them along each edge of the text.
        loc_lr: rate multiplier of the layers that predict the points.
        model_name: large or small.

    Raises:
        ValueError: a value that makes no network.
    """

    def __init__(self, in_spec: FeatureSpec, num_fiducial: int, loc_lr: float, model_name: str) -> None:
        super().__init__()
        if num_fiducial < 4 or num_fiducial % 2:
            raise ValueError(f"num_fiducial must be an even number from 4 on, got {num_fiducial}")
        if loc_lr < 0:
            raise ValueError(f"loc_lr must not be negative, got {loc_lr}")
        if model_name not in SIZES:
            raise ValueError(f"model_name must be one of {', '.join(SIZES)}, got {model_name!r}")
        self.loc_net = LocalizationNetwork(in_spec.channels, num_fiducial, loc_lr, model_name)
        self.grid_generator = GridGenerator(num_fiducial)
        self.out_spec = FeatureSpec(in_spec.channels)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        points = self.loc_net(fast_layout(images))
        height, width = images.shape[2:]
        # A place in the image is told by hundredths of a px: bfloat16 would not do.
        with torch.autocast(images.device.type, enabled=False):
            places = self.grid_generator(points.to(self.grid_generator.fc.weight.dtype), (height, width))
            grid = places.reshape(-1, height, width, 2)
            return F.grid_sample(images.to(grid.dtype), grid, align_corners=True)
