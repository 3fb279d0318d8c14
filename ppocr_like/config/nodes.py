"""A YAML node becomes an object: the two forms of a node, its arguments bound, its constructor called."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, TypeVar

from ppocr_like.config.paddle.aliases import rename
from ppocr_like.config.paddle.ignored import ignored
from ppocr_like.config.paddle.stops import never_there
from ppocr_like.config.typecheck import REFUSALS, bind, parameters, shown
from ppocr_like.config.words import GLOBAL_WINS, Words
from ppocr_like.errors import ConfigError, Mistake, Problem
from ppocr_like.registry import BACKBONES, POSTPROCESSES, TRANSFORMS, Part, Registry

Context = Mapping[str, Callable[[], Any]]
T = TypeVar("T")


@dataclass(frozen=True)
class Node:
    """`{name: X, key: value}` or `{X: {key: value}}`, taken apart. `path` is where the arguments stand, `beside` the keys that
    may stand there as well and are read elsewhere."""

    name: str
    args: dict[str, Any]
    path: str
    beside: tuple[str, ...] = ()


def same(value: T) -> T:
    """The value: `partial(same, value)` is a context's way to give one that is known."""
    return value


def parts_of(cls: type) -> Sequence[Part]:
    """The arguments of a class that hold nodes (see `registry.Part`)."""
    return getattr(cls, "parts", ())


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
    words: Words,
    registry: Registry,
    node: Node,
    *,
    task: str | None,
    role: str = "",
    context: Context | None = None,
    built: Mapping[str, Any] | None = None,
) -> Bound:
    """Looks the class up and binds the node's arguments.

    The nodes within it, which a class names in its `parts` (see `registry.Part`), are built first.

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
    problems = _take_pretrained(node, args) if registry is BACKBONES else []
    problems += rename(node.name, args, node.path, words.overridden, words.note)
    problems += words.drop_ignored(node.name, args, node.path, tuple(parameters(cls)), role)
    made, wrong = _parts(words, cls, node, args, task, context)
    objects.update(made)
    problems += wrong
    if registry in (TRANSFORMS, POSTPROCESSES):
        problems += _let_global_win(words, cls, args, node.path)
    kwargs, wrong = bind(cls, args, node.path, context, objects, _accepted(cls, node, context))
    problems += [p if p.path else replace(p, path=node.path, message=f"{node.name} {p.message}") for p in wrong]
    if problems:
        raise ConfigError(problems)
    return Bound(cls, kwargs, node.path)


def _accepted(cls: type, node: Node, context: Context | None) -> list[str]:
    """The keys that the node may have, as messages list them."""
    named = {part.argument.lower(): part.argument for part in parts_of(cls)}
    return [*node.beside, *(named.get(name, name) for name in parameters(cls) if name not in (context or {}))]


def _parts(
    words: Words, cls: type, node: Node, args: dict[str, Any], task: str | None, context: Context | None
) -> tuple[dict[str, Any], list[Problem]]:
    """The objects of a class' `parts`, whose nodes are taken out of `args`."""
    made: dict[str, Any] = {}
    problems: list[Problem] = []
    given = dict(context or {})
    for part in parts_of(cls):
        name, path, value = part.argument.lower(), f"{node.path}.{part.argument}", args.get(part.argument)
        if part.many is not None and not isinstance(value, part.many):
            continue  # said where the class itself is bound
        args.pop(part.argument, None)
        if value is None and type(None) in typing.get_args(parameters(cls)[name].annotation):
            made[name] = None
            continue
        found: dict[Any, Any] = {}
        for key, item, here in _items(part, value, path):
            spec = given.get("in_spec")
            try:
                inner = _flat_node(part, cls, item, node, args, task) if part.flat else _inner_node(part, item, here)
                found[key] = _object(words, part, inner, f"{node.name}.{part.argument}", task, given)
                if hasattr(found[key], "out_spec"):
                    spec = partial(same, found[key].out_spec)
            except ConfigError as error:
                problems += error.problems
                found[key], spec = None, partial(same, None)
            if part.chained and spec is not None:
                given["in_spec"] = spec
        made[name] = found if part.many is dict else list(found.values()) if part.many is list else found[None]
    return made, problems


def _items(part: Part, value: Any, path: str) -> Iterator[tuple[Any, Any, str]]:
    """(key, value, path) of each node in the place of a part; the key is None where it holds a single one."""
    if part.many is None:
        yield None, value, path
    else:
        for key in value if part.many is dict else range(len(value)):
            yield key, value[key], f"{path}.{key}"


def _inner_node(part: Part, value: Any, path: str) -> Node:
    """The node in the place of a part."""
    if part.many is list:
        return item_node(value, path, part.registry.kind)
    if not part.name_as:
        return named_node(value, path, part.registry.kind, part.default)
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise problem(path, f"is {shown(value)}, but a mapping with `name` is needed")
    return Node(str(part.default), {part.name_as if key == "name" else key: entry for key, entry in value.items()}, path)


def _flat_node(part: Part, cls: type, name: Any, node: Node, args: dict[str, Any], task: str | None) -> Node:
    """The node of a flat part, whose arguments are taken out of `args` but for those that the outer class has, too."""
    path = f"{node.path}.{part.argument}"
    if not isinstance(name, str):
        raise problem(path, "is missing; a text is needed" if name is None else f"is {shown(name)}, but a text is needed")
    try:
        known = parameters(part.registry.get(name, task))
    except KeyError as error:
        raise ConfigError([Problem(path, error.args[0], Mistake.UNKNOWN_NAME, name)]) from error
    own = parameters(cls)
    theirs = {key: args[key] for key in args if key in known}
    for key in [key for key in theirs if key not in own]:
        del args[key]
    return Node(name, theirs, node.path)


def _object(words: Words, part: Part, node: Node, role: str, task: str | None, context: Context) -> Any:
    """The object of a node within another one, in its holder where the part has one (`beside`); None where what comes before
    could not be made: an `in_spec` of None says so, and only the arguments are judged."""
    known = "in_spec" not in context or context["in_spec"]() is not None
    if part.beside is None:
        bound = bind_node(words, part.registry, node, task=task, role=role, context=context)
        return bound.make() if known else None
    first, *others = (field.name for field in fields(part.beside))
    args = dict(node.args)
    own = {key: args.pop(key) for key in others if key in args}
    own = {key: value for key, value in own.items() if value is not None}
    told, problems = bind(part.beside, own, node.path, built={first: None})
    try:
        inner = Node(node.name, args, node.path, tuple(others))
        bound = bind_node(words, part.registry, inner, task=task, role=role, context=context)
        made = bound.make() if known and not problems else None
    except ConfigError as error:
        raise ConfigError(problems + error.problems) from error
    if problems:
        raise ConfigError(problems)
    return part.beside(**{**told, first: made})


def _take_pretrained(node: Node, args: dict[str, Any]) -> list[Problem]:
    """`pretrained` of a backbone names weights, which `architecture.backbone_weights` tells; the class does not know the key."""
    value = args.get("pretrained")
    known = ignored(node.name, "pretrained") is not None  # files of PaddleOCR that carry it: noted
    if known and not (value is None or isinstance(value, str)):
        return []
    if value is None or isinstance(value, str | bool):
        args.pop("pretrained", None)
    if value is not True:
        return []
    message = "is true, but nothing is downloaded here: give the path of the backbone's weights"
    return [Problem(f"{node.path}.pretrained", message)]


def _let_global_win(words: Words, cls: type, args: dict[str, Any], path: str) -> list[Problem]:
    """The keys of GLOBAL_WINS take the place of an operator's own argument, as in PaddleOCR. It is said where they differ, and
    is a problem where `-o` set the argument.

    An operator that takes the `charset` takes the dictionary and the space with it, which are the whole run's.
    """
    named = parameters(cls)
    problems = []
    for key in GLOBAL_WINS:
        through_charset = key in ("character_dict_path", "use_space_char") and "charset" in named
        if key not in named and not through_charset:
            continue
        given = args.get(key)
        wins = words.settings.get(key)
        if key in args and (wins is not None or through_charset) and given != wins:
            if words.was_overridden(f"{path}.{key}"):
                problems.append(
                    Problem(f"{path}.{key}", f"the override changes nothing: Global.{key} wins; write -o Global.{key}=...")
                )
            words.note(f"{path}.{key}: {shown(given)} gives way to Global.{key}: {shown(wins)}")
        if through_charset:
            args.pop(key, None)
        elif wins is not None:
            args[key] = wins
    return problems
