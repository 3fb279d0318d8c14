"""The Architecture section: one network of parts in a row, or several networks that see the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, Protocol, TypeVar

from ppocr_like.config.input_checks import input_channels
from ppocr_like.config.nodes import Bound, Context, Node, named_node, problem
from ppocr_like.config.paddle.ignored import ignored
from ppocr_like.config.recipe import Recipe
from ppocr_like.config.typecheck import nearest, parameters, shown, unknown_key
from ppocr_like.contracts import FeatureSpec
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.registry import ARCH_TRANSFORMS, ARCHITECTURES, BACKBONES, HEADS, NECKS, Registry

PARTS = {"Transform": ARCH_TRANSFORMS, "Backbone": BACKBONES, "Neck": NECKS, "Head": HEADS}
OWN = ("fused",)  # arguments of the network itself
SECTION = ("model_type", "algorithm", "name", *OWN, *PARTS, "Models")
SUB_MODEL = ("pretrained", "freeze_params", "return_all_feats", "model_type", "algorithm", *OWN, *PARTS)
T = TypeVar("T")


class Bind(Protocol):
    """Binds a node with the builder's context: `Builder.bind`."""

    def __call__(
        self,
        registry: Registry,
        node: Node,
        role: str = "",
        more: Context | None = None,
        built: dict[str, Any] | None = None,
    ) -> Bound: ...


def _same(value: T) -> T:
    return value


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
    own = {key: arch[key] for key in OWN if key in arch}
    node = named_node({"name": arch.get("name") or _default_name(arch), **own}, "Architecture", "architecture")
    kind = ARCHITECTURES.get(node.name) if node.name in ARCHITECTURES else None
    with getattr(kind, "without_values", nullcontext)() if blank else nullcontext():
        return _built(recipe, bind, arch, node, several=kind is not None and "models" in parameters(kind))


def _built(recipe: Recipe, bind: Bind, arch: dict[str, Any], node: Node, several: bool) -> Any:
    if several:
        return bind(ARCHITECTURES, node, built=_sub_models(recipe, bind, arch)).make()
    if "Models" in arch:
        raise problem("Architecture.Models", f"{node.name} is one network; several need name: DistillationModel")
    return bind(ARCHITECTURES, node, built=_parts(recipe, bind, arch, "Architecture")).make()


def _default_name(arch: dict[str, Any]) -> str:
    return "DistillationModel" if "Models" in arch else "OcrModel"


def _parts(recipe: Recipe, bind: Bind, arch: dict[str, Any], path: str) -> dict[str, Any]:
    """Transform, Backbone, Neck and Head in order, each told what the one before gives."""
    spec = FeatureSpec(channels=input_channels(recipe))
    parts: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, registry in PARTS.items():
        parts[key.lower()] = None
        if arch.get(key) is None and key not in ("Backbone", "Head"):
            continue
        try:
            node = named_node(arch.get(key), f"{path}.{key}", registry.kind)
            if key == "Backbone":
                _take_pretrained(node)
            bound = bind(registry, node, key, {"in_spec": partial(_same, None if problems else spec)})
            if problems:
                continue  # what comes before could not be made: only the arguments can be judged
            part = parts[key.lower()] = bound.make()
        except ConfigError as error:
            problems += error.problems
            continue
        spec = getattr(part, "out_spec", spec)
    if problems:
        raise ConfigError(problems)
    return parts


def _take_pretrained(node: Node) -> None:
    """`pretrained` of a backbone names weights, which `backbone_weights` tells; the class does not know the key."""
    value = node.args.get("pretrained")
    known = ignored(node.name, "pretrained") is not None  # files of PaddleOCR that carry it: noted
    if value is None or isinstance(value, str) or (value is False and not known):
        node.args.pop("pretrained", None)
    elif value is True and not known:
        raise problem(
            f"{node.path}.pretrained", "is true, but nothing is downloaded here: give the path of the backbone's weights"
        )


def _sub_models(recipe: Recipe, bind: Bind, arch: dict[str, Any]) -> dict[str, Any]:
    """`Architecture.Models`: the networks and which of them are frozen, give all features, run in evaluation."""
    models, path = arch.get("Models"), "Architecture.Models"
    if not isinstance(models, dict) or not models:
        raise problem(path, f"is {shown(models)}; a mapping of names to networks is needed: Student: {{Backbone: ...}}")
    problems = [
        Problem(f"Architecture.{key}", "belongs to the networks under Models") for key in PARTS if arch.get(key) is not None
    ]
    made: dict[str, Any] = {}
    for name, node in models.items():
        try:
            made[name] = _sub_model(recipe, bind, node, f"{path}.{name}", str(arch.get("model_type")))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return {
        "models": made,
        "frozen": [name for name in made if models[name].get("freeze_params")],
        "all_feats": [name for name in made if models[name].get("return_all_feats")],
        "evaluated": _read_in_evaluation(recipe, list(made)),
    }


def _sub_model(recipe: Recipe, bind: Bind, node: Any, path: str, task: str) -> Any:
    if not isinstance(node, dict):
        raise problem(path, f"is {shown(node)}, but a mapping with Backbone and Head is needed")
    args = dict(node)
    problems = recipe.drop_ignored("Architecture", args, path, SUB_MODEL)
    problems += [unknown_key(path, key, SUB_MODEL) for key in args if key not in SUB_MODEL]
    for key, kinds, what in (
        ("freeze_params", (bool, type(None)), "true or false"),
        ("return_all_feats", (bool, type(None)), "true or false"),
        ("pretrained", (str, type(None)), "a path or null"),
    ):
        if not isinstance(args.get(key), kinds):
            problems.append(Problem(f"{path}.{key}", f"is {shown(args[key])}, but {what} is needed"))
    if args.get("model_type", task) != task:
        problems.append(Problem(f"{path}.model_type", f"is {shown(args['model_type'])}, but that of Architecture is {task}"))
    if args.get("freeze_params") and not args.get("pretrained") and not recipe.get("Global.pretrained_model"):
        recipe.note(
            f"{path} is frozen and has no weights: what it teaches is random; set {path}.pretrained or Global.pretrained_model"
        )
    try:
        own = {key: args[key] for key in OWN if key in args}
        model = bind(ARCHITECTURES, Node("OcrModel", own, path), built=_parts(recipe, bind, args, path)).make()
    except ConfigError as error:
        raise ConfigError(problems + error.problems) from error
    if problems:
        raise ConfigError(problems)
    return model


def _read_in_evaluation(recipe: Recipe, names: list[str]) -> list[str] | None:
    """The sub-models whose outputs the post-processing reads; None where it does not say, or wrongly (which it tells itself)."""
    read = recipe.get("PostProcess.model_name")
    read = [read] if isinstance(read, str) else read
    return read if isinstance(read, list) and read and all(name in names for name in read) else None


def own_weights(recipe: Recipe) -> dict[str, str]:
    """`Architecture.Models.X.pretrained` of the sub-models that have one."""
    models = recipe.get("Architecture.Models")
    nodes = models.items() if isinstance(models, dict) else ()
    return {name: node["pretrained"] for name, node in nodes if isinstance(node, dict) and node.get("pretrained")}


GUIDE_HEADS = {"sar": ("SARHead", "null or SARLabelEncode"), "nrtr": ("NRTRHead", "NRTRLabelEncode")}


def _guides(model: Any) -> set[str]:
    modules = model.modules() if hasattr(model, "modules") else ()
    return {guide for module in modules if (guide := getattr(module, "guide", None)) in GUIDE_HEADS}


def guide_loss_problems(model: Any, loss: Any) -> list[Problem]:
    """A loss for another guide (`guide`) than the model's MultiHead has."""
    guides, wanted = _guides(model), getattr(loss, "guide", None)
    if not guides or wanted is None or wanted in guides:
        return []
    head = GUIDE_HEADS[sorted(guides)[0]][0]
    message = f"{type(loss).__name__} has the loss of {GUIDE_HEADS[wanted][0]}, but the MultiHead's guide is {head}"
    return [Problem("Loss.loss_config_list", f"{message}: take {head.removesuffix('Head')}Loss")]


def guide_problems(model: Any, transforms: Sequence[Any], path: str) -> list[Problem]:
    """Steps of a training chain that write the guide's label (`guide_kind`) in classes that the model's guides do not read.

    Args:
        path: where the chain stands.
    """
    guides, problems = _guides(model), []
    for number, step in enumerate(transforms):
        kind = getattr(step, "guide_kind", None)
        if kind is None or not guides or kind in guides:
            continue
        head, wanted = GUIDE_HEADS[sorted(guides)[0]]
        message = f"encodes the guide's label for {GUIDE_HEADS[kind][0]}, but the MultiHead's guide is {head}: {wanted} is needed"
        problems.append(Problem(f"{path}.{number}.{type(step).__name__}.gtc_encode", message))
    return problems


def backbone_weights(recipe: Recipe) -> dict[str, str]:
    """`Backbone.pretrained`, weights of a backbone alone: by the sub-model's name, or under "" of the one network."""
    models = recipe.get("Architecture.Models")
    paths = {name: f"Architecture.Models.{name}" for name in models} if isinstance(models, dict) else {"": "Architecture"}
    found = {name: recipe.get(f"{path}.Backbone.pretrained") for name, path in paths.items()}
    return {name: value for name, value in found.items() if isinstance(value, str) and value}


def name_problems(consumers: Mapping[str, Any]) -> list[Problem]:
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
