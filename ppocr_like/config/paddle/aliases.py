"""Other names under which a component's arguments are known, by component. Whoever writes one gets the argument it means.

PaddleOCR's inference and its fine-tune guide call the arguments of DBPostProcess otherwise than its recipes do; there, such
a name in a recipe is silently without effect. kraken calls the clipping of an optimizer otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from ppocr_like.config.typecheck import shown
from ppocr_like.config.yaml_io import lookup
from ppocr_like.errors import Problem

_DB = {
    "det_db_thresh": "thresh",
    "det_db_box_thresh": "box_thresh",
    "det_db_unclip_ratio": "unclip_ratio",
    "det_db_score_mode": "score_mode",
    "det_box_type": "box_type",
}
ALIASES: dict[str, dict[str, str]] = {
    "DBPostProcess": _DB,
    "DistillationDBPostProcess": _DB,
    "ReduceLROnPlateau": {"eps": "epsilon"},
    **{name: {"gradient_clip_val": "clip_norm_global"} for name in ("Adam", "AdamW", "Lamb", "RMSprop", "SGD")},
}

# Not an argument of the post-processing, which takes image by image: the guide's name for the most images that are read together.
BATCH_ALIAS = "max_batch_size"
BATCH_SECTION, BATCH_KEY = "Eval.loader", "batch_size_per_card"


def rename(
    component: str, args: dict[str, Any], path: str, overridden: Collection[str], note: Callable[[str], None]
) -> list[Problem]:
    """Puts real names in the place of aliases, changing `args`; each is noted.

    Where both stand, the one that `-o` set wins; two different values of equal rank are a problem.

    Args:
        path: where the arguments stand.
        overridden: YAML paths that `-o` set.
    """
    problems = []
    for alias in [key for key in args if key in ALIASES.get(component, {})]:
        name, value = ALIASES[component][alias], args.pop(alias)
        here, there = f"{path}.{alias}", f"{path}.{name}"
        if name not in args or args[name] == value:
            note(f"{here} means {name}: {shown(value)}")
            args[name] = value
        elif here in overridden and there not in overridden:
            note(f"{here} means {name}: {shown(value)} takes the place of {shown(args[name])}")
            args[name] = value
        elif there in overridden and here not in overridden:
            note(f"{here} means {name}: {shown(value)} gives way to {shown(args[name])}")
        else:
            message = f"is {shown(value)}, but {name}, which it means, is {shown(args[name])}; keep one of them"
            problems.append(Problem(here, message))
    return problems


def rename_in_tree(tree: dict[str, Any], overridden: frozenset[str], note: Callable[[str], None]) -> frozenset[str]:
    """Aliases in the PostProcess section of a whole recipe, changing `tree`, so that the recipe as it is kept has real names
    only. Where values conflict all stays as it is: building the component reports it, together with all other mistakes.

    Returns:
        `overridden` with the real paths.
    """
    args = tree.get("PostProcess")
    if not isinstance(args, dict) or not isinstance(args.get("name"), str):
        return overridden
    name, renamed = args["name"], dict(args)
    if name not in ALIASES or rename(name, renamed, "PostProcess", overridden, note):
        return overridden
    paths = {f"PostProcess.{alias}": f"PostProcess.{real}" for alias, real in ALIASES[name].items() if alias in args}
    args.clear()
    args.update(renamed)
    if BATCH_ALIAS in args:
        _bound_batch(tree, args, note)
    return frozenset(paths.get(path, path) for path in overridden)


def _bound_batch(tree: dict[str, Any], args: dict[str, Any], note: Callable[[str], None]) -> None:
    """Takes `max_batch_size` out of `args`: `Eval.loader` may hold less, not more. What is no number stays, to be reported."""
    most, loader = args[BATCH_ALIAS], lookup(tree, BATCH_SECTION)
    if type(most) is not int or most < 1 or not isinstance(loader, dict):
        return
    given = loader.get(BATCH_KEY)
    if given is None or (type(given) is int and given > most):
        loader[BATCH_KEY] = most
    del args[BATCH_ALIAS]
    note(f"PostProcess.{BATCH_ALIAS}: {most} bounds {BATCH_SECTION}.{BATCH_KEY}, which is {shown(loader[BATCH_KEY])}")
