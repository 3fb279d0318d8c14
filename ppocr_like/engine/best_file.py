"""`Global.weights_format`: at the end of a run its best weights also as `best_0.9321` in the format that is asked for.

`run.json` names the file, so that the next one takes its place, whether the run goes on or begins anew.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppocr_like.atomic import atomic_write
from ppocr_like.engine.manifest import add_result, result_entry
from ppocr_like.engine.run import Run
from ppocr_like.engine.runfolder import BEST
from ppocr_like.weights.convert import SUFFIXES, convert

ENTRY = "best_file"  # of the result in run.json
_NAME = re.compile(r"best_-?\d+\.\d{4}\.(safetensors|mlmodel)")

logger = logging.getLogger("ppocr_like")


def note_end(run: Run, summary: Mapping[str, Any]) -> None:
    """Notes in `run.json` how the run ended, and writes the best weights in the format of the recipe.

    Raises:
        WeightsError: the weights cannot be written so.
        CheckpointError: a file cannot be written.
    """
    place, earlier = run.output.folder / "run.json", earlier_file(run.output.folder.path)
    add_result(place, {**summary, **({ENTRY: earlier} if earlier else {})})
    if written := write_file(run):
        add_result(place, {**summary, ENTRY: written})


def earlier_file(folder: Path) -> str | None:
    """Name of the file that an earlier part of the run wrote; None without one."""
    name = result_entry(folder / "run.json", ENTRY)
    return name if isinstance(name, str) and _NAME.fullmatch(name) else None


def remove_file(folder: Path) -> None:
    """Removes what an earlier run wrote."""
    name = earlier_file(folder)
    if name is not None:
        (folder / name).unlink(missing_ok=True)


def write_file(run: Run) -> str | None:
    """Writes the best weights in the format of the recipe, in the place of an earlier part's file.

    Returns:
        The file's name; None where the recipe asks for none, or no evaluation has decided what is best.

    Raises:
        WeightsError: the weights cannot be written so.
        CheckpointError: the file cannot be written.
    """
    asked, best, folder = run.recipe.globals.weights_format, run.state.best.value, run.output.folder.path
    if asked is None or best is None:
        return None
    source, target = folder / BEST, folder / f"best_{best:.4f}{SUFFIXES[asked]}"
    if not source.is_file():
        logger.warning(
            "Global.weights_format: the best weights so far stay in the folder that this run was resumed from; to have them in "
            "that format: tools/convert_weights.py FOLDER/%s OUT --to %s",
            BEST,
            asked,
        )
        return None
    if asked == "safetensors":
        atomic_write(target, lambda file: file.write(source.read_bytes()))
    else:
        convert(source, target, run.recipe, to=asked)
    earlier = earlier_file(folder)
    if earlier is not None and earlier != target.name:
        (folder / earlier).unlink(missing_ok=True)
    logger.info("the best weights as %s: %s", asked, target)
    return target.name
