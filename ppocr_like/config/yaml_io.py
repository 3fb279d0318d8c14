"""YAML to plain data and back: safe, with YAML 1.2 numbers, no duplicate keys, and a record of aliases.

PyYAML follows YAML 1.1, in which `1e-4` is a text, `010` is 8, `1:30` is 90 and `2024-01-01` is a date. Recipes read as
people write them: `1e-4`, `1E5` and `.5e3` are numbers, the other three are 10, a text and a text. Booleans stay PyYAML's
(true, yes, on ...), as PaddleOCR's files use them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from ppocr_like.config.yaml_guard import GuardedLoader, check_unfolded, guarded
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.outside import Malformed

# Keys that stand twice, with two values, in PaddleOCR's own recipes (four of its DML and CML detectors): the last one counts.
_LAST_COUNTS = ("model_name_pairs",)

_INT = re.compile(r"^[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+|[0-9][0-9_]*)$")
_FLOAT = re.compile(
    r"^(?:[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*\.[0-9_]*)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
_REPLACED = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp"}
_RESOLVERS = {
    first: [(tag, pattern) for tag, pattern in entries if tag not in _REPLACED]
    for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Loader(GuardedLoader):
    say: Callable[[str], None] | None = None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen: dict[Any, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge" or not isinstance(key_node, yaml.ScalarNode):
                continue
            key = self.construct_object(key_node)
            if key in seen:
                self._twice(key, seen[key], (key_node, value_node))
            seen[key] = key_node, value_node
        return super().construct_mapping(node, deep=deep)

    def _twice(self, key: object, first: tuple[yaml.Node, yaml.Node], again: tuple[yaml.Node, yaml.Node]) -> None:
        """A repeated key is a mistake, unless it changes nothing or stands so in PaddleOCR's own recipes."""
        mark = again[0].start_mark
        told = f"the key {key!r} stands twice (first in line {first[0].start_mark.line + 1})"
        same = self.construct_object(first[1], deep=True) == self.construct_object(again[1], deep=True)
        if self.say is None or not (same or key in _LAST_COUNTS):
            raise yaml.MarkedYAMLError(problem=told, problem_mark=mark)
        self.say(f"line {mark.line + 1}: {told}" + ("" if same else "; the last one counts, as in PaddleOCR"))

    def construct_int(self, node: yaml.ScalarNode) -> int:
        text = self.construct_scalar(node).replace("_", "")
        base = {"0x": 16, "0o": 8, "0b": 2}.get(text.lstrip("+-")[:2].lower(), 10)
        return int(text, base)

    def construct_float(self, node: yaml.ScalarNode) -> float:
        text = self.construct_scalar(node).replace("_", "").lower()
        if text.lstrip("+-") in (".inf", ".nan"):
            return math.copysign(float(text.lstrip("+-.")), -1.0 if text.startswith("-") else 1.0)
        return float(text)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_block(self, mapping: dict) -> yaml.MappingNode:
        """Mappings one key a line; lists of scalars stay in brackets."""
        return self.represent_mapping("tag:yaml.org,2002:map", mapping, flow_style=not mapping)

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Characters that YAML takes for line ends are escaped: PyYAML writes them bare in its other styles."""
        style = '"' if any(c in text for c in "\x85\u2028\u2029\ufeff") else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


class _InlineDumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


for _class in (_Loader, _Dumper, _InlineDumper):
    _class.yaml_implicit_resolvers = {first: list(entries) for first, entries in _RESOLVERS.items()}
    _class.add_implicit_resolver("tag:yaml.org,2002:int", _INT, list("-+0123456789"))
    _class.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
_Dumper.add_representer(dict, _Dumper.represent_block)
_Dumper.add_representer(str, _Dumper.represent_text)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_float)


@dataclass(frozen=True)
class Alias:
    """`*anchor` at `place` (YAML path) repeats what stands at `owner`; both held `value` in the file."""

    owner: str
    place: str
    value: Any


def unshared(value: Any) -> Any:
    """A copy in which no mapping or list stands at two places (aliases share theirs)."""
    if isinstance(value, dict):
        return {k: unshared(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [unshared(v) for v in value]
    return value


def parse(text: str, source: str, say: Callable[[str], None] | None = None) -> tuple[Any, list[Alias]]:
    """Plain data of one YAML document, and its aliases.

    Args:
        say: is told of keys that stand twice and do no harm; without it they are errors.

    Raises:
        ConfigError: not YAML, a duplicate key, an unsafe tag; with line and column.
    """
    try:
        return guarded(lambda: _read(text, say))
    except Malformed as error:
        raise ConfigError([Problem("", str(error))], source) from error


def _read(text: str, say: Callable[[str], None] | None) -> tuple[Any, list[Alias]]:
    loader = _Loader(text)
    loader.say = say
    try:
        node = loader.get_single_node()
        if node is None:
            return None, []
        owners: dict[int, str] = {}
        places: list[tuple[str, str]] = []

        def visit(node: yaml.Node, path: str) -> None:
            """Records where one node of the file stands more than once."""
            if path != owners.setdefault(id(node), path):
                places.append((owners[id(node)], path))

        check_unfolded(node, visit)
        tree = unshared(loader.construct_document(node))
    finally:
        loader.dispose()
    return tree, [Alias(owner, place, lookup(tree, place)) for owner, place in places]


def lookup(tree: Any, path: str, default: Any = None) -> Any:
    """Value at a YAML path such as `Train.dataset.transforms.1.RecAug.tia_prob` (list items by index)."""
    for part in path.split(".") if path else []:
        if isinstance(tree, dict) and part in tree:
            tree = tree[part]
        elif isinstance(tree, list) and part.isdigit() and int(part) < len(tree):
            tree = tree[int(part)]
        else:
            return default
    return tree


def dump(tree: Any) -> str:
    """YAML text that `parse` reads back to an equal tree (keys in their order)."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)


def dump_inline(value: Any) -> str:
    """The same in one line, with braces and brackets."""
    text = yaml.dump(value, Dumper=_InlineDumper, sort_keys=False, allow_unicode=True, default_flow_style=True, width=math.inf)
    return text.removesuffix("\n").removesuffix("\n...")
