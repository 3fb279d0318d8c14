"""Networks whose training form is fused for export compute the same afterwards."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones.mobilenet_v3 import MobileNetV3
from ppocr_like.modeling.backbones.pplcnet_v3 import LearnableRep, PPLCNetV3
from ppocr_like.modeling.fuse import batch_norm_kernel, fused_copy
from ppocr_like.modeling.layers import BatchNorm2d


def lived_in(network: nn.Module) -> nn.Module:
    """Weights, statistics and affine numbers as after training, none of them at its initial value."""
    torch.manual_seed(0)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.3)
                module.running_mean.normal_(0, 0.3)
                module.running_var.uniform_(0.5, 2)
        for name, value in [*network.named_parameters(), *network.named_buffers()]:
            if name.endswith("lab.scale"):
                value.uniform_(0.6, 0.9)
            elif name.endswith("lab.bias"):
                value.normal_(0, 0.1)
    return network.eval()


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("depthwise", [True, False])
def test_one_layer_gives_the_same_with_one_convolution(kernel: int, stride: int, depthwise: bool) -> None:
    layer = lived_in(LearnableRep(6, 6, kernel, stride, depthwise, branches=3, lr_mult=1.0, lab_lr=0.1)).double()
    fused = fused_copy(layer)
    x = torch.randn(2, 6, 9, 11, dtype=torch.double)
    with torch.inference_mode():
        torch.testing.assert_close(fused(x), layer(x), rtol=1e-12, atol=1e-12)
    assert sum(isinstance(module, nn.Conv2d) for module in fused.modules()) == 1
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
    assert layer.fused is None
    assert len(layer.conv_kxk) == 3
    fused.fuse()
    assert sum(isinstance(module, nn.Conv2d) for module in fused.modules()) == 1


def test_a_whole_network_in_float32() -> None:
    torch.manual_seed(1)
    network = lived_in(PPLCNetV3(FeatureSpec(3), 0.75, det=True))
    images = torch.randn(2, 3, 96, 64)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        network.train()(images)  # statistics that keep the numbers within bounds
    network.eval()
    fused = fused_copy(network)
    precise = copy.deepcopy(network).double()
    with torch.inference_mode():
        for got, want, exact in zip(fused(images), network(images), precise(images.double()), strict=True):
            rounding = (want - exact).abs().max() / exact.abs().max()
            assert rounding <= 1e-4
            assert (got - exact).abs().max() / exact.abs().max() <= max(1e-5, 2 * rounding)
    assert sum(p.numel() for p in fused.parameters()) < sum(p.numel() for p in network.parameters()) / 3


def test_networks_without_anything_to_fuse_are_copied() -> None:
    network = MobileNetV3(FeatureSpec(3)).train()
    fused = fused_copy(network)
    assert not fused.training
    assert network.training
    assert all(torch.equal(a, b) for a, b in zip(fused.state_dict().values(), network.state_dict().values(), strict=True))
    assert next(fused.parameters()) is not next(network.parameters())


def test_kernel_of_a_convolution_with_its_batch_norm() -> None:
    conv = nn.Conv2d(4, 5, 3, bias=False).double()
    norm = lived_in(BatchNorm2d(5)).double()
    weight, bias = batch_norm_kernel(conv.weight, norm)
    x = torch.randn(2, 4, 6, 6, dtype=torch.double)
    torch.testing.assert_close(nn.functional.conv2d(x, weight, bias), norm(conv(x)))
