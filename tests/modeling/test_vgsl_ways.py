"""The quicker ways of a processor give what the plain ones give: groups of like width, channels last, pools before ReLU."""

from __future__ import annotations

import random
import re

import pytest
import torch

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones import vgsl as backbone_module
from ppocr_like.modeling.backbones.vgsl import VGSL
from ppocr_like.modeling.vgsl import layers
from ppocr_like.modeling.vgsl.groups import GROUP_ROWS, groups_of
from tests.modeling.vgsl_specs import random_spec

SPECS = (
    "[1,48,0,1 Cr3,13,8 Do0.3,2 Mp2,2 Clr3,9,8 Do0.3,2 Do0.1,2 Mp2,2 Cl3,3,4 Mp2,1 Do0.2 S1(1x0)1,3 Lbx6 Do]",
    "[1,48,0,3 Cr5,3,8 Mp2,2 Gn4 Ct3,3,4 Do0.2,2 Mp2,2 (Cr3,3,4 [Cr1,1,4 Cr{a}3,3,4]) S1(1x0)1,3 Lfx6]",
    "[1,48,0,2 Cr3,3,6,1,2,1,2 Cr3,3,6,2,2 Cm3,3,4 Do0.2,2 Mp3,3,2,2 Cr2,2,4 Do0.5 Mp2,2 S1(1x0)1,3 Lrx6]",
    "[1,48,0,1 Cr3,3,4 Mp2,2 CTr2,2,4,2,2 Lfys6 Lbxs4]",
)
Made = tuple[torch.Tensor, torch.Tensor | None, list[torch.Tensor]]


def run(spec: str, widths: torch.Tensor | None, training: bool) -> Made:
    """(features, columns, gradients) of one network and batch of float64."""
    torch.manual_seed(1)
    channels = int(spec.split()[0].rpartition(",")[2])
    model = VGSL(FeatureSpec(channels), spec).double().train(training)
    images = torch.rand(5, channels, model.spec.height, 131, dtype=torch.float64)
    images.requires_grad_()
    torch.manual_seed(2)
    features, columns = model(images, widths)
    own = [images, *model.parameters()]
    return features, columns, list(torch.autograd.grad((features.square() * 3 + features).sum(), own))


def same(monkeypatch: pytest.MonkeyPatch, spec: str, widths: torch.Tensor | None, training: bool) -> None:
    quick = run(spec, widths, training)
    for module in (layers, backbone_module):
        monkeypatch.setattr(module, "on_processor", lambda x: False)
    plain = run(spec, widths, training)
    assert quick[0].shape == plain[0].shape
    near = 2e-5 if "Gn" in spec else 1e-9  # group norms compute in float32
    for one, other in zip([quick[0], *quick[2]], [plain[0], *plain[2]], strict=True):
        assert torch.allclose(one, other, atol=near * max(1.0, float(other.detach().abs().max())), rtol=0)
    assert (quick[1] is None) == (plain[1] is None)
    assert quick[1] is None or plain[1] is None or quick[1].tolist() == plain[1].tolist()


@pytest.mark.parametrize("spec", SPECS)
def test_training_with_the_same_random_numbers(monkeypatch: pytest.MonkeyPatch, spec: str) -> None:
    whole_maps = re.sub(r" Do[\d.]*(?=[ \]])", "", spec)  # single values are drawn in the order of the memory
    same(monkeypatch, whole_maps, None, True)


@pytest.mark.parametrize("spec", SPECS)
def test_lines_of_all_widths(monkeypatch: pytest.MonkeyPatch, spec: str) -> None:
    assert len(groups_of([120, 41, 33, 64, 97])) > 1
    same(monkeypatch, spec, torch.tensor([120, 41, 33, 64, 97]), False)  # recurrent layers end them: 0 in the padding


@pytest.mark.parametrize("seed", range(12))
def test_random_networks(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    spec = random_spec(random.Random(seed)).rpartition(" O1c")[0] + " Lbx3]"
    same(monkeypatch, spec, torch.tensor([131, 60, 131, 45, 45]), False)


def test_groups_take_each_row_once_the_widest_first() -> None:
    rng = random.Random(0)
    for _ in range(50):
        widths = [rng.randint(1, 2000) for _ in range(rng.randint(1, 24))]
        parts = groups_of(widths)
        assert sorted(row for rows in parts for row in rows) == list(range(len(widths)))
        assert max(widths) in [widths[row] for row in parts[0]]
        cost = sum((len(rows) + GROUP_ROWS) * max(widths[row] for row in rows) for rows in parts)
        assert cost <= (len(widths) + GROUP_ROWS) * max(widths)
        assert cost <= sum((1 + GROUP_ROWS) * width for width in widths) + 1e-6
    assert groups_of([64] * 16) == [list(range(16))]


def test_columns_that_go_into_channels_are_run_together() -> None:
    model = VGSL(FeatureSpec(1), "[1,8,16,1 S2(2x0)3,2 S1(1x0)1,3]")
    assert not model.along_lines
    assert VGSL(FeatureSpec(1), "[1,8,16,1 S1(1x0)1,3]").along_lines
    features, _ = model(torch.rand(2, 1, 8, 16), torch.tensor([16, 4]))
    assert features.shape == (2, 16, 1, 8)
