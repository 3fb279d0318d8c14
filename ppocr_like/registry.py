"""Names users write in YAML -> classes.

One small class, one instance per kind of component. A class enters by a decorator under the name of the recipe;
there is no list to extend and no `eval`. `announce` reads the names out of the sources, and a module is imported when a recipe
names something of it: a recogniser's run loads no detector.

Constructors take named, annotated arguments and no `**kwargs`. What only the builder knows is *context*: a constructor that names
one of these parameters receives it, and a recipe may not set it: `in_spec` (FeatureSpec, or a list in detection), `num_classes`,
`charset`, `epochs`, `steps_per_epoch`, `named_parameters` (list of (name, Parameter)), `param_attrs` (name -> ParamAttr),
`schedule`, `paddle_exact`.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from ppocr_like.imports import quick_imports

T = TypeVar("T")
Key = tuple[str, str | None]
_REGISTER = ".register("
# The decorators of one class, and its name.
_DECORATED = re.compile(r"^@\w+\.register\(.*\n(?:@.*\n)*class (\w+)", re.M)
_ENTRY = re.compile(r"^@(\w+)\.register\((.*)", re.M)
_PLAIN = re.compile(r'(?:"(?P<name>\w+)")?(?:(?:^|, )task="(?P<task>\w+)")?\)\s*(?:#.*)?')


class Registry:
    """Maps a recipe's component names to classes.

    Args:
        kind: what the classes are, as it stands in messages ("backbone").
        doc: the contract that each class meets: constructor context, call arguments, result.
    """

    def __init__(self, kind: str, doc: str) -> None:
        self.kind = kind
        self.doc = doc
        self._classes: dict[Key, type] = {}
        self._announced: dict[Key, str] = {}

    def register(self, name: str | None = None, *, task: str | None = None) -> Callable[[type[T]], type[T]]:
        """Decorator. `task` ("det", "rec", "cls") tells apart classes that share a name (`MobileNetV3`).

        Raises:
            KeyError: the name is taken for that task.
        """

        def enter(cls: type[T]) -> type[T]:
            key = (name or cls.__name__, task)
            if self._announced.get(key) != cls.__module__:
                self._load(key)
            self._announced.pop(key, None)
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
            self._load(key)
            if key in self._classes:
                return self._classes[key]
        tasks = sorted({t for n, t in self._keys() if n == name and t})
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
        return sorted({n for n, t in self._keys() if task is None or t in (None, task)})

    def announce(self, name: str, task: str | None, module: str) -> None:
        """Says which module registers a class under this name; it is imported when the class is asked for."""
        if (name, task) not in self._classes:
            self._announced[name, task] = module

    def loaded(self) -> tuple[type, ...]:
        """The classes whose modules are imported. Every object that there is, is of one of them."""
        return tuple(self._classes.values())

    def _keys(self) -> set[Key]:
        return {*self._classes, *self._announced}

    def _load(self, key: Key) -> None:
        """Imports the module that registers this class, where that has not happened yet."""
        module = self._announced.get(key)
        if module is not None:
            with quick_imports():
                importlib.import_module(module)
            self._announced.pop(key, None)

    def __contains__(self, name: str) -> bool:
        return any(n == name for n, _ in self._keys())

    def __iter__(self) -> Iterator[tuple[str, type]]:
        """(name, class) of every class; all their modules are imported."""
        for key in list(self._announced):
            self._load(key)
        return iter(sorted(((n, c) for (n, _), c in self._classes.items()), key=lambda item: item[0]))

    def __repr__(self) -> str:
        return f"Registry({self.kind}: {', '.join(self.names())})"


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


def announce(*packages: str) -> None:
    """Tells the registries of this file what the modules of these packages register, out of their sources.

    `@KIND.register("Name", task="rec")`, each argument left out at will, is read without importing anything. A module that
    registers in another way is imported at once, and so is every module of a package whose sources are not there.
    """
    for package in packages:
        for module, entries in _registering(package).items():
            if entries is None:
                importlib.import_module(module)
            for kind, name, task in entries or ():
                globals()[kind].announce(name, task, module)


@cache
def _registering(package: str) -> dict[str, list[tuple[str, str, str | None]] | None]:
    """The modules of a package that register something, and what (see `_entries`)."""
    spec = find_spec(package)
    where = list(spec.submodule_search_locations or ()) if spec is not None else []
    files = [(Path(folder), file) for folder in where for file in Path(folder).rglob("*.py")]
    if not files:
        return {module.name: None for module in pkgutil.walk_packages(where, package + ".")}
    found = {}
    for folder, file in files:
        source = file.read_bytes()
        if _REGISTER.encode() in source:
            module = ".".join((package, *file.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__")
            found[module] = _entries(source.decode())
    return {module: entries for module, entries in found.items() if entries is None or entries}


def _entries(source: str) -> list[tuple[str, str, str | None]] | None:
    """(kind, name, task) of what a module registers; None where its source does not say it plainly."""
    found = []
    for decorated in _DECORATED.finditer(source):
        for kind, arguments in _ENTRY.findall(decorated[0]):
            plain = _PLAIN.fullmatch(arguments)
            if plain is not None and isinstance(globals().get(kind), Registry):
                found.append((kind, plain["name"] or decorated[1], plain["task"]))
    if source.count(_REGISTER) > len(found):  # others have such a method, too
        kinds = [name for name, value in globals().items() if isinstance(value, Registry)]
        if sum(source.count(kind + _REGISTER) for kind in kinds) != len(found):
            return None
    return found
