"""Values of a recipe against the annotations of the constructors that receive them."""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import functools
import inspect
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppocr_like.errors import ConfigError, Mistake, OcrError, Problem

MISSING = object()
# What a constructor or a network raises for arguments that it cannot use, or that no machine can: torch answers sizes beyond
# memory with RuntimeError, those beyond 64 bits with TypeError, and having no channels with IndexError.
REFUSALS = (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, MemoryError, OcrError)
MOST_NAMES = 16  # longer lists are cut in messages
_SCALARS = {int: "an integer", float: "a number", bool: "true or false", str: "a text", type(None): "null"}
_LISTS = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection, set, frozenset)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def option(default: Any = MISSING, doc: str = "", *, least: float | None = None, above: float | None = None) -> Any:
    """A field of an options dataclass: its default, its meaning (for the documentation), and its bounds."""
    metadata = {"doc": doc, "least": least, "above": above}
    if isinstance(default, list | dict):
        copy = default
        return dataclasses.field(default_factory=lambda: type(copy)(copy), metadata=metadata)
    return dataclasses.field(**({} if default is MISSING else {"default": default}), metadata=metadata)


@dataclass(frozen=True)
class Parameter:
    """One named argument of a constructor."""

    name: str
    annotation: Any
    required: bool


@functools.cache
def parameters(cls: Callable[..., Any]) -> Mapping[str, Parameter]:
    """Named arguments of a class, with resolved annotations. `*args` and `**kwargs` accept nothing."""
    hints = typing.get_type_hints(_annotated(cls), include_extras=False)
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        p.name: Parameter(p.name, hints.get(p.name, Any), p.default is inspect.Parameter.empty)
        for p in inspect.signature(cls).parameters.values()
        if p.kind in named
    }


def _annotated(cls: Callable[..., Any]) -> Callable[..., Any]:
    """What holds the annotations of a constructor's arguments: the function itself, or the class whose fields made it, where
    each annotation belongs to the module of the class that has the field."""
    if not inspect.isclass(cls):
        return cls
    owner = next(base for base in cls.__mro__ if "__init__" in vars(base))
    made = vars(owner).get("__dataclass_params__")
    return owner if made is not None and made.init else cls.__init__


def nearest(name: object, known: Collection[str], label: str = "accepted") -> str:
    """ "; nearest: a, b", or the whole list where none is near."""
    folded, wanted = {k.lower(): k for k in known}, str(name).lower()
    near = [folded[k] for k in difflib.get_close_matches(wanted, folded, n=3)]
    near = near or [k for low, k in folded.items() if len(wanted) > 2 and low.startswith(wanted)][:3]
    if near:
        return f"; nearest: {', '.join(near)}"
    some = ", ".join(list(known)[:MOST_NAMES]) or "none"
    return f"; {label}: {some}" + (f" and {len(known) - MOST_NAMES} more (docs/recipe.md)" if len(known) > MOST_NAMES else "")


def unknown_key(path: str, key: object, accepted: Collection[str]) -> Problem:
    """What is said of a key that a mapping at `path` does not have."""
    return Problem(f"{path}.{key}", f"unknown key{nearest(key, accepted)}", Mistake.UNKNOWN_KEY)


def shown(value: Any) -> str:
    """A value for a message, cut to a readable length."""
    text = {True: "true", False: "false"}.get(value, "") if isinstance(value, bool) else "null" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def bind(
    cls: Callable[..., Any],
    given: Mapping[str, Any],
    path: str,
    context: Mapping[str, Callable[[], Any]] | None = None,
    built: Mapping[str, Any] | None = None,
    accepted: Collection[str] | None = None,
) -> tuple[dict[str, Any], list[Problem]]:
    """Arguments for `cls` from a recipe's mapping and the builder's context.

    Context values are made only for constructors that name them.

    Args:
        built: arguments that are objects already.
        accepted: names that a message about an unknown key lists; None: all that a recipe may give.

    Returns:
        keyword arguments, and every problem with its YAML path.
    """
    context = context or {}
    named = parameters(cls)
    accepted = [name for name in named if name not in context] if accepted is None else accepted
    kwargs: dict[str, Any] = dict(built or {})
    problems: list[Problem] = []
    for key, value in given.items():
        here = f"{path}.{key}"
        if key in context and key in named:
            problems.append(Problem(here, "is given by the program; a recipe may not set it"))
        elif key not in named:
            problems.append(unknown_key(path, key, accepted))
        else:
            kwargs[key], wrong = fit(value, named[key].annotation, here)
            problems += wrong
    for name, parameter in named.items():
        if name in given or name in kwargs:
            continue
        if name in context:
            try:
                kwargs[name] = context[name]()
            except ConfigError as error:
                problems += error.problems
        elif parameter.required:
            message = f"is missing; {described(parameter.annotation)} is needed"
            problems.append(Problem(f"{path}.{name}", message, Mistake.MISSING, parameter.annotation))
    return kwargs, problems


def fit(value: Any, annotation: Any, path: str) -> tuple[Any, list[Problem]]:
    """The value as the annotation wants it (lists become tuples, integers floats, mappings options), and problems."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return fit(value, args[0], path)
    if annotation is Any or isinstance(annotation, typing.TypeVar) or annotation is object:
        return value, []
    if origin in (typing.Union, types.UnionType):
        return _fit_union(value, args, path, annotation)
    if origin is typing.Literal:
        ok = any(value == a and type(value) is type(a) for a in args)
        return value, [] if ok else [Problem(path, f"is {shown(value)}{nearest(value, [str(a) for a in args])}")]
    if annotation in _SCALARS or annotation is None:
        return _fit_scalar(value, annotation or type(None), path)
    base = origin or annotation
    if base is tuple:
        return _fit_tuple(value, args, path, annotation)
    if base in _LISTS and not isinstance(value, str) and isinstance(value, list | tuple):
        return _fit_items(value, [args[0] if args else Any] * len(value), path, list)
    if base in _MAPPINGS and isinstance(value, dict):
        items, problems = _fit_items(list(value.values()), [args[1] if args else Any] * len(value), path, list, list(value))
        return dict(zip(value, items, strict=True)), problems
    if isinstance(value, dict) and inspect.isclass(base) and dataclasses.is_dataclass(base):
        return _fit_options(value, base, path)
    if base is Path and isinstance(value, str):
        return Path(value), []
    if inspect.isclass(base) and base not in _LISTS and base not in _MAPPINGS and isinstance(value, base):
        return value, []
    return value, [_wrong(value, annotation, path)]


def _wrong(value: Any, annotation: Any, path: str) -> Problem:
    hint = ""
    if isinstance(value, str) and any(word in described(annotation) for word in ("number", "integer")):
        try:
            float(value)
            hint = "; take the quotes away"
        except ValueError:
            hint = ""
    elif isinstance(value, (list, dict)) and described(annotation).startswith("a text"):
        hint = "; a text that begins with a bracket stands in quotes, with -o in two kinds of them: -o 'key=\"[...]\"'"
    return Problem(path, f"is {shown(value)}, but {described(annotation)} is needed{hint}")


def _fit_scalar(value: Any, wanted: type, path: str) -> tuple[Any, list[Problem]]:
    if wanted is float and isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value), []
        except OverflowError:
            return value, [Problem(path, f"is a whole number of {len(str(abs(value)))} digits; no number is so large here")]
    if isinstance(value, wanted) and not (wanted is int and isinstance(value, bool)):
        return value, []
    return value, [_wrong(value, wanted, path)]


def _fit_union(value: Any, members: Sequence[Any], path: str, annotation: Any) -> tuple[Any, list[Problem]]:
    exact = [m for m in members if m in _SCALARS and type(value) is m]  # 1 stays 1 in `float | int`
    tried = [(m, *fit(value, m, path)) for m in [*exact, *members]]
    for _, fitted, problems in tried:
        if not problems:
            return fitted, []
    # A list or mapping is judged by the member of its own shape: its inner problems say more than the whole.
    inner = [problems for _, _, problems in tried if any(p.path != path for p in problems)]
    if isinstance(value, dict | list) and len(inner) == 1:
        return value, inner[0]
    return value, [_wrong(value, annotation, path)]


def _fit_tuple(value: Any, args: tuple, path: str, annotation: Any) -> tuple[Any, list[Problem]]:
    if not isinstance(value, list | tuple):
        return value, [_wrong(value, annotation, path)]
    if not args:
        return tuple(value), []
    wanted = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
    if len(wanted) != len(value):
        return value, [Problem(path, f"has {len(value)} items, but {described(annotation)} is needed")]
    return _fit_items(value, wanted, path, tuple)


def _fit_items(
    values: Sequence[Any], wanted: Sequence[Any], path: str, make: Callable[[list], Any], keys: Sequence[Any] | None = None
) -> tuple[Any, list[Problem]]:
    fitted, problems = [], []
    for key, value, annotation in zip(keys if keys is not None else range(len(values)), values, wanted, strict=True):
        item, wrong = fit(value, annotation, f"{path}.{key}")
        fitted.append(item)
        problems += wrong
    return make(fitted), problems


def _fit_options(value: dict[str, Any], cls: type, path: str) -> tuple[Any, list[Problem]]:
    """An options dataclass from a mapping: keys, types, bounds, then the class' own `problems()`."""
    kwargs, problems = bind(cls, value, path)
    for field in dataclasses.fields(cls):
        number, least, above = kwargs.get(field.name), field.metadata.get("least"), field.metadata.get("above")
        if not isinstance(number, int | float) or isinstance(number, bool):
            continue
        if least is not None and not number >= least:
            problems.append(Problem(f"{path}.{field.name}", f"is {shown(number)}, but at least {least} is needed"))
        if above is not None and not number > above:
            problems.append(Problem(f"{path}.{field.name}", f"is {shown(number)}, but more than {above} is needed"))
    if problems:
        return value, problems
    try:
        made = cls(**kwargs)
    except REFUSALS as error:
        return value, [Problem(path, str(error) or type(error).__name__)]
    own = made.problems() if hasattr(made, "problems") else []
    return made, [Problem(f"{path}.{name}" if name else path, message) for name, message in own]


def described(annotation: Any) -> str:
    """An annotation in words: "an integer, a list of (a number) or null"."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in _SCALARS or annotation is None:
        return _SCALARS[annotation or type(None)]
    if origin in (typing.Union, types.UnionType):
        words = [described(a) for a in args]
        return f"{', '.join(words[:-1])} or {words[-1]}"
    if origin is typing.Literal:
        return "one of " + ", ".join(map(str, args))
    if origin is tuple and args and args[-1] is not Ellipsis:
        return f"a list of {len(args)} ({', '.join(dict.fromkeys(described(a) for a in args))})"
    if (origin or annotation) in (*_LISTS, tuple):
        return f"a list of ({described(args[0])})" if args else "a list"
    if (origin or annotation) in _MAPPINGS:
        return "a mapping"
    if dataclasses.is_dataclass(annotation):
        return f"a mapping with {', '.join(f.name for f in dataclasses.fields(annotation))}"
    if annotation is Path:
        return "a path"
    return getattr(annotation, "__name__", str(annotation))
