"""The only place where a recipe's nodes become objects."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from ppocr_like.charset import Charset
from ppocr_like.codec import make_codec
from ppocr_like.config.architecture import build_architecture
from ppocr_like.config.binder import Binder
from ppocr_like.config.checks import all_problems, kept_names
from ppocr_like.config.classes import recipe_charset
from ppocr_like.config.eval_loss import loss_problems
from ppocr_like.config.globals import GlobalConfig, readable
from ppocr_like.config.hidden import hidden_problems
from ppocr_like.config.loader import AUTO, BATCH, LoaderConfig
from ppocr_like.config.nodes import Bound, Context, named_node, problem, same
from ppocr_like.config.overrides import merge
from ppocr_like.config.paddle.families import OFFERED
from ppocr_like.config.rates import AutoScale, scale_rates
from ppocr_like.config.recipe import Recipe
from ppocr_like.config.typecheck import fit, nearest, shown
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.registry import (
    DATASETS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    POSTPROCESSES,
    SAMPLERS,
    SCHEDULES,
)
from ppocr_like.tasks import TASKS, task_of


def _run_length(epochs: int, steps_per_epoch: int) -> Context:
    return {"epochs": partial(same, epochs), "steps_per_epoch": partial(same, steps_per_epoch)}


class Builder:
    """Makes a run's parts from its recipe. The rooms' components must be registered (`components.load_components`).

    Args:
        recipe: the effective recipe; things worth saying once are added to its `notes`.
        charset: taken instead of the recipe's dictionary (after `charset_resize: union`). Detectors have none.

    Every method raises ConfigError with all problems of its part.
    """

    def __init__(self, recipe: Recipe, charset: Charset | None = None) -> None:
        self.recipe = recipe
        self._charset = charset
        self._checking = False
        self.dictionary_problems: list[Problem] = []

    def reading(self, charset: Charset | None) -> Builder:
        """The builder of the same recipe for a network with these characters; None: with the recipe's own."""
        return Builder(self.recipe, charset)

    def check(self) -> None:
        """Builds everything but the data sets once and throws it away; no label file and no image is touched.

        The networks have no values; a plug-in may draw random numbers all the same: seed torch afterwards.

        Raises:
            ConfigError: every problem of the recipe.
        """
        problems = self._problems()
        if problems:
            problems += hidden_problems(self.recipe, problems, lambda other: Builder(other, self._charset)._problems(fits=False))
            raise ConfigError(problems, self.recipe.source)

    def _problems(self, fits: bool = True) -> list[Problem]:
        self._checking = True
        try:
            return all_problems(self, fits)
        finally:
            self._checking = False

    # -- context ---------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> GlobalConfig:
        """The Global section; while checking, as much of it as can be read."""
        try:
            return self.recipe.globals
        except ConfigError:
            if not self._checking:
                raise
            return readable(self.recipe.get("Global"))

    @property
    def task(self) -> str:
        """`Architecture.model_type`, by which names that mean different classes are told apart."""
        value = self.recipe.get("Architecture.model_type")
        if not isinstance(value, str) or value not in TASKS:
            what = "is missing" if value is None else f"is {shown(value)}"
            raise problem("Architecture.model_type", f"{what}; accepted: {', '.join(TASKS)} ({OFFERED})")
        return value

    @property
    def reads_text(self) -> bool:
        """Whether the network's classes are characters. A missing or wrong `model_type` is said by `task`."""
        return task_of(self.recipe.get("Architecture.model_type")).reads_text

    @cached_property
    def charset(self) -> Charset | None:
        """The codec or dictionary of Global, read from its file; None for a task that reads no text."""
        if self._charset is not None or not self.reads_text:
            return self._charset
        settings = self.settings
        charset = recipe_charset(settings, self.recipe.note)
        said = charset.describe_direction(f"Global.text_direction: {settings.text_direction}")
        if said:
            self.recipe.note(said)
        return charset

    @property
    def known_charset(self) -> Charset | None:
        """`charset`; None, too, where no run has settled `Global.codec: auto` yet."""
        return self.charset if self._charset is not None or self.settings.codec != AUTO else None

    def _charset_or_stand_in(self) -> Charset | None:
        """The dictionary; while checking another one where it cannot be read, so that all parts can be judged."""
        if self._checking and self._charset is None and self.reads_text and self.settings.codec == AUTO:
            return make_codec({"a": 1, "b": 2}, "ltr")
        try:
            return self.charset
        except ConfigError as error:
            if not self._checking:
                raise
            self.dictionary_problems = error.problems
            return Charset.from_file(None)

    @property
    def _binder(self) -> Binder:
        model_type = self.recipe.get("Architecture.model_type")
        return Binder(self.recipe, model_type, self._charset_or_stand_in, lambda: self.settings.paddle_exact)

    # -- model, loss, results --------------------------------------------------------------------------------------

    def model(self) -> Any:
        """The network, or the networks of a distillation; while checking, without values where the network can be so built."""
        return build_architecture(self.recipe, self._binder.bind, blank=self._checking)

    def loss(self) -> Any:
        return self._binder.bind(LOSSES, named_node(self.recipe.get("Loss"), "Loss", "loss")).make()

    def postprocess(self) -> Any:
        return self._binder.bind(POSTPROCESSES, named_node(self.recipe.get("PostProcess"), "PostProcess", "postprocess")).make()

    def metric(self) -> Any:
        return self._binder.bind(METRICS, named_node(self.recipe.get("Metric"), "Metric", "metric")).make()

    # -- optimisation ----------------------------------------------------------------------------------------------

    def schedule(self, epochs: int, steps_per_epoch: int, world: int = 1) -> Any:
        """`Optimizer.lr`: the rate at each step. `world`: number of ranks, which `auto_scale` counts."""
        value, path = self.recipe.get("Optimizer.lr"), "Optimizer.lr"
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = {"learning_rate": value}
        if value is None:
            raise problem(path, "is missing; write lr: {name: Cosine, learning_rate: 1e-3}")
        node = named_node(value, path, "learning-rate schedule", "Const")
        problems = self.recipe.drop_ignored("Optimizer.lr", node.args, path, ())
        scale = node.args.pop("auto_scale", None)
        if scale is not None:
            scale, wrong = fit(scale, AutoScale, f"{path}.auto_scale")
            problems += wrong
        if scale is not None and not problems:
            total = self.batch_per_rank() * self.settings.accumulate_steps * world
            scaled, said = scale_rates(node.args, scale, total)
            node.args.update(scaled)
            if said and self.recipe.get(BATCH) != AUTO:  # of a stand-in there is nothing to say
                self.recipe.note(said)
        try:
            made = self._binder.bind(SCHEDULES, node, more=_run_length(epochs, steps_per_epoch)).make()
        except ConfigError as error:
            raise ConfigError(problems + error.problems) from error
        if problems:
            raise ConfigError(problems)
        return made

    def optimizer(self, model: Any, epochs: int, steps_per_epoch: int, world: int = 1) -> Any:
        """The optimizer over the model's parameters, which its class groups. Without a model only the node is checked."""
        node = named_node(self.recipe.get("Optimizer"), "Optimizer", "optimizer")
        node.args.pop("lr", None)
        problems: list[Problem] = []
        run = _run_length(epochs, steps_per_epoch)
        built: dict[str, Any] = {}
        try:
            built["schedule"] = self.schedule(epochs, steps_per_epoch, world)
        except ConfigError as error:
            problems += error.problems
        context: dict[str, Callable[[], Any]] = {
            **run,
            "schedule": lambda: None,  # in `built`; named here so that a recipe may not set it
            # what a frozen sub-model holds is none of the optimizer's business
            "named_parameters": lambda: [(name, p) for name, p in model.named_parameters() if p.requires_grad],
            "param_attrs": lambda: model.param_attrs(),
        }
        if model is None:
            context = dict.fromkeys(context, lambda: None)
        try:
            bound = self._binder.bind(OPTIMIZERS, node, more=context, built=built)
        except ConfigError as error:
            raise ConfigError(problems + error.problems) from error
        if problems:
            raise ConfigError(problems)
        return bound.make() if model is not None else None

    # -- data ------------------------------------------------------------------------------------------------------

    def transforms(self, node: Any, path: str) -> list[Any]:
        """A `transforms:` list; `path` is where it stands."""
        return self._binder.transforms(node, path)

    def eval_names(self) -> list[str]:
        """Names of the evaluation sets; the first decides what is best."""
        sets = self.recipe.get("Eval.datasets")
        return [str(name) for name in sets] if isinstance(sets, dict) and sets else ["eval"]

    def dataset_node(self, section: str, name: str | None = None) -> tuple[Any, str]:
        """The data set's node and its YAML path; an evaluation set's node is merged over `Eval.dataset`."""
        path = f"{section}.dataset"
        node = self.recipe.get(path)
        sets = self.recipe.get(f"{section}.datasets")
        if section != "Eval" or sets is None:
            return node, path
        if not isinstance(sets, dict) or not sets:
            raise problem("Eval.datasets", f"is {shown(sets)}, but a mapping of names to data sets is needed")
        name = name if name is not None else next(iter(sets))
        if name not in sets:
            raise problem("Eval.datasets", f"has no set {name!r}{nearest(name, list(sets), 'there')}")
        over = sets[name]
        if not isinstance(over, dict | None):
            raise problem(f"Eval.datasets.{name}", f"is {shown(over)}, but a mapping is needed")
        return merge(node if isinstance(node, dict) else {}, over or {}), f"Eval.datasets.{name}"

    def dataset_path(self, section: str, name: str | None = None) -> Callable[[str], str]:
        """Where a key of a data set's node stands: in its own entry of `Eval.datasets`, or in `Eval.dataset`."""
        own = self.recipe.get(f"{section}.datasets.{name}")

        def path(key: str) -> str:
            mine = section == "Eval" and isinstance(own, dict) and key.partition(".")[0] in own
            return f"{section}.datasets.{name}.{key}" if mine else f"{section}.dataset.{key}"

        return path

    def bind_dataset(self, section: str, name: str | None = None) -> Bound:
        """The data set's class with its arguments: checked, no file touched."""
        value, stem = self.dataset_node(section, name)
        path = self.dataset_path(section, name)
        problems: list[Problem] = []
        node = named_node(value, f"{section}.dataset", "dataset")
        built: dict[str, Any] = {}
        try:
            built["transforms"] = self.transforms(node.args.pop("transforms", None), path("transforms"))
        except ConfigError as error:
            problems += error.problems
            built["transforms"] = []
        context: Context = {
            "seed": lambda: self.settings.seed,
            "mode": partial(same, "train" if section == "Train" else "eval"),
        }
        try:
            bound = self._binder.bind(DATASETS, node, "Dataset", context, built)
        except ConfigError as error:
            prefix = f"{section}.dataset."
            problems += [
                replace(p, path=path(p.path.removeprefix(prefix))) if p.path.startswith(prefix) else p for p in error.problems
            ]
        if problems:
            raise ConfigError(problems)
        kwargs = dict(bound.kwargs)
        complete = getattr(bound.cls, "complete_chain", None)
        if complete is not None:  # a data set that adds a step of its own, which the checks must know
            kwargs["transforms"] = complete(kwargs["transforms"])
        return Bound(bound.cls, kwargs, stem)

    def loss_problems(self, name: str, model: object, loss: object) -> list[Problem]:
        """What keeps the loss from being computed on an evaluation set (see `eval_loss.loss_problems`)."""
        chains = [self.bind_dataset(*which).kwargs.get("transforms") or [] for which in (("Eval", name), ("Train", None))]
        node, _ = self.dataset_node("Eval", name)
        kept = kept_names(node.get("transforms"))
        return loss_problems(model, loss, chains[0], kept, self.dataset_path("Eval", name)("transforms"), chains[1])

    def dataset(self, section: str, name: str | None = None) -> Any:
        """The data set of "Train" or "Eval" (`name`: one of `eval_names()`); this reads label files."""
        return self.bind_dataset(section, name).make()

    def check_files(self, *sections: str) -> None:
        """Makes every data set of the sections ("Train", "Eval") once, which looks for its label files and folders.

        Raises:
            ConfigError: what is missing, of all sets at once.
        """
        problems: list[Problem] = []
        for section in sections:
            for name in self.eval_names() if section == "Eval" else [None]:
                try:
                    self.dataset(section, name)
                except ConfigError as error:
                    problems += error.problems
        if problems:
            raise ConfigError(list(dict.fromkeys(problems)), self.recipe.source)

    def sampler(self, section: str) -> Callable[[Any, int], Any] | None:
        """What makes `Train.sampler` of the data set and the number of ranks; None where the recipe names none."""
        path = f"{section}.sampler"
        if self.recipe.get(path) is None:
            return None
        if section != "Train":
            raise problem(path, "belongs to training; an evaluation takes every sample once: remove it")
        node = named_node(self.recipe.get(path), path, "sampler")

        def make(dataset: Any, world: int) -> Any:
            more: Context = {
                "dataset": partial(same, dataset),
                "world": partial(same, world),
                "seed": lambda: self.settings.seed,
            }
            return self._binder.bind(SAMPLERS, node, more=more).make()

        return make

    def batch_per_rank(self) -> int:
        """Samples in a training batch of one process; of a sampler with batches of several sizes those of the first."""
        node = self.recipe.get("Train.sampler")
        if isinstance(node, dict) and str(node.get("name")) in SAMPLERS:
            known = inspect.signature(SAMPLERS.get(str(node["name"]))).parameters
            if "first_bs" in known:
                return int(node.get("first_bs", known["first_bs"].default))
        return self.loader("Train").batch_size_per_card

    def loader(self, section: str) -> LoaderConfig:
        """`Train.loader` or `Eval.loader`."""
        path = f"{section}.loader"
        value = self.recipe.get(path)
        if not isinstance(value, dict):
            raise problem(path, f"is {shown(value)}; a mapping with batch_size_per_card is needed")
        args = dict(value)
        if section == "Train" and args.get("batch_size_per_card") == AUTO:
            if self.recipe.get("Train.sampler") is not None:
                raise problem(f"{path}.batch_size_per_card", "auto: Train.sampler decides the sizes of batches; write its number")
            args["batch_size_per_card"] = 1  # a stand-in until the engine has tried it
        problems = self.recipe.drop_ignored("Loader", args, path, tuple(LoaderConfig.__dataclass_fields__))
        made, wrong = fit(args, LoaderConfig, path)
        if problems + wrong:
            raise ConfigError(problems + wrong)
        return made
