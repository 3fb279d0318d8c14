"""PaddleOCR's `.pdparams` files: `paddle.save` of a state dict, read without Paddle.

Paddle (`paddle.framework.io`) pickles name -> array, in protocols 2 to 4, and beside the arrays a table of its internal
names (`StructuredToParameterName@@`); protocols 2 and 3 cut arrays of 1 GiB and more into parts that
`UnpackBigParamInfor@@` puts together. A file may also hold safetensors (`paddle.save(..., safetensors=True)`), under the
same names.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
import torch

from ppocr_like.errors import WeightsError
from ppocr_like.modeling.paddle_names import is_cell, to_torch_name
from ppocr_like.weights.pickled_arrays import Refused, finished
from ppocr_like.weights.plain_pickle import read_pickle

SUFFIX = ".pdparams"
PARTS = "UnpackBigParamInfor@@"
INNER = ("model", "state_dict", "model_state_dict", "ema_state")  # a state dict may stand one level down
BESIDE = {".pdopt": "the optimizer's state", ".states": "the state of a training run", ".pdema": "averages and their step"}

logger = logging.getLogger("ppocr_like")


def read_paddle(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors of a `.pdparams` file under our names, linear weights still (in, out) as Paddle stores them.

    An LSTM's parameters, which Paddle lists twice, are taken once; where the two differ, those of its cells, as Paddle does.

    Returns:
        (tensors by our name, Paddle's name of each).

    Raises:
        WeightsError: damaged, hostile, or no state dict; nothing in it was run, and no more memory was taken than a few
            times the file's size.
    """
    data = path.read_bytes()
    try:
        arrays = _safetensors(data) if _holds_safetensors(data) else _state_dict(read_pickle(data))
    except (Refused, safetensors.SafetensorError) as error:
        raise WeightsError(
            f"{path}: not read: {error}. ({len(data):,} bytes; nothing in it was run.) Copy it again from a source that you trust"
        ) from error
    _say_unused(path)
    tensors: dict[str, torch.Tensor] = {}
    names: dict[str, str] = {}
    double: list[str] = []
    made: dict[int, torch.Tensor] = {}
    for name in sorted(arrays, key=is_cell):  # cells last: they win
        array, ours = arrays[name], to_torch_name(name)
        if id(array) not in made:
            made[id(array)] = _tensor(array)
        tensor = made[id(array)]
        if ours in tensors and not _equal(tensors[ours], tensor):
            double.append(name)
        tensors[ours], names[ours] = tensor, name
    if double:
        logger.warning(
            "%s: %d parameters stand twice in it with different values; these are taken: %s", path, len(double), double[0]
        )
    order = {to_torch_name(name): None for name in arrays}
    return {name: tensors[name] for name in order}, {name: names[name] for name in order}


def _say_unused(path: Path) -> None:
    beside = [f"{path.stem}{suffix} ({what})" for suffix, what in BESIDE.items() if path.with_suffix(suffix).is_file()]
    if beside:
        logger.info("%s: weights alone are taken; not used: %s", path, ", ".join(beside))


def _holds_safetensors(data: bytes) -> bool:
    return data[8:9] == b"{" and 2 <= int.from_bytes(data[:8], "little") <= len(data) - 8


def _safetensors(data: bytes) -> dict[str, np.ndarray]:
    try:
        return dict(safetensors.numpy.load(data))
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"damaged ({error})") from error


def _state_dict(content: Any) -> dict[str, np.ndarray]:
    """The arrays of a state dict, parts put together."""
    if not isinstance(content, dict):
        raise Refused(f"it holds a {type(content).__name__}, not a state dict")
    arrays = _arrays(content)
    for key in INNER:
        if not arrays and isinstance(content.get(key), dict):
            content = content[key]
            arrays = _arrays(content)
    if not arrays:
        keys = ", ".join(repr(str(key)[:40]) for key in list(content)[:8]) or "nothing"
        raise Refused(f"no state dict in it; it holds {keys}")
    if PARTS in content:
        _join(arrays, content[PARTS])
    return arrays


def _arrays(content: Mapping[Any, Any]) -> dict[str, np.ndarray]:
    """Name -> array; an array may stand in a pair with Paddle's own name of it."""
    found = {}
    for name, value in content.items():
        pair = isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)
        array = finished(value[1] if pair else value)
        if isinstance(array, np.ndarray):
            found[str(name)] = array
    return found


def _join(arrays: dict[str, np.ndarray], table: object) -> None:
    """Puts arrays together that were cut into parts; the parts are taken out."""
    if not isinstance(table, dict):
        raise Refused("its table of parts is none: damaged")
    for name, entry in table.items():
        shape, parts = (entry.get("OriginShape"), entry.get("slices")) if isinstance(entry, dict) else (None, None)
        if not isinstance(shape, (tuple, list)) or not isinstance(parts, list) or not parts:
            raise Refused(f"the parts of {str(name)[:80]!r} are not told: damaged")
        pieces = [arrays.pop(part, None) if isinstance(part, str) else None for part in parts]
        found = [piece for piece in pieces if piece is not None and piece.ndim == 1]
        sizes = all(type(n) is int and n >= 0 for n in shape)
        if len(found) < len(pieces) or not sizes or sum(piece.size for piece in found) != math.prod(shape):
            raise Refused(f"the parts of {str(name)[:80]!r} are missing or do not make its shape: damaged")
        arrays[str(name)] = np.concatenate(found).reshape(shape)


def _tensor(array: np.ndarray) -> torch.Tensor:
    """A tensor with memory of its own. Paddle stores bfloat16 as its bits, uint16: float32 is made of them."""
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        return torch.from_numpy(array.astype("<u4") << 16).view(torch.float32).clone()
    if array.dtype.kind == "u" and array.dtype.itemsize > 2:
        return torch.from_numpy(array.astype(np.int64))
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))


def _equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a, b)
