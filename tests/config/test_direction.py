"""What TextNormalize asks of the text direction of a run."""

from __future__ import annotations

from typing import Any

import pytest

from ppocr_like.config import Recipe
from ppocr_like.errors import ConfigError


def step(**args: Any) -> dict[str, Any]:
    return {"transforms": [{"DecodeImage": {}}, {"TextNormalize": args or None}]}


def direction(train: dict[str, Any] | None, evaluated: dict[str, Any] | None = None, **settings: Any) -> str:
    tree: dict[str, Any] = {"Global": {"epoch_num": 1, **settings}, "Train": {"dataset": train}, "Eval": evaluated or {}}
    return Recipe.from_tree(tree).globals.direction


@pytest.mark.parametrize(
    ("args", "asked"),
    [
        ({}, "bidi"),
        ({"form": "NFC"}, "bidi"),
        ({"base_dir": "L"}, "bidi_ltr"),
        ({"base_dir": "R"}, "bidi_rtl"),
        ({"bidi": False}, "ltr"),
        ({"base_dir": "X"}, "auto"),  # the step itself is refused
    ],
)
def test_the_step_decides_where_global_leaves_it_open(args: dict[str, Any], asked: str) -> None:
    assert direction(step(**args)) == asked
    assert direction(None, {"dataset": step(**args)}) == asked
    assert direction(step(**args), text_direction="rtl") == "rtl"


def test_without_the_step_nothing_is_asked() -> None:
    assert direction({"transforms": [{"DecodeImage": {}}]}) == "auto"
    assert direction({"transforms": "none"}) == direction(None) == "auto"
    assert direction(None, paddle_exact=True) == "paddle"


def test_sets_that_ask_for_two_directions_are_refused() -> None:
    sets = {"dataset": step(base_dir="R"), "datasets": {"old": None, "new": step(base_dir="L")}}
    message = r"Eval\.datasets\.new\.transforms\.1: .*bidi_ltr, those of Train\.dataset\.transforms\.1"
    with pytest.raises(ConfigError, match=message):
        direction(step(base_dir="R"), sets)
