"""What a checkpoint's pickle may hold beside arrays: PyTorch's tensors, and objects of any class, which become their fields.

No class is looked up and no function is called. A class' object is a record of its name and of what the file says of its inside.
A function of a program that writes checkpoints is kept as such a record, too; one of any other program is refused, because a
file that would call it wants to run something.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sized
from dataclasses import dataclass, field
from typing import Any

from ppocr_like.weights.pickled_arrays import CALLS, MAX_DIMENSIONS, ArrayMaker, Name, Refused

MAX_ENTRIES = 2_000_000  # of lists and dicts that are made from others
# Roots of the modules whose functions a checkpoint of Lightning may name; they are not called.
_WRITERS = {
    *("torch", "lightning", "lightning_fabric", "lightning_utilities", "pytorch_lightning", "torchmetrics", "torchvision"),
    *("kraken", "numpy", "pathlib", "collections", "enum", "datetime", "shapely"),
}
_STORAGES = {
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "DoubleStorage": "float64",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}


@dataclass
class Fields:
    """An object of a class that is not looked up.

    Args:
        name: of its class, with the module's (`kraken.lib.codec.PytorchCodec`).
        arguments: what it was made of.
        fields: its inside.
        items, entries: what it holds as a list or dict.
    """

    name: str
    arguments: tuple[Any, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    items: list[Any] = field(default_factory=list)
    entries: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Storage:
    """Numbers that lie in a file of the archive: its key, PyTorch's name of their type, and how many they are."""

    key: str
    kind: str
    count: int


@dataclass(frozen=True)
class TensorHead:
    """A tensor whose numbers are not read yet: a look into a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class ObjectMaker(ArrayMaker):
    """Builds what `ArrayMaker` builds, heads of tensors, and records of objects."""

    def __init__(self, budget: int) -> None:
        super().__init__(budget)
        self.pairs = MAX_ENTRIES

    def named(self, module: object, name: object) -> Name:
        if not isinstance(module, str) or not isinstance(name, str):
            raise Refused("a function's name is no text: damaged")
        return Name(f"{module}.{name}".replace("__builtin__.", "builtins.").replace("numpy._core", "numpy.core"))

    def call(self, name: object, arguments: object) -> Any:
        if not isinstance(name, Name) or not isinstance(arguments, tuple):
            raise Refused("it calls what is no function: damaged")
        if name.key in CALLS and name.key != "builtins.eval":
            return super().call(name, arguments)
        made = _CALLS.get(name.key)
        if made is not None:
            try:
                return made(self, *arguments)
            except TypeError as error:  # another number of arguments
                raise Refused(f"{name.key} with unknown arguments: damaged") from error
        if name.key.partition(".")[0] not in _WRITERS:
            raise Refused(f"it calls {name.key[:200]!r}, which could run a program")
        return Fields(name.key, arguments)

    def persistent(self, told: object) -> Storage:
        if not isinstance(told, tuple) or len(told) != 5 or told[0] != "storage" or not isinstance(told[1], Name):
            raise Refused("it refers to something that is no tensor's numbers: damaged")
        _, kind, key, _, count = told
        code = _STORAGES.get(kind.key.rpartition(".")[2])
        if code is None or not isinstance(key, str) or type(count) is not int or count < 0:
            raise Refused(f"numbers of the kind {kind.key[:80]!r}; those of PyTorch's tensors are known")
        return Storage(key, code, count)

    def new(self, kind: object, arguments: object) -> Fields:
        if not isinstance(kind, Name) or not isinstance(arguments, tuple):
            raise Refused("an object without a class: damaged")
        return Fields(kind.key, arguments)

    def build(self, target: object, state: object) -> None:
        if not isinstance(target, Fields):
            return super().build(target, state)
        for part in state if isinstance(state, tuple) else (state,):  # fields, and those of `__slots__`
            if isinstance(part, dict):
                self._copied(part)
                target.fields |= {str(key): value for key, value in part.items()}
        return None

    def key(self, key: object) -> Any:
        parts = key if isinstance(key, tuple) else (key,)  # none within another: hashing those without end fills the stack
        if not all(part is None or isinstance(part, (str, int, float)) for part in parts):
            raise Refused(f"a key is a {type(key).__name__}; names, numbers and rows of them are known")
        return key

    def extend(self, target: object, items: list[Any]) -> None:
        if not isinstance(target, Fields):
            raise Refused("values for something that is no list: damaged")
        target.items.extend(items)

    def enter(self, target: object, pairs: dict[Any, Any]) -> None:
        if not isinstance(target, Fields):
            raise Refused("entries for something that is no dict: damaged")
        target.entries.update(pairs)

    # What stands behind the names

    def tensor(self, storage: object, offset: object, shape: object, stride: object, *more: object) -> TensorHead:
        sizes = [*shape, *stride] if isinstance(shape, tuple) and isinstance(stride, tuple) else [-1]
        whole = all(type(number) is int and number >= 0 for number in [offset, *sizes])
        if not isinstance(storage, Storage) or not whole or len(sizes) > 2 * MAX_DIMENSIONS or len(sizes) % 2:
            raise Refused("a tensor of unknown form: damaged")
        assert isinstance(offset, int) and isinstance(shape, tuple) and isinstance(stride, tuple)
        last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
        if len(shape) != len(stride) or (math.prod(shape) and last >= storage.count) or math.prod(shape) > max(storage.count, 1):
            raise Refused("a tensor that reaches over the end of its numbers: damaged")
        return TensorHead(storage, offset, shape, stride)

    def parameter(self, tensor: object, *more: object) -> object:
        return tensor

    def reconstructed(self, kind: object, base: object, state: object) -> Fields:
        return self.new(kind, ())

    def counted(self, *arguments: object) -> dict[Any, Any]:
        """A defaultdict or Counter: what it gives for missing keys is of no use here."""
        held = arguments[-1] if arguments and isinstance(arguments[-1], dict) else {}
        self._copied(held)
        return dict(held)

    def listed(self, items: object = ()) -> list[Any]:
        if not isinstance(items, (list, tuple)):
            raise Refused("a set of unknown form: damaged")
        self._copied(items)
        return list(items)

    def _copied(self, items: Sized) -> None:
        """Copies are counted: a file could ask for a large one over and over."""
        self.pairs -= len(items)
        if self.pairs < 0:
            raise Refused("its objects hold more entries than a checkpoint needs: made to fill the memory")


_CALLS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor_v2": ObjectMaker.tensor,
    "torch._utils._rebuild_parameter": ObjectMaker.parameter,
    "torch.Size": ObjectMaker.tuple,
    "copyreg._reconstructor": ObjectMaker.reconstructed,
    "copy_reg._reconstructor": ObjectMaker.reconstructed,
    "collections.defaultdict": ObjectMaker.counted,
    "collections.Counter": ObjectMaker.counted,
    "collections.deque": ObjectMaker.listed,
    "builtins.set": ObjectMaker.listed,
    "builtins.frozenset": ObjectMaker.listed,
}
