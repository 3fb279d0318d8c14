"""Every recipe under configs/ is good, builds, and says in its head how to run it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Builder, load_recipe

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "configs").rglob("*.y*ml"))


def test_there_are_recipes() -> None:
    assert ROOT / "configs" / "rec" / "svtr_ft.yml" in RECIPES


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: str(p.relative_to(ROOT)))
def test_it_builds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    load_components()
    recipe = load_recipe(path)
    builder = Builder(recipe)
    builder.check()
    assert recipe.notes == []
    model = builder.model()
    assert builder.optimizer(model, recipe.globals.epoch_num, 10).names
    for section in ("Train", "Eval"):
        assert builder.loader(section).batch_size_per_card > 0


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: str(p.relative_to(ROOT)))
def test_its_head_says_how_to_run_it(path: Path) -> None:
    head = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert any(f"-c {path.relative_to(ROOT)}" in line for line in head)
