"""The tables of docs/recipe.md, as they follow from the program.

`python tests/config/tables.py` writes them anew; `test_recipe_docs.py` holds that they are up to date.
"""

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path

from ppocr_like import config, registry
from ppocr_like.components import load_components
from ppocr_like.config.nodes import parts_of
from ppocr_like.config.paddle.ignored import IGNORED
from ppocr_like.config.rates import AutoScale
from ppocr_like.registry import Registry

DOC = Path(__file__).parents[2] / "docs" / "recipe.md"
_OPTIONS = (
    *(
        config.GlobalConfig,
        config.EarlyStop,
        config.Forgetting,
        config.Compile,
        config.LoaderConfig,
        config.BucketByWidth,
        config.WandbConfig,
    ),
    AutoScale,
)
OPTIONS = {cls.__name__: cls for cls in _OPTIONS}
MARK = re.compile(r"(<!-- table (\w+) (\w+) -->\n)(.*?)(<!-- end -->)", re.S)
# What the program gives to a constructor and a recipe does not write.
CONTEXT = {
    *(
        "in_spec",
        "num_classes",
        "sar_classes",
        "nrtr_classes",
        "charset",
        "epochs",
        "steps_per_epoch",
        "schedule",
        "paddle_exact",
    ),
    *("named_parameters", "param_attrs", "seed", "mode", "dataset", "world", "evaluated"),
}


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


def yaml_text(value: object) -> str:
    """A default as one writes it in YAML."""
    if dataclasses.is_dataclass(value):
        return f"{{{', '.join(f'{field.name}: {yaml_text(getattr(value, field.name))}' for field in dataclasses.fields(value))}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(yaml_text(v) for v in value)}]"
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str) and not value.strip():
        return '"' + value.replace("\t", "\\t") + '"'
    return f"{value:g}" if isinstance(value, float) else str(value)


def option_rows(cls: type) -> list[str]:
    """One row per field: key, type, default, meaning."""
    hints = typing.get_type_hints(cls)
    out = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for field in dataclasses.fields(cls):
        default = "required" if field.default is dataclasses.MISSING else yaml_text(field.default)
        if field.default_factory is not dataclasses.MISSING:
            default = yaml_text(field.default_factory())
        out.append(f"| `{field.name}` | {type_text(hints[field.name])} | {default} | {field.metadata['doc']} |")
    return out


def component_rows(parts: Registry) -> list[str]:
    """One row per registered class: name, arguments with defaults, the first sentence of its docstring."""
    out = ["| name | arguments and defaults | what it is |", "|---|---|---|"]
    for name, cls in parts:
        if not cls.__module__.startswith("ppocr_like."):
            continue  # a stand-in of another test
        args, keys = [], {part.argument.lower(): part.argument for part in parts_of(cls)}
        known = inspect.signature(cls).parameters.values()
        for parameter in sorted(known, key=lambda p: p.default is not inspect.Parameter.empty):  # the required ones first
            if parameter.name not in CONTEXT:
                required = parameter.default is inspect.Parameter.empty
                args.append(
                    f"`{keys.get(parameter.name, parameter.name)}` {'required' if required else yaml_text(parameter.default)}"
                )
        about = " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split()).partition(". ")[0].rstrip(".:")
        about = about.replace("|", "\\|")
        out.append(f"| `{name}` | {', '.join(args) or 'none'} | {about} |")
    return out


def ignored_rows() -> list[str]:
    """One row per entry of the table of ignored keys."""
    out = ["| where | key | why |", "|---|---|---|"]
    for (component, key), entry in IGNORED.items():
        values = f"; only {', '.join(yaml_text(v) for v in entry.harmless)} may stand" if entry.harmless is not None else ""
        out.append(f"| {component or 'the recipe'} | `{key}` | {entry.reason}{values} |")
    return out


def wanted(kind: str, name: str) -> list[str]:
    """The rows of one marked table."""
    if kind == "options":
        return option_rows(OPTIONS[name])
    return component_rows(getattr(registry, name)) if kind == "components" else ignored_rows()


def tables() -> Iterator[tuple[str, str, list[str]]]:
    """(kind, name, rows) of each table that docs/recipe.md holds."""
    for mark in MARK.finditer(DOC.read_text(encoding="utf-8")):
        yield mark[2], mark[3], mark[4].splitlines()


if __name__ == "__main__":
    load_components()
    text = DOC.read_text(encoding="utf-8")
    DOC.write_text(MARK.sub(lambda m: m[1] + "\n".join(wanted(m[2], m[3])) + "\n" + m[5], text), encoding="utf-8")
