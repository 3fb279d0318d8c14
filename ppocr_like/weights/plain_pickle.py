"""A reader of pickles that can build numbers, texts, bytes, lists, tuples, dicts and arrays, and nothing else.

Python's own unpickler calls whatever a file names. This one is a small machine for the same instructions (Python's
documentation of `pickletools`; protocols 2 to 5) whose only calls are those of `pickled_arrays`. It holds no more memory
than a few times the file's size and a fixed amount: every length is compared with what is left of the file before
anything is made, objects are counted, and arrays together may not hold more bytes than the file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from ppocr_like.weights.pickled_arrays import ArrayMaker, Encoded, Refused, finished

MAX_OPERATIONS = 500_000  # about 30 are needed for each array; each makes one object of some hundred bytes at most
MAX_LINE = 256  # of a global's name, in bytes
MAX_INTEGER = 8  # bytes of a whole number
SHORT_TEXT = 256  # bytes; longer texts are array data that early protocols wrote as text, decoded once they are needed

_MARK = object()


def read_pickle(data: bytes, operations: int = MAX_OPERATIONS, maker: ArrayMaker | None = None) -> Any:
    """What the pickle in `data` holds; arrays below the top are to be asked for with `finished`, and look into `data`.

    Args:
        data: the file.
        operations: more instructions are refused.
        maker: what stands behind the names in it; None: arrays alone.

    Raises:
        Refused: truncated, damaged, or holding anything but plain data and arrays. Nothing was run.
    """
    return _Machine(data, maker or ArrayMaker(len(data))).run(operations)


class _Machine:
    def __init__(self, data: bytes, maker: ArrayMaker) -> None:
        self.data = memoryview(data)
        self.position = 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.maker = maker

    def run(self, operations: int) -> Any:
        if self.take(1) != b"\x80" or not 2 <= self.number(1) <= 5:
            raise Refused("does not begin as a pickle of protocol 2 to 5 does")
        for _ in range(operations):
            code = self.number(1)
            if code == ord("."):
                return finished(self.pop())
            step = _STEPS.get(code)
            if step is None:
                raise Refused(f"instruction {code:#04x} at byte {self.position - 1} makes what no weights file needs")
            step(self)
        raise Refused(f"more than {operations:,} instructions, which no weights file needs")

    def take(self, count: int) -> memoryview:
        """The next `count` bytes, as a look into the file."""
        if count > len(self.data) - self.position:
            left = len(self.data) - self.position
            raise Refused(f"{count:,} bytes are announced at byte {self.position}, {left:,} are left: truncated or damaged")
        self.position += count
        return self.data[self.position - count : self.position]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def line(self) -> str:
        ahead = bytes(self.data[self.position : self.position + MAX_LINE])
        length = ahead.find(b"\n")
        if length < 0:
            raise Refused(f"a name at byte {self.position} does not end")
        self.position += length + 1
        return ahead[:length].decode("latin-1")

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise Refused(f"nothing is there for the instruction at byte {self.position - 1}: damaged")
        return self.stack.pop()

    def top(self, kind: type) -> Any:
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise Refused(f"no {kind.__name__} is there for the instruction at byte {self.position - 1}: damaged")
        return self.stack[-1]

    def pop_to_mark(self) -> list[Any]:
        for start in range(len(self.stack) - 1, -1, -1):
            if self.stack[start] is _MARK:
                items = self.stack[start + 1 :]
                del self.stack[start:]
                return items
        raise Refused(f"no beginning is there for the instruction at byte {self.position - 1}: damaged")

    # Instructions

    def skip_frame(self) -> None:
        if self.number(8) > len(self.data) - self.position:
            raise Refused("a frame is longer than the file: truncated")

    def push_integer(self, size: int) -> None:
        if size > MAX_INTEGER:
            raise Refused(f"a whole number of {size:,} bytes at byte {self.position}")
        self.stack.append(int.from_bytes(self.take(size), "little", signed=True))

    def push_float(self) -> None:
        self.stack.append(struct.unpack(">d", self.take(8))[0])

    def push_text(self, size: int) -> None:
        raw = self.take(size)
        try:
            self.stack.append(str(raw, "utf-8", "surrogatepass") if size <= SHORT_TEXT else Encoded(raw, text=True))
        except UnicodeDecodeError as error:
            raise Refused(f"a text at byte {self.position - size} is no UTF-8: damaged") from error

    def push_bytes(self, size: int) -> None:
        self.stack.append(Encoded(self.take(size)))

    def push_old_text(self, size: int) -> None:
        """Python 2 wrote names and array data alike as byte strings."""
        raw = self.take(size)
        self.stack.append(str(raw, "latin-1") if size <= SHORT_TEXT else Encoded(raw))

    def push_tuple(self, size: int) -> None:
        items = [self.pop() for _ in range(size)]
        self.stack.append(tuple(reversed(items)))

    def push_name(self, module: Any, name: Any) -> None:
        self.stack.append(self.maker.named(module, name))

    def stacked_name(self) -> None:
        name, module = self.pop(), self.pop()
        self.push_name(module, name)

    def memo_put(self, index: int) -> None:
        self.memo[index] = self.top(object)

    def memo_get(self, index: int) -> None:
        if index not in self.memo:
            raise Refused(f"refers to an object ({index}) that was not made: damaged")
        self.stack.append(self.memo[index])

    def append(self, items: list[Any]) -> None:
        target = self.top(object)
        if isinstance(target, list):
            target.extend(items)
        else:
            self.maker.extend(target, items)

    def set_items(self, items: list[Any]) -> None:
        target, pairs = self.top(object), {}
        if len(items) % 2:
            raise Refused("a key without a value: damaged")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, np.ndarray) and key.ndim == 0 and key.dtype.kind in "iu":  # a whole number of numpy's
                key = int(key)
            pairs[self.maker.key(key)] = value
        if isinstance(target, dict):
            target.update(pairs)
        else:
            self.maker.enter(target, pairs)

    def new(self) -> None:
        arguments, kind = self.pop(), self.pop()
        self.stack.append(self.maker.new(kind, arguments))

    def call(self) -> None:
        arguments, name = self.pop(), self.pop()
        self.stack.append(self.maker.call(name, arguments))

    def build(self) -> None:
        state = self.pop()
        self.maker.build(self.top(object), state)


def _constant(value: Any) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(value)


_STEPS: dict[int, Callable[[_Machine], Any]] = {
    # whole numbers, floats, constants
    ord("J"): lambda m: m.push_integer(4),
    ord("K"): lambda m: m.stack.append(m.number(1)),
    ord("M"): lambda m: m.stack.append(m.number(2)),
    0x8A: lambda m: m.push_integer(m.number(1)),
    0x8B: lambda m: m.push_integer(m.number(4)),
    ord("G"): _Machine.push_float,
    ord("N"): _constant(None),
    0x88: _constant(True),
    0x89: _constant(False),
    # texts and bytes
    ord("X"): lambda m: m.push_text(m.number(4)),
    0x8C: lambda m: m.push_text(m.number(1)),
    0x8D: lambda m: m.push_text(m.number(8)),
    ord("B"): lambda m: m.push_bytes(m.number(4)),
    ord("C"): lambda m: m.push_bytes(m.number(1)),
    0x8E: lambda m: m.push_bytes(m.number(8)),
    0x96: lambda m: m.push_bytes(m.number(8)),
    ord("T"): lambda m: m.push_old_text(m.number(4)),
    ord("U"): lambda m: m.push_old_text(m.number(1)),
    # containers
    ord("("): _constant(_MARK),
    ord(")"): _constant(()),
    ord("]"): lambda m: m.stack.append([]),
    ord("}"): lambda m: m.stack.append({}),
    ord("t"): lambda m: m.stack.append(tuple(m.pop_to_mark())),
    ord("l"): lambda m: m.stack.append(m.pop_to_mark()),
    0x85: lambda m: m.push_tuple(1),
    0x86: lambda m: m.push_tuple(2),
    0x87: lambda m: m.push_tuple(3),
    ord("a"): lambda m: m.append([m.pop()]),
    ord("e"): lambda m: m.append(m.pop_to_mark()),
    ord("s"): lambda m: m.set_items([m.pop(), m.pop()][::-1]),
    ord("u"): lambda m: m.set_items(m.pop_to_mark()),
    # references to objects made before
    ord("q"): lambda m: m.memo_put(m.number(1)),
    ord("r"): lambda m: m.memo_put(m.number(4)),
    0x94: lambda m: m.memo_put(len(m.memo)),
    ord("h"): lambda m: m.memo_get(m.number(1)),
    ord("j"): lambda m: m.memo_get(m.number(4)),
    ord("0"): lambda m: m.pop(),
    ord("1"): lambda m: m.pop_to_mark(),
    # names and calls, of which `pickled_arrays` knows all that there are
    ord("c"): lambda m: m.push_name(m.line(), m.line()),
    0x93: _Machine.stacked_name,
    ord("R"): _Machine.call,
    0x81: _Machine.new,
    ord("Q"): lambda m: m.stack.append(m.maker.persistent(m.pop())),
    ord("b"): _Machine.build,
    0x95: _Machine.skip_frame,
}
