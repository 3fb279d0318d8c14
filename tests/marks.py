"""Which tests every run has, and which only the thorough one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

THOROUGH = pytest.mark.thorough


def first(values: Iterable[Any], number: int = 1) -> list[Any]:
    """Arguments of `parametrize`: the first ones in every run, the others in the thorough one."""
    return [value if i < number else pytest.param(value, marks=THOROUGH) for i, value in enumerate(values)]


def some(values: Iterable[Any], names: Iterable[str]) -> list[Any]:
    """Arguments of `parametrize` that have an `id`: those named in every run, the others in the thorough one."""
    chosen = set(names)
    return [pytest.param(value, id=value.id, marks=() if value.id in chosen else THOROUGH) for value in values]
