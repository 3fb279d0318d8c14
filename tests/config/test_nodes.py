"""Nodes become objects: forms, nested nodes, what constructors refuse, Global's four keys."""

from __future__ import annotations

from typing import Any

import pytest

from ppocr_like.charset import Charset
from ppocr_like.config import Builder, Recipe
from ppocr_like.config.nodes import Node, bind_node, item_node, named_node
from ppocr_like.errors import ConfigError, DataError
from ppocr_like.registry import Part, Registry


def refusal(call, *args: Any, **more: Any) -> list[str]:
    with pytest.raises(ConfigError) as error:
        call(*args, **more)
    return [str(p) for p in error.value.problems]


def test_the_named_form() -> None:
    value = {"name": "X", "k": 1}
    assert named_node(value, "P", "part") == Node("X", {"k": 1}, "P")
    assert value == {"name": "X", "k": 1}
    assert named_node({"k": 1}, "P", "part", "Const") == Node("Const", {"k": 1}, "P")
    assert named_node(None, "P", "part", "Const") == Node("Const", {}, "P")


def test_the_one_key_form() -> None:
    assert item_node({"X": {"k": 1}}, "P.0", "part") == Node("X", {"k": 1}, "P.0.X")
    assert item_node({"X": None}, "P.0", "part") == Node("X", {}, "P.0.X")
    assert item_node({"name": "X", "k": 1}, "P.0", "part") == Node("X", {"k": 1}, "P.0")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("RecAug", "P: is the text 'RecAug'; write `- RecAug:` with a colon"),
        ({"X": 1, "Y": 2}, "P: is a mapping of X, Y; one part"),
        ({"X": 3}, "P.X: is 3, but a mapping of arguments"),
        (None, "P: is null"),
        ({}, "P: is {}"),
    ],
)
def test_items_that_are_no_node(value: Any, words: str) -> None:
    assert refusal(item_node, value, "P", "part")[0].startswith(words)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "P: is missing; a part is needed"),
        ([1], "P: is [1]"),
        ({"k": 1}, "P.name: is missing"),
        ({"name": 3}, "P.name: is 3"),
    ],
)
def test_values_that_are_no_named_node(value: Any, words: str) -> None:
    assert refusal(named_node, value, "P", "part")[0].startswith(words)


INNER = Registry("inner part", "")
PARTS = Registry("part", "")


@INNER.register()
class Leaf:
    def __init__(self, size: int = 1) -> None:
        if size < 0:
            raise ValueError(f"size is {size}, which is negative")
        self.size = size


@PARTS.register()
class Box:
    parts = (Part("leaves", INNER, many=list), Part("main", INNER))

    def __init__(self, leaves: list[Leaf], main: Leaf | None = None, charset: Charset | None = None) -> None:
        self.leaves, self.main = leaves, main


@PARTS.register()
class Fails:
    def __init__(self) -> None:
        raise DataError("no such thing")


def made(node: Node, **context: Any) -> Any:
    factories = {name: (lambda value=value: value) for name, value in context.items()}
    return bind_node(Recipe({}), PARTS, node, task=None, context=factories).make()


def test_nested_nodes_and_lists_of_them_are_built() -> None:
    box = made(Node("Box", {"leaves": [{"Leaf": None}, {"Leaf": {"size": 2}}], "main": {"name": "Leaf", "size": 3}}, "B"))
    assert [leaf.size for leaf in box.leaves] == [1, 2]
    assert box.main.size == 3


def test_all_mistakes_of_nested_nodes_are_reported() -> None:
    node = Node("Box", {"leaves": [{"Leaff": None}, {"Leaf": {"size": "x"}}, {"Leaf": {"size": -1}}], "mian": 1}, "B")
    got = refusal(made, node)
    assert got == [
        "B.leaves.0.Leaff: unknown inner part 'Leaff'; nearest: Leaf",
        "B.leaves.1.Leaf.size: is 'x', but an integer is needed",
        "B.leaves.2.Leaf: size is -1, which is negative",
        "B.mian: unknown key; nearest: main",
    ]


def test_unknown_names_come_with_the_nearest() -> None:
    assert refusal(made, Node("Bax", {}, "B")) == ["B: unknown part 'Bax'; nearest: Box"]


def test_what_a_constructor_refuses_has_its_path() -> None:
    assert refusal(made, Node("Fails", {}, "B")) == ["B: no such thing"]


def chain(globals_: dict, *items: dict) -> tuple[Recipe, list]:
    recipe = Recipe.from_tree({"Global": {"epoch_num": 1, **globals_}, "Architecture": {"model_type": "rec"}})
    return recipe, Builder(recipe, Charset("abc")).transforms(list(items), "T")


def test_global_wins_over_a_transform_s_own_argument_and_says_so() -> None:
    recipe, steps = chain({"max_text_length": 7}, {"CTCLabelEncode": {"max_text_length": 25}})
    assert steps[0].max_text_length == 7
    assert recipe.notes == ["T.0.CTCLabelEncode.max_text_length: 25 gives way to Global.max_text_length: 7"]


def test_equal_values_and_absent_arguments_are_not_mentioned() -> None:
    recipe, steps = chain({"max_text_length": 7}, {"CTCLabelEncode": {"max_text_length": 7}}, {"CTCLabelEncode": None})
    assert [s.max_text_length for s in steps] == [7, 7]
    assert recipe.notes == []


def test_without_the_global_key_the_own_argument_holds() -> None:
    assert chain({}, {"CTCLabelEncode": {"max_text_length": 9}})[1][0].max_text_length == 9


def test_an_operator_s_dictionary_gives_way_to_the_run_s() -> None:
    recipe, steps = chain(
        {"max_text_length": 9}, {"CTCLabelEncode": {"character_dict_path": "other.txt", "use_space_char": True}}
    )
    assert steps[0].charset == Charset("abc")
    assert len(recipe.notes) == 2
