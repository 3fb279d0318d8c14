"""Values put into a recipe's text, with its comments and layout kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from ppocr_like.config.yaml_guard import GuardedLoader, guarded
from ppocr_like.config.yaml_io import dump_inline, parse
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.outside import Malformed

_ANCHOR = re.compile(r"&\S+[ \t]*")
_ALIAS = re.compile(r"[ \t]*\*[^\s,\]}]+")
INDENT = "  "


def set_values(text: str, values: Mapping[str, Any]) -> str:
    """A recipe's text with some values changed; every other character stays.

    Args:
        text: the YAML.
        values: new scalars or flat lists by dotted path. List items are named as with `-o`: by index, or by the transform's name.
            A key that is missing is added to its mapping, a mapping that is missing to the one above, at the end of the file
            where it is a section. An alias (`*name`) is replaced by the value; its anchor stays.

    Raises:
        ConfigError: no YAML; a path that leads through a scalar or to a list item that is not there.
    """
    for path, value in values.items():
        text = _set(text, path, value)
    _check(text, values)
    return text


def _set(text: str, path: str, value: Any) -> str:
    try:
        node = guarded(lambda: yaml.compose(text, Loader=GuardedLoader))
    except Malformed as error:
        raise ConfigError([Problem(path, f"the recipe cannot be changed: {error}")]) from error
    if node is None:
        node = yaml.MappingNode("tag:yaml.org,2002:map", [])
    parts = path.split(".")
    for depth, part in enumerate(parts):
        here = ".".join(parts[:depth]) or "the recipe"
        if isinstance(node, yaml.SequenceNode):
            node = _item(node, part, path)
            continue
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError([Problem(path, f"{here} is no mapping, so {part} cannot be set in it")])
        pair = next((pair for pair in node.value if pair[0].value == part), None)
        if pair is None:
            return _insert(text, node, _nested(parts[depth:], value), depth)
        key, found = pair
        if depth == len(parts) - 1:
            return _replace(text, key, found, dump_inline(value))
        if _alias(text, key, found):
            raise ConfigError([Problem(path, f"{here}.{part} is an alias; write the value at its anchor")])
        if isinstance(found, yaml.ScalarNode) and found.tag == "tag:yaml.org,2002:null":
            return _replace(text, key, found, dump_inline(_nested(parts[depth + 1 :], value)))
        node = found
    raise ConfigError([Problem(path, "names a list item; name a key in it")])


def _nested(parts: list[str], value: Any) -> dict[str, Any]:
    for part in reversed(parts):
        value = {part: value}
    return value


def _item(node: yaml.SequenceNode, part: str, path: str) -> yaml.Node:
    """The list item that `part` names; of a one-key mapping (`- Name: {...}`) named by its key, the arguments."""
    for number, item in enumerate(node.value):
        if not isinstance(item, yaml.MappingNode):
            continue
        keys = {key.value: value for key, value in item.value}
        if len(keys) == 1 and "name" not in keys and part in keys:
            key, value = item.value[0]
            return value if isinstance(value, yaml.MappingNode) else _stand_in(key, value)
        name = keys.get("name")
        if part == str(number) or (isinstance(name, yaml.ScalarNode) and name.value == part):
            return item
    raise ConfigError([Problem(path, f"there is no list item {part!r}")])


def _stand_in(key: yaml.Node, value: yaml.Node) -> yaml.MappingNode:
    """A transform without arguments (`- Name:`): a mapping that holds it, found again by any key."""
    return _Empty("tag:yaml.org,2002:map", [], key.start_mark, key.end_mark, key, value)


class _Empty(yaml.MappingNode):
    """The arguments of a transform that has none."""

    def __init__(self, tag: str, pairs: list, start: Any, end: Any, key: yaml.Node, value: yaml.Node) -> None:
        super().__init__(tag, pairs, start, end)
        self.key, self.scalar = key, value


def _alias(text: str, key: yaml.Node, value: yaml.Node) -> re.Match | None:
    if value.start_mark.index >= key.end_mark.index:
        return None
    return _ALIAS.match(text, text.index(":", key.end_mark.index) + 1)


def _replace(text: str, key: yaml.Node, value: yaml.Node, new: str) -> str:
    alias = _alias(text, key, value)
    if alias:
        return f"{text[: alias.start()]} {new}{text[alias.end() :]}"
    start, end = value.start_mark.index, value.end_mark.index
    anchor = _ANCHOR.match(text, start, end)
    start = anchor.end() if anchor else start
    if start == end:  # nothing stands after the colon
        at = text.index(":", key.end_mark.index) + 1
        return f"{text[:at]} {new}{text[at:]}"
    if isinstance(value, yaml.CollectionNode) and not value.flow_style:
        tail = text[start:end]
        end = start + len(tail.rstrip())
    return text[:start] + new + text[end:]


def _insert(text: str, node: yaml.MappingNode, new: dict[str, Any], depth: int) -> str:
    if isinstance(node, _Empty):
        return _replace(text, node.key, node.scalar, dump_inline(new))
    if not node.value:
        if depth == 0:
            return _block(text, new, "")
        start, end = node.start_mark.index, node.end_mark.index
        return text[:start] + dump_inline(new) + text[end:]
    if node.flow_style:
        end = node.end_mark.index - 1
        body = text[:end].rstrip()
        inner = dump_inline(new)[1:-1]
        return f"{body}{'' if body.endswith(',') else ','} {inner}{text[end:]}"
    if depth == 0:
        return _block(text, new, "")
    last_key, last_value = node.value[-1]
    after = max(last_key.end_mark.index, last_value.end_mark.index)
    if _alias(text, last_key, last_value):
        after = last_key.end_mark.index
    elif isinstance(last_value, yaml.CollectionNode) and not last_value.flow_style:
        after = last_value.start_mark.index + len(_without_comments(text[last_value.start_mark.index : after]))
    line_end = text.find("\n", after)
    line_end = len(text) if line_end < 0 else line_end
    indent = " " * node.value[0][0].start_mark.column
    lines = "".join(f"\n{indent}{key}: {dump_inline(value)}" for key, value in new.items())
    return text[:line_end] + lines + text[line_end:]


def _without_comments(block: str) -> str:
    """A block without the blank and comment lines that PyYAML counts to its end."""
    lines = block.split("\n")
    while len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return "\n".join(lines)


def _block(text: str, new: dict[str, Any], indent: str) -> str:
    """A section at the end of the file."""
    text = text if not text or text.endswith("\n") else text + "\n"
    for key, value in new.items():
        if isinstance(value, dict):
            text = _block(f"{text}{indent}{key}:\n", value, indent + INDENT)
        else:
            text += f"{indent}{key}: {dump_inline(value)}\n"
    return text


def _check(after: str, values: Mapping[str, Any]) -> None:
    """An edited recipe must still read, and say what it should."""
    tree, _ = parse(after, "the edited recipe", say=lambda _: None)
    for path, value in values.items():
        node: Any = tree
        for part in path.split("."):
            node = _found(node, part) if isinstance(node, list) else node.get(part) if isinstance(node, dict) else None
        if node != value:
            raise ConfigError([Problem(path, f"could not be written: it would read {node!r} instead of {value!r}")])


def _found(items: list, part: str) -> Any:
    for number, item in enumerate(items):
        if isinstance(item, dict) and (part == str(number) or part in item or item.get("name") == part):
            return item.get(part, item)
    return None
