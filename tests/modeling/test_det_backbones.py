"""Detection backbones: what they give out, what they refuse, settings of parameters, no parameter that no loss reaches."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from ppocr_like.components import load_components
from ppocr_like.contracts import FeatureSpec, ParamAttr
from ppocr_like.modeling.backbones.mobilenet_v3 import MobileNetV3
from ppocr_like.modeling.backbones.pphgnet import PPHGNetSmall
from ppocr_like.modeling.backbones.pphgnet_v2 import PPHGNetV2B4
from ppocr_like.modeling.backbones.pplcnet_v3 import PPLCNetV3
from ppocr_like.modeling.backbones.pplcnet_v4 import PPLCNetV4
from ppocr_like.modeling.backbones.rep_svtr import RepSVTRDet
from ppocr_like.modeling.backbones.resnet import ResNet, ResNetVd
from ppocr_like.modeling.squeeze_excite import TORCH_SLOPE, SEModule
from ppocr_like.registry import BACKBONES

IMAGES = FeatureSpec(3)
GATES = ("_se.", ".se.", "token_mixer.1.fc")

NETWORKS: dict[str, tuple[Callable[[], Any], list[int]]] = {
    "large": (lambda: MobileNetV3(IMAGES, scale=0.5), [16, 24, 56, 480]),
    "large x1.25": (lambda: MobileNetV3(IMAGES, scale=1.25), [32, 48, 144, 1200]),
    "small": (lambda: MobileNetV3(IMAGES, "small", 0.35), [8, 8, 16, 200]),
    "no squeeze-excite": (lambda: MobileNetV3(IMAGES, disable_se=True), [16, 24, 56, 480]),
    "vd 18": (lambda: ResNetVd(IMAGES, 18), [64, 128, 256, 512]),
    "vd 50": (lambda: ResNetVd(IMAGES), [256, 512, 1024, 2048]),
    "vd, three maps": (lambda: ResNetVd(IMAGES, 18, out_indices=[1, 2, 3]), [128, 256, 512]),
    "vd 50, deformable": (lambda: ResNetVd(IMAGES, dcn_stage=[False, False, False, True]), [256, 512, 1024, 2048]),
    "classic 50, deformable": (lambda: ResNet(IMAGES, dcn_stage=[False, True, False, True]), [256, 512, 1024, 2048]),
    "classic 34": (lambda: ResNet(IMAGES, 34), [64, 128, 256, 512]),
    "classic 50, two maps": (lambda: ResNet(IMAGES, out_indices=[0, 2]), [256, 1024]),
    "lcnet": (lambda: PPLCNetV3(IMAGES, 0.75, det=True), [12, 18, 42, 360]),
    "lcnet 4": (lambda: PPLCNetV4(IMAGES, det=True, model_size="tiny"), [32, 48, 64, 160]),
    "hgnet": (lambda: PPHGNetSmall(IMAGES, det=True), [256, 512, 768, 1024]),
    "hgnet, two maps": (lambda: PPHGNetSmall(IMAGES, det=True, out_indices=[0, 1]), [256, 512]),
    "hgnet 2": (lambda: PPHGNetV2B4(IMAGES, det=True), [128, 512, 1024, 2048]),
    "hgnet 2, two maps": (lambda: PPHGNetV2B4(IMAGES, det=True, out_indices=[0, 2]), [128, 1024]),
    "repvit": (lambda: RepSVTRDet(IMAGES), [48, 96, 192, 384]),
    "repvit, two maps": (lambda: RepSVTRDet(IMAGES, out_indices=[1, 6]), [48, 192]),
    "lcnet, narrow": (lambda: PPLCNetV3(IMAGES, 0.25, conv_kxk_num=1, det=True), [4, 6, 14, 120]),
}


def started(network: nn.Module) -> nn.Module:
    """The network with no batch norm at zero, behind which nothing would learn in the first step."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d) and not module.weight.any():
                module.weight.fill_(0.5)
    return network


each_network = pytest.mark.parametrize(("make", "channels"), NETWORKS.values(), ids=NETWORKS)


@each_network
def test_maps_meet_the_spec_at_any_size(make: Callable[[], Any], channels: list[int]) -> None:
    network = make().eval()
    assert [spec.channels for spec in network.out_spec] == channels
    with torch.inference_mode():
        maps = network(torch.randn(1, 3, 70, 101))
    for found, spec in zip(maps, network.out_spec, strict=True):
        assert list(found.shape) == [1, spec.channels, math.ceil(70 / spec.stride[0]), math.ceil(101 / spec.stride[1])]


@each_network
def test_every_parameter_gets_a_gradient(make: Callable[[], Any], channels: list[int]) -> None:
    torch.manual_seed(0)
    network = started(make()).train()
    sum((found * torch.randn_like(found)).sum() for found in network(torch.randn(2, 3, 64, 64))).backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not bool((p.grad != 0).any())]
    # A batch norm cancels the bias and the sign that come before it: only scales of squeeze-excite may stay without.
    assert [name for name in without if not any(gate in name for gate in GATES)] == []
    assert all(p.grad is not None for p in network.parameters())


@pytest.mark.parametrize("layers", [18, 34, 50, 101, 152, 200])
def test_resnet_vd_has_as_many_convolutions_as_its_name_says(layers: int) -> None:
    with torch.device("meta"):
        network = ResNetVd(IMAGES, layers)
    main = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d) and ".short." not in name]
    assert len(main) == layers - 2 + 3  # the name counts one convolution at the start and a linear layer; vd starts with three


def test_names_of_the_classic_resnet() -> None:
    with torch.device("meta"):
        deep, shallow = ResNet(IMAGES, 101), ResNet(IMAGES, 34)
    assert "res4b22.conv2._batch_norm.running_mean" in deep.state_dict()
    assert {"res4f.conv1._conv.weight", "res2a.short._conv.weight"} <= set(shallow.state_dict())
    assert deep.res3a.short._conv.stride == (2, 2)
    assert not deep.res3a.short.pool


def test_the_tasks_classes_are_found_by_the_recipes_names() -> None:
    load_components()
    for name, cls in (("MobileNetV3", MobileNetV3), ("ResNet_vd", ResNetVd), ("ResNet", ResNet), ("PPLCNetV3", PPLCNetV3)):
        assert BACKBONES.get(name, "det") is cls
    new = {"PPLCNetV4": PPLCNetV4, "PPHGNet_small": PPHGNetSmall, "PPHGNetV2_B4": PPHGNetV2B4, "RepSVTR_det": RepSVTRDet}
    for name, cls in new.items():
        assert BACKBONES.get(name, "det") is cls


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MobileNetV3(IMAGES, "medium"), "model_name must be one of large, small, got 'medium'"),
        (lambda: MobileNetV3(IMAGES, scale=0.6), r"scale must be one of 0.35, .*, got 0.6"),
        (lambda: ResNetVd(IMAGES, 20), "layers must be one of 18, 34, 50, 101, 152, 200, got 20"),
        (lambda: ResNet(IMAGES, 200), "got 200"),
        (
            lambda: ResNetVd(IMAGES, 34, dcn_stage=[False, True, True, True]),
            "only networks of 50 layers and more have; layers is 34",
        ),
        (lambda: ResNet(IMAGES, dcn_stage=[False]), "dcn_stage takes 4"),
        (lambda: ResNet(IMAGES, out_indices=[4]), "out_indices takes rising numbers"),
        (lambda: ResNet(IMAGES, out_indices=[]), "out_indices takes rising numbers"),
        (lambda: PPLCNetV3(IMAGES), "det: True"),
        (lambda: PPLCNetV3(IMAGES, 0.01, det=True), "scale 0.01 leaves no channels"),
        (lambda: PPLCNetV3(IMAGES, conv_kxk_num=0, det=True), "conv_kxk_num must be at least 1"),
        (lambda: PPLCNetV3(IMAGES, lr_mult_list=[1.0], det=True), "lr_mult_list takes 6"),
        (lambda: PPLCNetV3(IMAGES, lab_lr=-0.1, det=True), "lab_lr"),
        (lambda: PPLCNetV4(IMAGES), "det: True"),
        (lambda: PPLCNetV4(IMAGES, True, "large"), "model_size must be one of tiny, small, medium, got 'large'"),
        (lambda: PPHGNetSmall(IMAGES), "det: True"),
        (lambda: PPHGNetSmall(IMAGES, True, out_indices=[1, 0]), "out_indices takes rising numbers"),
        (lambda: PPHGNetV2B4(IMAGES), "det: True"),
        (lambda: PPHGNetV2B4(IMAGES, True, lr_mult_list=[1.0]), "lr_mult_list takes 5"),
        (lambda: RepSVTRDet(IMAGES, [2, 14]), "out_indices takes rising numbers from 0 to 13"),
    ],
)
def test_what_makes_no_network_is_refused(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_deformable_convolutions_by_their_names() -> None:
    assert isinstance(ResNetVd(IMAGES, 18, dcn_stage=[False] * 4), nn.Module)
    with torch.device("meta"):
        classic, vd = (make(IMAGES, dcn_stage=[False, True, True, True]) for make in (ResNet, ResNetVd))
    assert classic.state_dict()["res3a.conv1._conv.conv_offset.weight"].shape == (27, 128, 3, 3)
    assert vd.state_dict()["bb_3_2.conv1._conv.conv_offset.bias"].shape == (54,)
    assert vd.state_dict()["bb_3_2.conv1._conv.conv_dcn.weight"].shape == (512, 512, 3, 3)
    assert classic.res3a.conv1._conv.conv_dcn.stride == (2, 2)
    assert sum(name.endswith("conv_dcn.weight") for name in classic.state_dict()) == 4 + 6 + 3


def own(network: nn.Module) -> dict[str, ParamAttr]:
    found: dict[str, ParamAttr] = {}
    for path, module in network.named_modules():
        if callable(settings := getattr(module, "own_param_attrs", None)):
            found.update({f"{path}.{name}".lstrip("."): value for name, value in settings().items()})
    return found


def test_settings_of_pplcnets_parameters() -> None:
    network = PPLCNetV3(IMAGES, 0.5, lr_mult_list=[1.0, 1.0, 1.0, 1.0, 1.0, 0.5], lab_lr=0.1, det=True)
    names, attrs = dict(network.named_parameters()), own(network)
    assert set(attrs) <= set(names)
    assert attrs["conv1.bn.weight"] == ParamAttr(l2=0.0)
    assert "conv1.conv.weight" not in attrs
    assert attrs["blocks2.0.dw_conv.lab.scale"] == attrs["blocks2.0.dw_conv.act.lab.bias"] == ParamAttr(lr_mult=0.1)
    assert "blocks2.0.dw_conv.identity.weight" not in attrs
    assert attrs["blocks6.1.dw_conv.identity.weight"] == attrs["blocks6.1.se.conv1.bias"] == ParamAttr(lr_mult=0.5)
    assert attrs["blocks6.1.pw_conv.conv_kxk.3.bn.bias"] == ParamAttr(lr_mult=0.5, l2=0.0)
    assert attrs["blocks6.1.pw_conv.act.lab.scale"] == ParamAttr(lr_mult=0.05)
    # The activation is left out behind a stride: its numbers stand in the state, and nothing trains them.
    assert "blocks3.0.dw_conv.act.lab.scale" not in names
    assert "blocks3.0.dw_conv.act.lab.scale" in network.state_dict()


def test_the_two_slopes_of_the_gate() -> None:
    module = SEModule(8)
    with torch.no_grad():
        for p in module.parameters():
            p.zero_()
        module.conv2.bias.copy_(torch.tensor([-9.0, -2.5, -1.0, 0.0, 1.0, 2.5, 3.0, 9.0]))
        gate = module.gate(torch.ones(1, 8, 2, 2)).flatten()
        torch.testing.assert_close(gate, torch.tensor([0.0, 0.0, 0.3, 0.5, 0.7, 1.0, 1.0, 1.0]))
        module.slope = TORCH_SLOPE
        gate = module.gate(torch.ones(1, 8, 2, 2)).flatten()
        torch.testing.assert_close(gate[[2, 4, 5]], torch.tensor([1 / 3, 2 / 3, 0.5 + 2.5 / 6]))
