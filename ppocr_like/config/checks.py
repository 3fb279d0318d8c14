"""What must fit together in a recipe beyond each part's own arguments. No data is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ppocr_like.config.overrides import item_name
from ppocr_like.config.recipe import Recipe
from ppocr_like.config.typecheck import nearest, shown
from ppocr_like.contracts import chain_problems
from ppocr_like.errors import ConfigError, Problem

if TYPE_CHECKING:
    from ppocr_like.config.build import Builder

T = TypeVar("T")

# Keys of each section; None: they are arguments of a component (or fields of GlobalConfig) and are judged there.
SECTIONS: dict[str, tuple[str, ...] | None] = {
    "Global": None,
    "Optimizer": None,
    "Architecture": ("model_type", "algorithm", "name", "Transform", "Backbone", "Neck", "Head"),
    "Loss": None,
    "PostProcess": None,
    "Metric": None,
    "Train": ("dataset", "loader", "sampler"),
    "Eval": ("dataset", "datasets", "loader", "sampler"),
}
READER_GIVES = {"Train": ("image", "label", "img_path", "epoch", "fetch_other"), "Eval": ("image", "label", "img_path")}
CHECK_STEPS = 1000  # steps an epoch while checking: the real number needs the data


def input_shape(recipe: Recipe, section: str = "Eval") -> tuple[list[int], str] | None:
    """`image_shape` [channels, height, width] of a section's chain and its YAML path; None where it has none."""
    chain = recipe.get(f"{section}.dataset.transforms")
    for i, item in enumerate(chain if isinstance(chain, list) else []):
        name = item_name(item)
        args = item.get(name, item) if isinstance(item, dict) else None
        shape = args.get("image_shape") if isinstance(args, dict) else None
        if isinstance(shape, list) and len(shape) == 3 and all(isinstance(n, int) and n > 0 for n in shape):
            return shape, f"{section}.dataset.transforms.{i}.{name}.image_shape"
    return None


def input_channels(recipe: Recipe) -> int:
    """Channels of the network's input: the first of `image_shape` in the evaluation chain, else 3 (colour)."""
    found = input_shape(recipe)
    return found[0][0] if found else 3


def kept_names(chain: Any) -> list[str] | None:
    """Names that a chain's KeepKeys selects; None where it has none, or not as a list."""
    for item in chain if isinstance(chain, list) else []:
        if item_name(item) == "KeepKeys":
            args = item.get("KeepKeys", item)
            keys = args.get("keep_keys") if isinstance(args, dict) else None
            return keys if isinstance(keys, list) else None
    return None


def all_problems(builder: Builder) -> list[Problem]:
    """Every problem of the builder's recipe, each once, in the order of the sections."""
    recipe = builder.recipe
    problems = _section_problems(recipe)

    def attempt(make: Callable[[], T], *sections: str) -> T | None:
        if not all(isinstance(recipe.get(section), dict) for section in sections):
            return None  # said by _section_problems
        try:
            return make()
        except ConfigError as error:
            problems.extend(error.problems)
            return None

    attempt(lambda: recipe.globals)
    attempt(lambda: builder.task, "Architecture")
    model = attempt(builder.model, "Architecture")
    attempt(partial(_try_model, recipe, model))
    attempt(lambda: builder.optimizer(model, builder.settings.epoch_num, CHECK_STEPS), "Optimizer")
    loss = attempt(builder.loss, "Loss")
    attempt(builder.postprocess, "PostProcess")
    attempt(builder.metric, "Metric")
    for section in ("Train", "Eval"):
        names = builder.eval_names() if section == "Eval" else [None]
        for name in names:
            bound = attempt(partial(builder.bind_dataset, section, name), section)
            transforms = bound.kwargs.get("transforms") or [] if bound is not None else []
            attempt(partial(_check_dataset, builder, section, name, transforms, (model, loss)), section)
        attempt(partial(builder.loader, section), section)
        if recipe.get(f"{section}.sampler") is not None:
            attempt(partial(builder.bind_sampler, section), section)
    return list(dict.fromkeys(problems + builder.dictionary_problems))


def _try_model(recipe: Recipe, model: Any) -> None:
    """One blank image through a recogniser: the height of `image_shape` must suit strides and pooling."""
    found = input_shape(recipe)
    if found is None or model is None or not hasattr(model, "check_input"):
        return
    shape, path = found
    train = input_shape(recipe, "Train")
    if train is not None and train[0][:2] != shape[:2]:
        message = f"{train[0]} differs from {shape} of {path} in channels or height; both feed the same network"
        raise ConfigError([Problem(train[1], message)])
    try:
        model.check_input(*shape)
    except ValueError as error:
        raise ConfigError([Problem(path, f"{shape}: {error}")]) from error


def _section_problems(recipe: Recipe) -> list[Problem]:
    tree = dict(recipe.tree)
    problems = recipe.drop_ignored("", tree, "", tuple(SECTIONS))
    for key in tree:
        if key not in SECTIONS:
            problems.append(Problem(str(key), f"unknown section{nearest(key, list(SECTIONS), 'known')}"))
    for section, accepted in SECTIONS.items():
        value = tree.get(section)
        if section not in tree or value is None:
            problems.append(Problem(section, "the section is missing"))
        elif not isinstance(value, dict):
            problems.append(Problem(section, f"is {shown(value)}, but a mapping is needed"))
        elif accepted is not None:
            args = dict(value)
            problems += recipe.drop_ignored(section, args, section, accepted)
            problems += [Problem(f"{section}.{k}", f"unknown key{nearest(k, accepted)}") for k in args if k not in accepted]
    return problems


def _check_dataset(builder: Builder, section: str, name: str | None, transforms: list, consumers: tuple[Any, Any]) -> None:
    """A chain that breaks, names that nobody keeps, lists of different lengths.

    Args:
        transforms: the chain, built; empty where it could not be.
        consumers: model and loss, None where they could not be built.

    Raises:
        ConfigError: every problem found.
    """
    node, _ = builder.dataset_node(section, name)
    if not isinstance(node, dict):
        return  # said where the data set is bound
    path = builder.dataset_path(section, name)
    problems = [Problem(f"{path('transforms')}.{i}", message) for i, message in chain_problems(transforms, READER_GIVES[section])]
    if isinstance(node.get("transforms"), list):
        problems += _kept_problems(node["transforms"], path("transforms"), section, consumers)
    files, ratios = node.get("label_file_list"), node.get("ratio_list")
    files = [files] if isinstance(files, str) else files
    if isinstance(files, list) and isinstance(ratios, list) and len(files) != len(ratios):
        message = f"has {len(ratios)} numbers for {len(files)} files in label_file_list; give one number for each file"
        problems.append(Problem(path("ratio_list"), message))
    if problems:
        raise ConfigError(problems)


def _kept_problems(chain: list, path: str, section: str, consumers: tuple[Any, Any]) -> list[Problem]:
    """Batch entries that model and loss need, against the names that KeepKeys selects."""
    kept = kept_names(chain)
    if kept is None:
        if any(item_name(item) == "KeepKeys" for item in chain if isinstance(item, dict)):
            return []  # its own arguments are wrong, which is said there
        return [
            Problem(path, "ends without KeepKeys, which selects what goes into a batch: - KeepKeys: {keep_keys: [image, ...]}")
        ]
    problems = [] if "image" in kept else [Problem(path, "KeepKeys must keep `image`")]
    if section == "Train":
        for part, wanting in zip(("Architecture", "Loss"), consumers, strict=True):
            missing = [name for name in getattr(wanting, "needs", ()) if name not in kept]
            if missing:
                who, there = f"{part} ({type(wanting).__name__})", ", ".join(map(str, kept))
                message = f"{who} needs {', '.join(missing)}, but KeepKeys keeps only {there}"
                problems.append(Problem(path, message))
    return problems
