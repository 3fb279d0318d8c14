"""PyYAML with bounds: plain data only, nested and unfolded only so far, and every failure an error with its line."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

import yaml

from ppocr_like.outside import Malformed, shown

MAX_NODES = 200_000  # a recipe has some hundred; nested aliases can unfold a small file into billions
MAX_DEPTH = 64  # mappings and lists within each other; a recipe has about ten
MAX_BYTES = 1 << 22  # of a file; PyYAML takes minutes for more

_TAG = "tag:yaml.org,2002:"
_PLAIN = {_TAG + kind for kind in ("map", "seq", "str", "int", "float", "bool", "null", "merge", "value")}
# What PyYAML's own code throws where a text is not what its tag or escape says: `!!bool maybe`, `!!float x`, "\UFFFFFFFF".
_THROWN = (ValueError, KeyError, AttributeError, TypeError, IndexError, OverflowError, RecursionError)
_UNFIT = re.compile("[\0\ud800-\udfff]")  # what no file name and no UTF-8 file can hold

T = TypeVar("T")


class GuardedLoader(yaml.SafeLoader):
    """SafeLoader for plain data: mappings, lists, texts, numbers, booleans and null."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self._depth >= MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"nested deeper than {MAX_DEPTH} levels", problem_mark=self.peek_event().start_mark
            )
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if node.tag not in _PLAIN and node.tag.startswith(_TAG):
            raise _at(node, f"{node.tag.replace(_TAG, '!!')} has no place here; write plain values")
        if not isinstance(node, yaml.ScalarNode):
            return super().construct_object(node, deep)
        try:
            value = super().construct_object(node, deep)
        except _THROWN as error:
            raise _at(node, f"{shown(node.value)} is no {node.tag.removeprefix(_TAG)}") from error
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise _at(node, f"{shown(node.value)} has more than 64 bits")
        if isinstance(value, float) and math.isinf(value) and "inf" not in node.value.lower():
            raise _at(node, f"{shown(node.value)} is too large for a number; write .inf where infinity is meant")
        if isinstance(value, str) and _UNFIT.search(value):
            raise _at(node, f"{shown(value)} holds a NUL or half a character (a surrogate)")
        return value


def _at(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


class PlainLoader(GuardedLoader):
    """YAML 1.1 as PyYAML reads it (`010` is 8), for files that programs wrote; dates are texts."""


PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in entries if tag != _TAG + "timestamp"]
    for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def guarded(read: Callable[[], T]) -> T:
    """Calls what reads YAML.

    Raises:
        Malformed: whatever PyYAML throws, with line and column where they are known.
    """
    try:
        return read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        what = error.problem or error.context or "not YAML"
        hint = "; indent with spaces" if "\\t" in what else ""
        raise Malformed(f"{where}{what}{hint}", mark.line + 1 if mark else 0) from error
    except yaml.reader.ReaderError as error:
        what = f"the character U+{error.character:04X}" if isinstance(error.character, int) else f"the byte {error.character!r}"
        raise Malformed(f"not YAML: {what} at position {error.position:,} cannot stand in a YAML file") from error
    except (yaml.YAMLError, *_THROWN) as error:
        raise Malformed(f"not YAML: {' '.join(str(error).split())[:200] or type(error).__name__}") from error


def check_unfolded(node: yaml.Node, visit: Callable[[yaml.Node, str], None] | None = None) -> None:
    """Goes through a document as its aliases unfold; `visit` is told each node with its YAML path.

    Raises:
        yaml.MarkedYAMLError: more than MAX_NODES values, deeper than MAX_DEPTH, or an alias that holds itself.
    """
    open_: set[int] = set()
    count = 0

    def walk(node: yaml.Node, path: str) -> None:
        nonlocal count
        count += 1
        if count > MAX_NODES:
            raise _at(node, f"aliases unfold to more than {MAX_NODES} values")
        if id(node) in open_:
            raise _at(node, "an alias that holds itself")
        if len(open_) > MAX_DEPTH:
            raise _at(node, f"nested deeper than {MAX_DEPTH} levels")
        if visit is not None:
            visit(node, path)
        open_.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if isinstance(key, yaml.CollectionNode):
                    walk(key, path)
                merged = key.tag == _TAG + "merge"
                walk(value, path if merged else f"{path}.{key.value if isinstance(key, yaml.ScalarNode) else '?'}".lstrip("."))
        elif isinstance(node, yaml.SequenceNode):
            for i, value in enumerate(node.value):
                walk(value, f"{path}.{i}".lstrip("."))
        open_.discard(id(node))

    walk(node, "")


def parse_plain(text: str) -> Any:
    """The plain data of one YAML 1.1 document that a program wrote (`inference.yml`).

    Raises:
        Malformed: see `guarded`.
    """

    def read() -> Any:
        loader = PlainLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            check_unfolded(node)
            return loader.construct_document(node)
        finally:
            loader.dispose()

    return guarded(read)
