"""Networks that are built to be looked at only."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from ppocr_like.components import load_components
from ppocr_like.config import Builder, load_recipe
from ppocr_like.modeling.blank import BlankWeights

RECIPE = Path(__file__).parents[2] / "configs" / "rec" / "svtr_ft.yml"


def test_nothing_is_drawn() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    with BlankWeights():
        layer = nn.Conv2d(3, 4, 3)
        for fill in (nn.init.trunc_normal_, nn.init.kaiming_normal_, nn.init.orthogonal_, nn.init.xavier_uniform_):
            fill(layer.weight)
        layer.weight.data.normal_()
        nn.init.uniform_(tensor=layer.bias)
        ones = nn.init.ones_(torch.empty(3))
    assert torch.equal(torch.get_rng_state(), before)
    assert not layer.weight.any() and not layer.bias.any() and ones.sum() == 3
    assert layer.weight.requires_grad and layer(torch.ones(1, 3, 5, 5)).shape == (1, 4, 3, 3)
    assert nn.Conv2d(3, 4, 3).weight.std() > 0


def test_a_check_draws_nothing_and_a_network_to_train_has_values() -> None:
    load_components()
    recipe = load_recipe(RECIPE)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    builder = Builder(recipe)
    builder.check()
    assert torch.equal(torch.get_rng_state(), before)
    weights = {name: value for name, value in builder.model().named_parameters() if value.dim() > 1}
    assert weights and all(value.std() > 0 for value in weights.values())
