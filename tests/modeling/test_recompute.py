"""Recomputing blocks: the same numbers in less memory."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones.mobilenet_v1_enhance import MobileNetV1Enhance
from ppocr_like.modeling.backbones.mobilenet_v3 import MobileNetV3
from ppocr_like.modeling.backbones.pphgnet import PPHGNetSmall
from ppocr_like.modeling.backbones.pphgnet_v2 import PPHGNetV2B4
from ppocr_like.modeling.backbones.pplcnet_v3 import PPLCNetV3
from ppocr_like.modeling.backbones.pplcnet_v4 import PPLCNetV4
from ppocr_like.modeling.backbones.rep_svtr import RepSVTR
from ppocr_like.modeling.backbones.resnet import ResNet
from ppocr_like.modeling.backbones.svtrnet import SVTRNet
from ppocr_like.modeling.backbones.svtrv2 import SVTRv2
from ppocr_like.modeling.backbones.unet import UNet
from ppocr_like.modeling.necks.svtr import EncoderWithSVTR
from ppocr_like.modeling.recompute import Recomputable, recompute_blocks, still_statistics
from tests.marks import first

IMAGES = FeatureSpec(3)
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int]] = {
    "SVTRNet": (
        lambda: SVTRNet(IMAGES, (32, 64), (16, 32, 48), (1, 2, 1), (2, 2, 2), ["Local", "Global", "Global", "Conv"],
                        drop_rate=0.2, attn_drop_rate=0.2, drop_path_rate=0.3, out_char_num=8),
        (4, 3, 32, 64), 4,
    ),
    "EncoderWithSVTR": (lambda: EncoderWithSVTR(16, 8, 2, 16, num_heads=2), (2, 16, 1, 12), 2),
    "PPLCNetV3": (lambda: PPLCNetV3(IMAGES, 0.35, det=True), (2, 3, 64, 64), 14),
    "ResNet": (lambda: ResNet(IMAGES, 18), (2, 3, 64, 64), 8),
    "ResNet, deformable": (lambda: ResNet(IMAGES, 50, (0, 1), (False, True, False, False)), (2, 3, 64, 64), 7),
    "PPLCNetV4": (lambda: PPLCNetV4(IMAGES, True, "tiny"), (2, 3, 64, 64), 13),
    "PPHGNet_small": (lambda: PPHGNetSmall(IMAGES, True, (0, 1)), (2, 3, 64, 64), 2),
    "PPHGNetV2_B4": (lambda: PPHGNetV2B4(IMAGES, True, out_indices=(0, 1)), (2, 3, 64, 64), 2),
    "RepSVTR": (lambda: RepSVTR(IMAGES), (1, 3, 48, 64), 13),
    "SVTRv2": (
        lambda: SVTRv2(IMAGES, depths=(1, 2), dims=(32, 48), num_heads=(2, 2), mixer=(("Conv",), ("Conv", "Global")),
                       sub_k=((2, 1),), drop_rate=0.2, attn_drop_rate=0.2, drop_path_rate=0.3),
        (4, 3, 32, 64), 3,
    ),
    "MobileNetV3": (lambda: MobileNetV3(IMAGES, "small", 0.35), (2, 3, 64, 64), 11),
    "MobileNetV1Enhance": (lambda: MobileNetV1Enhance(IMAGES, 0.125), (2, 3, 32, 64), 13),
    "UNet": (lambda: UNet(IMAGES, (8, 8, 16)), (2, 3, 32, 32), 10),
}  # fmt: skip


def step(model: nn.Module, images: torch.Tensor, dtype: torch.dtype) -> tuple[list[torch.Tensor], int]:
    """Gradients, buffers and random numbers after a step from a fixed seed; bytes that were kept for the backward pass."""
    kept: dict[tuple[int, int], int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr(), tensor.untyped_storage().nbytes()] = tensor.untyped_storage().nbytes()
        return tensor

    model.train()
    torch.manual_seed(3)
    with saved_tensors_hooks(note, lambda tensor: tensor):
        with torch.autocast("cpu", dtype=dtype) if dtype is not torch.float32 else nullcontext():
            outputs = model(images)
        loss = sum(out.float().square().mean() for out in (outputs if isinstance(outputs, list) else [outputs]))
    assert isinstance(loss, torch.Tensor)
    bytes_kept = sum(kept.values())
    loss.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return [loss.detach(), *gradients, *(b.clone() for b in model.buffers()), torch.rand(3)], bytes_kept


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("name", first(NETWORKS, 3))
def test_a_step_is_the_same_in_less_memory(name: str, dtype: torch.dtype) -> None:
    make, shape, blocks = NETWORKS[name]
    torch.manual_seed(0)
    plain = make()
    again = copy.deepcopy(plain)
    assert recompute_blocks(again) == blocks
    images = torch.rand(shape)
    (wanted, much), (got, little) = step(plain, images, dtype), step(again, images, dtype)
    assert len(wanted) == len(got) > 5
    assert all(torch.equal(a, b) for a, b in zip(wanted, got, strict=True))
    assert little < 0.75 * much
    assert list(plain.state_dict()) == list(again.state_dict())


def test_evaluation_computes_once() -> None:
    model = NETWORKS["MobileNetV3"][0]()
    calls: list[int] = []
    next(m for m in model.modules() if isinstance(m, Recomputable)).register_forward_pre_hook(lambda *_: calls.append(1))
    recompute_blocks(model)
    model.eval()(torch.rand(1, 3, 32, 32))[0].sum().backward()
    assert len(calls) == 1
    model.train()(torch.rand(2, 3, 32, 32))[0].sum().backward()
    assert len(calls) == 3


def test_the_context_of_the_second_pass() -> None:
    """What surrounds the forward pass beside autocast must surround the second one, too."""
    entered: list[str] = []

    class Context(nullcontext):  # type: ignore[type-arg]
        def __enter__(self) -> Any:
            entered.append("in")

    model = NETWORKS["EncoderWithSVTR"][0]()
    recompute_blocks(model, Context)
    outputs = model(torch.rand(2, 16, 1, 12))
    assert not entered
    outputs.sum().backward()
    assert entered == ["in", "in"]


@pytest.mark.parametrize("momentum", [0.1, None])
def test_still_statistics_of_torchs_own_batch_norm(momentum: float | None) -> None:
    norm = nn.BatchNorm2d(2, momentum=momentum)
    norm(torch.rand(4, 2, 3, 3))
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    x = torch.rand(4, 2, 3, 3)
    with still_statistics(norm):
        y = norm(x)
    assert all(torch.equal(before[name], value) for name, value in norm.state_dict().items())
    assert torch.equal(y, norm(x))
    assert not torch.equal(before["running_mean"], norm.running_mean)
