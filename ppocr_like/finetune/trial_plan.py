"""A plan of trials: sets, settings to try on them, and for how long."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from ppocr_like.config.recipe import load_recipe
from ppocr_like.config.typecheck import fit, option
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.finetune.plan import Resize


# ruff: noqa: RUF009 (`option` makes a dataclass field)
@dataclass(frozen=True)
class TrialSet:
    """Data to try on. `option`'s text is the key's documentation."""

    data: list[str] = option(doc="label files, as `finetune` takes them; `$NAME` is what the environment says")
    start: str | None = option(None, "weights to begin with; null: those that `finetune` takes")
    network: str | None = option(None, "recipe of the start's network, for weights that do not say it")
    characters: Resize = option("union", "as `finetune --characters`")
    settings: list[str] = option([], "of this set in every trial, as `-o` takes them")


@dataclass(frozen=True)
class TrialPlan:
    """What is tried. `option`'s text is the key's documentation."""

    sets: dict[str, TrialSet] = option(doc="data by name")
    trials: dict[str, list[str]] = option(
        doc="settings by name, as `-o` takes them; the first is what the others are compared with"
    )
    minutes: float = option(10.0, "of processor time for each training", above=0)
    seeds: list[int] = option([1, 2], "each trial is made with each")
    judged: float = option(0.25, "share of a set that no trial trains on, and on which all are judged", above=0)
    threads: int = option(1, "of a training", least=1)
    metric: str = option("cer", "that is compared")


def read_plan(path: str | Path) -> TrialPlan:
    """Reads a plan.

    Raises:
        ConfigError: everything that is wrong with it.
    """
    recipe = load_recipe(path)
    plan, problems = fit(recipe.tree, TrialPlan, "")
    if problems:
        raise ConfigError(problems, recipe.source)
    for key, names in (("sets", plan.sets), ("trials", plan.trials)):
        problems += [
            Problem(f"{key}.{name}", "cannot be a folder's name; use letters, digits, spaces and ._-+")
            for name in names
            if not all(c.isalnum() or c in " ._-+" for c in name) or not name.strip(" .")
        ]
        if not names:
            problems.append(Problem(key, "is empty: there is nothing to try"))
    if not plan.seeds:
        problems.append(Problem("seeds", "is empty: each trial needs one"))
    if plan.judged > 0.9:
        problems.append(Problem("judged", f"is {plan.judged:g}, which leaves nothing to train on; 0.9 at most"))
    if problems:
        raise ConfigError(problems, recipe.source)
    return replace(plan, sets={name: _expanded(each) for name, each in plan.sets.items()})


def _expanded(given: TrialSet) -> TrialSet:
    start, network = (text and os.path.expandvars(text) for text in (given.start, given.network))
    return replace(given, data=[os.path.expandvars(text) for text in given.data], start=start, network=network)
