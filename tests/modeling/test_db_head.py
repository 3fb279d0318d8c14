"""DBHead: its maps, what runs in evaluation, its layers against torch's plain ones."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.heads.db_head import Branch, DBHead

SPEC = FeatureSpec(24, (4, 4))


def features(samples: int = 2) -> torch.Tensor:
    return torch.randn(samples, 24, 8, 12, generator=torch.Generator().manual_seed(2))


def plain(branch: Branch, x: torch.Tensor) -> torch.Tensor:
    """The branch written as its definition; no running statistics are touched."""
    for conv, norm in ((branch.conv1, branch.conv_bn1), (branch.conv2, branch.conv_bn2)):
        x = F.relu(F.batch_norm(conv(x), None, None, norm.weight, norm.bias, True, 0.1, 1e-5))
    return branch.conv3(x).sigmoid()


def test_three_maps_in_training() -> None:
    head = DBHead(SPEC)
    maps = head(features())["maps"]
    assert maps.shape == (2, 3, 32, 48)
    shrink, threshold = plain(head.binarize, features()), plain(head.thresh, features())
    assert torch.allclose(maps[:, :1], shrink, atol=1e-6) and torch.allclose(maps[:, 1:2], threshold, atol=1e-6)
    binary = 1 / (1 + torch.exp(-50 * (shrink - threshold)))
    assert torch.allclose(maps[:, 2:], binary, atol=1e-4)
    maps.sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in head.parameters())


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_gradients_are_those_of_two_branches_by_themselves(layout: torch.memory_format) -> None:
    head = DBHead(SPEC, kernel_list=[5, 2, 2]).double()
    inputs = [features().double().contiguous(memory_format=layout).requires_grad_() for _ in range(2)]
    maps = head(inputs[0])["maps"][:, :2]
    apart = torch.cat((head.binarize(inputs[1]), head.thresh(inputs[1])), dim=1).float().sigmoid()
    torch.testing.assert_close(maps, apart, rtol=0, atol=1e-6)
    grad = torch.randn_like(maps)
    got = torch.autograd.grad(maps, (inputs[0], *head.parameters()), grad)
    want = torch.autograd.grad(apart, (inputs[1], *head.parameters()), grad)
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_evaluation_runs_the_probability_branch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    head = DBHead(SPEC).eval()

    def refuse(*_: object) -> None:
        raise AssertionError("the threshold branch ran")

    monkeypatch.setattr(head.thresh, "forward", refuse)
    maps = head(features())["maps"]
    assert maps.shape == (2, 1, 32, 48) and maps.min() >= 0 and maps.max() <= 1
    assert torch.allclose(maps, torch.sigmoid(head.binarize(features())))


def test_float32_maps_under_autocast() -> None:
    head = DBHead(SPEC)
    with torch.autocast("cpu", torch.bfloat16):
        assert head(features())["maps"].dtype == torch.float32
        assert head.eval()(features())["maps"].dtype == torch.float32


def test_other_kernels_and_names() -> None:
    head = DBHead(SPEC, kernel_list=[7, 3, 2])
    assert head(features())["maps"].shape == (2, 3, 34, 50)  # as transposed convolutions without padding give
    assert {name.split(".")[1] for name, _ in head.binarize.named_parameters(prefix="x")} == {
        "conv1", "conv_bn1", "conv2", "conv_bn2", "conv3"
    }  # fmt: skip
    assert head.binarize.conv_bn1.bias.tolist() == pytest.approx([1e-4] * 6)


def test_fix_nan_keeps_the_rest_of_the_batch_alive() -> None:
    head = DBHead(SPEC, fix_nan=True)
    x = features()
    x[0, 0, 0, 0] = float("nan")
    maps = head(x)["maps"]
    assert maps.isfinite().all()
    assert not DBHead(SPEC)(x)["maps"].isfinite().all()


def test_auxiliary_branches() -> None:
    head = DBHead(SPEC, aux_in_channels=16)
    levels = {"aux_p4": torch.randn(2, 16, 2, 3), "aux_p3": torch.randn(2, 16, 4, 6), "aux_p2": torch.randn(2, 16, 8, 12)}
    outputs = head({"fuse": features(), **levels})
    assert {name: tuple(value.shape) for name, value in outputs.items()} == dict.fromkeys(
        ("maps", "aux_maps_p4", "aux_maps_p3", "aux_maps_p2"), (2, 3, 32, 48)
    )
    assert set(head(features())) == {"maps"}
    assert set(head.eval()({"fuse": features()})) == {"maps"}


def test_refusals() -> None:
    with pytest.raises(ValueError, match="kernel_list"):
        DBHead(SPEC, kernel_list=[3, 2])
    with pytest.raises(ValueError, match="name a Neck"):
        DBHead([SPEC, SPEC])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 4 channels"):
        DBHead(FeatureSpec(3))
