"""PFHeadLocal: its maps, and what runs in evaluation."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.losses.db_loss import DBLoss
from ppocr_like.modeling.heads.pf_head_local import PFHeadLocal

SPEC = FeatureSpec(32, (4, 4))


def features() -> torch.Tensor:
    return torch.randn(2, 32, 6, 8, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("mode", ["large", "small"])
def test_its_maps(mode: str) -> None:
    torch.manual_seed(0)
    head = PFHeadLocal(SPEC, mode=mode)
    outputs = head(features())
    maps = outputs["maps"]
    assert maps.shape == (2, 3, 24, 32)
    assert torch.equal(outputs["distance_maps"], maps[:, :1]) and torch.equal(outputs["cbn_maps"], maps[:, 2:])
    base = head.binarize(features()).sigmoid()
    assert torch.allclose(maps[:, 2:], torch.sigmoid(50 * (base - maps[:, 1:2])), atol=1e-4)
    assert head.cbn_layer.last_3.conv.weight.shape == (8 if mode == "large" else 4, 9, 3, 3)

    batch = {name: torch.rand(2, 24, 32).round() for name in DBLoss.needs}
    losses = DBLoss()(outputs, batch)
    losses["loss"].backward()
    assert losses["loss_cbn"] > 0
    assert all(parameter.grad is not None for parameter in head.parameters())


def test_evaluation_is_the_mean_of_two_and_runs_no_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    head = PFHeadLocal(SPEC).eval()
    monkeypatch.setattr(head.thresh, "forward", None)
    outputs = head(features())
    inner = head.binarize.features(features())
    base = head.binarize.conv3(inner).sigmoid()
    joined = torch.cat((base, F.interpolate(inner, scale_factor=2)), 1)
    refined = head.cbn_layer.last_1(head.cbn_layer.last_3(joined)).sigmoid()
    assert set(outputs) == {"maps"} and outputs["maps"].shape == (2, 1, 24, 32)
    assert torch.allclose(outputs["maps"], (base + refined) / 2, atol=1e-6)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="large or small"):
        PFHeadLocal(SPEC, mode="lite")
    with pytest.raises(ValueError, match="transposed kernels of 2"):
        PFHeadLocal(SPEC, kernel_list=[3, 3, 2])
    with pytest.raises(ValueError, match="at least 8 channels"):
        PFHeadLocal(FeatureSpec(4))
