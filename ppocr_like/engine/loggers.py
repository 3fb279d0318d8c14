"""Where numbers and pictures of a run go besides the log: the contract, and VisualDL."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.errors import TrainingError


class Logger(ABC):
    """Takes scalars and pictures by step."""

    @abstractmethod
    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers by tag (`train/loss`, `eval/typewritten_fr/acc`)."""

    @abstractmethod
    def images(self, step: int, pictures: Mapping[str, np.ndarray]) -> None:
        """(H, W, 3) uint8 RGB pictures by tag."""

    @abstractmethod
    def close(self) -> None:
        """Writes what is buffered."""


def visualdl_folder(run: Path, step: int | None) -> Path:
    """Where a run's VisualDL log goes: `vdl`, and for one that resumes at `step` a folder of its own in there, which the viewer
    shows as a run of its own: what the stopped run logged beyond the checkpoint cannot be cut out of its file."""
    folder = run / "vdl"
    if step is None or not folder.exists():
        return folder
    names = (f"from_step_{step}" + (f"_{n}" if n > 1 else "") for n in itertools.count(1))
    return next(folder / name for name in names if not (folder / name).exists())


class VisualDL(Logger):
    """PaddlePaddle's log viewer: `visualdl --logdir <folder>`. PaddleOCR's `Global.use_visualdl`.

    Args:
        folder: where the log file is written.

    Raises:
        TrainingError: the package is not installed.
    """

    def __init__(self, folder: str) -> None:
        try:
            from visualdl import LogWriter  # on demand: an optional package that takes a second to import
        except ImportError as error:
            raise TrainingError(
                f"Global.use_visualdl is true, but the package cannot be imported ({error}): pip install visualdl, "
                "or set Global.use_visualdl=false"
            ) from error
        Path(folder).mkdir(parents=True, exist_ok=True)
        self._writer: Any = LogWriter(logdir=folder)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        for tag, value in values.items():
            self._writer.add_scalar(tag=tag, step=step, value=float(value))

    def images(self, step: int, pictures: Mapping[str, np.ndarray]) -> None:
        for tag, picture in pictures.items():
            self._writer.add_image(tag=tag, img=picture, step=step)

    def close(self) -> None:
        self._writer.close()
