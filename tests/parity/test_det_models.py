"""Detectors against the outputs of PaddleOCR's own networks (reference cases outside the repository)."""

from __future__ import annotations

import pytest

from ppocr_like.modeling.fuse import fused_copy
from tests.marks import some

from .networks import CASES, NO_CASES, Network, compare, load, networks, paddle_state

pytestmark = pytest.mark.skipif(CASES is None, reason=NO_CASES)

NETWORKS = networks("det__*.json", "maps", "maps")
COLLECTED = some(NETWORKS, ["det__PP-OCRv3__PP-OCRv3_mobile_det", "det__PP-OCRv5__PP-OCRv5_mobile_det", "det__det_mv3_db"])


def test_which_networks_are_covered() -> None:
    assert [network.id for network in NETWORKS if network.missing()] == []
    assert len(NETWORKS) == 24


@pytest.mark.parametrize("network", COLLECTED)
def test_outputs_equal_paddleocrs(network: Network, record_property: pytest.RecordProperty) -> None:
    model = network.build()
    load(model, paddle_state(network))
    fused = fused_copy(model)
    found = compare(network, model, "maps")
    record_property("largest difference over std", found.largest)
    found.hold()
    compare(network, fused, "maps").hold()
