"""TensorBoard as a logger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ppocr_like.engine.loggers import Logger
from ppocr_like.errors import TrainingError

FOLDER = "tensorboard"


class TensorBoard(Logger):
    """`tensorboard --logdir <folder>`.

    Args:
        folder: where the event files are written.
        first_step: what earlier files in the folder hold from this step on is hidden by the viewer.

    Raises:
        TrainingError: the package is not installed.
    """

    def __init__(self, folder: str, first_step: int = 0) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # on demand: an optional package
        except ImportError as error:
            raise TrainingError(
                f"Global.use_tensorboard is true, but the package cannot be imported ({error}): pip install tensorboard, "
                "or set Global.use_tensorboard=false"
            ) from error
        self._writer: Any = SummaryWriter(folder, purge_step=first_step)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        for tag, value in values.items():
            self._writer.add_scalar(tag, float(value), step)

    def images(self, step: int, pictures: Mapping[str, np.ndarray]) -> None:
        for tag, picture in pictures.items():
            self._writer.add_image(tag, picture, step, dataformats="HWC")

    def close(self) -> None:
        self._writer.close()
