"""Writing `.pdparams` without Paddle: the pickle of name -> array that `paddle.load` and PaddleOCR read."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import nn

from ppocr_like.atomic import atomic_write
from ppocr_like.modeling.paddle_names import PADDLE_META, cell_names, to_paddle, transposed


def paddle_state(state: Mapping[str, torch.Tensor], model: nn.Module) -> dict[str, np.ndarray]:
    """Our tensors under all of Paddle's names (an LSTM's parameters under both) and in its layout.

    Args:
        state: by our names.
        model: of the same architecture; says which weights are of linear layers.
    """
    arrays = {
        name: tensor.detach().cpu().contiguous() for name, tensor in state.items() if not name.endswith("num_batches_tracked")
    }
    plain = {name: (t.float() if t.dtype in (torch.bfloat16, torch.float16) else t).numpy() for name, t in arrays.items()}
    result = to_paddle(plain, transposed(model))
    return result | {cell: result[flat] for flat, cell in cell_names(result).items()}


def write_paddle(path: str | Path, state: Mapping[str, np.ndarray]) -> None:
    """Writes a state dict of Paddle's names and layout, whole or not at all.

    Raises:
        CheckpointError: the file cannot be written; one that was there before is untouched.
    """

    def write(file: BinaryIO) -> None:
        for piece in _pickled(state):
            file.write(piece)

    atomic_write(path, write)


def _pickled(state: Mapping[str, np.ndarray]) -> Iterator[bytes | memoryview]:
    """The pickle, protocol 4, piece by piece. Written by hand for one name: numpy 2 would name its module numpy._core, which
    the numpy 1 beside many a Paddle does not have, while both know numpy.core."""
    yield b"\x80\x04}("
    for name, array in state.items():
        yield _text(name)
        yield from _array(np.ascontiguousarray(array).reshape(array.shape))
    yield _text(PADDLE_META) + b"}("
    for name in state:
        yield _text(name) + _text(name)
    yield b"uu."


def _array(array: np.ndarray) -> Iterator[bytes | memoryview]:
    yield b"cnumpy.core.multiarray\n_reconstruct\n" + b"cnumpy\nndarray\n" + b"K\x00\x85" + b"C\x01b" + b"\x87R"
    yield b"(K\x01" + b"(" + b"".join(_whole(n) for n in array.shape) + b"t"
    code = array.dtype.newbyteorder("=").str[1:]
    order = "|" if array.dtype.itemsize == 1 else "<"
    yield b"cnumpy\ndtype\n" + _text(code) + b"\x89\x88\x87R"
    yield b"(K\x03" + _text(order) + b"NNN" + b"J\xff\xff\xff\xff" * 2 + b"K\x00tb"
    yield b"\x89"
    data = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    yield b"\x8e" + struct.pack("<Q", len(data))
    yield data
    yield b"tb"


def _text(text: str) -> bytes:
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _whole(number: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", number)
