"""Classifiers against the outputs of PaddleOCR's own networks (reference cases outside the repository)."""

from __future__ import annotations

import pytest

from .networks import CASES, NO_CASES, Network, compare, load, networks, paddle_state

pytestmark = pytest.mark.skipif(CASES is None, reason=NO_CASES)
NETWORKS = networks("cls__*.json", "out", "out")


def test_which_networks_are_covered() -> None:
    assert len(NETWORKS) == 2 and not any(network.missing() for network in NETWORKS)


@pytest.mark.parametrize("network", NETWORKS, ids=[network.id for network in NETWORKS])
def test_outputs_equal_paddleocrs(network: Network) -> None:
    model = network.build()
    load(model, paddle_state(network))
    compare(network, model, "cls").hold()
