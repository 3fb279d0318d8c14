"""Do the other parts of a recipe go with the network? Its modules are asked (`contracts.Judge`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ppocr_like.config.recipe import Recipe
from ppocr_like.config.words import GLOBAL_WINS
from ppocr_like.contracts import Judge
from ppocr_like.errors import Problem


def _misfit(model: object, part: object, training: bool) -> tuple[str, str] | None:
    """What the first judge says; None where one of them takes the part, or there is none."""
    modules = model.modules() if hasattr(model, "modules") else ()
    # The class is asked for its method, because a module looks for what it lacks among its parameters, which takes long.
    judges: list[Judge] = [module for module in modules if hasattr(type(module), "misfit")]
    said = [judge.misfit(part, training) for judge in judges]
    return None if None in said else next(iter(said), None)


def part_problems(recipe: Recipe, consumers: Mapping[str, object]) -> list[Problem]:
    """A loss or a post-processing that does not go with the network.

    Args:
        consumers: by section what was built, None where that failed.
    """
    problems = []
    for section in ("Loss", "PostProcess"):
        found = _misfit(consumers["Architecture"], consumers.get(section), training=section == "Loss")
        if found is not None:
            argument, message = found
            wins = argument in GLOBAL_WINS and recipe.get(f"Global.{argument}") is not None
            problems.append(Problem(f"Global.{argument}" if wins else f"{section}.{argument}", message))
    return problems


def step_problems(model: object, transforms: Sequence[object], path: str, training: bool) -> list[Problem]:
    """Steps of a chain that do not go with the network.

    Args:
        transforms: the chain, built.
        path: where it stands.
        training: its samples are trained on, or their loss is computed.
    """
    problems = []
    for number, step in enumerate(transforms):
        if (found := _misfit(model, step, training)) is not None:
            problems.append(Problem(f"{path}.{number}.{type(step).__name__}.{found[0]}".rstrip("."), found[1]))
    return problems
