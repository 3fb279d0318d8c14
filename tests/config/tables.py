"""The option tables of docs/recipe.md, as they follow from the dataclasses."""

import dataclasses
import re
import types
import typing
from pathlib import Path

DOC = Path(__file__).parents[2] / "docs" / "recipe.md"


def type_text(annotation: object) -> str:
    """An annotation as people read it in a table: "int, list of int or null"."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        words = [type_text(a) for a in args]
        return f"{', '.join(words[:-1])} or {words[-1]}"
    if origin is typing.Literal:
        return ", ".join(map(str, args))
    if origin is list:
        return f"list of {type_text(args[0])}"
    if annotation is type(None):
        return "null"
    return "mapping" if dataclasses.is_dataclass(annotation) else annotation.__name__


def default_text(field: dataclasses.Field) -> str:
    """The default as one writes it in YAML."""
    if field.default_factory is not dataclasses.MISSING:
        return "[]"
    if field.default is dataclasses.MISSING:
        return "required"
    if field.default is None:
        return "null"
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


def rows(cls: type) -> list[str]:
    """One table row per field."""
    hints = typing.get_type_hints(cls)
    return [f"| `{f.name}` | {type_text(hints[f.name])} | {default_text(f)} | {f.metadata['doc']} |" for f in dataclasses.fields(cls)]


def documented(heading: str) -> list[str]:
    """The table rows under a heading of docs/recipe.md, without the table's head."""
    text = DOC.read_text(encoding="utf-8")
    part = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text, re.M | re.S)
    assert part, f"docs/recipe.md has no heading {heading!r}"
    lines = [line for line in part[1].splitlines() if line.startswith("|")]
    return lines[2:]
