"""Mistakes that another one hides: what is wrong is taken out of a copy of the recipe, and the rest is judged again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_args

from ppocr_like.config.overrides import item_name
from ppocr_like.config.recipe import Recipe
from ppocr_like.config.yaml_io import lookup, unshared
from ppocr_like.errors import Mistake, Problem

ROUNDS = 10  # of taking out and judging again; each finds at least one more mistake
TRIALS = 12  # arguments that are left out one by one to see which of them a constructor refuses
KEPT = (
    "Architecture.algorithm",
    "Global.character_dict_path",
    "Global.codec",
)  # whose mistakes hide nothing, or stand for a whole recipe
NUMBERS: Mapping[object, float] = MappingProxyType({int: 2, float: 0.001})  # what stands in for a number that is missing

Judge = Callable[[Recipe], list[Problem]]


def hidden_problems(recipe: Recipe, found: Sequence[Problem], judge: Judge) -> list[Problem]:
    """Further problems that come to light without the ones that were found.

    Args:
        found: what judging the recipe itself gave.
        judge: every problem of a recipe that follows from its parts alone, not from how they fit together: a part that was
            changed may fit no longer.
    """
    reported, fresh, more = list(found), list(found), list[Problem]()
    tree = unshared(recipe.tree)
    stands_in = _stand_in_all(tree, found)
    for _ in range(ROUNDS):
        taken = [problem for problem in fresh if _take_out(tree, problem)]
        left = [problem for problem in fresh if problem not in taken]
        for problem in left:
            if _take_out_culprit(recipe, tree, problem, judge):
                taken.append(problem)
        if not taken and not stands_in:
            break
        judged = judge(_like(recipe, tree))
        fresh = [problem for problem in judged if not _known(problem, reported)]
        stands_in = _stand_in_all(tree, [problem for problem in judged if _known(problem, reported)])
        if not fresh and not stands_in:
            break
        reported += fresh
        more += fresh
    return more


def _like(recipe: Recipe, tree: dict[str, Any]) -> Recipe:
    return Recipe(unshared(tree), recipe.path, recipe.overridden)


def _known(problem: Problem, reported: Sequence[Problem]) -> bool:
    """Whether a problem is one of those, stands within one of them, or is what taking one out has left behind."""
    return any(problem == other or f"{problem.path}.".startswith(f"{other.path}.") for other in reported)


def _take_out(tree: dict[str, Any], problem: Problem) -> bool:
    """Removes the key that the problem names, if that is one argument; a part as a whole stays."""
    parent, _, key = problem.path.rpartition(".")
    node = lookup(tree, parent) if parent else None
    if problem.path in KEPT or not isinstance(node, dict) or key not in node:
        return False
    if parent.rpartition(".")[2].isdigit() and item_name(node) == key:
        return False  # the name of a list's item, which stays
    value = node[key]
    holds_parts = isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))
    if (holds_parts or key == "name") and problem.mistake is not Mistake.UNKNOWN_KEY:
        return False
    del node[key]
    return True


def _stand_in_all(tree: dict[str, Any], problems: Sequence[Problem]) -> bool:
    return sum(_stand_in(tree, problem) for problem in problems) > 0


def _stand_in(tree: dict[str, Any], problem: Problem) -> bool:
    """Puts some value where a number was taken out that the part cannot do without."""
    parent, _, key = problem.path.rpartition(".")
    node = lookup(tree, parent) if parent else None
    about = (problem.about, *get_args(problem.about)) if problem.mistake is Mistake.MISSING else ()
    wanted = next((kind for kind in NUMBERS if kind in about), None)
    if wanted is None or not isinstance(node, dict) or key in node:
        return False
    node[key] = NUMBERS[wanted]
    return True


def _take_out_culprit(recipe: Recipe, tree: dict[str, Any], problem: Problem, judge: Judge) -> bool:
    """Removes the one argument of a part without which its constructor has nothing to say; False where there is none."""
    node = lookup(tree, problem.path) if problem.path else None
    if not isinstance(node, dict) or problem.mistake is not Mistake.REFUSED:
        return False
    for key in list(_arguments(node))[:TRIALS]:
        value = node.pop(key)
        if all(other.path != problem.path and other.path != f"{problem.path}.{key}" for other in judge(_like(recipe, tree))):
            return True
        node[key] = value
    return False


def _arguments(node: dict[str, Any]) -> Iterator[str]:
    return (key for key, value in node.items() if key != "name" and not isinstance(value, dict | list))
