"""The optimizers under kraken's names, each beside PyTorch's own of that name over 50 steps: clipping, decay, a changing rate."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.optim.kraken_schedules import CosineToFloor
from ppocr_like.registry import OPTIMIZERS

from .test_optimizers import network

STEPS, CLIP = 50, 1.0


class TensorLamb(torch.optim.Optimizer):
    """PyTorch has no LAMB: the update of You and others (2020, algorithm 2) parameter by parameter, with Adam's corrections."""

    def __init__(self, parameters: Any, lr: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})
        self.count = 0

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        self.count += 1
        (group,) = self.param_groups
        for weight in group["params"]:
            state = self.state[weight]
            mean = 0.9 * state.get("mean", torch.zeros_like(weight)) + 0.1 * weight.grad
            square = 0.999 * state.get("square", torch.zeros_like(weight)) + 0.001 * weight.grad**2
            state.update(mean=mean, square=square)
            update = mean / (1 - 0.9**self.count) / ((square / (1 - 0.999**self.count)).sqrt() + 1e-6)
            update += group["weight_decay"] * weight
            ratio = _ratio(weight.norm(), update.norm()) if group["weight_decay"] else 1.0
            weight -= group["lr"] * ratio * update


def _ratio(weights: Tensor, update: Tensor) -> float:
    return float(weights / update) if weights > 0 and update > 0 else 1.0


THEIRS: dict[str, type[torch.optim.Optimizer]] = {
    "Adam": torch.optim.Adam,
    "AdamW": torch.optim.AdamW,
    "Lamb": TensorLamb,
    "RMSprop": torch.optim.RMSprop,
    "SGD": torch.optim.SGD,
}
MOMENTUM = {"momentum": 0.9}  # kraken gives it to these two


@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("name", THEIRS)
def test_fifty_steps_end_where_pytorch_ends(name: str, decay: float) -> None:
    arguments = {"weight_decay": decay, **(MOMENTUM if name in ("RMSprop", "SGD") else {})}
    schedule = CosineToFloor(1e-2, epochs=5, steps_per_epoch=10, warmup=5, cos_t_max=4, cos_min_lr=1e-5)
    ours, theirs = network(), network()
    mine = OPTIMIZERS.get(name)(list(ours.named_parameters()), {}, schedule, clip_norm_global=CLIP, **arguments)
    other = THEIRS[name](theirs.parameters(), lr=0.0, **arguments)
    start, generator, clipped = [p.detach().clone() for p in ours.parameters()], torch.Generator().manual_seed(1), 0
    for step in range(STEPS):
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            pull = torch.randn(a.shape, generator=generator) * (0.005, 0.2)[step % 2]
            a.grad, b.grad = (pull + 0.02 * weight.detach() for weight in (a, b))
        clipped += bool(nn.utils.clip_grad_norm_(theirs.parameters(), CLIP) > CLIP)
        other.param_groups[0]["lr"] = schedule.value(step)
        other.step()
        mine.step(step)
    assert clipped == STEPS / 2  # every second gradient is long
    for begun, a, b in zip(start, ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-6)
        assert not torch.allclose(a, begun, atol=1e-3)


def test_a_kraken_user_finds_the_clipping() -> None:
    """kraken's `gradient_clip_val` is the norm over all gradients; PaddleOCR's `clip_norm` is one of each parameter."""
    load_components()
    tree = {"Optimizer": {"name": "AdamW", "gradient_clip_val": 1.0, "lr": {"name": "constant", "learning_rate": 1e-3}}}
    recipe = Recipe.from_tree({"Global": {"epoch_num": 1}, **tree})
    net: Any = network()
    net.param_attrs = dict
    optim = Builder(recipe).optimizer(net, 1, 1, 1)
    assert optim.clip_norm_global == 1.0 and optim.clip_norm is None
    assert recipe.notes == ["Optimizer.gradient_clip_val means clip_norm_global: 1.0"]
