"""What a weights file's pickle may name: numpy's way to store arrays, and the wrappers that Paddle puts around them.

Nothing that a file names is looked up or called. Each name stands for a function here that builds the same from checked
arguments. Paddle stores a tensor as `tuple((name, array))` and a LoDTensor as `eval("data", {"data": array})`
(its `paddle.framework.io`); both give the array.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

MAX_DIMENSIONS = 32
MAX_PAIRS = 100_000  # of dicts that are made from lists of pairs
NUMBER_TYPES = {"b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"}


class Refused(ValueError):
    """A pickle that is damaged, or holds what no weights file needs."""


class Encoded:
    """Bytes of the file that are copied only when an array is made of them, and then once.

    Args:
        raw: a look into the file.
        text: they are UTF-8 text (protocol 2 writes bytes as latin-1 text).
    """

    def __init__(self, raw: memoryview, text: bool = False) -> None:
        self.raw = raw
        self.text = text
        self._decoded: bytes | None = None

    def data(self) -> memoryview | bytes:
        if not self.text:
            return self.raw
        if self._decoded is None:
            try:
                self._decoded = str(self.raw, "utf-8").encode("latin-1")
            except UnicodeError as error:
                raise Refused("array data written as text cannot be read: damaged") from error
        return self._decoded


@dataclass(frozen=True)
class Name:
    """A name from the list below, in the file's place of the function."""

    key: str

    @classmethod
    def allowed(cls, module: object, name: object) -> Name:
        if not isinstance(module, str) or not isinstance(name, str):
            raise Refused("a function's name is no text: damaged")
        module = {"__builtin__": "builtins"}.get(module, module).replace("numpy._core", "numpy.core")
        key = f"{module}.{name}"
        if key not in CALLS and key != "numpy.ndarray":
            raise Refused(f"it names {key[:200]!r}, which could run a program; only arrays and plain data are read")
        return cls(key)


class _Array:
    """An array whose header the file gives later."""

    def __init__(self) -> None:
        self.value: np.ndarray | None = None


class _DType:
    def __init__(self, code: str) -> None:
        self.code = code
        self.order = "<"

    @property
    def numpy(self) -> np.dtype:
        return np.dtype(self.order + self.code)


class ArrayMaker:
    """Builds arrays; all together may hold `budget` bytes."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.pairs = MAX_PAIRS

    def named(self, module: object, name: object) -> Any:
        return Name.allowed(module, name)

    def persistent(self, told: object) -> Any:
        raise Refused("it refers to something outside of it, which no weights file does")

    def new(self, kind: object, arguments: object) -> Any:
        raise Refused("it makes an object of a class, which no weights file needs")

    def key(self, key: object) -> Any:
        if not isinstance(key, (str, int)):
            raise Refused(f"a key is a {type(key).__name__}; names and numbers are known")
        return key

    def extend(self, target: object, items: list[Any]) -> None:
        raise Refused("values for something that is no list: damaged")

    def enter(self, target: object, pairs: dict[Any, Any]) -> None:
        raise Refused("entries for something that is no dict: damaged")

    def call(self, name: object, arguments: object) -> Any:
        if not isinstance(name, Name) or name.key not in CALLS or not isinstance(arguments, tuple):
            raise Refused("it calls what is no function for arrays: damaged")
        try:
            return CALLS[name.key](self, *arguments)
        except TypeError as error:  # another number of arguments
            raise Refused(f"{name.key} with unknown arguments: damaged, or no weights file") from error

    def build(self, target: object, state: object) -> None:
        """Gives an array its header and data, a dtype its byte order."""
        if isinstance(target, _DType):
            if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
                raise Refused("a number type of unknown form: damaged")
            target.order = state[1]
        elif isinstance(target, _Array) and target.value is None:
            if not isinstance(state, tuple) or len(state) != 5:
                raise Refused("an array of unknown form: damaged")
            _, shape, dtype, fortran, data = state
            target.value = self.array(data, dtype, shape, "F" if fortran else "C")
        elif isinstance(state, dict) and isinstance(target, dict):
            return  # attributes of an OrderedDict; none matters
        else:
            raise Refused("it sets the inside of an object that is no array: no weights file")

    def array(self, data: object, dtype: object, shape: object, order: str) -> np.ndarray:
        if not isinstance(dtype, _DType):
            raise Refused("an array without a number type: damaged")
        whole = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
        if not whole or not isinstance(shape, tuple) or len(shape) > MAX_DIMENSIONS:
            raise Refused("an array of an impossible shape: damaged")
        if isinstance(data, str):
            try:
                data = data.encode("latin-1")
            except UnicodeError as error:
                raise Refused("array data written as text cannot be read: damaged") from error
        raw = data.data() if isinstance(data, Encoded) else data
        if not isinstance(raw, (bytes, memoryview)):
            raise Refused("an array whose data are no bytes: damaged")
        announced = math.prod(shape) * dtype.numpy.itemsize
        if announced != len(raw):
            sizes = "x".join(str(n) for n in shape[:8]) or "a single number"
            raise Refused(f"an array of {sizes} announces {_bytes(announced)}, its data are {len(raw):,}: damaged")
        self.budget -= announced
        if self.budget < 0:
            raise Refused("its arrays hold more bytes than the file: made to fill the memory")
        try:
            values = np.frombuffer(raw, dtype.numpy) if announced else np.zeros(0, dtype.numpy)
            return values.reshape(shape, order="F" if order == "F" else "C")
        except ValueError as error:  # numpy cannot address it, for all that it is empty
            raise Refused(f"an array of an impossible shape ({error}): damaged") from error

    # What stands behind the names

    def reconstruct(self, kind: object, shape: object, code: object) -> _Array:
        if kind != Name("numpy.ndarray"):
            raise Refused("an array of a class of its own: no weights file")
        return _Array()

    def dtype(self, code: object, *flags: object) -> _DType:
        text = code if isinstance(code, str) else ""
        order = text[:1] if text[:1] in "<>|=" else ""
        if text.removeprefix(order) not in NUMBER_TYPES:
            raise Refused(f"numbers of the type {str(code)[:40]!r}; whole numbers and floats are known")
        made = _DType(text.removeprefix(order))
        made.order = order or "="
        return made

    def from_buffer(self, data: object, dtype: object, shape: object, order: object, *axes: object) -> np.ndarray:
        if order not in ("C", "F"):
            raise Refused("an array of unknown order: damaged")
        return self.array(data, dtype, shape, str(order))

    def scalar(self, dtype: object, data: object) -> np.ndarray:
        return self.array(data, dtype, (), "C")

    def encode(self, text: object, encoding: object) -> Encoded:
        if encoding not in ("latin1", "latin-1"):
            raise Refused(f"bytes written in the encoding {str(encoding)[:40]!r}: unknown")
        if isinstance(text, Encoded) and text.text:
            return text
        if not isinstance(text, str):
            raise Refused("bytes written as something that is no text: damaged")
        return Encoded(memoryview(text.encode("utf-8", "surrogatepass")), text=True)

    def bytes(self, data: object = None) -> Encoded:
        if data is None:
            return Encoded(memoryview(b""))
        if not isinstance(data, Encoded):
            raise Refused("bytes of unknown form: damaged")
        return data

    def tuple(self, items: object = ()) -> tuple:
        if not isinstance(items, tuple):
            raise Refused("a tuple of unknown form: damaged")
        return items

    def ordered(self, pairs: object = ()) -> dict:
        if not isinstance(pairs, (list, tuple)) or not all(isinstance(p, (list, tuple)) and len(p) == 2 for p in pairs):
            raise Refused("an OrderedDict of unknown form: damaged")
        self.pairs -= len(pairs)
        if self.pairs < 0:
            raise Refused("its dicts hold more entries than a weights file needs: made to fill the memory")
        if not all(isinstance(key, (str, int)) for key, _ in pairs):
            raise Refused("a key that is neither name nor number")
        return dict(pairs)

    def lod_tensor(self, text: object, names: object) -> Any:
        """Paddle's stored call for LoDTensors; nothing is evaluated."""
        if text != "data" or not isinstance(names, dict) or list(names) != ["data"]:
            raise Refused("it asks for the evaluation of a text, which could run a program")
        if not isinstance(names["data"], (_Array, np.ndarray)):
            raise Refused("a LoDTensor that is no array: damaged")
        return names["data"]


CALLS: dict[str, Callable[..., Any]] = {
    "numpy.core.multiarray._reconstruct": ArrayMaker.reconstruct,
    "numpy.core.multiarray.scalar": ArrayMaker.scalar,
    "numpy.core.numeric._frombuffer": ArrayMaker.from_buffer,
    "numpy.dtype": ArrayMaker.dtype,
    "_codecs.encode": ArrayMaker.encode,
    "builtins.bytes": ArrayMaker.bytes,
    "builtins.bytearray": ArrayMaker.bytes,
    "builtins.tuple": ArrayMaker.tuple,
    "builtins.eval": ArrayMaker.lod_tensor,
    "collections.OrderedDict": ArrayMaker.ordered,
}


def finished(value: object) -> object:
    """The array that a pickle's object stands for; all else as it is.

    Raises:
        Refused: an array without data.
    """
    if isinstance(value, _Array):
        if value.value is None:
            raise Refused("an array without data: damaged")
        return value.value
    return value


def _bytes(count: int) -> str:
    return f"{count:,} bytes" if count < 1 << 62 else "more bytes than any machine has"
