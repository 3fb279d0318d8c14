"""Runs that the launcher starts again after one of their processes died (`torchrun --max-restarts`)."""

from __future__ import annotations

import os
from pathlib import Path

from ppocr_like.engine.checkpoint import LATEST
from ppocr_like.engine.ranks import restarts
from ppocr_like.outside import LARGE, Malformed, parse_json, read_file

MANIFEST = "run.json"


def launch_id() -> str | None:
    """What one call of the launcher has in common, over its restarts; None without a launcher."""
    run = os.environ.get("TORCHELASTIC_RUN_ID")
    if run is None:
        return None
    return run if run != "none" else f"process {os.getppid()}"  # "none": torchrun without --rdzv-id, on one machine


def own_checkpoint(folder: Path) -> tuple[bool, Path | None]:
    """Whether an earlier start of the same launch has begun a run in `folder`, and its checkpoint if it came to one.

    The recipe and the command line are those of the first start: they may say Global.overwrite, or other weights to begin with.
    """
    if restarts() == 0:
        return False, None
    try:
        manifest = parse_json(read_file(folder / MANIFEST, LARGE))
    except (OSError, Malformed):
        return False, None
    mine = isinstance(manifest, dict) and manifest.get("launch") == launch_id()
    latest = folder / LATEST
    return mine, latest if mine and latest.is_file() else None
