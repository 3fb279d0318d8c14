"""PPLCNetV3 for detection: PaddleOCR's rec_lcnetv3 with det=True, the backbone of PP-OCRv4 and v5 mobile detectors.

Its layers serve the recogniser of the same name too, which has other strides.

A chain of depthwise and 1x1 convolutions. In training each is a sum of branches with batch norms of their own (RepVGG,
Ding et al. 2021); `fuse()` makes one convolution of them. Parameter names are PaddleOCR's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec, ParamAttr
from ppocr_like.modeling.branches import summed_branches, sums_fast
from ppocr_like.modeling.conv_norm import attrs
from ppocr_like.modeling.depthwise import DepthwiseConv2d
from ppocr_like.modeling.fuse import batch_norm_kernel, convolution_like, unit_kernel
from ppocr_like.modeling.init import default_conv_, kaiming_normal_
from ppocr_like.modeling.layers import BatchNorm2d, batch_norm, fast_layout, make_divisible, pair
from ppocr_like.modeling.recompute import Recomputable
from ppocr_like.modeling.squeeze_excite import TORCH_SLOPE, SEModule
from ppocr_like.registry import BACKBONES

DIVISOR = 16
STEM = 16  # channels of the first convolution before scaling
LAST = (16, 24, 56, 480)  # channels of the four maps given out, before scaling

Stride = int | tuple[int, int]
Block = tuple[int, int, int, Stride, bool]
Stages = Mapping[str, tuple[Block, ...]]

# kernel, channels in and out before scaling, stride, squeeze-excite; by PaddleOCR's names of the stages
BLOCKS: Stages = {
    "blocks2": ((3, 16, 32, 1, False),),
    "blocks3": ((3, 32, 64, 2, False), (3, 64, 64, 1, False)),
    "blocks4": ((3, 64, 128, 2, False), (3, 128, 128, 1, False)),
    "blocks5": ((3, 128, 256, 2, False), *((5, 256, 256, 1, False),) * 4),
    "blocks6": ((5, 256, 512, 2, True), (5, 512, 512, 1, True), *((5, 512, 512, 1, False),) * 2),
}


class ConvNorm(nn.Module):
    """Convolution without bias and batch norm; the batch norm has no L2, as in PaddleOCR."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: Stride, depthwise: bool, lr_mult: float) -> None:
        super().__init__()
        self.lr_mult = lr_mult
        self.conv: nn.Conv2d
        if depthwise:
            self.conv = DepthwiseConv2d(inputs, kernel, pair(stride, "stride"))
        else:
            self.conv = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, bias=False)
        self.bn = BatchNorm2d(outputs)
        kaiming_normal_(self.conv.weight)

    def own_param_attrs(self) -> dict[str, ParamAttr]:
        return attrs(self.lr_mult, None, "conv.weight") | attrs(self.lr_mult, 0.0, "bn.weight", "bn.bias")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.conv(x))

    def scaled(self, x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor | float) -> torch.Tensor:
        """scale * self(x) + shift, without a pass over the map for it."""
        return scaled_norm(self.bn, self.conv(x), scale, shift)


def scaled_norm(norm: BatchNorm2d, x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor | float) -> torch.Tensor:
    """scale * norm(x) + shift."""
    return batch_norm(norm, x, norm.weight * scale, norm.bias * scale + shift)


class LearnableAffine(nn.Module):
    """scale * x + bias with one number each, which learn at a rate of their own.

    With `unused` the numbers only stand in the state, where PaddleOCR has them too, and nothing trains them.
    """

    def __init__(self, lr_mult: float, unused: bool = False) -> None:
        super().__init__()
        self.lr_mult = lr_mult
        self.unused = unused
        self.scale: torch.Tensor
        self.bias: torch.Tensor
        for name, value in (("scale", 1.0), ("bias", 0.0)):
            if unused:
                self.register_buffer(name, torch.tensor([value]))
            else:
                self.register_parameter(name, nn.Parameter(torch.tensor([value])))

    def own_param_attrs(self) -> dict[str, ParamAttr]:
        return {} if self.unused else attrs(self.lr_mult, None, "scale", "bias")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # In the map's own type: a bfloat16 map stays one.
        return torch.addcmul(self.bias.to(x.dtype), x, self.scale.to(x.dtype))


class Activation(nn.Module):
    """Hard-swish and a learnable affine."""

    def __init__(self, lr_mult: float, unused: bool) -> None:
        super().__init__()
        self.lab = LearnableAffine(lr_mult, unused)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lab(F.hardswish(x))


class LearnableRep(nn.Module):
    """A sum of batch-normed branches of one kernel shape, a learnable affine, and the activation.

    Args:
        inputs, outputs: channels.
        kernel: of the main branches; above 1 a branch of kernel 1 is added.
        stride: at 1, with as many outputs as inputs, the input itself is a branch; at 2 there is no activation. A pair
            (vertical, horizontal) is neither of them: so in PaddleOCR, and weights go by it.
        depthwise: one kernel per channel.
        branches: number of main branches.
        lr_mult, lab_lr: the rate of all parameters, and of the affine numbers on top of it.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: Stride,
        depthwise: bool,
        branches: int,
        lr_mult: float,
        lab_lr: float,
    ) -> None:
        super().__init__()
        self.lr_mult = lr_mult
        self.activated = stride != 2  # PaddleOCR's rule
        self.pointwise = kernel == 1 and stride == 1 and not depthwise
        self.identity = BatchNorm2d(inputs) if inputs == outputs and stride == 1 else None
        self.conv_kxk = nn.ModuleList(ConvNorm(inputs, outputs, kernel, stride, depthwise, lr_mult) for _ in range(branches))
        self.conv_1x1 = ConvNorm(inputs, outputs, 1, stride, depthwise, lr_mult) if kernel > 1 else None
        self.lab = LearnableAffine(lr_mult * lab_lr)
        self.act = Activation(lr_mult * lab_lr, unused=not self.activated)
        self.fused: nn.Conv2d | None = None

    def own_param_attrs(self) -> dict[str, ParamAttr]:
        return {} if self.identity is None else attrs(self.lr_mult, None, "identity.weight", "identity.bias")

    def _summed(self, x: torch.Tensor) -> torch.Tensor:
        """The learnable affine of the branches' sum."""
        if self.fused is not None:
            return self.lab(self.fused(x))
        main: list[ConvNorm] = list(self.conv_kxk)  # type: ignore[arg-type]
        if self.pointwise:
            norms = [*(branch.bn for branch in main), *([] if self.identity is None else [self.identity])]
            if sums_fast(x, norms):
                return summed_branches(x, [branch.conv.weight for branch in main], norms, self.lab.scale, self.lab.bias)
        total = main[0].scaled(x, self.lab.scale, self.lab.bias)
        for branch in (*main[1:], self.conv_1x1):
            if branch is not None:
                total = total + branch.scaled(x, self.lab.scale, 0.0)
        if self.identity is not None:
            total = total + scaled_norm(self.identity, x, self.lab.scale, 0.0)
        return total

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self._summed(x)
        return self.act(x) if self.activated else x

    @torch.no_grad()
    def fuse(self) -> None:
        """Replaces the branches by one convolution (see `modeling.fuse`); a second call changes nothing."""
        if self.fused is not None:
            return
        main: list[ConvNorm] = list(self.conv_kxk)  # type: ignore[arg-type]
        conv = main[0].conv
        kernels = [batch_norm_kernel(branch.conv.weight, branch.bn) for branch in main]
        if self.conv_1x1 is not None:
            weight, bias = batch_norm_kernel(self.conv_1x1.conv.weight, self.conv_1x1.bn)
            kernels.append((F.pad(weight, (conv.kernel_size[0] // 2,) * 4), bias))
        if self.identity is not None:
            kernels.append(batch_norm_kernel(unit_kernel(conv), self.identity))
        weights, biases = zip(*kernels, strict=True)
        self.fused = convolution_like(conv, torch.stack(weights).sum(0), torch.stack(biases).sum(0))
        self.identity = self.conv_1x1 = None
        self.conv_kxk = nn.ModuleList()


class LCNetV3Block(Recomputable):
    """Depthwise convolution, squeeze-excite where wanted, 1x1 convolution."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: Stride,
        squeeze_excite: bool,
        branches: int,
        lr_mult: float,
        lab_lr: float,
    ) -> None:
        super().__init__()
        self.lr_mult = lr_mult
        self.dw_conv = LearnableRep(inputs, inputs, kernel, stride, True, branches, lr_mult, lab_lr)
        self.se = SEModule(inputs, slope=TORCH_SLOPE) if squeeze_excite else None
        self.pw_conv = LearnableRep(inputs, outputs, 1, 1, False, branches, lr_mult, lab_lr)

    def own_param_attrs(self) -> dict[str, ParamAttr]:
        if self.se is None:
            return {}
        return attrs(self.lr_mult, None, *(f"se.{name}" for name, _ in self.se.named_parameters()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.dw_conv(x)
        if self.se is not None:
            x = self.se(x)
        return self.pw_conv(x)


class LCNetV3(nn.Module):
    """The first convolution and the stages.

    Args:
        in_spec: the images.
        stages: a table such as `BLOCKS`.
        scale, conv_kxk_num, lr_mult_list, lab_lr: as of `PPLCNetV3`.

    Raises:
        ValueError: a value that makes no network.
    """

    def __init__(
        self, in_spec: FeatureSpec, stages: Stages, scale: float, conv_kxk_num: int, lr_mult_list: Sequence[float], lab_lr: float
    ) -> None:
        super().__init__()
        if scale <= 0:
            raise ValueError(f"scale must be above 0, got {scale}")
        if conv_kxk_num < 1:
            raise ValueError(f"conv_kxk_num must be at least 1, got {conv_kxk_num}")
        if len(lr_mult_list) != 1 + len(stages) or min(lr_mult_list) < 0:
            raise ValueError(f"lr_mult_list takes {1 + len(stages)} numbers, none negative, got {list(lr_mult_list)}")
        if lab_lr < 0:
            raise ValueError(f"lab_lr must not be negative, got {lab_lr}")
        self.conv1 = ConvNorm(in_spec.channels, make_divisible(STEM * scale, DIVISOR), 3, 2, False, lr_mult_list[0])
        stride = in_spec.stride[0] * 2, in_spec.stride[1] * 2
        self.specs: dict[str, FeatureSpec] = {}  # what each stage gives
        for (name, blocks), lr_mult in zip(stages.items(), lr_mult_list[1:], strict=True):
            made = []
            for kernel, inputs, outputs, step, squeeze_excite in blocks:
                channels = make_divisible(inputs * scale, DIVISOR), make_divisible(outputs * scale, DIVISOR)
                made.append(LCNetV3Block(*channels, kernel, step, squeeze_excite, conv_kxk_num, lr_mult, lab_lr))
                down, across = pair(step, "stride")
                stride = stride[0] * down, stride[1] * across
            self.add_module(name, nn.Sequential(*made))
            self.specs[name] = FeatureSpec(channels[1], stride)

    def stages(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """What each stage gives for images (N, C, H, W)."""
        x, given = self.conv1(fast_layout(images)), {}
        for name in self.specs:
            x = given[name] = getattr(self, name)(x)
        return given


@BACKBONES.register("PPLCNetV3", task="det")
class PPLCNetV3(LCNetV3):
    """Images (N, C, H, W) -> four maps of strides 4, 8, 16 and 32.

    Args:
        in_spec: the images.
        scale: multiplies the channel counts.
        conv_kxk_num: branches of each convolution in training.
        lr_mult_list: rate multipliers of the first convolution and of the five stages.
        lab_lr: rate multiplier of the affine numbers, on top of their stage's.
        det: must be True: the form with maps of four strides.

    Raises:
        ValueError: a value that makes no network, or det False.
    """

    def __init__(
        self,
        in_spec: FeatureSpec,
        scale: float = 1.0,
        conv_kxk_num: int = 4,
        lr_mult_list: Sequence[float] = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
        lab_lr: float = 0.1,
        det: bool = False,
    ) -> None:
        if not det:
            raise ValueError("a detector needs the form with four maps: set det: True")
        if int(LAST[0] * scale) < 1:
            raise ValueError(f"scale {scale} leaves no channels; {LAST[0]} * scale must be at least 1")
        super().__init__(in_spec, BLOCKS, scale, conv_kxk_num, lr_mult_list, lab_lr)
        self.out_spec: list[FeatureSpec] = []
        layers: list[nn.Conv2d] = []
        for wide, last in zip(list(self.specs.values())[1:], LAST, strict=True):
            layers.append(nn.Conv2d(wide.channels, int(last * scale), 1))
            default_conv_(layers[-1])
            self.out_spec.append(FeatureSpec(int(last * scale), wide.stride))
        self.layer_list = nn.ModuleList(layers)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        maps = list(self.stages(images).values())[1:]
        return [layer(found) for layer, found in zip(self.layer_list, maps, strict=True)]
