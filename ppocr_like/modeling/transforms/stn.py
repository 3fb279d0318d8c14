"""STN_ON: straightens a line of text by a thin plate spline through control points that a small network predicts.

PaddleOCR's transform of the same name, after ASTER (Shi et al. 2018). Parameter names are PaddleOCR's. Points are (x, y) in
shares of the image's width and height.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.layers import BatchNorm2d, fast_layout, norm_act, pair
from ppocr_like.registry import ARCH_TRANSFORMS

WIDTHS = (32, 64, 128, 256, 256, 256)  # channels of the convolutions; between two of them the map is halved
HIDDEN = 512
START_MARGIN = 0.01  # where the predicted points start, from the image's edge
HALVINGS = 2 ** (len(WIDTHS) - 1)
ACTIVATIONS = ("none", "sigmoid")


def points_on_edges(number: int, margin_x: float, margin_y: float) -> torch.Tensor:
    """(number, 2) float64: half of the points along the top from left to right, half along the bottom."""
    x = torch.linspace(margin_x, 1 - margin_x, number // 2, dtype=torch.float64)
    top = torch.stack((x, torch.full_like(x, margin_y)), dim=1)
    bottom = torch.stack((x, torch.full_like(x, 1 - margin_y)), dim=1)
    return torch.cat((top, bottom))


def spline_terms(points: torch.Tensor, control: torch.Tensor) -> torch.Tensor:
    """(M, 2) and (K, 2) -> (M, K): r^2 log r for the distances r between them, 0 at distance 0."""
    square = (points[:, None] - control[None]).square().sum(2)
    return torch.where(square > 0, 0.5 * square * square.clamp_min(1e-300).log(), 0.0)


def spline_matrix(size: tuple[int, int], control: torch.Tensor) -> torch.Tensor:
    """(height * width, K) float64: what each pixel of the output takes of the K control points' places in the input.

    The spline maps `control` (K, 2), places in the output, on the predicted points; it is linear in these.
    """
    count = len(control)
    system = torch.zeros(count + 3, count + 3, dtype=torch.float64)
    system[:count, :count] = spline_terms(control, control)
    system[:count, count] = system[count, :count] = 1
    system[:count, count + 1 :] = control
    system[count + 1 :, :count] = control.T
    y = torch.linspace(0, 1, size[0], dtype=torch.float64)
    x = torch.linspace(0, 1, size[1], dtype=torch.float64)
    pixels = torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=2).flip(2).reshape(-1, 2)
    terms = torch.cat((spline_terms(pixels, control), torch.ones(len(pixels), 1, dtype=torch.float64), pixels), dim=1)
    return (terms @ torch.linalg.inv(system))[:, :count]


class ConvNormRelu(nn.Sequential):
    """3x3 convolution with a bias, batch norm, ReLU; the convolution is named 0 and the norm 1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, 3, padding=1), BatchNorm2d(outputs))
        conv = self[0]
        assert isinstance(conv, nn.Conv2d) and conv.bias is not None
        nn.init.normal_(conv.weight, 0.0, math.sqrt(2.0 / (9 * outputs)))
        nn.init.zeros_(conv.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return norm_act(self[1], "relu", self[0](x))


class STN(nn.Module):
    """Images (N, C, H, W) of one size -> control points (N, K, 2)."""

    def __init__(self, channels: int, size: tuple[int, int], points: int, activation: str) -> None:
        super().__init__()
        self.points = points
        self.activation = activation
        layers: list[nn.Module] = []
        for width in WIDTHS:
            layers += [nn.MaxPool2d(2)] if layers else []
            layers.append(ConvNormRelu(channels, width))
            channels = width
        self.stn_convnet = nn.Sequential(*layers)
        cells = (size[0] // HALVINGS) * (size[1] // HALVINGS)
        hidden = nn.Linear(cells * WIDTHS[-1], HIDDEN)
        self.stn_fc1 = nn.Sequential(hidden, BatchNorm2d(HIDDEN), nn.ReLU())  # the norm takes vectors, too
        self.stn_fc2 = nn.Linear(HIDDEN, 2 * points)
        nn.init.normal_(hidden.weight, 0.0, 0.001)
        nn.init.zeros_(hidden.bias)
        nn.init.zeros_(self.stn_fc2.weight)
        start = points_on_edges(points, START_MARGIN, START_MARGIN).flatten()
        with torch.no_grad():
            self.stn_fc2.bias.copy_(start if activation == "none" else torch.logit(start))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.stn_fc1(self.stn_convnet(images).flatten(1))
        x = self.stn_fc2(0.1 * x)
        return (x.sigmoid() if self.activation == "sigmoid" else x).reshape(-1, self.points, 2)


@ARCH_TRANSFORMS.register("STN_ON", task="rec")
class StnOn(nn.Module):
    """Images (N, C, H, W) of any size -> straightened images (N, C, *tps_outputsize).

    Args:
        in_spec: the images.
        tps_inputsize: [height, width] px at which the points are predicted.
        tps_outputsize: [height, width] px of the images given out.
        num_control_points: an even number, half of them along each edge.
        tps_margins: [horizontal, vertical] distance of the straight points from the edges, in shares of the image.
        stn_activation: none, or sigmoid to keep the points within the image.

    Raises:
        ValueError: a value that makes no network.
    """

    def __init__(
        self,
        in_spec: FeatureSpec,
        tps_inputsize: Sequence[int],
        tps_outputsize: Sequence[int],
        num_control_points: int,
        tps_margins: Sequence[float],
        stn_activation: str,
    ) -> None:
        super().__init__()
        self.input_size = pair(tuple(tps_inputsize), "tps_inputsize")
        self.output_size = self.gives_size = pair(tuple(tps_outputsize), "tps_outputsize")
        if min(self.input_size) < HALVINGS:
            raise ValueError(f"tps_inputsize is halved to 1/{HALVINGS}: both must be at least that, got {list(tps_inputsize)}")
        if min(self.output_size) < 2:
            raise ValueError(f"tps_outputsize must be at least 2 x 2, got {list(tps_outputsize)}")
        if num_control_points < 4 or num_control_points % 2:
            raise ValueError(f"num_control_points must be an even number from 4 on, got {num_control_points}")
        if len(tps_margins) != 2 or not all(0 <= margin < 0.5 for margin in tps_margins):
            raise ValueError(f"tps_margins takes two shares from 0 to below 0.5, got {list(tps_margins)}")
        if stn_activation not in ACTIVATIONS:
            raise ValueError(f"stn_activation must be one of {', '.join(ACTIVATIONS)}, got {stn_activation!r}")
        self.stn_head = STN(in_spec.channels, self.input_size, num_control_points, stn_activation)
        control = points_on_edges(num_control_points, *tps_margins)
        self.spline: torch.Tensor
        self.register_buffer("spline", spline_matrix(self.output_size, control).float(), persistent=False)
        self.out_spec = FeatureSpec(in_spec.channels)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        small = F.interpolate(images, self.input_size, mode="bilinear", align_corners=True)
        points = self.stn_head(fast_layout(small))
        # A place in the image is told by hundredths of a px: bfloat16 would not do.
        with torch.autocast(images.device.type, enabled=False):
            places = (self.spline @ points.to(self.spline.dtype)).clamp(0, 1) * 2 - 1
            grid = places.reshape(-1, *self.output_size, 2)
            return F.grid_sample(images.to(grid.dtype), grid, align_corners=True)
