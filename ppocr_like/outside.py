"""Doors for what others wrote: files, JSON, numbers and outlines. Whatever the system or a parser throws comes out as one error.

`open_regular` and `read_file` raise OSError and nothing else, `decode`, `parse_json`, `parse_xml`, `number` and `outline` raise
Malformed (a ValueError) and nothing else. Who calls them knows the place and adds it; `load_text`, `load_json` and `load_xml` do
that for whole files. What is accepted is bounded: regular files up to a size, JSON up to MAX_DEPTH, XML up to XML_DEPTH, XML_TAG
and XML_PARTS, whole numbers up to MAX_DIGITS, coordinates up to FARTHEST.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from xml.parsers import expat

import numpy as np

from ppocr_like.errors import DataError

MAX_DEPTH = 64  # brackets within brackets; labels have four
MAX_VALUES = 1 << 24  # of one JSON text; they fill about a GB of memory
MAX_DIGITS = 40  # of a whole number; an id of 128 bits has 39
FARTHEST = float(1 << 20)  # px; OpenCV reads no image that is wider
XML_DEPTH = 256  # elements within elements; a page with glyphs has about ten
XML_TAG = 1 << 24  # bytes of a tag with its attributes, a comment or a processing instruction
XML_PARTS = 1 << 21  # elements and attributes of a file; they fill about a GB of memory
XML_FILE = 1 << 28  # bytes
_XML_CHUNK = 1 << 20  # bytes that the parser is given at a time
SMALL, LARGE = 1 << 24, 1 << 30  # bytes: files that people write, and files that grow with the data
_TOO_LONG = re.compile(rf"\d{{{MAX_DIGITS}}}")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_HALF_NO_NAME = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_HALF_ESCAPED = re.compile(r"\\u[dD][89abABcdefCDEF]")
_SHOWN = 60  # characters of a value in a message


class Malformed(ValueError):
    """Something that is not what it should be. The message says how, without the place; `line` (from 1) where it is known."""

    def __init__(self, message: str, line: int = 0) -> None:
        self.line = line
        super().__init__(message)


def open_regular(path: str | Path) -> BinaryIO:
    """Opens a regular file for reading. A pipe or a device, which could give bytes for ever or none at all, is not opened.

    Raises:
        OSError: missing, no permission, no regular file, or a name that no file can have.
    """
    try:
        _regular(os.stat(path), path)
        # The file may have been replaced since: opening must not wait for a pipe's other end.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a NUL, or half a surrogate pair
        raise OSError(errno.EINVAL, f"no file can have such a name: {error}") from error
    try:
        _regular(os.fstat(descriptor), path)
        return open(descriptor, "rb")
    except OSError:
        os.close(descriptor)
        raise


def _regular(status: os.stat_result, path: str | Path) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "is a pipe, a device or a socket; a regular file is needed", str(path))


def read_file(path: str | Path, limit: int = SMALL) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    Raises:
        OSError: see `open_regular`; larger; cannot be read.
    """
    with open_regular(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"has more than {limit >> 20} MB, too much for such a file", str(path))
    return data


def decode(data: bytes) -> str:
    """UTF-8, with or without byte-order mark.

    Raises:
        Malformed: something else, with its line.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Malformed(f"is not UTF-8 ({error.reason}); save it as UTF-8", line) from error


def parse_json(text: str | bytes, names: bool = False, hook: Callable[..., Any] | None = None) -> Any:
    """The value of a JSON text. NaN and Infinity, which Python's and JavaScript's writers give, are numbers here.

    Args:
        text: UTF-8 where it is bytes.
        names: accept the surrogates by which Python tells file names that are no UTF-8.
        hook: makes each object of its (key, value) pairs; may raise Malformed.

    Raises:
        Malformed: no JSON; more than MAX_VALUES values; nested deeper than MAX_DEPTH; a whole number of
            more than MAX_DIGITS digits; a text with half a character (a surrogate alone), which no file can hold.
    """
    text = decode(text) if isinstance(text, bytes) else text
    if text.count(",") + text.count("[") + text.count("{") > MAX_VALUES:
        raise Malformed(f"holds more than {MAX_VALUES:,} values")
    try:
        value = json.loads(text, object_pairs_hook=hook)
    except Malformed:
        raise
    except json.JSONDecodeError as error:
        there = text[error.pos : error.pos + 20]
        found = f"found {there!r}" if there else "but it ends"
        raise Malformed(f"is no valid JSON: {error.msg}, {found} in column {error.colno}", error.lineno) from error
    except RecursionError as error:
        raise Malformed(f"is nested deeper than {MAX_DEPTH} brackets") from error
    except ValueError as error:  # Python's own limit to the digits of a number
        raise Malformed(f"holds a number of more than {MAX_DIGITS} digits") from error
    check_value(value, text, names)
    return value


def check_value(value: Any, text: str, names: bool = False) -> None:
    """The bounds of `parse_json` for a value that was read from `text`.

    Raises:
        Malformed: see `parse_json`.
    """
    half = _HALF_NO_NAME if names else _HALF_CHARACTER
    halves = bool(_HALF_ESCAPED.search(text) or _HALF_CHARACTER.search(text))
    numbers = bool(_TOO_LONG.search(text))
    if not (halves or numbers) and text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for part in level:
            if isinstance(part, dict):
                below.extend(part.values())
                if halves:
                    below.extend(part)
            elif isinstance(part, list):
                below.extend(part)
            elif halves and isinstance(part, str) and half.search(part):
                raise Malformed(f"holds half a character ({shown(part)}): a surrogate without its other half")
            elif numbers and isinstance(part, int) and abs(part) >= 10**MAX_DIGITS:
                raise Malformed(f"holds a number of more than {MAX_DIGITS} digits")
        level = below
        if not level:
            return
    raise Malformed(f"is nested deeper than {MAX_DEPTH} brackets")


@dataclass(eq=False)
class Element:
    """An element of an XML file.

    Args:
        tag: its name without prefix; of an element of another namespace than the root's `{namespace}name`.
        attributes: by name; those that have a namespace as `{namespace}name`.
        line: where it begins, from 1.
        namespace: of the root element; "": it has none. Other elements have none here.
        text: what stands directly in it.
        children: the elements directly in it.
    """

    tag: str
    attributes: dict[str, str]
    line: int
    namespace: str = ""
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        """An attribute."""
        return self.attributes.get(name)

    def all(self, tag: str) -> list[Element]:
        """The children of a name."""
        return [child for child in self.children if child.tag == tag]

    def first(self, *path: str) -> Element | None:
        """The first child of a name, the first child of the next name in it, and so on."""
        found: Element | None = self
        for tag in path:
            found = next((child for child in found.children if child.tag == tag), None) if found is not None else None
        return found


class _TreeMaker:
    """Takes what expat tells and makes Elements of it; refuses what is out of bounds."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator="}")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.parser.EntityDeclHandler = self.entity
        self.parser.AttlistDeclHandler = self.defaults
        self.parser.SkippedEntityHandler = self.skipped
        self.root: Element | None = None
        self.within: list[Element] = []
        self.texts: list[list[str]] = []
        self.parts = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.parts += 1 + len(attributes)
        if self.parts > XML_PARTS:
            raise Malformed(f"holds more than {XML_PARTS:,} elements and attributes", self.parser.CurrentLineNumber)
        if len(self.within) >= XML_DEPTH:
            raise Malformed(f"is nested deeper than {XML_DEPTH} elements", self.parser.CurrentLineNumber)
        namespace, _, tag = name.rpartition("}")
        if self.root is not None and namespace != self.root.namespace:
            tag = f"{{{namespace}}}{tag}"
        if any("}" in key for key in attributes):
            attributes = {("{" + key if "}" in key else key): value for key, value in attributes.items()}
        element = Element(tag, attributes, self.parser.CurrentLineNumber)
        if self.root is None:
            self.root = element
            element.namespace = namespace
        else:
            self.within[-1].children.append(element)
        self.within.append(element)
        self.texts.append([])

    def end(self, name: str) -> None:
        self.within.pop().text = "".join(self.texts.pop())

    def characters(self, text: str) -> None:
        self.texts[-1].append(text)

    def entity(self, name: str, *rest: object) -> None:
        raise Malformed(f"declares the entity {shown(name)}; files with entities of their own are not read", self._line())

    def defaults(self, element: str, name: str, kind: str, default: str | None, required: bool) -> None:
        if default is not None:  # a long one would stand at every element
            raise Malformed(f"declares a value of the attribute {shown(name)} for elements without it", self._line())

    def skipped(self, name: str, *rest: object) -> None:
        raise Malformed(f"uses the entity {shown(name)}, which stands in another file; other files are not read", self._line())

    def _line(self) -> int:
        return self.parser.CurrentLineNumber


def parse_xml(data: bytes) -> Element:
    """The root element of an XML file in UTF-8, UTF-16 or an encoding that it declares and expat knows (those of one byte).

    No other file is read, and no entity but XML's own five is known.

    Raises:
        Malformed: no XML; an entity or an attribute's value is declared, or an entity of another file is used; nested deeper than
            XML_DEPTH; a tag of more than XML_TAG bytes; more than XML_PARTS elements and attributes; an unknown encoding.
    """
    maker = _TreeMaker()
    parser = maker.parser
    try:
        for start in range(0, len(data), _XML_CHUNK):
            parser.Parse(data[start : start + _XML_CHUNK], False)
            if start + _XML_CHUNK - max(parser.CurrentByteIndex, 0) > XML_TAG + _XML_CHUNK:
                raise Malformed(f"holds a tag or a comment of more than {XML_TAG >> 20} MB", parser.CurrentLineNumber)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise Malformed(f"is no valid XML: {expat.ErrorString(error.code)} in column {error.offset + 1}", error.lineno) from error
    except Malformed:
        raise
    except (ValueError, LookupError) as error:  # Python's own codecs, for encodings that expat asks it about
        raise Malformed(f"is in an encoding that cannot be read ({error}); save it as UTF-8", 1) from error
    if maker.root is None:  # expat itself says so first
        raise Malformed("holds no element")
    return maker.root


def number(value: Any, what: str, low: float = -FARTHEST, high: float = FARTHEST) -> float:
    """A number in [low, high].

    Raises:
        Malformed: something else; `what` is its name in the message.
    """
    try:
        found = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        found = math.nan
    if not low <= found <= high:
        raise Malformed(f"{what} is {shown(value)}; a number from {low:g} to {high:g} is needed")
    return found


def text_of(value: Any, what: str = "text") -> str:
    """A text.

    Raises:
        Malformed: something else; `what` is its name in the message.
    """
    if not isinstance(value, str):
        raise Malformed(f"{what} is {shown(value)}; a text is needed")
    return value


def outline(points: Any) -> np.ndarray:
    """(P, 2) float64 px from [[x, y], ...] or [x, y, x, y, ...].

    Raises:
        Malformed: something else, a number that is not finite, or one farther from 0 than FARTHEST.
    """
    array = pairs(points)
    if not np.isfinite(array).all():
        raise Malformed(f"points {shown(points)} hold something that is no number")
    if array.size and np.abs(array).max() > FARTHEST:
        raise Malformed(f"points {shown(points)} lie farther out than {FARTHEST:,.0f} px, where no image is")
    return array


def pairs(points: Any) -> np.ndarray:
    """The same with whatever numbers stand there, also NaN and infinite ones.

    Raises:
        Malformed: no list of pairs of numbers.
    """
    needed = f"points are {shown(points)}; a list of pairs of numbers [[x, y], ...] is needed"
    if not isinstance(points, list | tuple | np.ndarray):
        raise Malformed(needed)
    try:
        array = np.array(points, np.float64)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Malformed(needed) from error
    if array.ndim == 1 and array.size % 2 == 0:
        array = array.reshape(-1, 2)
    if array.ndim != 2 or array.shape[1] != 2:
        raise Malformed(needed)
    return array


def usable(points: np.ndarray) -> np.ndarray:
    """(N,) bool for polygons (N, P, 2): whether every coordinate is finite and within FARTHEST."""
    return np.asarray((np.abs(points) <= FARTHEST).all(axis=(1, 2)))  # NaN compares as false


def shown(value: Any) -> str:
    """A value in a message: its beginning."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # too many digits, or nested too deeply
        return f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def load_text(path: str | Path, limit: int = SMALL) -> str:
    """A whole UTF-8 file.

    Raises:
        DataError: unreadable, no regular file, larger than `limit` bytes, not UTF-8; names file and line.
    """
    try:
        return decode(read_file(path, limit))
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", str(path)) from error
    except Malformed as error:
        raise DataError(str(error), str(path), error.line) from error


def load_json(path: str | Path, limit: int = SMALL) -> Any:
    """A whole JSON file.

    Raises:
        DataError: as `load_text`, and see `parse_json`.
    """
    try:
        return parse_json(load_text(path, limit))
    except Malformed as error:
        raise DataError(str(error), str(path), error.line) from error


def load_xml(path: str | Path) -> Element:
    """A whole XML file of at most XML_FILE bytes.

    Raises:
        DataError: unreadable, no regular file, too large, and see `parse_xml`; names file and line.
    """
    try:
        return parse_xml(read_file(path, XML_FILE))
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", str(path)) from error
    except Malformed as error:
        raise DataError(str(error), str(path), error.line) from error
