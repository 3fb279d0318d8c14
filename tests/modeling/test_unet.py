"""The U-Net: sizes, what it sees, that it learns a page's words."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.losses.balanced_cross_entropy import BalancedCrossEntropyLoss
from ppocr_like.modeling.backbones.unet import UNet
from ppocr_like.modeling.heads.unet_head import UNetHead
from ppocr_like.modeling.model import OcrModel
from ppocr_like.transforms.make_mask_map import MakeMaskMap


def network(channels: tuple[int, ...] = (8, 16, 32)) -> OcrModel:
    torch.manual_seed(0)
    backbone = UNet(FeatureSpec(1), channels)
    return OcrModel(None, backbone, None, UNetHead(backbone.out_spec))


@pytest.mark.parametrize("size", [(64, 64), (100, 75), (65, 127)])
def test_a_probability_for_every_pixel_of_any_size(size: tuple[int, int]) -> None:
    backbone = UNet(FeatureSpec(1))
    model = OcrModel(None, backbone, None, UNetHead(backbone.out_spec))
    for training in (True, False):
        maps = model.train(training)(torch.rand(2, 1, *size) - 0.5)["maps"]
        assert maps.shape == (2, 1, *size) and maps.dtype == torch.float32
        assert maps.min() >= 0 and maps.max() <= 1


def test_as_large_as_ocrs_models_detector() -> None:
    backbone = UNet(FeatureSpec(1))
    convs = [m for m in backbone.modules() if isinstance(m, nn.Conv2d)]
    assert len(convs) == 2 * 2 * (1 + 6 + 6)  # depthwise and pointwise, twice in each of 13 blocks
    by_level = [8, 16, 32, 32, 64, 128, 256]
    pairs = [(1, 8), *itertools.pairwise(by_level), *((2 * fine, fine) for fine in by_level[:-1])]
    blocks = sum(9 * i + i * o + 2 * o + 9 * o + o * o + 2 * o for i, o in pairs)
    enlarging = sum(9 * coarse * fine + fine for fine, coarse in itertools.pairwise(by_level))
    head = UNetHead(backbone.out_spec)
    assert sum(p.numel() for p in backbone.parameters()) == blocks + enlarging
    assert sum(p.numel() for p in head.parameters()) == 8 + 1
    assert head.onnx_names == ("image", "mask")


def test_it_learns_where_the_words_are() -> None:
    page = np.full((64, 96, 1), 230, np.uint8)
    boxes = [(6, 8, 50, 22), (60, 10, 90, 24), (10, 36, 84, 50)]
    for left, top, right, bottom in boxes:
        page[top:bottom, left:right:3] = 20
    polys = np.array([[[a, b], [c, b], [c, d], [a, d]] for a, b, c, d in boxes], np.float32)
    sample = {"image": page, "polys": polys, "ignore_tags": np.zeros(3, bool)}
    sample = MakeMaskMap(2.0)(sample, np.random.default_rng(0))
    batch = {name: torch.from_numpy(sample[name])[None] for name in BalancedCrossEntropyLoss.needs}
    image = torch.from_numpy(page.transpose(2, 0, 1).astype(np.float32))[None] / 255 - 0.5
    model, loss = network(), BalancedCrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(50):
        optimizer.zero_grad()
        loss(model(image), batch)["loss"].backward()
        optimizer.step()
    found, text = model(image)["maps"][0, 0] > 0.5, batch["shrink_map"][0] > 0.5
    assert (found & text).sum() / (found | text).sum() > 0.8


def test_refusals() -> None:
    with pytest.raises(ValueError, match="two levels"):
        UNet(FeatureSpec(1), [8])
    with pytest.raises(ValueError, match="stride"):
        UNetHead(FeatureSpec(8, (4, 4)))
    with pytest.raises(ValueError, match="several"):
        UNetHead([FeatureSpec(8)] * 4)  # type: ignore[arg-type]
