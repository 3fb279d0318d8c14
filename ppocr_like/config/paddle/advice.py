"""Advice that PaddleOCR's fine-tune guide gives about the learning rate.

The guide: a recogniser's recipes train 8 cards x 128 samples at 1e-3; one card with 128 wants [1e-4, 2e-5], with 64 [5e-5, 1e-5].
A detector's train 8 cards x 8 at 1e-3; one card with 8 wants about 1e-4, with 4 about 5e-5. The rate is proportional to the
samples a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ppocr_like.config.recipe import Recipe


@dataclass(frozen=True)
class Guide:
    """What the guide says for a task.

    Args:
        full_batch, full_rate: samples a step over all cards and rate of PaddleOCR's own recipes.
        batch, high, low: a batch on one card and the rates that fit it.
        text: the guide's numbers, as they are told.
    """

    full_batch: int
    full_rate: float
    batch: int
    high: float
    low: float
    text: str


GUIDES: Mapping[str, Guide] = MappingProxyType(
    {
        "rec": Guide(8 * 128, 1e-3, 128, 1e-4, 2e-5, "8 x 128 at 1e-3; one card 128: 1e-4 to 2e-5; 64: 5e-5 to 1e-5"),
        # "about 1e-4": half of it is still taken as about
        "det": Guide(8 * 8, 1e-3, 8, 1e-4, 5e-5, "8 x 8 at 1e-3; one card 8: 1e-4; 4: 5e-5"),
    }
)


def base_rate(recipe: Recipe, total_batch: int) -> float | None:
    """The largest rate of `Optimizer.lr`, scaled by `auto_scale` where that is set; None when the recipe has none."""
    node = recipe.get("Optimizer.lr")
    node = node if isinstance(node, dict) else {"learning_rate": node}
    values: list[Any] = []
    for key in ("learning_rate", "max_learning_rate", "max_lr", "values"):
        value = node.get(key)
        values += value if isinstance(value, list) else [value]
    rates = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    base_batch = recipe.get("Optimizer.lr.auto_scale.base_batch")
    factor = total_batch / base_batch if isinstance(base_batch, int) and base_batch > 0 else 1.0
    return max(rates) * factor if rates else None


def lr_advice(recipe: Recipe, total_batch: int) -> str | None:
    """What to say at start when a rate does not fit its batch; None when it fits, or for tasks that the guide leaves out.

    Args:
        total_batch: samples a step: batch_size_per_card x ranks x accumulate_steps.
    """
    rate = base_rate(recipe, total_batch)
    guide = GUIDES.get(str(recipe.get("Architecture.model_type")))
    if rate is None or guide is None:
        return None
    share = total_batch / guide.batch
    low, high = guide.low * share, max(guide.high * share, guide.full_rate * total_batch / guide.full_batch)
    if low * 0.99 <= rate <= high * 1.01:
        return None
    than = f"{rate / high:.3g} times the highest" if rate > high else f"{low / rate:.3g} times below the lowest"
    more = "one whose dictionary changed" if recipe.get("Architecture.model_type") == "rec" else "one that starts from nothing"
    return (
        f"learning rate {rate:.3g} at {total_batch} samples a step is {than} that PaddleOCR's fine-tune guide scales to "
        f"({guide.text}; so {total_batch}: {high:.3g} to {low:.3g}). "
        f"A small network, or {more}, may want more. To scale: "
        f"-o Optimizer.lr.learning_rate={guide.full_rate:g} Optimizer.lr.auto_scale='{{base_batch: {guide.full_batch}}}'"
    )
