"""Reads the centres of CenterLoss: an `.npz`, or the pickle of PaddleOCR's tools/export_center.py. Nothing in a file is run."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ppocr_like.errors import ConfigError, Problem, WeightsError
from ppocr_like.losses.center_loss import CenterLoss
from ppocr_like.weights.pickled_arrays import Refused, finished
from ppocr_like.weights.plain_pickle import read_pickle

MAX_BYTES = 2**30  # a hundred thousand classes of a thousand features take 0.4 GiB
MAX_OPERATIONS = 2_000_000  # of the pickle, about 30 for each class


def read_centers(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Classes (K,) int64 and their centres (K, D) float32.

    Raises:
        WeightsError: no file, damaged, or holding something else.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise WeightsError(f"{path} does not exist: it should hold the centres of CenterLoss")
        if path.stat().st_size > MAX_BYTES:
            raise WeightsError(f"{path} is larger than {MAX_BYTES:,} bytes: these are no centres of CenterLoss")
        found = _from_npz(path) if zipfile.is_zipfile(path) else _from_pickle(path)
    except (OSError, zipfile.BadZipFile, ValueError, EOFError) as error:  # a Refused is a ValueError
        kind = "names what no centres need" if isinstance(error, Refused) else "cannot be read"
        raise WeightsError(f"{path} {kind}: {error}") from error
    return _checked(path, *found)


def _from_npz(path: Path) -> tuple[object, object]:
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
            raise ValueError(f"unpacked it would take more than {MAX_BYTES:,} bytes")
    with np.load(path, allow_pickle=False) as arrays:
        if "centers" not in arrays.files:
            raise ValueError(f"it holds {', '.join(arrays.files) or 'nothing'}; `centers` is needed, and `classes`")
        centers = arrays["centers"]
        return (arrays["classes"] if "classes" in arrays.files else np.arange(len(centers))), centers


def _from_pickle(path: Path) -> tuple[object, object]:
    """A dict from class to features, each an array or a list."""
    content = read_pickle(path.read_bytes(), MAX_OPERATIONS)
    if not isinstance(content, Mapping) or not content:
        raise ValueError("a dict from class to centre is needed")
    return list(content), [np.asarray(finished(value), dtype=np.float64) for value in content.values()]


def _checked(path: Path, classes: object, centers: object) -> tuple[np.ndarray, np.ndarray]:
    try:
        numbers, values = np.asarray(classes), np.asarray(centers, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path}: the centres are no numbers, or differ in length: {error}") from error
    if numbers.dtype.kind not in "iu" or numbers.ndim != 1 or values.ndim != 2 or len(values) != len(numbers):
        raise WeightsError(f"{path}: needs one class, a whole number, for each row of centres (K, D); got {values.shape}")
    if not np.isfinite(values).all():
        raise WeightsError(f"{path}: a centre is not finite")
    return numbers.astype(np.int64), values


def fill_centers(loss: nn.Module) -> None:
    """Reads the file of each CenterLoss within `loss` that names one.

    Raises:
        ConfigError: the file cannot be used; with the recipe's path.
    """
    for module in loss.modules():
        if isinstance(module, CenterLoss) and module.center_file_path is not None:
            try:
                classes, centers = read_centers(module.center_file_path)
                module.set_centers(torch.from_numpy(classes), torch.from_numpy(centers))
            except (WeightsError, ValueError) as error:
                raise ConfigError([Problem("Loss: center_file_path", str(error))]) from error
