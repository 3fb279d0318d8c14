"""Checkpoints of kraken 7's training (`.ckpt` of Lightning): the network, its characters and its weights.

PyTorch refuses to load them, because they hold kraken's own objects. Here these become records of their fields
(`pickled_objects`), so that nothing of the file is run and neither kraken nor Lightning is needed.
"""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ppocr_like.errors import WeightsError
from ppocr_like.weights.kraken_file import NETWORK, from_tensors
from ppocr_like.weights.kraken_model import KrakenModel
from ppocr_like.weights.kraken_ppocr import NETWORK as PPOCR
from ppocr_like.weights.pickled_arrays import Encoded, Refused
from ppocr_like.weights.pickled_objects import Fields, ObjectMaker, TensorHead
from ppocr_like.weights.plain_pickle import read_pickle

SUFFIX = ".ckpt"
MAX_OPERATIONS = 10_000_000  # a checkpoint may list the lines that it was trained on
_PICKLE = "data.pkl"
_WRITTEN = (b"pytorch-lightning_version", b"kraken.")  # in the pickle of a checkpoint of kraken's
# What reading a damaged archive is known to raise; a Refused is a ValueError.
_DAMAGED = (OSError, ValueError, EOFError, OverflowError, NotImplementedError, zipfile.BadZipFile, struct.error, zlib.error)
_PREFIX = "net."
_NETWORKS = {"VGSLRecognitionTrainingConfig": NETWORK, "PPOCRv6RecognitionTrainingConfig": PPOCR}


def is_checkpoint(path: Path) -> bool:
    """Whether a file is a checkpoint that kraken's training wrote; False also where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            data = _member(archive, _pickle_name(archive), path.stat().st_size)
    except _DAMAGED:
        return False
    return all(mark in data for mark in _WRITTEN)


def from_checkpoint(path: Path) -> KrakenModel:
    """The recogniser of a checkpoint.

    Raises:
        WeightsError: damaged, of another network, or made to run a program; nothing in it was run.
    """
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            name = _pickle_name(archive)
            data = _member(archive, name, size)
            content = read_pickle(data, MAX_OPERATIONS, ObjectMaker(len(data)))
            meta = _meta(content, path)
            heads = content.get("state_dict")
            if not isinstance(heads, dict):
                raise Refused("it holds no weights (`state_dict`)")
            tensors = _Tensors(archive, name.removesuffix(_PICKLE), size)
            own = {
                str(key).removeprefix(_PREFIX): tensors.tensor(head)
                for key, head in heads.items()
                if str(key).startswith(_PREFIX) and isinstance(head, TensorHead)
            }
    except _DAMAGED as error:
        raise WeightsError(f"{path}: not read: {error}. ({size:,} bytes; nothing in it was run.)") from error
    return from_tensors(own, meta, path)


def _meta(content: object, path: Path) -> dict[str, Any]:
    """What kraken would write of the network into a weights file.

    Raises:
        Refused: no checkpoint of kraken's.
        WeightsError: one of another network.
    """
    if not isinstance(content, dict):
        raise Refused(f"it holds a {type(content).__name__}, not a checkpoint")
    config = content.get("_module_config") or _at(content, "hyper_parameters", "config")
    if not isinstance(config, Fields):
        raise Refused("it does not tell what was trained; kraken 7's checkpoints do")
    kind = config.name.rpartition(".")[2]
    data = _at(content, "datamodule_hyper_parameters", "data_config")
    fields = data.fields if isinstance(data, Fields) else {}
    codec = fields.get("codec")
    padding = fields.get("padding")
    if kind not in _NETWORKS:
        raise WeightsError(f"{path} is a checkpoint of kraken's {kind}; recognisers are read here ({', '.join(_NETWORKS)})")
    network = {"vgsl": _text(config.fields.get("spec"))} if _NETWORKS[kind] == NETWORK else {}
    network |= {key: config.fields[key] for key in ("variant", "height") if key in config.fields}
    return {
        "_model": _NETWORKS[kind],
        **network,
        "codec": _entries(codec.fields.get("c2l") if isinstance(codec, Fields) else codec),
        "seg_type": content.get("_seg_type"),
        "one_channel_mode": content.get("_one_channel_mode"),
        "model_type": ["recognition"],
        "legacy_polygons": bool(fields.get("legacy_polygons", False)),
        "hyper_params": {"padding": padding} if type(padding) is int and padding >= 0 else {},
    }


def _entries(codec: object) -> object:
    """A codec's entries with lists of plain numbers."""
    if not isinstance(codec, dict):
        return codec
    return {_text(entry): list(labels) if isinstance(labels, (list, tuple)) else labels for entry, labels in codec.items()}


def _at(content: Mapping[Any, Any], outer: str, inner: str) -> Any:
    found = content.get(outer)
    return found.get(inner) if isinstance(found, dict) else None


def _text(value: object) -> object:
    if not isinstance(value, Encoded) or not value.text:
        return value
    try:
        return str(value.raw, "utf-8")
    except UnicodeDecodeError as error:
        raise Refused("a text in it is no UTF-8: damaged") from error


def _pickle_name(archive: zipfile.ZipFile) -> str:
    found = [name for name in archive.namelist() if name == _PICKLE or name.endswith(f"/{_PICKLE}")]
    if len(found) != 1:
        raise Refused("it is no checkpoint of PyTorch's")
    return found[0]


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A file of the archive as it lies there; PyTorch packs none."""
    try:
        info = archive.getinfo(name)
    except KeyError as error:
        raise Refused(f"the file {name} is missing in it: damaged") from error
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > most or info.flag_bits & 1:
        raise Refused(f"the file {name} in it is packed, which PyTorch does not do")
    return archive.read(info)


class _Tensors:
    """The tensors of an archive, each storage read once.

    Args:
        folder: where the archive has them (`archive/`).
        size: of the archive, bytes.
    """

    def __init__(self, archive: zipfile.ZipFile, folder: str, size: int) -> None:
        self._archive, self._folder, self._size = archive, folder, size
        self._read: dict[str, torch.Tensor] = {}
        self._left = 2 * size  # bytes of tensors to come: a file could ask for the same one over and over
        order = f"{folder}byteorder"
        if order in archive.namelist() and _member(archive, order, size).strip() != b"little":
            raise Refused("its numbers have the bytes of another kind of machine; save it again on one like this")

    def tensor(self, head: TensorHead) -> torch.Tensor:
        """With memory of its own.

        Raises:
            Refused: its numbers are missing, or not as many as they should be.
        """
        storage, kind = head.storage, getattr(torch, head.storage.kind)
        if storage.key not in self._read:
            data = _member(self._archive, f"{self._folder}data/{storage.key}", self._size)
            if len(data) != storage.count * kind.itemsize:
                raise Refused(f"{storage.count:,} numbers are announced, their {len(data):,} bytes hold others: damaged")
            self._read[storage.key] = torch.frombuffer(bytearray(data), dtype=kind) if data else torch.zeros(0, dtype=kind)
        found = self._read[storage.key]
        if found.dtype != kind:
            raise Refused("two kinds of numbers share one file: damaged")
        self._left -= math.prod(head.shape) * kind.itemsize
        if self._left < 0:
            raise Refused("its tensors hold more bytes than the file: made to fill the memory")
        try:
            return found.as_strided(head.shape, head.stride, head.offset).clone()
        except (RuntimeError, OverflowError) as error:  # sizes beyond all machines, of a tensor without numbers
            raise Refused("a tensor of an impossible shape: damaged") from error
