"""Detection necks: sizes, sums, parameter names, refusals. Equal outputs are held by tests/parity."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.fuse import fused_copy
from ppocr_like.modeling.necks.db_fpn import DBFPN
from ppocr_like.modeling.necks.intracl import IntraCLBlock
from ppocr_like.modeling.necks.lk_pan import LKPAN
from ppocr_like.modeling.necks.pyramid import same_size, top_down
from ppocr_like.modeling.necks.rep_lk_fpn import RepLKFPN
from ppocr_like.modeling.necks.rep_lk_pan import RepLKPAN
from ppocr_like.modeling.necks.rse_fpn import RSEFPN
from ppocr_like.modeling.squeeze_excite import SEModule

SPEC = [FeatureSpec(channels, (4 << i, 4 << i)) for i, channels in enumerate((16, 24, 56, 80))]


def features(samples: int = 2, height: int = 64, width: int = 96) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(samples, s.channels, height // s.stride[0], width // s.stride[1], generator=generator) for s in SPEC]


AUXILIARY = {"fuse": (2, 64, 16, 24), "aux_p4": (2, 64, 4, 6), "aux_p3": (2, 64, 8, 12), "aux_p2": (2, 64, 16, 24)}
NECKS = {
    "db": DBFPN(SPEC, 64),
    "asf": DBFPN(SPEC, 64, use_asf=True),
    "rse": RSEFPN(SPEC, 64),
    "rse intracl": RSEFPN(SPEC, 64, False, intracl=True),
    "lk": LKPAN(SPEC, 64),
    "lk lite intracl": LKPAN(SPEC, 64, "lite", True),
    "rep lk fpn": RepLKFPN(SPEC, 64, dilated_kernel_size=5),
    "rep lk fpn intracl": RepLKFPN(SPEC, 64, False, 9, intracl=True),
    "rep lk pan": RepLKPAN(SPEC, 64),
    "rep lk pan intracl": RepLKPAN(SPEC, 64, intracl=True),
}


@pytest.mark.parametrize("neck", NECKS.values(), ids=NECKS)
def test_one_map_at_a_quarter_of_the_image_that_sees_every_level(neck: nn.Module) -> None:
    levels = [level.requires_grad_() for level in features()]
    out = neck(levels)
    if isinstance(neck, RepLKFPN | RepLKPAN):
        assert {name: tuple(x.shape) for name, x in out.items()} == AUXILIARY
        out = out["fuse"]
    assert out.shape == (2, 64, 16, 24)
    assert neck.out_spec == FeatureSpec(64, (4, 4))
    out[:, :16].square().sum().backward(retain_graph=True)  # the first quarter of the channels: the coarsest level's
    assert levels[3].grad is not None and levels[3].grad.any()
    out.square().sum().backward()
    assert all(level.grad is not None and level.grad.any() for level in levels)
    assert all(parameter.grad is not None for parameter in neck.parameters())
    with torch.inference_mode():
        fused, same = fused_copy(neck)(levels), neck.eval()(levels)
    assert fused.shape == (2, 64, 16, 24)
    torch.testing.assert_close(fused, same, rtol=1e-5, atol=1e-5 * float(same.abs().max()))
    neck.train()


def test_the_way_down_and_the_common_size() -> None:
    levels = [torch.randn(1, 3, 16 >> i, 24 >> i) for i in range(4)]
    want = levels[3]
    sums = [want]
    for level in (levels[2], levels[1], levels[0]):
        want = level + F.interpolate(want, scale_factor=2, mode="nearest")
        sums.insert(0, want)
    assert all(torch.equal(got, reference) for got, reference in zip(top_down(levels), sums, strict=True))
    common = same_size(levels)
    assert [part.shape[2:] for part in common] == [(16, 24)] * 4
    assert torch.equal(common[0][0, 0, :8, :8], levels[3][0, 0, 0, 0].expand(8, 8))
    assert torch.equal(common[3], levels[0])


def test_squeeze_and_excite_has_the_slope_of_one_fifth() -> None:
    block = SEModule(8)
    nn.init.zeros_(block.conv2.weight)
    for bias, gate in ((0.0, 0.5), (1.0, 0.7), (2.5, 1.0), (4.0, 1.0), (-2.5, 0.0), (-3.0, 0.0)):
        nn.init.constant_(block.conv2.bias, bias)
        x = torch.randn(1, 8, 3, 3)
        assert torch.allclose(block(x), gate * x, atol=1e-6)


def test_intracl_adds_three_stages_of_three_kernels() -> None:
    block = IntraCLBlock(16, 2).eval()
    x = torch.randn(2, 16, 12, 20)
    y = block.conv1x1_reduce_channel(x)
    for size in (7, 5, 3):
        kinds = (f"c_layer_{size}x{size}", f"v_layer_{size}x1", f"q_layer_1x{size}")
        y = sum(block.get_submodule(kind)(y) for kind in kinds)
    want = x + F.relu(block.bn(block.conv1x1_return_channel(y)))
    assert torch.allclose(block(x), want, rtol=1e-5, atol=1e-5 * want.abs().max().item())


def test_refusals() -> None:
    with pytest.raises(ValueError, match="the backbone gives 3 with strides"):
        DBFPN(SPEC[:3], 64)
    with pytest.raises(ValueError, match="each half as large"):
        RSEFPN([*SPEC[:3], FeatureSpec(80, (16, 16))], 64)
    with pytest.raises(ValueError, match="made for detection"):
        DBFPN(FeatureSpec(512), 64)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="multiple of 4"):
        DBFPN(SPEC, 30)
    with pytest.raises(ValueError, match="at least 16"):
        RSEFPN(SPEC, 12)
    with pytest.raises(ValueError, match="at least 16"):
        RepLKFPN(SPEC, 12)
    with pytest.raises(ValueError, match="must be one of 5, 7, 9, 11, 13, got 3"):
        RepLKFPN(SPEC, 64, dilated_kernel_size=3)
    with pytest.raises(ValueError, match="one form, mode: large; got 'lite'"):
        RepLKPAN(SPEC, 64, "lite")


def test_lkpan_goes_down_by_sums_and_up_by_convolutions() -> None:
    neck = LKPAN(SPEC, 32).eval()
    levels = features()
    sums = top_down([conv(level) for conv, level in zip(neck.ins_conv, levels, strict=True)])
    p2, p3, p4, p5 = (conv(x) for conv, x in zip(neck.inp_conv, sums, strict=True))
    up3 = p3 + neck.pan_head_conv[0](p2)
    up4 = p4 + neck.pan_head_conv[1](up3)
    up5 = p5 + neck.pan_head_conv[2](up4)
    last = [conv(x) for conv, x in zip(neck.pan_lat_conv, (p2, up3, up4, up5), strict=True)]
    want = torch.cat([F.interpolate(x, scale_factor=2**i) for i, x in enumerate(last)][::-1], 1)
    assert torch.allclose(neck(levels), want, atol=1e-4)
    assert neck.inp_conv[0].kernel_size == (9, 9)
    lite = LKPAN(SPEC, 32, mode="Lite")
    assert sum(p.numel() for p in lite.parameters()) < sum(p.numel() for p in neck.parameters())
    with pytest.raises(ValueError, match="large or lite"):
        LKPAN(SPEC, 32, mode="small")


def test_the_auxiliary_maps_are_the_sums_down_the_pyramid() -> None:
    neck = RepLKPAN(SPEC, 32).train()
    out, sums = neck(features()), neck.down(features())
    assert all(torch.equal(out[f"aux_p{i + 2}"], sums[i]) for i in range(3))
    assert torch.equal(out["fuse"], neck.up(sums))


def test_intracl_is_fused_into_one_convolution_a_stage() -> None:
    block = IntraCLBlock(16, 2).eval()
    x = torch.randn(2, 16, 9, 14)
    fused = fused_copy(block)
    assert torch.allclose(fused(x), block(x), atol=1e-5)
    assert sum(isinstance(layer, torch.nn.Conv2d) for layer in fused.modules()) == 5
    fused.fuse()
    assert torch.allclose(fused(x), block(x), atol=1e-5) and block.fused is None
