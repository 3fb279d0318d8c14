"""A network that is another one's beginning with new layers: what a file of either fills."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from ppocr_like.contracts import FeatureSpec
from ppocr_like.errors import WeightsError
from ppocr_like.modeling.backbones.vgsl import VGSL
from ppocr_like.modeling.heads.vgsl_head import VGSLHead
from ppocr_like.modeling.model import OcrModel
from ppocr_like.weights import WeightsFile, load_backbones, load_into

OLD = "[1,16,0,1 Cr3,3,4 Mp2,2 S1(1x0)1,3 Lbx8 Do Lbx8 O1c5]"
SAME_AGAIN: dict[str, Any] = {"after": 4, "spec": "[Do Lbx8]"}  # names and shapes of the layers that it replaces
LONGER: dict[str, Any] = {"after": 4, "spec": "[Do0.1,2 Lbx8 Lbx6]"}


def network(append: dict[str, Any] | None = None, seed: int = 0) -> OcrModel:
    torch.manual_seed(seed)
    backbone = VGSL(FeatureSpec(1), OLD, append)
    return OcrModel(None, backbone, None, VGSLHead(backbone.out_spec, 5))


def file_of(model: OcrModel, append: dict[str, Any] | None = None, told: bool = True, spec: str = OLD) -> WeightsFile:
    node = {"name": "VGSL", "spec": spec, **({"append": append} if append else {})}
    recipe = {"Architecture": {"model_type": "rec", "Backbone": node}} if told else None
    return WeightsFile(model.state_dict(), None, recipe, {}, Path("old.safetensors"))


def filled(model: OcrModel, weights: WeightsFile, **how: Any) -> set[str]:
    """Layers and the head, of which all tensors come from the file."""
    load_into(model, weights, **how)
    same = {name: torch.equal(value, weights.state.get(name, torch.zeros(()))) for name, value in model.state_dict().items()}
    layers = {name.split(".")[2] if name.startswith("backbone.") else "head" for name in same}
    return {layer for layer in layers if all(equal for name, equal in same.items() if layer in name)}


@pytest.mark.parametrize("append", [SAME_AGAIN, LONGER])
@pytest.mark.parametrize("told", [True, False])
def test_layers_behind_the_cut_are_new_whatever_they_are_called(append: dict[str, Any], told: bool) -> None:
    old = network(seed=1)
    assert network(append).state_dict()["backbone.nn.L_5.layer.weight_ih_l0"].shape == (32, 16)  # as in the old one
    assert filled(network(append), file_of(old, told=told)) == {"C_0", "L_3"}


def test_the_report_tells_what_was_taken_and_what_is_new() -> None:
    report = load_into(network(LONGER), file_of(network(seed=1)))
    assert report.share == 1.0
    assert report.new == 18
    assert "100.0% of the model without its 18 new ones" in report.summary()
    new = "backbone.nn.Do_4, backbone.nn.L_5, backbone.nn.L_6, head"
    left = "10 of its tensors stand behind the cut and are left"
    assert f"cut: of the file are taken backbone.nn.C_0, backbone.nn.L_3; new are {new}; {left}" in report.table()


@pytest.mark.parametrize("append", [SAME_AGAIN, LONGER])
def test_a_file_of_the_extended_network_fills_all_of_it(append: dict[str, Any]) -> None:
    model, trained = network(append), network(append, seed=1)
    assert filled(model, file_of(trained, append)) == {"C_0", "L_3", "L_5", "head"} | ({"L_6"} if append is LONGER else set())
    assert load_into(network(append), file_of(trained, append), as_is=True, min_match=1.0).share == 1.0
    assert load_into(network(append), file_of(trained, told=False), as_is=True, min_match=1.0).share == 1.0
    if append is LONGER:  # under the string that kraken's files hold
        spec = trained.backbone.told()
        assert load_into(network(append), file_of(trained, spec=spec)).new == 0


def test_a_file_of_the_old_network_is_not_used_as_the_extended_one() -> None:
    with pytest.raises(WeightsError, match=r"another one's beginning with new layers behind it \(append\)"):
        load_into(network(SAME_AGAIN), file_of(network()), as_is=True, min_match=1.0)


def test_layers_before_the_cut_must_fit() -> None:
    backbone = VGSL(FeatureSpec(1), "[1,16,0,1 Cr3,3,6 Mp2,2 S1(1x0)1,3 Lbx4 Do O1c5]")
    other = OcrModel(None, backbone, None, VGSLHead(backbone.out_spec, 5))
    with pytest.raises(WeightsError, match="another shape"):
        load_into(network(LONGER), file_of(other))


def test_a_backbone_of_its_own_file_is_cut_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.save(network(seed=1).state_dict(), tmp_path / "old.pth")
    model = network(SAME_AGAIN)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with caplog.at_level(logging.INFO, logger="ppocr_like"):
        load_backbones(model, {"": str(tmp_path / "old.pth")}, 0.5)
    changed = {name.split(".")[2] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"C_0", "L_3"}
    assert "are taken backbone.nn.C_0" in caplog.text
