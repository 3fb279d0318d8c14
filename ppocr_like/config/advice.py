"""Advice that PaddleOCR's fine-tune guide gives about the learning rate of a recogniser.

The guide: 8 cards x 128 samples train at 1e-3; one card with 128 wants [1e-4, 2e-5], with 64 [5e-5, 1e-5]. The rate is
proportional to the samples a step.
"""

from __future__ import annotations

from typing import Any

from ppocr_like.config.recipe import Recipe

FULL_BATCH, FULL_RATE = 8 * 128, 1e-3
GUIDE_BATCH, GUIDE_HIGH, GUIDE_LOW = 128, 1e-4, 2e-5


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
    """What to say at start when a recogniser's rate does not fit its batch; None when it fits, or for other tasks.

    Args:
        total_batch: samples a step: batch_size_per_card x ranks x accumulate_steps.
    """
    rate = base_rate(recipe, total_batch)
    if rate is None or recipe.get("Architecture.model_type") != "rec":
        return None
    share = total_batch / GUIDE_BATCH
    low, high = GUIDE_LOW * share, max(GUIDE_HIGH * share, FULL_RATE * total_batch / FULL_BATCH)
    if low * 0.99 <= rate <= high * 1.01:
        return None
    than = f"{rate / high:.3g} times the highest" if rate > high else f"{low / rate:.3g} times below the lowest"
    return (
        f"learning rate {rate:.3g} at {total_batch} samples a step is {than} that PaddleOCR's fine-tune guide scales to "
        f"(8 x 128 at 1e-3; one card 128: 1e-4 to 2e-5; 64: 5e-5 to 1e-5; so {total_batch}: {high:.3g} to {low:.3g}). "
        f"A small network, or one whose dictionary changed, may want more. To scale: "
        f"-o Optimizer.lr.learning_rate={FULL_RATE:g} Optimizer.lr.auto_scale='{{base_batch: {FULL_BATCH}}}'"
    )
