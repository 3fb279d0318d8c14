"""Recognition backbones: what they give out, what they refuse, strides, no parameter that no loss reaches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.components import load_components
from ppocr_like.contracts import FeatureSpec, ParamAttr
from ppocr_like.modeling.backbones.crnn import CRNN
from ppocr_like.modeling.backbones.mobilenet_v3_rec import MobileNetV3
from ppocr_like.modeling.backbones.pphgnet import PPHGNetSmallRec
from ppocr_like.modeling.backbones.pphgnet_v2 import PPHGNetV2B4Rec
from ppocr_like.modeling.backbones.pplcnet_v3 import PPLCNetV3 as DetPPLCNetV3
from ppocr_like.modeling.backbones.pplcnet_v3_rec import PPLCNetV3
from ppocr_like.modeling.backbones.pplcnet_v4_rec import PPLCNetV4
from ppocr_like.modeling.backbones.rep_svtr import RepSVTR
from ppocr_like.modeling.backbones.resnet_rec import ResNet
from ppocr_like.modeling.fuse import fused_copy
from ppocr_like.modeling.layers import line_pool
from ppocr_like.modeling.necks.sequence_encoder import SequenceEncoder
from ppocr_like.registry import BACKBONES

from .test_det_backbones import GATES, started

IMAGES = FeatureSpec(3)

# network, image height (px), channels and stride of what it gives
NETWORKS: dict[str, tuple[Callable[[], Any], int, FeatureSpec]] = {
    "mobilenet small": (MobileNetV3, 64, FeatureSpec(288, (64, 4))),
    "mobilenet small, lite recipes": (lambda s: MobileNetV3(s, small_stride=[1, 2, 2, 2]), 32, FeatureSpec(288, (32, 4))),
    "mobilenet large": (lambda s: MobileNetV3(s, "large", 0.35), 32, FeatureSpec(336, (32, 4))),
    "mobilenet large, strides": (lambda s: MobileNetV3(s, "large", large_stride=[2, 1, 2, 2]), 32, FeatureSpec(480, (32, 8))),
    "mobilenet without gates": (lambda s: MobileNetV3(s, disable_se=True), 64, FeatureSpec(288, (64, 4))),
    "lcnet": (lambda s: PPLCNetV3(s, 0.5, conv_kxk_num=2), 48, FeatureSpec(256, (48, 8), height=1)),
    "lcnet 4, tiny": (lambda s: PPLCNetV4(s, model_size="tiny"), 48, FeatureSpec(160, (48, 8), height=1)),
    "lcnet 4, small": (PPLCNetV4, 48, FeatureSpec(384, (48, 8), height=1)),
    "hgnet": (PPHGNetSmallRec, 48, FeatureSpec(1024, (48, 8), height=1)),
    "hgnet 2": (lambda s: PPHGNetV2B4Rec(s, text_rec=True), 48, FeatureSpec(2048, (48, 8), height=1)),
    "hgnet 2, not text_rec": (PPHGNetV2B4Rec, 32, FeatureSpec(2048, (32, 8))),
    "repvit": (RepSVTR, 48, FeatureSpec(384, (16, 8), height=1)),
    "resnet 18": (lambda s: ResNet(s, 18), 32, FeatureSpec(512, (32, 4))),
    "crnn": (CRNN, 64, FeatureSpec(128, (64, 4))),
    "resnet 50": (ResNet, 32, FeatureSpec(2048, (32, 4))),
}
each_network = pytest.mark.parametrize(("make", "height", "spec"), NETWORKS.values(), ids=NETWORKS)


@each_network
def test_images_become_a_sequence_at_any_width(make: Callable[[Any], Any], height: int, spec: FeatureSpec) -> None:
    network = make(FeatureSpec(1)).eval()
    assert network.out_spec == spec
    with torch.inference_mode():
        for width in (64, 101):
            found = network(torch.randn(1, 1, height, width))
            assert found.shape[:3] == (1, spec.channels, 1)
            assert abs(found.shape[3] - width / spec.stride[1]) <= 1
            SequenceEncoder(network.out_spec, "reshape")(found)


@each_network
def test_training_reaches_every_parameter(make: Callable[[Any], Any], height: int, spec: FeatureSpec) -> None:
    torch.manual_seed(0)
    network = started(make(IMAGES)).train()
    found = network(torch.randn(2, 3, height, 64))
    (found * torch.randn_like(found)).sum().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not bool((p.grad != 0).any())]
    assert [name for name in without if not any(gate in name for gate in GATES)] == []  # a gate may be shut or wide open
    assert all(p.grad is not None for p in network.parameters())


def test_training_and_evaluation_give_the_same_number_of_steps() -> None:
    """PaddleOCR trains PPLCNetV3 with 40 columns at any width."""
    network, images = PPLCNetV3(IMAGES, 0.25, conv_kxk_num=1), torch.randn(2, 3, 48, 200)
    assert network.train()(images).shape == network.eval()(images).shape == (2, 128, 1, 25)


@pytest.mark.parametrize("height", [32, 48, 64])
def test_multi_scale_batches_of_any_height_give_a_sequence(height: int) -> None:
    """PP-OCRv4 to v6 train on lines of 32, 48 and 64 px; the pool sees every row."""
    for make in (
        lambda: PPLCNetV3(IMAGES, 0.25, conv_kxk_num=1),
        lambda: PPLCNetV4(IMAGES, model_size="tiny"),
        lambda: RepSVTR(IMAGES),
    ):
        assert make().eval()(torch.randn(1, 3, height, 96)).shape[2:] == (1, 12)
    x = torch.randn(2, 4, height // 16, 10)
    found = line_pool(x)
    torch.testing.assert_close(found, F.adaptive_avg_pool2d(x, (1, 5)))
    if height == 48:
        torch.testing.assert_close(found, F.avg_pool2d(x, (3, 2)))


def test_the_stride_of_one_that_adds_no_input() -> None:
    """A stride given as a pair has no shortcut, though 1 x 1 would allow one: weights of PaddleOCR go by it."""
    small = MobileNetV3(IMAGES, small_stride=[1, 2, 2, 2])
    assert [block.shortcut for block in small.blocks][:3] == [False, False, True]
    large = MobileNetV3(IMAGES, "large")
    assert large.blocks[0].shortcut
    assert large.blocks[6].bottleneck_conv.conv.stride == (1, 1)  # the detector's is 2


def test_shortcuts_average_only_the_rows_that_are_left_out() -> None:
    network = ResNet(IMAGES, 18)
    assert network.bb_1_0.short.pool == (2, 1)
    assert network.bb_0_0.short.pool is None
    assert network.bb_1_0.short._conv.stride == (1, 1)
    assert network.bb_3_0.conv0._conv.stride == (2, 1)


def test_lcnet_fuses_and_always_activates() -> None:
    torch.manual_seed(0)
    network = PPLCNetV3(IMAGES, 0.25).train()
    network(torch.randn(4, 3, 48, 64))
    network.eval().double()
    assert all(module.activated for module in network.modules() if hasattr(module, "activated"))
    images = torch.randn(1, 3, 48, 90, dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(fused_copy(network)(images), network(images))


def test_settings_of_lcnets_parameters() -> None:
    network = PPLCNetV3(IMAGES, 0.25, lr_mult_list=[1.0, 1.0, 1.0, 1.0, 1.0, 0.5])
    block = network.blocks6[0]
    assert block.own_param_attrs()["se.conv1.weight"] == ParamAttr(lr_mult=0.5)
    assert block.dw_conv.lab.own_param_attrs()["scale"] == ParamAttr(lr_mult=0.05)


def test_the_recogniser_of_ocrs_models() -> None:
    """Its steps, and the names of its weights behind the parts' own."""
    backbone = CRNN(FeatureSpec(1))
    neck = SequenceEncoder(backbone.out_spec, "gru", hidden_size=256)
    with torch.inference_mode():
        assert neck(backbone(torch.randn(2, 1, 64, 256))).shape == (2, 65, 512)
    state = backbone.state_dict()
    assert [name for name in state if name.endswith("running_var")] == [f"conv.{n}.running_var" for n in (4, 10, 16, 20)]
    assert state["conv.19.weight"].shape == (128, 128, 2, 2)
    assert "conv.7.bias" in state
    assert "conv.9.bias" not in state
    with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
        assert neck(backbone(torch.randn(1, 1, 64, 64))).dtype == torch.float32


def test_the_tasks_classes_are_found_by_the_recipes_names() -> None:
    load_components()
    for name, cls in (("MobileNetV3", MobileNetV3), ("ResNet", ResNet), ("PPLCNetV3", PPLCNetV3), ("RepSVTR", RepSVTR)):
        assert BACKBONES.get(name, "rec") is cls
    for name, cls in (("PPLCNetV4", PPLCNetV4), ("PPHGNet_small", PPHGNetSmallRec), ("PPHGNetV2_B4", PPHGNetV2B4Rec)):
        assert BACKBONES.get(name, "rec") is cls
    assert BACKBONES.get("MobileNetV3", "cls") is MobileNetV3
    assert BACKBONES.get("PPLCNetV3", "det") is DetPPLCNetV3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MobileNetV3(IMAGES, "medium"), "model_name must be one of large, small, got 'medium'"),
        (lambda: MobileNetV3(IMAGES, scale=0.6), r"scale must be one of 0.35, .*, got 0.6"),
        (lambda: MobileNetV3(IMAGES, small_stride=[1, 2, 2]), "small_stride takes four whole numbers"),
        (lambda: MobileNetV3(IMAGES, "large", large_stride=[1, 2, 0, 2]), "large_stride takes four whole numbers"),
        (lambda: MobileNetV3(IMAGES, large_stride=[1, 2, 2, 2]), "large_stride .* is of no use: model_name is small"),
        (lambda: ResNet(IMAGES, 20), "layers must be one of 18, 34, 50, 101, 152, 200, got 20"),
        (lambda: PPLCNetV3(IMAGES, det=True), "set det: False"),
        (lambda: PPLCNetV3(IMAGES, scale=0), "scale must be above 0"),
        (lambda: PPLCNetV3(IMAGES, lr_mult_list=[1.0]), "lr_mult_list takes 6"),
        (lambda: PPLCNetV4(IMAGES, det=True), "set det: False"),
        (lambda: PPLCNetV4(IMAGES, model_size="huge"), "model_size must be one of tiny, small, medium, got 'huge'"),
        (lambda: PPLCNetV4(IMAGES, lr_mult_list=[1.0]), "lr_mult_list takes 6"),
        (lambda: PPHGNetSmallRec(IMAGES, det=True), "set det: False"),
        (lambda: PPHGNetV2B4Rec(IMAGES, det=True), "set det: False"),
        (lambda: PPHGNetV2B4Rec(IMAGES, lr_mult_list=[-1.0] * 5), "lr_mult_list takes 5"),
    ],
)
def test_what_makes_no_network_is_refused(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
