"""Fixtures of the config tests: the shipped recipe, loaded where its relative paths lead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe, load_recipe
from ppocr_like.errors import ConfigError, Problem

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "configs" / "rec" / "svtr_ft.yml"


@pytest.fixture(scope="session", autouse=True)
def components() -> None:
    load_components()


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Recipe]:
    """Loads the shipped recipe with overrides, in the repository's root."""
    monkeypatch.chdir(ROOT)
    return lambda *overrides: load_recipe(SHIPPED, overrides)


@pytest.fixture
def problems(shipped: Callable[..., Recipe]) -> Callable[..., list[Problem]]:
    """Problems that a check of the shipped recipe with overrides finds."""

    def check(*overrides: str) -> list[Problem]:
        try:
            Builder(shipped(*overrides)).check()
        except ConfigError as error:
            return error.problems
        return []

    return check
