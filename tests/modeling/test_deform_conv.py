"""Deformable convolution: against a plain one, against torch's own sampling, its gradients, pieces, export."""

from __future__ import annotations

import io

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional as F

from ppocr_like.modeling import deform_conv
from ppocr_like.modeling.deform_conv import DeformConv2d, ModulatedDeformConv2d

Given = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def given(groups: int, stride: tuple[int, int], spread: float = 2.0, size: tuple[int, int] = (6, 7)) -> Given:
    """x, offsets and masks; many places lie between pixels, some out of the map."""
    torch.manual_seed(0)
    height, width = ((s - 1) // step + 1 for s, step in zip(size, stride, strict=True))
    x = torch.randn(2, 4, *size, dtype=torch.double)
    offset = spread * torch.randn(2, 18 * groups, height, width, dtype=torch.double)
    mask = torch.rand(2, 9 * groups, height, width, dtype=torch.double)
    return x.requires_grad_(), offset.requires_grad_(), mask.requires_grad_()


FORMS = pytest.mark.parametrize(("groups", "stride"), [(1, (1, 1)), (1, (2, 2)), (2, (2, 1))])


@FORMS
def test_without_offsets_it_is_a_plain_convolution(groups: int, stride: tuple[int, int]) -> None:
    x, offset, mask = given(groups, stride)
    layer = DeformConv2d(4, 5, 3, stride, groups).double()
    found = layer(x, torch.zeros_like(offset), torch.ones_like(mask))
    torch.testing.assert_close(found, F.conv2d(x, layer.weight, None, stride, 1))


def test_a_whole_offset_reads_the_pixel_there_and_zero_outside() -> None:
    layer = DeformConv2d(1, 1, 1, (1, 1))
    torch.nn.init.ones_(layer.weight)
    x = torch.arange(1.0, 7.0).reshape(1, 1, 2, 3)
    offset, mask = torch.zeros(1, 2, 2, 3), torch.full((1, 1, 2, 3), 0.5)
    offset[0, 0] = 1.0  # one row down
    offset[0, 1] = -0.5  # half a column to the left
    want = torch.tensor([[2.0, 4.5, 5.5], [0.0, 0.0, 0.0]]) / 2
    torch.testing.assert_close(layer(x, offset, mask)[0, 0], want)


@FORMS
def test_gradients_are_exact(groups: int, stride: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deform_conv, "PIECE", 36 * 10)  # ten output pixels at a time
    layer, inputs = DeformConv2d(4, 3, 3, stride, groups).double(), given(groups, stride)

    def run(x: torch.Tensor, offset: torch.Tensor, mask: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, {"weight": weight}, (x, offset, mask))

    assert torch.autograd.gradcheck(run, (*inputs, layer.weight), fast_mode=True)


@FORMS
def test_equals_torchs_own_sampling(groups: int, stride: tuple[int, int]) -> None:
    layer, inputs = DeformConv2d(4, 3, 3, stride, groups).double(), given(groups, stride, spread=5.0)
    want, found = layer._by_sampling(*inputs), layer(*inputs)
    torch.testing.assert_close(found, want)
    weights = torch.randn_like(want)
    variables = (*inputs, layer.weight)
    expected = torch.autograd.grad((want * weights).sum(), variables)
    for got, reference in zip(torch.autograd.grad((found * weights).sum(), variables), expected, strict=True):
        torch.testing.assert_close(got, reference)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e30])
def test_a_wild_offset_spoils_no_memory(bad: float) -> None:
    x, offset, mask = (tensor.detach().float() for tensor in given(1, (1, 1)))
    offset[0, 0, 2, 3] = bad
    layer = DeformConv2d(4, 3, 3, (1, 1))
    found, calm = layer(x, offset, mask), layer(x, offset.nan_to_num(100.0, 100.0).clamp(-100, 100), mask)
    assert torch.equal(found[1], calm[1])
    if np.isfinite(bad):
        torch.testing.assert_close(found, calm)


def test_at_first_half_a_plain_convolution_in_any_precision() -> None:
    torch.manual_seed(0)
    layer, x = ModulatedDeformConv2d(8, 6, 3, (2, 2)), torch.randn(1, 8, 9, 11)
    want = 0.5 * F.conv2d(x, layer.conv_dcn.weight, None, 2, 1)
    torch.testing.assert_close(layer(x), want)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x.bfloat16())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, want, rtol=0.02, atol=0.02)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_export_at_any_size() -> None:
    torch.manual_seed(0)
    layer = ModulatedDeformConv2d(4, 5, 3, (2, 2), groups=2).eval()
    torch.nn.init.normal_(layer.conv_offset.weight, 0.0, 0.3)
    file = io.BytesIO()
    free = {0: "batch", 2: "height", 3: "width"}
    with torch.inference_mode():
        torch.onnx.export(
            layer, (torch.randn(2, 4, 9, 14),), file, dynamo=False, opset_version=17,
            input_names=["x"], output_names=["y"], dynamic_axes={"x": free, "y": free},
        )  # fmt: skip
        session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
        for size in ((1, 4, 9, 14), (3, 4, 20, 7), (1, 4, 1, 1)):
            x = torch.randn(*size)
            torch.testing.assert_close(torch.from_numpy(session.run(None, {"x": x.numpy()})[0]), layer(x), rtol=1e-4, atol=1e-5)
