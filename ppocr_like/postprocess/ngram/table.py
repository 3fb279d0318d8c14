"""A model as a compact table (`.npz`: arrays alone, nothing in it is run), and reading whichever of the two kinds a file is."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ppocr_like.errors import DataError
from ppocr_like.outside import LARGE, Malformed, parse_json, read_file
from ppocr_like.postprocess.ngram.arpa import parse_arpa
from ppocr_like.postprocess.ngram.model import MAX_ORDER, Level, NgramModel

SUFFIX = ".npz"
SCHEMA = 1
_BROKEN = (KeyError, ValueError, EOFError, OSError, zipfile.BadZipFile, NotImplementedError, MemoryError, OverflowError)


def write_table(model: NgramModel, file: BinaryIO) -> None:
    """Writes a model's table to an open file."""
    head = {"schema": SCHEMA, "order": model.order, "tokens": model.tokens, "direction": model.direction}
    arrays: dict[str, Any] = {"head": np.frombuffer(json.dumps(head, ensure_ascii=True).encode("ascii"), np.uint8)}
    small = np.uint16 if len(model.tokens) <= 1 << 16 else np.uint32
    for number, level in enumerate(model.levels, 1):
        below = 1 if number == 1 else len(model.levels[number - 2])
        arrays[f"children{number}"] = np.bincount(level.parents, minlength=below).astype(np.uint32)
        arrays[f"words{number}"] = level.words.astype(small)
        arrays[f"logp{number}"] = level.logp
        if number < model.order:
            arrays[f"backoff{number}"] = level.backoff
    np.savez(file, **arrays)


def read_model(path: str | Path) -> NgramModel:
    """The model of an ARPA file or a table.

    Raises:
        DataError: missing, of neither kind, cut or damaged; names file and line.
    """
    try:
        data = read_file(path, LARGE)
        return _of_table(data) if data[:2] == b"PK" else parse_arpa(data)
    except OSError as error:
        raise DataError(f"cannot read the language model ({error.strerror or error})", str(path)) from error
    except Malformed as error:
        what = f"no language model (an ARPA file or the {SUFFIX} of tools/make_lm.py): {error}"
        raise DataError(what, str(path), error.line) from error


def _of_table(data: bytes) -> NgramModel:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > max(2 * len(data), 1 << 20):
                raise Malformed("its entries are packed; a table holds them as they are")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            head = parse_json(arrays["head"].tobytes())
            if not isinstance(head, dict) or head.get("schema") != SCHEMA:
                raise Malformed(f"is no table of schema {SCHEMA}; make it again with tools/make_lm.py")
            order, tokens = head["order"], head["tokens"]
            if not isinstance(order, int) or not 1 <= order <= MAX_ORDER:
                raise Malformed(f"its n-grams are up to {order!r} words long; from 1 to {MAX_ORDER} can be read")
            if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
                raise Malformed("its tokens are no list of texts")
            levels = [_level(arrays, number, number < order) for number in range(1, order + 1)]
        return NgramModel(tokens, levels, str(head.get("direction", "")))
    except Malformed:
        raise
    except (
        KeyError,
        ValueError,
        EOFError,
        OSError,
        zipfile.BadZipFile,
        NotImplementedError,
        MemoryError,
        OverflowError,
    ) as error:
        raise Malformed(f"is cut or damaged ({str(error).splitlines()[0] if str(error) else type(error).__name__})") from error


def _level(arrays: np.lib.npyio.NpzFile, number: int, with_backoff: bool) -> Level:
    words, logp = arrays[f"words{number}"].astype(np.int64), arrays[f"logp{number}"].astype(np.float32)
    children = arrays[f"children{number}"].astype(np.int64)
    backoff = arrays[f"backoff{number}"].astype(np.float32) if with_backoff else np.zeros(len(logp), np.float32)
    if children.ndim != 1 or children.min(initial=0) < 0 or int(children.sum()) != len(words):
        raise ValueError(f"its {number}-grams are not as many as their beginnings say")
    return Level(np.repeat(np.arange(len(children)), children), words, logp, backoff)
