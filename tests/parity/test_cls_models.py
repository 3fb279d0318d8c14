"""Classifiers against the outputs of PaddleOCR's own networks (reference cases outside the repository)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Builder, load_recipe

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


def test_paddleocrs_own_recipes_are_taken_as_they_stand() -> None:
    load_components()
    recipes = sorted(Path(CASES or "", "paddleocr", "configs", "cls").rglob("*.yml"))
    assert len(recipes) == 2
    for path in recipes:
        recipe = load_recipe(path)
        Builder(recipe).check()
        assert all("is ignored" in note or "is not read" in note for note in recipe.notes)
