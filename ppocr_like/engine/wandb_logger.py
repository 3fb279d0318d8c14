"""Weights & Biases as a logger."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.atomic import atomic_write
from ppocr_like.config.wandb import WandbConfig
from ppocr_like.engine.loggers import Logger
from ppocr_like.errors import TrainingError
from ppocr_like.outside import Malformed, parse_json, read_file

logger = logging.getLogger("ppocr_like")

NOTES = "wandb.json"  # in the run folder: the run's id there, and the last step that each tag was sent


class Wandb(Logger):
    """https://wandb.ai. PaddleOCR's `Global.use_wandb`.

    A resumed run goes on under the same id, and a tag is sent only for steps later than its last one: what the stopped run
    sent beyond the checkpoint comes again equal, and wandb can take nothing back.

    Args:
        folder: the run folder; wandb's own files go to `wandb/` in it.
        config: the recipe's section.
        recipe: the effective recipe, which is shown with the run.
        resumed: whether the run continues the one whose notes are in the folder.

    Raises:
        TrainingError: the package is not installed, or wandb refuses (no key, no connection).
    """

    def __init__(self, folder: str, config: WandbConfig, recipe: Mapping[str, Any] | None = None, resumed: bool = False) -> None:
        try:
            import wandb  # on demand: an optional package that takes seconds to import
        except ImportError as error:
            raise TrainingError(
                f"the recipe asks for wandb, but the package cannot be imported ({error}): pip install wandb, "
                "or set Global.use_wandb=false"
            ) from error
        self._wandb: Any = wandb
        self._notes = Path(folder) / NOTES
        noted = _read(self._notes) if resumed else {}
        identity = config.id or noted.get("id") or secrets.token_hex(4)
        self._last: dict[str, int] = noted.get("last", {}) if noted.get("id") == identity else {}
        self._before = dict(self._last)
        try:
            self._run: Any = wandb.init(
                project=config.project,
                entity=config.entity,
                name=config.name or Path(folder).resolve().name,
                id=identity,
                group=config.group,
                job_type=config.job_type,
                tags=config.tags or None,
                notes=config.notes,
                mode=config.mode,
                dir=folder,
                config=dict(recipe or {}),
                resume="allow",
                reinit="create_new",  # beside a run of the calling program, not in it
                settings=wandb.Settings(console="off", silent=True),
            )
        except (wandb.errors.Error, OSError) as error:
            raise TrainingError(
                f"wandb does not start: {str(error).strip() or type(error).__name__}; log in (`wandb login`), keep the run on "
                "this machine with `wandb: {mode: offline}`, or set Global.use_wandb=false"
            ) from error
        where = "kept on this machine for `wandb sync`" if self._run.offline else self._run.url
        logger.info("wandb: run %s, %s", identity, where)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._send(step, {tag: float(value) for tag, value in values.items()})

    def images(self, step: int, pictures: Mapping[str, np.ndarray]) -> None:
        self._send(step, {tag: self._wandb.Image(picture) for tag, picture in pictures.items()})

    def _send(self, step: int, values: Mapping[str, Any]) -> None:
        new = {tag: value for tag, value in values.items() if step > self._before.get(tag, -1)}
        if not new:
            return
        self._run.log(new, step=step)
        self._last.update(dict.fromkeys(new, step))
        text = json.dumps({"id": self._run.id, "last": self._last})
        atomic_write(self._notes, lambda file: file.write(text.encode("utf-8")))

    def close(self) -> None:
        self._run.finish()


def _read(path: Path) -> dict[str, Any]:
    try:
        found = parse_json(read_file(path))
    except (OSError, Malformed):
        return {}
    return found if isinstance(found, dict) else {}
