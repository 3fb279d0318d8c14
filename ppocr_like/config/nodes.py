"""A YAML node becomes an object: the two forms of a node, its arguments bound, its constructor called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from ppocr_like.config.paddle.aliases import rename
from ppocr_like.config.paddle.stops import never_there
from ppocr_like.config.recipe import GLOBAL_WINS, Recipe
from ppocr_like.config.typecheck import REFUSALS, bind, parameters, shown
from ppocr_like.errors import ConfigError, Mistake, Problem
from ppocr_like.registry import POSTPROCESSES, TRANSFORMS, Part, Registry

Context = Mapping[str, Callable[[], Any]]
T = TypeVar("T")


@dataclass(frozen=True)
class Node:
    """`{name: X, key: value}` or `{X: {key: value}}`, taken apart. `path` is where the arguments stand."""

    name: str
    args: dict[str, Any]
    path: str


def problem(path: str, message: str) -> ConfigError:
    """A ConfigError with one problem."""
    return ConfigError([Problem(path, message)])


def named_node(value: Any, path: str, kind: str, default: str | None = None) -> Node:
    """A node of the form `{name: X, key: value}`.

    Raises:
        ConfigError: missing, no mapping, or without a name.
    """
    if value is None and default is None:
        raise problem(path, f"is missing; a {kind} is needed: {{name: ..., ...}}")
    if not isinstance(value, dict | None):
        raise problem(path, f"is {shown(value)}, but a mapping with `name` is needed")
    args = dict(value or {})
    name = args.pop("name", default)
    if not isinstance(name, str):
        raise problem(
            f"{path}.name",
            f"is {shown(name)}; the name of a {kind} is needed" if name is not None else f"is missing: which {kind}?",
        )
    return Node(name, args, path)


def item_node(value: Any, path: str, kind: str) -> Node:
    """A node of the form `{X: {key: value}}`, as in `transforms:`; `{X: null}` has no arguments. `{name: X, ...}` is fine too.

    Raises:
        ConfigError: anything else.
    """
    if isinstance(value, str):
        raise problem(path, f"is the text {value!r}; write `- {value}:` with a colon")
    if isinstance(value, dict) and "name" in value:
        return named_node(value, path, kind)
    if not isinstance(value, dict) or len(value) != 1:
        found = f"a mapping of {', '.join(map(str, value))}" if isinstance(value, dict) and value else shown(value)
        raise problem(
            path, f"is {found}; one {kind} with its arguments is needed: `- Name: {{key: value}}`; mind the indentation"
        )
    name, args = next(iter(value.items()))
    if not isinstance(args, dict | None):
        raise problem(f"{path}.{name}", f"is {shown(args)}, but a mapping of arguments is needed")
    return Node(str(name), dict(args or {}), f"{path}.{name}")


@dataclass(frozen=True)
class Bound:
    """A class with its arguments, ready to be called."""

    cls: type
    kwargs: dict[str, Any]
    path: str

    def make(self) -> Any:
        """Calls the constructor.

        Raises:
            ConfigError: the constructor refused its arguments, or cannot do with them (a size that no memory holds).
        """
        try:
            return self.cls(**self.kwargs)
        except ConfigError as error:
            section = self.path.partition(".")[0]
            whole = [p.path.partition(".")[0] == section for p in error.problems]
            paths = [p.path if w else f"{self.path}.{p.path}".rstrip(".") for p, w in zip(error.problems, whole, strict=True)]
            problems = [replace(p, path=path, mistake=Mistake.REFUSED) for path, p in zip(paths, error.problems, strict=True)]
            raise ConfigError(problems) from error
        except REFUSALS as error:
            raise ConfigError([Problem(self.path, str(error) or type(error).__name__, Mistake.REFUSED)]) from error


def bind_node(
    recipe: Recipe,
    registry: Registry,
    node: Node,
    *,
    task: str | None,
    role: str = "",
    context: Context | None = None,
    built: Mapping[str, Any] | None = None,
) -> Bound:
    """Looks the class up and binds the node's arguments.

    A class may declare `nested: {argument: registry}`: these arguments hold nodes, or lists of nodes, and are built first;
    with `nested_weights: {argument: other argument}` each node of the list has a `weight`, and the other argument gets them;
    `parts`, see `registry.Part`; and a `delegate`, see `registry.Delegate`.

    Args:
        role: the part's name in the table of ignored keys ("Backbone").
        built: arguments that are objects already.

    Raises:
        ConfigError: every problem of this node and of the nodes in it.
    """
    try:
        cls = registry.get(node.name, task)
    except KeyError as error:
        message = never_there(node.name) or error.args[0]
        raise ConfigError([Problem(node.path, message, Mistake.UNKNOWN_NAME, node.name)]) from error
    args, objects = dict(node.args), dict(built or {})
    problems = rename(node.name, args, node.path, recipe.overridden, recipe.note)
    problems += recipe.drop_ignored(node.name, args, node.path, tuple(parameters(cls)), role)
    for key, name in getattr(cls, "nested_weights", {}).items():
        args[key], objects[name], wrong = _weights(args.get(key), f"{node.path}.{key}")
        problems += wrong
    if getattr(cls, "delegate", None) is not None:
        objects[cls.delegate.made], wrong = _delegated(recipe, cls, args, node.path, task, context)  # type: ignore[attr-defined]
        problems += wrong
    for key, nested_registry in getattr(cls, "nested", {}).items():
        if isinstance(args.get(key), dict | list):
            objects[key], wrong = _nested(recipe, nested_registry, args.pop(key), f"{node.path}.{key}", task, context)
            problems += wrong
    made, wrong = _parts(recipe, getattr(cls, "parts", ()), args, node.path, task, context)
    objects.update(made)
    problems += wrong
    if registry in (TRANSFORMS, POSTPROCESSES):
        problems += _let_global_win(recipe, cls, args, node.path)
    kwargs, wrong = bind(cls, args, node.path, context, objects)
    problems += wrong
    if problems:
        raise ConfigError(problems)
    return Bound(cls, kwargs, node.path)


def _nested(
    recipe: Recipe, registry: Registry, value: Any, path: str, task: str | None, context: Context | None
) -> tuple[Any, list[Problem]]:
    """The object of a node, or the list of objects of a list of nodes."""
    items = value if isinstance(value, list) else [value]
    made, problems = [], []
    for i, item in enumerate(items):
        here = f"{path}.{i}" if isinstance(value, list) else path
        try:
            node = item_node(item, here, registry.kind) if isinstance(value, list) else named_node(item, here, registry.kind)
            bound = bind_node(recipe, registry, node, task=task, context=context)
            made.append(bound.make() if _known(context) else None)
        except ConfigError as error:
            problems += error.problems
    return (made if isinstance(value, list) else (made or [None])[0]), problems


def _weights(value: Any, path: str) -> tuple[Any, list[float], list[Problem]]:
    """A list of nodes without their `weight`, the weights, and those that are missing or no numbers."""
    items, weights, problems = [], [], []
    for i, item in enumerate(value if isinstance(value, list) else []):
        name = next(iter(item), "") if isinstance(item, dict) else ""
        args = item.get(name) if isinstance(item, dict) else None
        if not isinstance(args, dict):  # without arguments, or no node: then that is said
            args = {}
        weight = args.get("weight")
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            what = "is missing" if weight is None else f"is {shown(weight)}"
            problems.append(Problem(f"{path}.{i}.{name}.weight", f"{what}; a number is needed"))
            weight = 0.0
        weights.append(float(weight))
        items.append({name: {key: entry for key, entry in args.items() if key != "weight"}} if args else item)
    return (items if isinstance(value, list) else value), weights, problems


def _delegated(
    recipe: Recipe, cls: Any, args: dict[str, Any], path: str, task: str | None, context: Context | None
) -> tuple[Any, list[Problem]]:
    """The object of a class' `delegate`; its arguments are taken out of `args`."""
    delegate, own = cls.delegate, parameters(cls)
    name = args.get(delegate.argument)
    if not isinstance(name, str):
        return None, []  # said where the class itself is bound
    try:
        other = parameters(delegate.registry.get(name, task))
    except KeyError as error:
        return None, [Problem(f"{path}.{delegate.argument}", error.args[0], Mistake.UNKNOWN_NAME, name)]
    theirs = {key: args[key] for key in args if key in other}
    for key in [key for key in theirs if key not in own]:
        del args[key]
    try:
        return bind_node(recipe, delegate.registry, Node(name, theirs, path), task=task, context=context).make(), []
    except ConfigError as error:
        return None, error.problems


def _known(context: Context | None) -> bool:
    """Whether what comes before is known: an `in_spec` of None says that it could not be made, and only arguments are judged."""
    return context is None or "in_spec" not in context or context["in_spec"]() is not None


def _parts(
    recipe: Recipe, parts: Sequence[Part], args: dict[str, Any], path: str, task: str | None, context: Context | None
) -> tuple[dict[str, Any], list[Problem]]:
    """The objects of a class' `parts`, whose nodes are taken out of `args`."""
    made: dict[str, Any] = {}
    given, problems = dict(context or {}), []
    for part in parts:
        value, here = args.pop(part.argument, None), f"{path}.{part.argument}"
        value = {} if value is None and not part.name_as else value
        if not isinstance(value, dict) or (part.name_as and not isinstance(value.get("name"), str)):
            problems.append(Problem(here, f"is {shown(value)}, but a mapping{' with `name`' if part.name_as else ''} is needed"))
            made[part.argument] = None
            continue
        own = {part.name_as if key == "name" and part.name_as else key: entry for key, entry in value.items()}
        try:
            bound = bind_node(recipe, part.registry, Node(part.cls, own, here), task=task, context=given)
            made[part.argument] = bound.make() if _known(context) and not problems else None
        except ConfigError as error:
            problems += error.problems
            made[part.argument] = None
        spec = getattr(made[part.argument], "out_spec", None)
        if spec is not None:
            given["in_spec"] = partial(_same, spec)
    return made, problems


def _same(value: T) -> T:
    return value


def _let_global_win(recipe: Recipe, cls: type, args: dict[str, Any], path: str) -> list[Problem]:
    """Four Global keys take the place of an operator's own argument, as in PaddleOCR; said where they differ, and a problem where
    `-o` set the argument.

    An operator that takes the `charset` takes the dictionary and the space with it, which are the whole run's.
    """
    named = parameters(cls)
    problems = []
    for key in GLOBAL_WINS:
        through_charset = key in ("character_dict_path", "use_space_char") and "charset" in named
        if key not in named and not through_charset:
            continue
        given = args.get(key)
        wins = recipe.get(f"Global.{key}")
        if key in args and (wins is not None or through_charset) and given != wins:
            if recipe.was_overridden(f"{path}.{key}"):
                problems.append(
                    Problem(f"{path}.{key}", f"the override changes nothing: Global.{key} wins; write -o Global.{key}=...")
                )
            recipe.note(f"{path}.{key}: {shown(given)} gives way to Global.{key}: {shown(wins)}")
        if through_charset:
            args.pop(key, None)
        elif wins is not None:
            args[key] = wins
    return problems
