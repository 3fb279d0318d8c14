"""Recipes: the YAML, `-o` values, the settings, and everything that `check` builds of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import yaml

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe, load_recipe
from ppocr_like.config.edit import set_values
from ppocr_like.config.yaml_guard import parse_plain
from ppocr_like.errors import ConfigError
from ppocr_like.outside import Malformed
from tests.fuzz.material import FRAGMENTS, NASTY, Edit, both, edited, fuzz, garbled

load_components()
ROOT = Path(__file__).parents[2]
SHIPPED = [ROOT / "configs" / name for name in ("rec/svtr_ft.yml", "det/db_mv3_ft.yml", "cls/line_direction.yml")]
KEYS = ("Global.epoch_num", "Optimizer.lr", "Train.dataset.transforms.0", "Global", "Eval.dataset.data_dir", "New.key.sub")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recipes")


@pytest.fixture(scope="module")
def texts() -> list[bytes]:
    """The shipped recipes in two forms: as they are, and without comments."""
    raw = [path.read_bytes() for path in SHIPPED]
    return [*raw, *(yaml.safe_dump(yaml.safe_load(text), sort_keys=False).encode() for text in raw)]


def loaded(texts: list[bytes], folder: Path, edits: list[Edit], form: int) -> None:
    """The file as it is given, what is said of it, and values put into its text."""
    path = folder / "recipe.yml"
    path.write_bytes(garbled(texts[form % len(texts)], edits))
    recipe = load_recipe(path)
    recipe.globals  # noqa: B018
    recipe.to_yaml()
    if form % 3 == 0:
        set_values(path.read_text(encoding="utf-8-sig"), {"PostProcess.box_thresh": 0.5, "Global.new.key": "x"})


def overridden(texts: list[bytes], folder: Path, edits: list[Edit], form: int) -> None:
    path = folder / "whole.yml"
    path.write_bytes(texts[form % len(texts)])
    items = []
    for where, how, what in edits:
        value = FRAGMENTS[what % len(FRAGMENTS)].decode("utf-8", "surrogateescape") if how % 2 else str(NASTY[what % 19])
        items.append(f"{KEYS[where % len(KEYS)]}{'=' if how != 10 else ''}{value}")
    load_recipe(path, items).globals  # noqa: B018


def checked(tiny: dict, edits: list[Edit], form: int) -> None:
    """What stands in a checkpoint or weights file as its recipe, and what `check` builds of a changed recipe."""
    tree = edited(tiny, edits)
    if not isinstance(tree, dict):
        return
    Builder(Recipe.from_tree(tree)).check()


def plain(edits: list[Edit], form: int) -> None:
    text = garbled(b"Global: {model_name: x}\nPreProcess:\n  ops: &a\n  - A: {b: [1, 2.5]}\n  - 'B'\nPost: *a\n", edits)
    try:
        parse_plain(text.decode("utf-8", "surrogateescape"))
    except Malformed as error:
        raise ConfigError([], str(error)) from error


@both(300, 4_000)
def test_files(texts: list[bytes], folder: Path, count: int) -> None:
    fuzz(partial(loaded, texts, folder), count)


@both(150, 2_100)
def test_overrides(texts: list[bytes], folder: Path, count: int) -> None:
    fuzz(partial(overridden, texts, folder), count)


@both(120, 2_100)
def test_checks(tiny_run, count: int) -> None:
    fuzz(partial(checked, yaml.safe_load(tiny_run.recipe.read_text(encoding="utf-8"))), count)


@both(1500, 15_000)
def test_files_of_programs(count: int) -> None:
    fuzz(plain, count)
