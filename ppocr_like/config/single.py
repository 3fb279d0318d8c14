"""One network of a distillation as a recipe of its own: what is exported, and what recognises."""

from __future__ import annotations

from typing import Any

from ppocr_like.config.recipe import Recipe
from ppocr_like.config.typecheck import nearest
from ppocr_like.errors import ConfigError, Problem

STUDENT = "Student"  # the network that is meant where none is named
PREFIX = "Distillation"
OF_DISTILLATION = ("model_type", "pretrained", "freeze_params", "return_all_feats")  # keys of a network that it lacks alone
OF_MODELS = ("model_name", "key", "multi_head")  # arguments of a post-processing of several networks that one does not have


def sub_model_names(recipe: Recipe) -> list[str]:
    """Names under `Architecture.Models`; none for a recipe of one network."""
    models = recipe.get("Architecture.Models")
    return [str(name) for name in models] if isinstance(models, dict) else []


def meant_model(names: list[str], name: str | None, path: str = "Architecture.Models") -> str:
    """The network that is meant: `name`, or the student, or the first.

    Raises:
        ConfigError: there is none of that name.
    """
    if name is not None and name not in names:
        raise ConfigError([Problem(path, f"has no network {name!r}{nearest(name, names, 'there')}")])
    return name or (STUDENT if STUDENT in names else names[0])


def single_model(recipe: Recipe, name: str | None = None) -> Recipe:
    """The recipe of one of its networks, with the plain post-processing and metric; a recipe of one network as it is.

    Args:
        name: of the network; None: Student, or the first one.

    Raises:
        ConfigError: there is no such network.
    """
    names = sub_model_names(recipe)
    if not names:
        if name is not None:
            raise ConfigError([Problem("Architecture", f"has one network only, none is called {name!r}")], recipe.source)
        return recipe
    name = meant_model(names, name)
    arch = recipe.get("Architecture")
    node = arch["Models"][name] if isinstance(arch["Models"][name], dict) else {}
    tree = {key: value for key, value in recipe.tree.items() if key != "Loss"}
    own = {key: value for key, value in node.items() if key not in OF_DISTILLATION}
    tree["Architecture"] = {"model_type": arch.get("model_type"), **own}
    for section, make in (("PostProcess", _plain_postprocess), ("Metric", _plain_metric)):
        if isinstance(tree.get(section), dict):
            tree[section] = make(tree[section])
    single = Recipe(tree, recipe.path, recipe.overridden)
    single.notes = recipe.notes
    return single


def _plain_postprocess(node: dict[str, Any]) -> dict[str, Any]:
    if not str(node.get("name")).startswith(PREFIX):
        return node
    plain = {key: value for key, value in node.items() if key not in OF_MODELS}
    if node["name"] == "DistillationDBPostProcess":  # whose defaults are others
        plain = {"box_thresh": 0.6, "unclip_ratio": 1.5, **plain}
    return {**plain, "name": str(node["name"]).removeprefix(PREFIX)}


def _plain_metric(node: dict[str, Any]) -> dict[str, Any]:
    if "base_metric_name" not in node:
        return node
    rest = {key: value for key, value in node.items() if key not in ("name", "base_metric_name", "key")}
    return {"name": node["base_metric_name"], **rest}
