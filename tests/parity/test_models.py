"""Recognisers against the outputs of PaddleOCR's own networks (reference cases outside the repository)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .networks import CASES, NO_CASES, Network, compare, load, networks, paddle_state

pytestmark = pytest.mark.skipif(CASES is None, reason=NO_CASES)


def ctc_branch(architecture: dict) -> dict:
    """A MultiHead network without its guide: the CTC branch as Neck and Head. Others are returned as they are."""
    head = architecture["Head"]
    if head["name"] != "MultiHead":
        return architecture
    branch = next(entry["CTCHead"] for entry in head["head_list"] if "CTCHead" in entry)
    neck = dict(branch["Neck"])
    neck["encoder_type"] = neck.pop("name")
    classes = head["out_channels_list"]["CTCLabelDecode"]
    return {
        **architecture,
        "Neck": {"name": "SequenceEncoder", **neck},
        "Head": {"name": "CTCHead", **branch["Head"], "out_channels": classes},
    }


def collect() -> list:
    found = []
    for network in networks("rec__*.json", "out", "head_out"):
        network = replace(network, architecture=ctc_branch(network.architecture))
        if (network.architecture["Backbone"]["name"], network.architecture["Head"]["name"]) == ("MobileNetV1Enhance", "CTCHead"):
            found.append(pytest.param(network, id=network.id))
    return found


COLLECTED = collect()


def test_how_many_networks_are_covered() -> None:
    assert len(COLLECTED) == 11  # 2 CRNN, 7 PP-OCRv3 recognisers, teacher and student of its distillation


@pytest.mark.parametrize("network", COLLECTED)
def test_outputs_equal_paddleocrs(network: Network) -> None:
    paddle = {}
    for name, value in paddle_state(network).items():
        ours = name.replace("head.ctc_encoder.", "neck.").replace("head.ctc_head.", "head.")
        if not ours.startswith(("head.gtc", "head.sar", "head.before_gtc")):
            paddle[ours] = value
    model = network.build(network.architecture["Head"]["out_channels"])
    load(model, paddle)
    compare(network, model, "ctc").hold()
