"""Recognisers against the outputs of PaddleOCR's own networks (reference cases outside the repository)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ppocr_like.modeling.fuse import fused_copy
from tests.marks import some

from .networks import CASES, NO_CASES, Network, beyond_rounding, compare, load, networks, paddle_state

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


# Weights so large that a last bit can change a whole sequence of two LSTM layers. And thin plate splines that read images
# of noise at places four times as far as they go: a millionth of a place is a hundredth of a pixel's value. PaddleOCR's own
# code differs from these cases on another machine (5e-4 to 6e-2 of the deviation, TPS 0.5), and changes by 2e-3 to 0.9 when
# its input's last bit does. With weights 0.6 times as large ours equals it to 6e-5.
CHAOTIC = {f"rec__multi_language__rec_{name}_lite_train" for name in ("arabic", "french", "german", "samaritan")}
CHAOTIC |= {"rec__rec_svtrnet", "rec__rec_mv3_tps_bilstm_ctc"}

NETWORKS = [replace(n, architecture=ctc_branch(n.architecture)) for n in networks("rec__*.json", "out", "head_out")]

FEW = {  # one of each kind of network
    *("rec__PP-OCRv3__en_PP-OCRv3_mobile_rec", "rec__PP-OCRv4__en_PP-OCRv4_mobile_rec", "rec__PP-OCRv6__PP-OCRv6_tiny_rec"),
    *("rec__SVTRv2__ch_RepSVTR_rec_gtc", "rec__multi_language__rec_en_number_lite_train", "rec__rec_icdar15_train"),
    *("rec__rec_mv3_tps_bilstm_ctc", "rec__rec_svtrnet"),
}


def test_which_networks_are_covered() -> None:
    assert len(NETWORKS) == 54  # 52 files, two of them with two networks
    assert [network.id for network in NETWORKS if network.missing()] == []


@pytest.mark.parametrize("network", some(NETWORKS, FEW))
def test_outputs_equal_paddleocrs(network: Network, record_property: pytest.RecordProperty) -> None:
    paddle = {}
    for name, value in paddle_state(network).items():
        ours = name.replace("head.ctc_encoder.", "neck.").replace("head.ctc_head.", "head.")
        if not ours.startswith(("head.gtc", "head.sar", "head.before_gtc")):
            paddle[ours] = value
    model = network.build(network.architecture["Head"]["out_channels"])
    load(model, paddle)
    if network.id in CHAOTIC:
        assert beyond_rounding(network, model, "ctc") <= 1
        return
    fused = fused_copy(model)
    found = compare(network, model, "ctc")
    record_property("largest difference over std", found.largest)
    found.hold()
    if any(hasattr(module, "fuse") for module in model.modules()):
        compare(network, fused, "ctc").hold()
