"""Do a classifier's outputs, the names of its classes and its labels fit together?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ppocr_like.config.recipe import Recipe
from ppocr_like.errors import Problem


def _outputs(model: Any) -> int | None:
    """Classes of the network's head; None where it has none."""
    found = getattr(getattr(model, "head", None), "class_dim", None)
    return found if isinstance(found, int) else None


def name_count_problems(recipe: Recipe, model: Any, postprocess: Any) -> list[Problem]:
    """As many names as outputs."""
    outputs, names = _outputs(model), getattr(postprocess, "label_list", None)
    if outputs is None or names is None or len(names) == outputs:
        return []
    path = "Global.label_list" if recipe.get("Global.label_list") is not None else "PostProcess.label_list"
    return [Problem(path, f"names {len(names)} classes ({', '.join(names)}), but Architecture.Head.class_dim is {outputs}")]


def label_problems(model: Any, transforms: Sequence[Any], path: str) -> list[Problem]:
    """No more labels than outputs, in a chain that makes its labels (`names`) or knows their list (`label_list`).

    Args:
        transforms: the chain, built.
        path: where it stands.
    """
    outputs, problems = _outputs(model), []
    for i, step in enumerate(transforms if outputs is not None else ()):
        labels = getattr(step, "names", None) or getattr(step, "label_list", None)
        if isinstance(labels, list) and len(labels) > (outputs or 0):
            message = f"gives {len(labels)} classes ({', '.join(labels)}), but Architecture.Head.class_dim is {outputs}"
            problems.append(Problem(f"{path}.{i}.{type(step).__name__}", message))
    return problems
