"""The Architecture section: one network, of parts in a row or of one class, or several networks that see the same images."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from ppocr_like.config.input_checks import input_channels
from ppocr_like.config.nodes import Bound, Context, Node, named_node, parts_of, problem, same
from ppocr_like.config.recipe import Recipe
from ppocr_like.config.typecheck import nearest, shown
from ppocr_like.contracts import FeatureSpec
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.registry import ARCHITECTURES, Registry

KEYS = ("model_type", "algorithm", "name")  # of the section, beside the arguments of the network's class
ONE, SEVERAL, MODELS = "OcrModel", "DistillationModel", "Models"


class Bind(Protocol):
    """Binds a node with the builder's context: `Builder.bind`."""

    def __call__(self, registry: Registry, node: Node, role: str = "", more: Context | None = None) -> Bound: ...


def build_architecture(recipe: Recipe, bind: Bind, blank: bool = False) -> Any:
    """The network of the recipe.

    Args:
        blank: to be looked at only; the class's `without_values` makes the context in which it is built.

    Raises:
        ConfigError: every problem of the section.
    """
    arch = recipe.get("Architecture")
    if not isinstance(arch, dict):
        raise problem("Architecture", "is missing; a mapping with model_type, Backbone, Neck, Head is needed")
    default = SEVERAL if MODELS in arch else ONE
    name = named_node({"name": arch.get("name") or default}, "Architecture", "architecture").name
    kind = ARCHITECTURES.get(name) if name in ARCHITECTURES else None
    empty = [key for key in _one_network() if arch.get(key) is None]  # `Transform: null` is no part, of whatever network
    args = {key: value for key, value in arch.items() if key not in (*KEYS, *empty)}
    node = Node(name, args, "Architecture", KEYS)
    problems = _network_problems(recipe, arch, name, kind) if kind is not None else []
    if kind is None and default in ARCHITECTURES and (MODELS in arch or len(empty) < len(_one_network())):
        problems += _unknown_name(bind, node)  # and what is wrong with its parts
        node = replace(node, name=default)
    context: Context = {
        "in_spec": partial(same, FeatureSpec(channels=input_channels(recipe))),
        "evaluated": partial(same, _read_in_evaluation(recipe)),
    }
    with getattr(kind, "without_values", nullcontext)() if blank else nullcontext():
        try:
            bound = bind(ARCHITECTURES, node, "Architecture", context)
        except ConfigError as error:
            told = {p.path for p in problems}
            raise ConfigError(problems + [p for p in error.problems if p.path not in told]) from error
        if problems:
            raise ConfigError(problems)
        return bound.make()


def _unknown_name(bind: Bind, node: Node) -> list[Problem]:
    """What is said of a name that nothing is registered under."""
    try:
        bind(ARCHITECTURES, node)
    except ConfigError as error:
        return error.problems
    return []


def _one_network() -> list[str]:
    """The keys that hold the parts of a network in a row."""
    return [part.argument for part in parts_of(ARCHITECTURES.get(ONE))] if ONE in ARCHITECTURES else []


def _network_problems(recipe: Recipe, arch: dict[str, Any], name: str, kind: type) -> list[Problem]:
    """Keys of one network beside several, and the reverse; networks that are none, or of another task.

    Raises:
        ConfigError: there are no networks, or several where one is meant.
    """
    path = f"Architecture.{MODELS}"
    if MODELS not in {part.argument for part in parts_of(kind)}:
        if MODELS in arch:
            raise problem(path, f"{name} is one network; several need name: {SEVERAL}")
        return []
    models, task = arch.get(MODELS), str(arch.get("model_type"))
    if not isinstance(models, dict) or not models:
        raise problem(path, f"is {shown(models)}; a mapping of names to networks is needed: Student: {{Backbone: ...}}")
    own = [key for key in _one_network() if arch.get(key) is not None]
    problems = [Problem(f"Architecture.{key}", "belongs to the networks under Models") for key in own]
    for model, node in models.items():
        here = f"{path}.{model}"
        if not isinstance(node, dict):
            problems.append(Problem(here, f"is {shown(node)}, but a mapping with Backbone and Head is needed"))
        elif node.get("model_type", task) != task:
            message = f"is {shown(node['model_type'])}, but that of Architecture is {task}"
            problems.append(Problem(f"{here}.model_type", message))
        elif node.get("freeze_params") and not node.get("pretrained") and not recipe.get("Global.pretrained_model"):
            unset = f"set {here}.pretrained or Global.pretrained_model"
            recipe.note(f"{here} is frozen and has no weights: what it teaches is random; {unset}")
    return problems


def _read_in_evaluation(recipe: Recipe) -> list[str] | None:
    """The networks whose outputs the post-processing reads; None where it does not say, or wrongly (which it tells itself)."""
    models, read = recipe.get("Architecture.Models"), recipe.get("PostProcess.model_name")
    read = [read] if isinstance(read, str) else read
    known = isinstance(models, dict) and isinstance(read, list) and read and all(name in models for name in read)
    return read if known else None


def own_weights(recipe: Recipe) -> dict[str, str]:
    """`Architecture.Models.X.pretrained` of the sub-models that have one."""
    models = recipe.get("Architecture.Models")
    nodes = models.items() if isinstance(models, dict) else ()
    return {name: node["pretrained"] for name, node in nodes if isinstance(node, dict) and node.get("pretrained")}


def backbone_weights(recipe: Recipe) -> dict[str, str]:
    """`Backbone.pretrained`, weights of a backbone alone: by the sub-model's name, or under "" of the one network."""
    models = recipe.get("Architecture.Models")
    paths = {name: f"Architecture.Models.{name}" for name in models} if isinstance(models, dict) else {"": "Architecture"}
    found = {name: recipe.get(f"{path}.Backbone.pretrained") for name, path in paths.items()}
    return {name: value for name, value in found.items() if isinstance(value, str) and value}


def named_weights(recipe: Recipe) -> list[tuple[str, str]]:
    """(where it stands, what is named) of everything that a training would begin with."""
    checkpoints = recipe.get("Global.checkpoints")
    key = "Global.checkpoints" if checkpoints else "Global.pretrained_model"  # the first wins
    named = [(key, recipe.get(key))]
    named += [(f"Architecture.Models.{name}.pretrained", source) for name, source in own_weights(recipe).items()]
    for name, source in backbone_weights(recipe).items():
        network = f"Architecture.Models.{name}" if name else "Architecture"
        named.append((f"{network}.Backbone.pretrained", source))
    return [(path, source) for path, source in named if isinstance(source, str) and source]


def name_problems(consumers: Mapping[str, object]) -> list[Problem]:
    """Sub-models that a part reads and that are not there; parts of one network beside several, and the reverse.

    Args:
        consumers: by section what was built, None where that failed.
    """
    model = consumers["Architecture"]
    if model is None:
        return []
    names, problems = getattr(model, "names", None), []
    for section in ("Loss", "PostProcess", "Metric"):
        part = consumers[section]
        read = getattr(part, "model_names", None)
        who = type(part).__name__
        if part is None or (names is None and not read):  # a CombinedLoss may read no sub-model
            continue
        if names is None or not read:
            some = f"Architecture has {', '.join(names)}" if names else f"{who} reads those of Architecture.Models"
            hint = "take the part whose name begins with Distillation, or CombinedLoss" if names else "take the plain part"
            problems.append(Problem(f"{section}.name", f"{who} does not fit the networks' outputs: {some}; {hint}"))
            continue
        problems += [Problem(section, f"reads the sub-model {n!r}{nearest(n, names, 'there')}") for n in read if n not in names]
    shown_names, key = getattr(consumers["PostProcess"], "model_names", None), getattr(consumers["Metric"], "key", None)
    if shown_names and isinstance(key, str) and key in (names or ()) and key not in shown_names:
        problems.append(Problem("Metric.key", f"is {key}, which PostProcess.model_name does not read: {', '.join(shown_names)}"))
    return problems
