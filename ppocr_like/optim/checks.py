"""Checks of numbers that come from a recipe's `Optimizer` section."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ppocr_like.errors import ConfigError, Problem


def bad(path: str, message: str) -> ConfigError:
    """One mistake under `Optimizer` as an error; `path` is relative to that section (`lr.learning_rate`)."""
    return ConfigError([Problem(f"Optimizer.{path}", message)])


def number(value: object, path: str, *, low: float = 0.0, above: bool = False) -> float:
    """`value` as a finite float of at least `low` (more than `low` with `above`). Numeric strings ("1e-4") are read.

    Raises:
        ConfigError: not a number, not finite, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise bad(path, f"must be a number, got {value!r}")
    try:
        result = float(value)
    except ValueError:
        raise bad(path, f"must be a number, got {value!r}") from None
    if not math.isfinite(result) or result < low or (above and result <= low):
        raise bad(path, f"must be a finite number {'above' if above else 'of at least'} {low:g}, got {value!r}")
    return result


def one_of(value: object, accepted: Sequence[str], path: str) -> None:
    """Checks that `value` is one of some words.

    Raises:
        ConfigError: it is not.
    """
    if value not in accepted:
        raise bad(path, f"must be {' or '.join(accepted)}, got {value!r}")


def count(value: object, path: str) -> int:
    """`value` as a whole number of at least 1.

    Raises:
        ConfigError: anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise bad(path, f"must be a whole number of at least 1, got {value!r}")
    return value
