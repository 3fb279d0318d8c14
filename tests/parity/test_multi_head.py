"""MultiHead and its guides against PaddleOCR's own outputs in training mode (reference cases outside the repository)."""

from __future__ import annotations

import pytest

from tests.marks import some

from .guides import guide_differences, training_outputs
from .networks import CASES, NO_CASES, Network, compare, images_of, load, networks, paddle_state

pytestmark = pytest.mark.skipif(CASES is None, reason=NO_CASES)


def collect() -> list:
    found = networks("rec__*.json", "out", "head_out")
    guided = [n for n in found if n.architecture["Head"]["name"] == "MultiHead" and "Backbone" not in n.missing()]
    return some(guided, ["rec__PP-OCRv3__en_PP-OCRv3_mobile_rec", "rec__PP-OCRv6__PP-OCRv6_tiny_rec"])


COLLECTED = collect() if CASES else []


def test_how_many_networks_are_covered() -> None:
    assert len(COLLECTED) >= 9  # 7 PP-OCRv3 recognisers, teacher and student of its distillation


@pytest.mark.parametrize("network", COLLECTED)
def test_evaluation_and_guide_equal_paddleocrs(network: Network) -> None:
    model = network.build(network.architecture["Head"]["out_channels_list"]["CTCLabelDecode"])
    load(model, paddle_state(network))
    compare(network, model, "ctc").hold()
    training = network.case.get("training")
    if training:
        for name, (difference, allowed) in guide_differences(
            training, training_outputs(training, model, images_of(network))
        ).items():
            assert difference <= allowed, name
