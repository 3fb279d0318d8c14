"""Whole networks give the same with plain convolutions, after steps that moved weights and running statistics."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones.pphgnet_v2 import PPHGNetV2B4Rec
from ppocr_like.modeling.backbones.pplcnet_v4 import PPLCNetV4
from ppocr_like.modeling.backbones.pplcnet_v4_rec import PPLCNetV4 as PPLCNetV4Rec
from ppocr_like.modeling.backbones.rep_svtr import RepSVTR
from ppocr_like.modeling.fuse import fused_copy
from ppocr_like.modeling.necks.rep_lk_fpn import RepLKFPN

IMAGES = FeatureSpec(3)


class Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = PPLCNetV4(IMAGES, True, "tiny")
        self.neck = RepLKFPN(self.backbone.out_spec, 32)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found = self.neck(self.backbone(images))
        return found["fuse"] if self.training else found


NETWORKS: dict[str, Callable[[], Any]] = {
    "lcnet 4 with large kernels": Detector,
    "lcnet 4, lines": lambda: PPLCNetV4Rec(IMAGES),
    "hgnet 2": lambda: PPHGNetV2B4Rec(IMAGES, text_rec=True),
    "repvit": lambda: RepSVTR(IMAGES),
}


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_plain_convolutions_give_the_same_after_training(make: Callable[[], Any]) -> None:
    torch.manual_seed(0)
    network = make().train()
    optimizer = torch.optim.SGD(network.parameters(), 0.01)
    size = (64, 64) if isinstance(network, Detector) else (48, 64)
    for _ in range(3):
        found = network(torch.randn(2, 3, *size))
        (found - torch.randn_like(found)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    network.eval()
    fused, precise = fused_copy(network), copy.deepcopy(network).double()
    images = torch.randn(1, 3, size[0], 96)
    with torch.inference_mode():
        exact, before, after = precise(images.double()), network(images), fused(images)
        torch.testing.assert_close(fused_copy(precise)(images.double()), exact, rtol=1e-9, atol=1e-9 * float(exact.abs().max()))
    scale = exact.abs().max()
    assert (after - before).abs().max() / scale <= 1e-5
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
    assert sum(p.numel() for p in fused.parameters()) < sum(p.numel() for p in network.parameters())
    graph = exported(fused, size)
    assert "Pad" not in graph[1]
    for shape in ((1, 3, size[0], 96), (3, 3, size[0], 160)):
        images = torch.randn(shape)
        found = graph[0].run(None, {"x": images.numpy()})[0]
        with torch.inference_mode():
            torch.testing.assert_close(torch.from_numpy(found), fused(images), rtol=1e-4, atol=1e-5 * float(scale))


def exported(network: nn.Module, size: tuple[int, int]) -> tuple[onnxruntime.InferenceSession, set[str]]:
    """The network as an ONNX graph whose batch and width are free, and the names of its operators."""
    file = io.BytesIO()
    with torch.inference_mode():
        torch.onnx.export(
            network, (torch.randn(2, 3, *size),), file, dynamo=False, opset_version=17,
            input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "batch", 3: "width"}},
        )  # fmt: skip
    names = {node.op_type for node in onnx.load_from_string(file.getvalue()).graph.node}
    return onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"]), names
