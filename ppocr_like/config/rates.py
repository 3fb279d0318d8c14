"""`Optimizer.lr.auto_scale`: rates that follow the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ppocr_like.config.typecheck import option

RATE_KEYS = ("learning_rate", "max_learning_rate", "values", "start_lr", "min_lr", "end_lr", "max_lr")


@dataclass(frozen=True)
class AutoScale:
    """The rates of `Optimizer.lr` are meant for `base_batch` samples a step and are scaled to the run's."""

    base_batch: int = option(doc="samples a step for which the rates are written", least=1)


def scale_rates(args: dict[str, Any], scale: AutoScale, total_batch: int) -> tuple[dict[str, Any], str]:
    """The rates among a schedule's arguments times total_batch / base_batch, and what to say of it; empty without any rate."""
    factor = total_batch / scale.base_batch
    scaled: dict[str, Any] = {}
    for key in RATE_KEYS:
        value = args.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            scaled[key] = value * factor
        elif isinstance(value, list) and all(isinstance(v, int | float) for v in value):
            scaled[key] = [v * factor for v in value]
    rates = ", ".join(f"{k} {_text(args[k])} -> {_text(v)}" for k, v in scaled.items())
    said = f"Optimizer.lr.auto_scale: {total_batch} samples a step for {scale.base_batch}: {rates}"
    return scaled, said if scaled else ""


def _text(value: Any) -> str:
    return f"[{', '.join(f'{v:.4g}' for v in value)}]" if isinstance(value, list) else f"{value:.4g}"
