"""DBHead: probability, threshold and binary maps of Differentiable Binarization (Liao et al. 2020, arXiv 1911.08947)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.doubling import TransposedConv2d
from ppocr_like.modeling.fuse import batch_norm_kernel, convolution_like
from ppocr_like.modeling.init import default_conv_, kaiming_uniform_
from ppocr_like.modeling.layers import BatchNorm2d
from ppocr_like.registry import HEADS

NORM_BIAS = 1e-4  # initial value; PaddleOCR
AUX_SCALES: Mapping[str, int] = {"p4": 4, "p3": 2, "p2": 1}  # an auxiliary map's enlargement to a quarter of the image


def _may_hold_nan(x: torch.Tensor) -> bool:
    """On a CPU a sum tells it in a fraction of the time that replacing NaN takes; elsewhere asking would wait for the device."""
    return x.device.type != "cpu" or bool(x.detach().sum().isnan())


class Branch(nn.Module):
    """(N, C, H, W) -> logits (N, 1, 4H, 4W): a convolution and two transposed ones of stride 2.

    PaddleOCR's `Head`, with its parameter names and initial values.

    Args:
        channels: C.
        kernel_list: of the three convolutions.
        fix_nan: in training NaN becomes 0 behind each batch norm.
    """

    def __init__(self, channels: int, kernel_list: Sequence[int], fix_nan: bool) -> None:
        super().__init__()
        quarter = channels // 4
        first, second, third = kernel_list
        self.conv1 = nn.Conv2d(channels, quarter, first, padding=first // 2, bias=False)
        self.conv_bn1: nn.Module = BatchNorm2d(quarter)
        self.conv2 = TransposedConv2d(quarter, quarter, second, 2)
        self.conv_bn2: nn.Module = BatchNorm2d(quarter)
        self.conv3 = TransposedConv2d(quarter, 1, third, 2)
        self.fix_nan = fix_nan
        default_conv_(self.conv1)
        bound = 1.0 / math.sqrt(quarter)
        for conv in (self.conv2, self.conv3):
            kaiming_uniform_(conv.weight)
            assert conv.bias is not None
            nn.init.uniform_(conv.bias, -bound, bound)
        for norm in (self.conv_bn1, self.conv_bn2):
            assert isinstance(norm, BatchNorm2d)
            nn.init.constant_(norm.bias, NORM_BIAS)

    def _act(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(x, inplace=True)  # a batch norm keeps its input, not its output
        if self.fix_nan and self.training and _may_hold_nan(x):
            x = x.nan_to_num(nan=0.0, posinf=math.inf, neginf=-math.inf)
        return x

    def after_first(self, x: torch.Tensor) -> torch.Tensor:
        """The first convolution's result (N, C/4, H, W) -> (N, C/4, 2H, 2W), what the last convolution reads."""
        x = self._act(self.conv_bn1(x))
        return self._act(self.conv_bn2(self.conv2(x)))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C/4, 2H, 2W), what the last convolution reads."""
        return self.after_first(self.conv1(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv3(self.features(x))

    @torch.no_grad()
    def fuse(self) -> None:
        """Takes the batch norms into the convolutions (see `modeling.fuse`); a second call changes nothing."""
        if not isinstance(self.conv_bn1, BatchNorm2d) or not isinstance(self.conv_bn2, BatchNorm2d):
            return
        assert self.conv2.bias is not None
        self.conv1 = convolution_like(self.conv1, *batch_norm_kernel(self.conv1.weight, self.conv_bn1))
        weight, bias = batch_norm_kernel(self.conv2.weight.transpose(0, 1), self.conv_bn2)
        gain = batch_norm_kernel(torch.ones_like(self.conv2.bias), self.conv_bn2)[0]
        self.conv2.weight.copy_(weight.transpose(0, 1))
        self.conv2.bias.copy_(self.conv2.bias * gain + bias)
        self.conv_bn1, self.conv_bn2 = nn.Identity(), nn.Identity()


def first_convolutions(x: torch.Tensor, one: Branch, other: Branch) -> tuple[torch.Tensor, torch.Tensor]:
    """Both branches' first convolution of the same x (N, C, H, W), done as one: C/4 channels alone fill no vector register
    of a CPU, and x is read, and its gradient made, once. A fifth of a head's training step in bfloat16."""
    biases = [conv.bias for conv in (one.conv1, other.conv1) if conv.bias is not None]  # both, or none
    bias = torch.cat(biases) if biases else None
    y = F.conv2d(x, torch.cat((one.conv1.weight, other.conv1.weight)), bias, padding=one.conv1.padding)
    layout = torch.channels_last if y.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
    first, second = y.chunk(2, dim=1)
    return first.contiguous(memory_format=layout), second.contiguous(memory_format=layout)


@HEADS.register()
class DBHead(nn.Module):
    """Features (N, C, H/4, W/4) -> {"maps"}: in training (N, 3, H, W) = probability ("shrink"), threshold, binary;
    in evaluation (N, 1, H, W), the probabilities alone, and only their branch runs. float32 under autocast too.

    PaddleOCR's head of the same name, with its parameter names and initial values. A neck may give a mapping with
    `fuse` and `aux_p4`, `aux_p3`, `aux_p2` (H/16, H/8, H/4): with `aux_in_channels` training adds `aux_maps_p4`, ...
    (N, 3, H, W) of the auxiliary branches.

    Args:
        in_spec: the neck's map.
        k: steepness of the step function 1 / (1 + exp(-k (probability - threshold))).
        kernel_list: of a branch's convolution and its two transposed convolutions of stride 2.
        fix_nan: in training NaN becomes 0 behind each batch norm.
        aux_in_channels: channels of the auxiliary maps; 0: none.
    """

    needs: tuple[str, ...] = ()
    onnx_names = ("x", "maps")

    def __init__(
        self,
        in_spec: FeatureSpec,
        k: int = 50,
        kernel_list: Sequence[int] = (3, 2, 2),
        fix_nan: bool = False,
        aux_in_channels: int = 0,
    ) -> None:
        super().__init__()
        if len(kernel_list) != 3 or min(kernel_list) < 1:
            raise ValueError(
                f"kernel_list must hold three sizes of at least 1 (convolution, two transposed ones), got {kernel_list}"
            )
        if isinstance(in_spec, Sequence):
            raise ValueError("DBHead reads one map, but the backbone gives several: name a Neck (DBFPN, RSEFPN, LKPAN)")
        if in_spec.channels < 4 or 0 < aux_in_channels < 4 or aux_in_channels < 0:
            raise ValueError(f"DBHead needs at least 4 channels, got {in_spec.channels} and aux_in_channels {aux_in_channels}")
        self.k = k
        self.binarize = Branch(in_spec.channels, kernel_list, fix_nan)
        self.thresh = Branch(in_spec.channels, kernel_list, fix_nan)
        self.aux_in_channels = aux_in_channels
        if aux_in_channels:
            for level in AUX_SCALES:
                self.add_module(f"aux_binarize_{level}", Branch(aux_in_channels, kernel_list, fix_nan))
                self.add_module(f"aux_thresh_{level}", Branch(aux_in_channels, kernel_list, fix_nan))
        self.out_spec = FeatureSpec(1, (max(1, in_spec.stride[0] // 4), max(1, in_spec.stride[1] // 4)))

    def step_function(self, probability: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
        """The differentiable binarization; a sigmoid, which cannot overflow as the written form does."""
        return torch.sigmoid(self.k * (probability - threshold))

    def _three_maps(self, shrink_logits: torch.Tensor, threshold_logits: torch.Tensor) -> torch.Tensor:
        shrink, threshold = shrink_logits.float().sigmoid(), threshold_logits.float().sigmoid()
        return torch.cat((shrink, threshold, self.step_function(shrink, threshold)), dim=1)

    def _auxiliary(self, features: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        found = {}
        for level, scale in AUX_SCALES.items():
            x = features.get(f"aux_{level}")
            if x is None:
                continue
            if scale > 1:
                x = F.interpolate(x, scale_factor=float(scale), mode="bilinear", align_corners=False)
            found[f"aux_maps_{level}"] = self._both(x, *(getattr(self, f"aux_{kind}_{level}") for kind in ("binarize", "thresh")))
        return found

    def _both(self, x: torch.Tensor, shrink: Branch, threshold: Branch) -> torch.Tensor:
        """The three maps (N, 3, H, W) that the two branches make of x (N, C, H/4, W/4)."""
        branches = (shrink, threshold)
        firsts = first_convolutions(x, *branches)
        return self._three_maps(*(branch.conv3(branch.after_first(y)) for branch, y in zip(branches, firsts, strict=True)))

    def forward(
        self, features: torch.Tensor | Mapping[str, torch.Tensor], targets: Mapping[str, torch.Tensor] | None = None
    ) -> dict[str, torch.Tensor]:
        extra = {} if isinstance(features, torch.Tensor) else features
        x = features if isinstance(features, torch.Tensor) else features["fuse"]
        if not self.training:
            return {"maps": self.binarize(x).float().sigmoid()}
        maps = {"maps": self._both(x, self.binarize, self.thresh)}
        return {**maps, **self._auxiliary(extra)} if self.aux_in_channels else maps
