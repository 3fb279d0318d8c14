"""Names users write in YAML -> classes.

One small class, one instance per kind of component. A class enters by a decorator under the name of the recipe;
there is no list to extend and no `eval`.

Constructors take named, annotated arguments and no `**kwargs`. What only the builder knows is *context*: a constructor that names
one of these parameters receives it, and a recipe may not set it: `in_spec` (FeatureSpec, or a list in detection), `num_classes`,
`charset`, `epochs`, `steps_per_epoch`, `named_parameters` (list of (name, Parameter)), `param_attrs` (name -> ParamAttr),
`schedule`, `paddle_exact`.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class Registry:
    """Maps a recipe's component names to classes.

    Args:
        kind: what the classes are, as it stands in messages ("backbone").
        doc: the contract that each class meets: constructor context, call arguments, result.
    """

    def __init__(self, kind: str, doc: str) -> None:
        self.kind = kind
        self.doc = doc
        self._classes: dict[tuple[str, str | None], type] = {}

    def register(self, name: str | None = None, *, task: str | None = None) -> Callable[[type[T]], type[T]]:
        """Decorator. `task` ("det", "rec", "cls") tells apart classes that share a name (`MobileNetV3`).

        Raises:
            KeyError: the name is taken for that task.
        """

        def enter(cls: type[T]) -> type[T]:
            key = (name or cls.__name__, task)
            if key in self._classes:
                raise KeyError(f"{self.kind} {key[0]!r} is registered twice: {self._classes[key]} and {cls}")
            self._classes[key] = cls
            return cls

        return enter

    def get(self, name: str, task: str | None = None) -> type:
        """The class for `name`; one registered for `task` wins over one for every task.

        Raises:
            KeyError: unknown name; the message names the nearest ones.
        """
        for key in ((name, task), (name, None)):
            if key in self._classes:
                return self._classes[key]
        tasks = sorted({t for n, t in self._classes if n == name and t})
        if tasks:
            raise KeyError(f"{self.kind} {name!r} exists for {', '.join(tasks)} only, not for {task or 'every task'}")
        near = self.nearest(name, task)
        hint = f"; nearest: {', '.join(near)}" if near else f"; known: {', '.join(self.names(task)) or 'none'}"
        raise KeyError(f"unknown {self.kind} {name!r}{hint}")

    def nearest(self, name: str, task: str | None = None) -> list[str]:
        """Up to three known names like `name`, ignoring case; of two that differ in case alone the one written like it first."""
        folded: dict[str, list[str]] = {}
        for known in self.names(task):
            folded.setdefault(known.lower(), []).append(known)
        near = difflib.get_close_matches(str(name).lower(), folded, n=3)
        like = difflib.SequenceMatcher(b=str(name))

        def unlike(known: str) -> float:
            like.set_seq1(known)
            return -like.ratio()

        return [known for n in near for known in sorted(folded[n], key=unlike)][:3]

    def names(self, task: str | None = None) -> list[str]:
        """Sorted names usable for `task` (all names when None)."""
        return sorted({n for n, t in self._classes if task is None or t in (None, task)})

    def __contains__(self, name: str) -> bool:
        return any(n == name for n, _ in self._classes)

    def __iter__(self) -> Iterator[tuple[str, type]]:
        return iter(sorted(((n, c) for (n, _), c in self._classes.items()), key=lambda item: item[0]))

    def __repr__(self) -> str:
        return f"Registry({self.kind}: {', '.join(self.names())})"


def fill(*packages: str) -> None:
    """Imports every module of these packages, so that what they register can be found."""
    for name in packages:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)


@dataclass(frozen=True)
class Part:
    """An argument of a constructor that holds a node of its own, or several of them: the one way to nest.

    A class lists them in `parts: ClassVar`. They are built in that order, and the constructor receives each object under the
    argument's name in lower case. A single node may be left out where the constructor's annotation admits None.

    Args:
        argument: the recipe's key (`Backbone`).
        registry: where the node's class is.
        many: list for a list of nodes (`- Name: {...}`), dict for a mapping of names to nodes; None for a single node.
        chained: the next parts are told what this one gives: its `out_spec` is their `in_spec`.
        default: the class of a node that names none.
        name_as: the node's `name` is this argument of the `default` class.
        beside: a dataclass that holds the object in its first field; its other fields stand in the node as well, beside the
            arguments of the node's class. The constructor receives these holders.
        flat: the argument is the class' name alone, and the class' arguments stand beside it, among those of the outer class.
    """

    argument: str
    registry: Registry
    many: type[list] | type[dict] | None = None
    chained: bool = False
    default: str | None = None
    name_as: str = ""
    beside: type | None = None
    flat: bool = False


ARCHITECTURES = Registry("architecture", "A modeling.network.Network; context `in_spec` (the images), `num_classes`.")
ARCH_TRANSFORMS = Registry("architecture transform", "nn.Module: images (N, C, H, W) -> images; `out_spec`.")
BACKBONES = Registry("backbone", "nn.Module, context `in_spec`; images (N, C, H, W) -> features; `out_spec`.")
NECKS = Registry("neck", "nn.Module, context `in_spec`; features -> features; `out_spec`.")
HEADS = Registry(
    "head",
    "nn.Module, context `in_spec`, `num_classes` (`sar_classes`, `nrtr_classes`); (features, targets) -> dict; `needs`.",
)
HEAD_BRANCHES = Registry("branch of a MultiHead", "Context as a head's; see modeling.heads.multi_head.")
LOSSES = Registry("loss", "nn.Module: (outputs, batch) -> dict with `loss` and its parts.")
OPTIMIZERS = Registry("optimizer", "See optim.base.Optimizer; context `named_parameters`, `param_attrs`, `schedule`.")
REGULARIZERS = Registry("regularizer", "Weight penalty added to the gradient; see optim.regularizers.")
SCHEDULES = Registry("learning-rate schedule", "value(step) -> rate; context `epochs`, `steps_per_epoch`.")
DATASETS = Registry("dataset", "len() samples; fetch(request) -> sample; see data.base.")
SAMPLERS = Registry("sampler", "epoch(epoch) -> list of batches of requests; see data.samplers.")
TRANSFORMS = Registry("transform", "(sample, rng) -> sample, or raises Rejected; see transforms.base.Transform.")
POSTPROCESSES = Registry("postprocess", "(outputs, batch) of numpy arrays -> list of typed results.")
METRICS = Registry("metric", "update / reject / compute / merge; see metrics.base.Metric.")
