"""docs/recipe.md lists exactly what the program accepts. `python tests/config/tables.py` writes its tables anew."""

from __future__ import annotations

import re

import pytest

from ppocr_like import registry
from ppocr_like.config.checks import SECTIONS

from .tables import DOC, OPTIONS, tables, wanted

TABLES = {(kind, name): rows for kind, name, rows in tables()}
UPDATE = "docs/recipe.md is out of date: run `python tests/config/tables.py`"
SHOWN = {
    "ARCH_TRANSFORMS",
    "BACKBONES",
    "NECKS",
    "HEADS",
    "HEAD_BRANCHES",
    "LOSSES",
    "OPTIMIZERS",
    "REGULARIZERS",
    "SCHEDULES",
    "POSTPROCESSES",
    "METRICS",
} | {
    "DATASETS",
    "SAMPLERS",
    "TRANSFORMS",
}


@pytest.mark.parametrize("name", list(OPTIONS))
def test_every_option_with_type_default_and_meaning(name: str) -> None:
    assert TABLES["options", name] == wanted("options", name), UPDATE


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_every_component_with_its_arguments(name: str) -> None:
    def arguments(rows: list[str]) -> list[list[str]]:
        return [row.split(" | ")[:2] for row in rows]

    assert arguments(TABLES["components", name]) == arguments(wanted("components", name)), UPDATE


def test_every_ignored_key() -> None:
    assert TABLES["ignored", "keys"] == wanted("ignored", "keys"), UPDATE


def test_no_kind_of_component_is_left_out() -> None:
    kinds = {name for name, value in vars(registry).items() if isinstance(value, registry.Registry) and value.names()}
    assert kinds - SHOWN <= {"ARCHITECTURES"}


def test_every_option_has_a_meaning() -> None:
    for name in OPTIONS:
        for row in TABLES["options", name][2:]:
            assert len(row.split(" | ")[3].rstrip(" |")) > 5, row


def test_every_section_has_a_heading() -> None:
    headings = set(re.findall(r"^## (.+)$", DOC.read_text(encoding="utf-8"), re.M))
    for section in SECTIONS:
        assert section in headings or section in ("Train", "Eval")
    assert "Train and Eval" in headings
