"""Values against annotations, arguments against constructors."""

# ruff: noqa: RUF009 (`option` makes a dataclass field)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from ppocr_like.config.typecheck import bind, described, fit, nearest, option, parameters, shown
from ppocr_like.contracts import FeatureSpec
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.optim.optimizers import AdamW


@dataclass(frozen=True)
class Options:
    size: int = option(doc="", least=1)
    rate: float = option(0.5, "", above=0)
    names: list[str] = option([], "")

    def problems(self):
        if self.size == 13:
            yield "size", "is unlucky"


@pytest.mark.parametrize(
    ("value", "annotation", "fitted"),
    [
        (1, int, 1),
        (1, float, 1.0),
        (True, bool, True),
        ("a", str, "a"),
        (None, int | None, None),
        (1, float | int, 1),
        (2, float | None, 2.0),
        ("1./255.", float | str, "1./255."),
        ([1, 2], tuple[int, int], (1, 2)),
        ([1, 2, 3], tuple[float, ...], (1.0, 2.0, 3.0)),
        ([1, [2, 3]], list[int | tuple[int, int]], [1, (2, 3)]),
        ([1], Sequence[float], [1.0]),
        ([[1, 2], [3, 4]], list[list[int]], [[1, 2], [3, 4]]),
        ({"a": 1}, dict[str, float], {"a": 1.0}),
        ({"a": 1}, Mapping[str, Any], {"a": 1}),
        ({"a": 1}, dict, {"a": 1}),
        ("max", Literal["max", "avg"], "max"),
        ("x.txt", Path, Path("x.txt")),
        ({"size": 2, "rate": 1}, Options, Options(2, 1.0, [])),
        ({"size": 2}, Options | None, Options(2)),
        (FeatureSpec(3), FeatureSpec, FeatureSpec(3)),
        ("anything", Any, "anything"),
    ],
)
def test_values_that_fit(value: Any, annotation: Any, fitted: Any) -> None:
    got, problems = fit(value, annotation, "p")
    assert problems == []
    assert got == fitted
    assert type(got) is type(fitted)


@pytest.mark.parametrize(
    ("value", "annotation", "path", "words"),
    [
        ("a", int, "p", "is 'a', but an integer is needed"),
        (True, int, "p", "is true, but an integer is needed"),
        (1, bool, "p", "true or false is needed"),
        (1.5, int, "p", "an integer"),
        ("1e-4", float, "p", "a number is needed; take the quotes away"),
        (3, str, "p", "a text"),
        (None, float, "p", "is null, but a number"),
        ("ab", list[str], "p", "a list of (a text)"),
        ("ab", Sequence[str], "p", "a list of (a text)"),
        ([1, "x"], list[int], "p.1", "is 'x', but an integer"),
        ([1, 2, 3], tuple[int, int], "p", "has 3 items, but a list of 2 (an integer)"),
        ([1, "x"], int | list[int], "p.1", "is 'x'"),
        ({"a": {"b": "x"}}, dict[str, dict[str, int]], "p.a.b", "an integer"),
        ("mux", Literal["max", "avg"], "p", "is 'mux'; nearest: max"),
        ({"sise": 2, "size": 1}, Options, "p.sise", "unknown key; nearest: size"),
        ({"rate": 1}, Options, "p.size", "is missing; an integer is needed"),
        ({"size": 0}, Options, "p.size", "is 0, but at least 1"),
        ({"size": 1, "rate": 0}, Options, "p.rate", "more than 0"),
        ({"size": 1, "names": [1]}, Options | None, "p.names.0", "a text"),
        ({"size": 13}, Options, "p.size", "is unlucky"),
        (7, Options | None, "p", "a mapping with size, rate, names or null"),
        ("x", FeatureSpec, "p", "a mapping with channels"),
    ],
)
def test_values_that_do_not_fit(value: Any, annotation: Any, path: str, words: str) -> None:
    _, problems = fit(value, annotation, "p")
    assert [p.path for p in problems] == [path]
    assert words in problems[0].message


def test_several_mistakes_of_one_mapping_are_reported_together() -> None:
    _, problems = fit({"size": "x", "rate": "y", "other": 1}, Options, "p")
    assert {p.path for p in problems} == {"p.size", "p.rate", "p.other"}


class Part:
    def __init__(self, in_spec: FeatureSpec, width: int, act: str = "relu", kernel: tuple[int, int] = (3, 3)) -> None: ...


class Swallows:
    def __init__(self, width: int = 1, **kwargs: Any) -> None: ...


def context(**values: Any) -> dict[str, Any]:
    return {name: (lambda value=value: value) for name, value in values.items()}


def test_context_is_injected_where_the_constructor_names_it() -> None:
    kwargs, problems = bind(Part, {"width": 4, "kernel": [1, 2]}, "N", context(in_spec=FeatureSpec(3), epochs=5))
    assert problems == []
    assert kwargs == {"in_spec": FeatureSpec(3), "width": 4, "kernel": (1, 2)}


def test_a_recipe_may_not_set_context() -> None:
    _, problems = bind(Part, {"width": 4, "in_spec": 3}, "N", context(in_spec=FeatureSpec(3)))
    assert [str(p) for p in problems] == ["N.in_spec: is given by the program; a recipe may not set it"]


def test_context_that_the_constructor_does_not_name_is_an_unknown_key() -> None:
    _, problems = bind(Part, {"width": 4, "epochs": 3}, "N", context(in_spec=FeatureSpec(3), epochs=3))
    assert problems[0].message.startswith("unknown key")


def test_context_is_made_only_when_it_is_named() -> None:
    def never() -> None:
        raise AssertionError("not named")

    assert bind(Swallows, {}, "N", {"charset": never}) == ({}, [])


def test_problems_in_making_context_are_reported() -> None:
    def broken() -> None:
        raise ConfigError([Problem("Global.character_dict_path", "is gone")])

    _, problems = bind(Part, {"width": 1}, "N", {"in_spec": broken})
    assert [p.path for p in problems] == ["Global.character_dict_path"]


def test_kwargs_accept_nothing() -> None:
    _, problems = bind(Swallows, {"widht": 2}, "N")
    assert [str(p) for p in problems] == ["N.widht: unknown key; nearest: width"]


def test_unknown_missing_and_wrong_arguments_together() -> None:
    _, problems = bind(Part, {"akt": "relu", "kernel": 3}, "N", context(in_spec=FeatureSpec(3)))
    assert {p.path for p in problems} == {"N.akt", "N.width", "N.kernel"}


def test_long_lists_of_names_are_cut() -> None:
    text = nearest("zzz", [f"name{i}" for i in range(40)])
    assert "and 24 more" in text


def test_long_values_are_cut() -> None:
    assert len(shown("x" * 500)) == 60


def test_annotations_in_words() -> None:
    assert described(int | list[float] | None) == "an integer, a list of (a number) or null"


def test_fields_of_a_dataclass_are_its_arguments_wherever_they_are_defined() -> None:
    """An inherited field's annotation belongs to the module that wrote it; a constructor of one's own wins."""
    found = parameters(AdamW)
    assert found["beta1"].annotation is float
    assert found["freeze"].annotation == Sequence[Mapping[str, Any]] | None
    assert [name for name, p in found.items() if p.required] == ["named_parameters", "param_attrs", "schedule"]

    class Own(AdamW):
        def __init__(self, rate: int) -> None: ...

    assert list(parameters(Own)) == ["rate"]


def test_a_text_in_brackets_is_told_to_stand_in_quotes() -> None:
    value, problems = fit([1, 48, "0 Cr3"], str, "a.spec")
    assert value == [1, 48, "0 Cr3"]
    assert "in quotes" in problems[0].message


def test_a_number_that_no_float_can_hold_is_told() -> None:
    _, problems = fit(10**400, float, "a.rate")
    assert "401 digits" in problems[0].message
