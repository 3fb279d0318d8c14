"""A plan of trials: sets, settings to try on them, and for how long."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ppocr_like.config.recipe import load_recipe
from ppocr_like.config.typecheck import fit, option
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.finetune.plan import Resize


# ruff: noqa: RUF009 (`option` makes a dataclass field)
@dataclass(frozen=True)
class TrialSet:
    """Data to try on. `option`'s text is the key's documentation."""

    data: list[str] = option(
        doc="label files, lists or patterns of pages in XML, as `finetune` takes them; `$NAME` is what the environment says"
    )
    test: list[str] | None = option(
        None, "data of the same kind on which all trials are judged; null: a share of the data (`judged`)"
    )
    start: str | None = option(None, "weights to begin with; null: those that `finetune` takes")
    network: str | None = option(None, "recipe of the start's network, for weights that do not say it")
    characters: Resize = option("union", "as `finetune --characters`")
    settings: list[str] = option([], "of this set in every trial, as `-o` takes them")


@dataclass(frozen=True)
class Trial:
    """What is done in a way of its own; what is null is as the set or the plan has it."""

    settings: list[str] = option([], "as `-o` takes them")
    minutes: float | None = option(None, "of processor time; 0: the start is measured, and nothing trained", least=0)
    steps: int | None = option(None, "optimizer steps, in the place of `minutes`", least=1)
    lines: int | None = option(None, "so many lines or pages of the set, drawn at random; null: all", least=1)
    start: str | None = option(None, "weights to begin with")
    network: str | None = option(None, "recipe of the start's network")
    characters: Resize | None = option(None, "as `finetune --characters`")


@dataclass(frozen=True)
class TrialPlan:
    """What is tried. `option`'s text is the key's documentation."""

    sets: dict[str, TrialSet] = option(doc="data by name")
    trials: dict[str, Trial] = option(
        doc="by name: settings, as `-o` takes them, or keys of their own; the others are compared with the first"
    )
    minutes: float = option(10.0, "of processor time for each training", above=0)
    steps: int | None = option(
        None, "optimizer steps of each training, in the place of `minutes`: on a machine whose speed varies", least=1
    )
    seeds: list[int] = option([1, 2], "each trial is made with each")
    judged: float = option(0.25, "share of a set that no trial trains on, and on which all are judged", above=0)
    threads: int = option(1, "of a training", least=1)
    metrics: list[str] = option(["cer"], "a table of each")


def read_plan(path: str | Path) -> TrialPlan:
    """Reads a plan.

    Raises:
        ConfigError: everything that is wrong with it.
    """
    recipe = load_recipe(path)
    tree = dict(recipe.tree)
    if isinstance(trials := tree.get("trials"), dict):
        tree["trials"] = {name: _trial(given) for name, given in trials.items()}
    plan, problems = fit(tree, TrialPlan, "")
    problems = [replace(problem, path=problem.path.lstrip(".")) for problem in problems] or list(_problems(plan))
    if problems:
        raise ConfigError(problems, recipe.source)
    sets = {name: replace(_expanded(each), data=_paths(each.data), test=_paths(each.test)) for name, each in plan.sets.items()}
    return replace(plan, sets=sets, trials={name: _expanded(each) for name, each in plan.trials.items()})


def _trial(given: Any) -> Any:
    return {"settings": given or []} if given is None or isinstance(given, list) else given


def _problems(plan: TrialPlan) -> Iterator[Problem]:
    for key, names in (("sets", plan.sets), ("trials", plan.trials)):
        for name in names:
            if not all(c.isalnum() or c in " ._-+," for c in name) or not name.strip(" ."):
                yield Problem(f"{key}.{name}", "cannot be a folder's name; use letters, digits, spaces and ._-+,")
        if not names:
            yield Problem(key, "is empty: there is nothing to try")
    for key in ("seeds", "metrics"):
        if not getattr(plan, key):
            yield Problem(key, "is empty: one is needed")
    for name, trial in plan.trials.items():
        if trial.steps is not None and trial.minutes is not None:
            yield Problem(f"trials.{name}", "has minutes and steps; either says how long it is")
    if plan.judged > 0.9:
        yield Problem("judged", f"is {plan.judged:g}, which leaves nothing to train on; 0.9 at most")


def _expanded(given: Any) -> Any:
    start, network = (text and os.path.expandvars(text) for text in (given.start, given.network))
    return replace(given, start=start, network=network)


def _paths(given: list[str] | None) -> list[str] | None:
    return None if given is None else [os.path.expandvars(text) for text in given]
