"""What must fit together in a recipe beyond each part's own arguments. No data is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, Protocol, TypeVar

import numpy as np

from ppocr_like.config.architecture import name_problems
from ppocr_like.config.eval_loss import asked_problems
from ppocr_like.config.fit_checks import part_problems, step_problems
from ppocr_like.config.globals import ENDLESS, GlobalConfig
from ppocr_like.config.input_checks import TriedOnce, bucket_widths, size_path, size_problems, try_canvases, try_model
from ppocr_like.config.loader import LoaderConfig
from ppocr_like.config.nodes import Bound
from ppocr_like.config.overrides import item_name
from ppocr_like.config.paddle.families import other_family
from ppocr_like.config.paddle.stops import without_resize
from ppocr_like.config.recipe import Recipe
from ppocr_like.config.shadowed import shadowed_problems
from ppocr_like.config.typecheck import nearest, shown, unknown_key
from ppocr_like.config.wandb import SECTION as WANDB
from ppocr_like.config.wandb import wandb_config
from ppocr_like.contracts import Step, TakesImages, chain_problems, entry_name, inputs_of
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.registry import DATASETS
from ppocr_like.tasks import task_of

T = TypeVar("T")
Consumers = Mapping[str, object]  # by section what was built, None where that failed

# Keys of each section; None: they are arguments of a component (or fields of GlobalConfig) and are judged there.
SECTIONS: dict[str, tuple[str, ...] | None] = {
    "Global": None,
    "Optimizer": None,
    "Architecture": None,
    "Loss": None,
    "PostProcess": None,
    "Metric": None,
    "Train": ("dataset", "loader", "sampler"),
    "Eval": ("dataset", "datasets", "loader", "sampler"),
}
READER_GIVES = {"Train": ("image", "label", "img_path", "epoch", "fetch_other"), "Eval": ("image", "label", "img_path")}
SYSTEM = "System"  # the section that makes a recipe one of a detector and a recogniser together
FOR_SYSTEMS = "tools/check.py, tools/eval.py and tools/tune.py"
CHECK_STEPS = 1000  # steps an epoch while checking: the real number needs the data


class Makes(Protocol):
    """What makes a recipe's parts, each method raising ConfigError: `build.Builder`."""

    recipe: Recipe
    dictionary_problems: list[Problem]

    @property
    def settings(self) -> GlobalConfig: ...
    @property
    def task(self) -> str: ...
    @property
    def reads_text(self) -> bool: ...
    def model(self) -> Any: ...
    def loss(self) -> Any: ...
    def postprocess(self) -> Any: ...
    def metric(self) -> Any: ...
    def schedule(self, epochs: int, steps_per_epoch: int) -> Any: ...
    def optimizer(self, model: Any, epochs: int, steps_per_epoch: int) -> Any: ...
    def eval_names(self) -> list[str]: ...
    def dataset_node(self, section: str, name: str | None) -> tuple[Any, str]: ...
    def dataset_path(self, section: str, name: str | None) -> Callable[[str], str]: ...
    def bind_dataset(self, section: str, name: str | None) -> Bound: ...
    def loss_problems(self, name: str, model: object, loss: object) -> list[Problem]: ...
    def sampler(self, section: str) -> Callable[[Any, int], Any] | None: ...
    def loader(self, section: str) -> LoaderConfig: ...


def kept_names(chain: object) -> list[str] | None:
    """Names that a chain's KeepKeys selects; None where it has none, or not as a list."""
    for item in chain if isinstance(chain, list) else []:
        if item_name(item) == "KeepKeys":
            args = item.get("KeepKeys", item)
            keys = args.get("keep_keys") if isinstance(args, dict) else None
            return keys if isinstance(keys, list) else None
    return None


def all_problems(builder: Makes, fits: bool = True) -> list[Problem]:
    """Every problem of the builder's recipe, each once, in the order of the sections.

    Args:
        fits: also judge whether the parts go together.
    """
    recipe = builder.recipe
    if SYSTEM in recipe.tree and "Architecture" not in recipe.tree:
        return [Problem(SYSTEM, f"{recipe.source} is a recipe of a detector and a recogniser together: {FOR_SYSTEMS} take it")]
    problems = [*_section_problems(recipe), *shadowed_problems(recipe)]

    def attempt(make: Callable[[], T], *sections: str) -> T | None:
        if not all(isinstance(recipe.get(section), dict) for section in sections):
            return None  # said by _section_problems
        try:
            return make()
        except ConfigError as error:
            problems.extend(error.problems)
            return None

    attempt(lambda: recipe.globals)
    attempt(lambda: wandb_config(recipe))
    attempt(lambda: builder.task, "Architecture")
    _say_unread(builder)
    model = attempt(builder.model, "Architecture")
    tried = TriedOnce(model) if isinstance(model, TakesImages) else model
    if fits:
        attempt(partial(try_model, recipe, tried))
    attempt(lambda: builder.optimizer(model, builder.settings.epochs, CHECK_STEPS), "Optimizer")
    schedule = attempt(lambda: builder.schedule(builder.settings.epochs, CHECK_STEPS), "Optimizer")
    problems += _schedule_problems(builder, schedule)
    loss = attempt(builder.loss, "Loss")
    postprocess = attempt(builder.postprocess, "PostProcess")
    metric = attempt(builder.metric, "Metric")
    consumers = {"Architecture": model, "Loss": loss, "PostProcess": postprocess, "Metric": metric}
    problems += name_problems(consumers) + part_problems(recipe, consumers)
    for section in ("Train", "Eval"):
        names = builder.eval_names() if section == "Eval" else [None]
        for name in names:
            bound = attempt(partial(builder.bind_dataset, section, name), section)
            transforms = bound.kwargs.get("transforms") or [] if bound is not None else []
            if fits and bound is not None:
                attempt(partial(_check_canvases, builder, section, bound, tried), section)
            if fits:
                attempt(partial(_check_dataset, builder, section, name, transforms, consumers, tried), section)
        attempt(partial(builder.loader, section), section)
        attempt(partial(_check_sampler, builder, section), section)
    if fits:
        attempt(partial(_check_eval_loss, builder, model, loss, getattr(schedule, "follow", "metric") == "loss"), "Train", "Eval")
    watched = builder.settings.forgetting.sets if builder.settings.forgetting else None
    there = builder.eval_names()
    problems += [
        Problem("Global.forgetting.sets", f"names an evaluation set that is not there, {n!r}{nearest(n, there, 'there')}")
        for n in watched or ()
        if n not in there
    ]
    foreign = other_family(recipe, problems)
    return [foreign] if foreign else list(dict.fromkeys(problems + builder.dictionary_problems))


def _schedule_problems(builder: Makes, schedule: Any) -> list[Problem]:
    """Rates that follow from the length of the run, which `Global.epoch_num: null` leaves open. Of a run with a length
    it is noted what of the schedule lies beyond it."""
    settings = builder.settings
    if schedule is None:
        return []
    if settings.epoch_num is not None or settings.counts_no_epochs:
        for argument, said in schedule.misfits() if schedule.counts_epochs else ():
            builder.recipe.note(f"Optimizer.lr.{argument}: {said}")
        return []
    half, step = builder.schedule(settings.epochs // 2, CHECK_STEPS), settings.epochs // 4 * CHECK_STEPS
    if schedule.value(step) == half.value(step):
        return []
    message = "follows the length of the run, which Global.epoch_num: null leaves open; take a schedule that does not (constant, "
    return [Problem("Optimizer.lr.name", f"{message}step, reduceonplateau, cosine with its cos_t_max), or give epoch_num")]


def _say_unread(builder: Makes) -> None:
    for key in ("max_minutes", "max_steps") if builder.settings.epoch_num is not None else ():
        if (value := getattr(builder.settings, key)) is not None:
            builder.recipe.note(f"Global.epoch_num is not read: Global.{key}: {value:g} says how long the run is")
    for key in ("character_dict_path", "codec") if not builder.reads_text else ():
        if getattr(builder.settings, key):
            builder.recipe.note(f"Global.{key} is not read: model_type {builder.task} has no characters")


def _section_problems(recipe: Recipe) -> list[Problem]:
    tree = dict(recipe.tree)
    problems = recipe.drop_ignored("", tree, "", tuple(SECTIONS))
    known = [*SECTIONS, WANDB]
    problems += [Problem(str(key), f"unknown section{nearest(key, known, 'known')}") for key in tree if key not in known]
    needed = task_of(recipe.get("Architecture.model_type")).sections
    for section, accepted in SECTIONS.items():
        value = tree.get(section)
        if value is None:
            problems += [Problem(section, "the section is missing")] if section in needed else []
        elif not isinstance(value, dict):
            problems.append(Problem(section, f"is {shown(value)}, but a mapping is needed"))
        elif accepted is not None:
            args = dict(value)
            problems += recipe.drop_ignored(section, args, section, accepted)
            problems += [unknown_key(section, key, accepted) for key in args if key not in accepted]
    return problems


def _check_sampler(builder: Makes, section: str) -> None:
    """Its arguments, without a data set."""
    make = builder.sampler(section)
    if make is None:
        return
    make(None, 1)
    if builder.loader(section).bucket_by_width is not None:
        message = "decides the sizes of batches, and so does Train.loader.bucket_by_width; remove one of them"
        raise ConfigError([Problem(f"{section}.sampler", message)])


def _check_canvases(builder: Makes, section: str, bound: Bound, model: object) -> None:
    """The sizes that sampler or width buckets give, each held against the network. Their own arguments are judged elsewhere.

    Raises:
        ConfigError: a size that the network cannot take.
    """
    shape = next((s for t in reversed(bound.kwargs.get("transforms") or []) if (s := getattr(t, "image_shape", None))), None)
    if shape is None or len(shape) != 3 or task_of(builder.recipe.get("Architecture.model_type")).pages:
        return
    channels, height, own_width = (int(n) for n in shape)
    path, canvases = size_path(builder.recipe, section), [(own_width, height)]
    try:
        make = builder.sampler(section) if section == "Train" else None
        bucket = builder.loader(section).bucket_by_width
        sampler = make(SimpleNamespace(ds_width=bound.kwargs.get("ds_width", False)), 1) if make else None
    except ConfigError:
        return
    if sampler is not None and hasattr(sampler, "canvases"):
        lines = np.array([[64, 64], [256, 64], [4096, 64]])  # a short line, a usual one, and one for the widest canvas
        found = sampler.canvases(lines)
        canvases = [(int(w), int(h)) for w, h in found] if found is not None else canvases
    elif bucket is not None:
        least = bucket.step if bucket.min_width is None else bucket.min_width
        canvases = [(width, height) for width in bucket_widths(bucket.step, least, bucket.max_width)]
    elif section == "Eval":
        return  # tried by `try_model`
    try_canvases(model, channels, canvases, path)


def _check_eval_loss(builder: Makes, model: object, loss: object, follows: bool) -> None:
    """A loss on evaluation sets that is asked for, by `Global.eval_loss` or by the schedule, and cannot be computed.

    Raises:
        ConfigError: what is missing, of each set.
    """
    asked, problems = builder.settings.eval_loss, []
    if not asked and not follows:
        return
    for number, name in enumerate(builder.eval_names()):
        try:
            found = builder.loss_problems(name, model, loss)
        except ConfigError:
            continue  # the data set is wrong otherwise, which is said there
        problems += asked_problems(asked, follows, number == 0, found)
    if problems:
        raise ConfigError(problems)


def _check_dataset(
    builder: Makes, section: str, name: str | None, transforms: Sequence[Step], consumers: Consumers, tried: object
) -> None:
    """A chain that breaks, names that nobody keeps, lists of different lengths.

    Args:
        transforms: the chain, built; empty where it could not be.
        consumers: by section what reads the batches, None where it could not be built.
        tried: the network, to be asked about sizes.

    Raises:
        ConfigError: every problem found.
    """
    node, _ = builder.dataset_node(section, name)
    if not isinstance(node, dict):
        return  # said where the data set is bound
    path = builder.dataset_path(section, name)
    problems = [
        Problem(f"{path('transforms')}.{i}", message + without_resize(transforms))
        for i, message in chain_problems(transforms, READER_GIVES[section])
    ]
    if isinstance(node.get("transforms"), list):
        problems += _kept_problems(node["transforms"], path("transforms"), section, builder.settings, consumers)
    problems += step_problems(consumers["Architecture"], transforms, path("transforms"), section == "Train")
    for i, transform in enumerate(transforms if section == "Train" else ()):
        said = (
            transform.run_note(builder.settings.epochs)
            if hasattr(transform, "run_note") and builder.settings.epochs < ENDLESS
            else ""
        )
        if said:
            builder.recipe.note(f"{path('transforms')}.{i}.{type(transform).__name__}: {said}")
    problems += size_problems(builder.recipe, tried, transforms, path("transforms"))
    files, ratios = node.get("label_file_list"), node.get("ratio_list")
    files = [files] if isinstance(files, str) else files
    further = _further_sources(node.get("name"))
    each = ratios if isinstance(ratios, list) else [ratios]
    numbers = [ratio for ratio in each if isinstance(ratio, int | float) and not isinstance(ratio, bool)]
    if not all(math.isfinite(ratio) and ratio >= 0 for ratio in numbers):
        problems.append(Problem(path("ratio_list"), f"is {shown(ratios)}: each ratio must be a finite number, 0 or more"))
    elif numbers and not any(numbers) and len(numbers) == len(each):
        problems.append(Problem(path("ratio_list"), f"is {shown(ratios)}: all ratios are 0, so nothing would be drawn"))
    if isinstance(files, list) and isinstance(ratios, list) and len(files) + further != len(ratios):
        message = f"has {len(ratios)} numbers for {len(files)} files in label_file_list; give one number for each file"
        message += ", and then one for what the data set makes itself" if further else ""
        problems.append(Problem(path("ratio_list"), message))
    if problems:
        raise ConfigError(problems)


def _further_sources(name: object) -> int:
    """Sources that a data set has beside its label files."""
    try:
        return int(getattr(DATASETS.get(str(name)), "further_sources", 0))
    except KeyError:
        return 0


def _kept_problems(chain: list, path: str, section: str, settings: GlobalConfig, consumers: Consumers) -> list[Problem]:
    """Batch entries that their readers need (attribute `needs`), against the names that KeepKeys selects."""
    kept = kept_names(chain)
    if kept is None:
        if any(item_name(item) == "KeepKeys" for item in chain if isinstance(item, dict)):
            return []  # its own arguments are wrong, which is said there
        return [
            Problem(path, "ends without KeepKeys, which selects what goes into a batch: - KeepKeys: {keep_keys: [image, ...]}")
        ]
    inputs = inputs_of(consumers["Architecture"])
    problems = [Problem(path, f"KeepKeys must keep `{name}`") for name in inputs if name not in kept]
    readers = {"Train": ("Architecture", "Loss"), "Eval": ("PostProcess", "Metric")}[section]
    measured = ("PostProcess", "Metric") if section == "Train" and settings.cal_metric_during_train else ()
    for part in (*readers, *measured):
        needs = getattr(consumers[part], "needs", ())
        missing = [need.replace("|", " or ") for need in needs if entry_name(need, kept) is None]
        if missing:
            who, there = f"{part} ({type(consumers[part]).__name__})", ", ".join(map(str, kept))
            message = f"{who} needs {', '.join(missing)}, but KeepKeys keeps only {there}"
            where = path
            if part in measured:
                where, message = "Global.cal_metric_during_train", f"{message} in training; set it to false"
            problems.append(Problem(where, message))
    return problems + (_unread_problems(kept, path, consumers["Architecture"]) if section == "Eval" else [])


def _unread_problems(kept: Sequence[str], path: str, network: object) -> list[Problem]:
    """Entries that a network needs in training and reads in evaluation, too, and that an evaluation set does not keep."""
    reads = set(getattr(network, "reads", ()))
    missing = [name for name in getattr(network, "needs", ()) if name in reads and name not in kept]
    who, there = f"Architecture ({type(network).__name__})", ", ".join(map(str, kept))
    return [
        Problem(path, f"{who} reads {name} in evaluation as in training, but KeepKeys keeps only {there}: add {name}")
        for name in missing
    ]
