"""One draw that divides lines into those of training and those of evaluation: the same whenever it is made."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from ppocr_like.data.lines.lines import Lines, stable_name
from ppocr_like.errors import ConfigError, Problem

By = Literal["page", "folder", "line"]
TRAIN, VALIDATION = "train", "validation"


class SplitRow(NamedTuple):
    """A line of `split.tsv`: which part a page, a folder or a line belongs to."""

    part: str
    file: str
    id: str = ""


class Unit(NamedTuple):
    """What is never divided.

    Args:
        key: by which it is drawn, the same wherever the archive lies.
        file: a page's file, or a folder.
        id: of a line.
    """

    key: str
    file: str
    id: str = ""


def in_training(keys: Sequence[str], share: float, seed: int, where: str) -> dict[str, bool]:
    """For each of some units whether training takes it: an exact share, at least one on either side.

    A unit's place follows from its name and the seed alone, so a unit that comes or goes moves at most one other one.

    Raises:
        ConfigError: there is one unit alone, and one part would be empty.
    """
    ranked = sorted(set(keys), key=lambda key: hashlib.sha256(f"{seed}\0{key}".encode("utf-8", "surrogateescape")).digest())
    if len(ranked) < 2:
        what = f"there is one part of the data alone ({ranked[0]})" if ranked else "there is no line to divide"
        message = f"{share:g}: {what}, so training or evaluation would be empty; divide by something smaller (partition_by)"
        raise ConfigError([Problem("partition", message)], where)
    count = min(max(round(share * len(ranked)), 1), len(ranked) - 1)
    return {key: number < count for number, key in enumerate(ranked)}


def units_of(lines: Lines, positions: np.ndarray, by: By) -> tuple[list[Unit], np.ndarray]:
    """(the units that some lines belong to, for each line the place of its unit in that list)."""
    marks = lines.marks
    pages = np.asarray(marks.page)[positions]
    if by == "line":
        told = [lines.told(position) for position in positions.tolist()]
        units = [
            Unit(f"{marks.page_keys[page]}\0{line.id or line.line}", line.file, line.id or str(line.line))
            for page, line in zip(pages.tolist(), told, strict=True)
        ]
        return units, np.arange(len(units))
    there, first, place = np.unique(pages, return_index=True, return_inverse=True)
    files = [lines.told(int(positions[n])).file for n in first.tolist()]
    if by == "page":
        return [Unit(marks.page_keys[page], file) for page, file in zip(there.tolist(), files, strict=True)], place.reshape(-1)
    folders = [marks.folders[page] for page in there.tolist()]
    names = {folder: number for number, folder in enumerate(dict.fromkeys(folders))}
    of_page = np.array([names[folder] for folder in folders], np.int64)
    return [Unit(stable_name(folder), folder) for folder in names], of_page[place.reshape(-1)]
