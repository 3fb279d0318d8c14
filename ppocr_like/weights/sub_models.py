"""Weights of several networks in one file (distillation): each by itself, with its own floor."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ppocr_like.charset import Charset
from ppocr_like.config.recipe import Recipe
from ppocr_like.config.single import meant_model, single_model
from ppocr_like.errors import ConfigError, WeightsError
from ppocr_like.weights.charset_plan import CharsetPlan, ResizeMode, resize_charset, same_charset
from ppocr_like.weights.files import WeightsFile, load_weights
from ppocr_like.weights.fit import BACKBONE
from ppocr_like.weights.match import BackboneOf, MatchReport
from ppocr_like.weights.match import load_into as load_one

logger = logging.getLogger("ppocr_like")
PARTS = ("transform", "backbone", "neck", "head")


def sub_models_of(state: Mapping[str, Any]) -> list[str]:
    """Names of the networks whose tensors `state` holds (`Student.backbone...`); none where it holds one network."""
    names: list[str] = []
    for key in state:
        name, _, rest = key.partition(".")
        if name in PARTS or rest.partition(".")[0] not in PARTS:
            return []
        if name not in names:
            names.append(name)
    return names


def sub_weights(weights: WeightsFile, name: str | None = None) -> WeightsFile:
    """One network's weights out of a file of several, as a file of one; a file of one as it is.

    Args:
        name: of the network; None: Student, or the first one.

    Raises:
        WeightsError: there is no such network.
    """
    names = sub_models_of(weights.state)
    if not names:
        if name:
            raise WeightsError(f"{weights.path} holds one network alone, not {name!r}; remove Global.pretrained_sub_model")
        return weights
    try:
        name = meant_model(names, name, str(weights.path))
        recipe = _recipe_of(weights, name)
    except ConfigError as error:
        raise WeightsError(str(error)) from error
    logger.info("%s holds %s; %s is taken", weights.path, ", ".join(names), name)
    return replace(weights, state=_of(weights.state, name), names=_of(weights.names, name), recipe=recipe, sub_model=None)


def _recipe_of(weights: WeightsFile, name: str) -> dict[str, Any] | None:
    return None if weights.recipe is None else single_model(Recipe.from_tree(weights.recipe), name).tree


def _of(state: Mapping[str, Any], name: str) -> dict[str, Any]:
    prefix = f"{name}."
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def load_into(
    model: Any,
    weights: WeightsFile,
    plan: CharsetPlan | None = None,
    min_match: float = 0.5,
    *,
    architecture: Mapping[str, Any] | None = None,
    as_is: bool = False,
) -> MatchReport:
    """`match.load_into` for one network or several.

    One network takes the student of a file of several. Of several each is filled from its own part of the file and must reach
    `min_match`; one that has weights of its own (`Models.X.pretrained`) may be missing in the file.

    Raises:
        WeightsError: see `match.load_into`; a file of one network for several.
    """
    if not hasattr(model, "sub_models"):
        weights = sub_weights(weights, weights.sub_model)
        return load_one(model, weights, plan, min_match, architecture=architecture, as_is=as_is)
    there = sub_models_of(weights.state)
    if not there:
        names = ", ".join(model.names)
        raise WeightsError(
            f"{weights.path} holds one network, the recipe has {names}: set Architecture.Models.{model.learner}.pretrained to it "
            "(and the others' likewise), not Global.pretrained_model"
        )
    nodes = (architecture or {}).get("Models") or {}
    reports: dict[str, MatchReport] = {}
    for name, network in model.sub_models.items():
        used = min_match >= 1 and name in model.evaluated  # as it is, so that random weights would be taken for trained ones
        if name not in there and not used and (nodes.get(name) or {}).get("pretrained"):
            continue
        try:
            part = replace(weights, state=_of(weights.state, name), recipe=_recipe_of(weights, name))
            reports[name] = load_one(network, part, plan, min_match, as_is=as_is)
        except (WeightsError, ConfigError) as error:
            raise WeightsError(f"network {name}: {error}") from error
    return _joined(reports, str(weights.path))


def _joined(reports: Mapping[str, MatchReport], source: str) -> MatchReport:
    return MatchReport(
        matched=tuple(f"{name}.{key}" for name, report in reports.items() for key in report.matched),
        missing=tuple((f"{name}.{key}", shape) for name, report in reports.items() for key, shape in report.missing),
        unexpected=tuple((f"{name}.{key}", shape) for name, report in reports.items() for key, shape in report.unexpected),
        mismatched=tuple((f"{name}.{key}", a, b) for name, report in reports.items() for key, a, b in report.mismatched),
        source=source,
        fresh_rows=sum(report.fresh_rows for report in reports.values()),
        unused=tuple(f"{name}.{key}" for name, report in reports.items() for key in report.unused),
        beyond=sum(report.beyond for report in reports.values()),
        notes=tuple(f"{name}: {note}" for name, report in reports.items() for note in report.notes),
        new=sum(report.new for report in reports.values()),
    )


def load_own_weights(
    model: Any, sources: Mapping[str, str], charset: Charset | None, mode: ResizeMode, min_match: float, task: str
) -> None:
    """Fills sub-models from the files that the recipe names for each (`Models.X.pretrained`).

    Args:
        sources: file, run folder or prefix by the sub-model's name. Of a file of several networks the one of that name is taken,
            else its student.
        charset: the run's; None for a task without characters.
        mode: `Global.charset_resize`; anything but `fail` maps rows by character.

    Raises:
        WeightsError: see `load_weights`, `resize_charset` and `match.load_into`.
    """
    for name, source in sources.items():
        try:
            weights = load_weights(source)
            theirs = sub_models_of(weights.state)
            weights = sub_weights(weights, name if name in theirs else None)
            if weights.task not in (None, task):
                raise WeightsError(f"{weights.path} holds weights of model_type {weights.task}, the recipe's is {task}")
            report = load_one(model.sub(name), weights, _plan(weights, charset, mode), min_match)
        except WeightsError as error:
            raise WeightsError(f"Architecture.Models.{name}.pretrained: {error}") from error
        logger.info("%s: %s", name, report.table())


def load_backbones(model: Any, sources: Mapping[str, str], min_match: float) -> None:
    """Fills backbones from the files that the recipe names for each (`Backbone.pretrained`); a network's give its backbone.

    Args:
        sources: file, folder or prefix by the sub-model's name; "" is the one network.
        min_match: share of the backbone's tensors that must be found.

    Raises:
        WeightsError: see `load_weights` and `match.load_into`.
    """
    for name, source in sources.items():
        place = f"Architecture.Models.{name}" if name else "Architecture"
        try:
            weights = sub_weights(load_weights(source))
            backbone = {key.removeprefix(BACKBONE): value for key, value in weights.state.items() if key.startswith(BACKBONE)}
            alone = replace(weights, state=backbone or weights.state)
            report = load_one(BackboneOf(model.sub(name) if name else model), alone, None, min_match)
        except WeightsError as error:
            raise WeightsError(f"{place}.Backbone.pretrained: {error}") from error
        logger.info("%s.Backbone: %s", place, report.table())


def _plan(weights: WeightsFile, charset: Charset | None, mode: ResizeMode) -> CharsetPlan | None:
    if charset is None:
        return None
    if weights.charset is None:
        return same_charset(charset, assumed=True, mode=mode)
    return resize_charset(weights.charset, charset, "fail" if mode == "fail" else "new")
