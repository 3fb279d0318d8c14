"""PaddleOCR's label of a page: what stands after the image's path in a line of a detector's label file.

It is a JSON list of boxes, {"transcription": text, "points": [[x, y], ...]}; PPOCRLabel adds "difficult".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ppocr_like.documents.page import Line
from ppocr_like.outside import Malformed, outline, parse_json

IGNORED = "###"  # the transcription of a box that is neither text nor background, as ICDAR and PaddleOCR write it
IGNORED_TEXTS = (IGNORED, "*")  # transcriptions of regions that are neither trained on nor counted (PaddleOCR's DetLabelEncode)


def ignored_box(box: Mapping[str, Any]) -> bool:
    """Whether a box is marked as one that counts for nothing: by its text, or as PPOCRLabel's `difficult`."""
    return box.get("transcription") in IGNORED_TEXTS or box.get("difficult") in (True, 1)


def read_label(label: str) -> list[Line]:
    """The lines of a label that is as it must be, in its order; see `read_boxes` and `lines_of`.

    Raises:
        Malformed: something else.
    """
    return lines_of(read_boxes(label))


def read_boxes(label: str) -> list[Any]:
    """What stands in a label's list, not yet looked at.

    Raises:
        Malformed: no JSON, or no list.
    """
    try:
        boxes = parse_json(label)
    except Malformed as error:
        raise Malformed(f"the label {error}", error.line) from error
    if not isinstance(boxes, list):
        raise Malformed(f"a list of boxes is needed, not {type(boxes).__name__}")
    return boxes


def lines_of(boxes: Sequence[Any]) -> list[Line]:
    """A line for each box.

    `points`: see `outlines_of`. `text` is the transcription; what is no text stands there as Python writes it. `ignored`: see
    `ignored_box`.

    Raises:
        Malformed: see `outlines_of`.
    """
    return [line_of(box, points) for box, points in zip(boxes, outlines_of(boxes), strict=True)]


def outlines_of(boxes: Sequence[Any]) -> np.ndarray | list[np.ndarray]:
    """(P, 2) float64 px of each box as it is written, also a single point, NaN, or farther out than any image; one (N, P, 2)
    array where all have as many points.

    Raises:
        Malformed: a box without `points` or `transcription`, or points that are not pairs of numbers; the message names the box
            (counted from 1).
    """
    together = _together(boxes)
    return together if together is not None else [_points(box, number) for number, box in enumerate(boxes, 1)]


def readable_lines(label: str) -> list[Line]:
    """The lines of a label as far as it can be read, without any error: for looking at and for counting.

    Left out are boxes whose points are no pairs of finite numbers within `outside.FARTHEST`. A box without transcription is a
    line without text. A label that is no JSON list has no lines.
    """
    try:
        boxes = read_boxes(label)
    except Malformed:
        return []
    lines = []
    for box in boxes:
        if not isinstance(box, dict):
            continue
        try:
            lines.append(line_of(box, outline(box.get("points"))))
        except Malformed:
            continue
    return lines


def line_of(box: Mapping[str, Any], points: np.ndarray) -> Line:
    """The line of a box whose points (P, 2) px were read; without a transcription it has no text."""
    return Line(points, str(box.get("transcription", "")), ignored=ignored_box(box))


def write_label(lines: Iterable[Line]) -> str:
    """The label of lines: px to a tenth, whole numbers as such; ignored lines without their text."""
    boxes = [
        {
            "transcription": IGNORED if line.ignored else line.text,
            "points": [[_tenth(x), _tenth(y)] for x, y in line.points.tolist()],
        }
        for line in lines
    ]
    return json.dumps(boxes, ensure_ascii=False)


def write_for_correction(lines: Iterable[Line]) -> str:
    """The label of lines that were read, for PPOCRLabel: whole px; a text that is not known yet is its `待识别` ("to be
    recognised")."""
    boxes = [
        {"transcription": line.text or "待识别", "points": np.rint(line.points).astype(int).tolist(), "difficult": False}
        for line in lines
    ]
    return json.dumps(boxes, ensure_ascii=False)


def _tenth(value: float) -> int | float:
    value = round(value, 1)
    return int(value) if value.is_integer() else value


def _together(boxes: Sequence[Any]) -> np.ndarray | None:
    """The points of the usual page, read at once: every box is whole and has as many points as the others; None otherwise."""
    if not all(isinstance(box, dict) and "points" in box and "transcription" in box for box in boxes):
        return None
    try:
        outlines = np.array([box["points"] for box in boxes], np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    return outlines if outlines.ndim == 3 and outlines.shape[1] and outlines.shape[2] == 2 else None


def _points(box: Any, number: int) -> np.ndarray:
    """(P, 2) float64 px of one box."""
    if not isinstance(box, dict):
        raise Malformed(f"box {number} is no mapping with transcription and points")
    for key in ("points", "transcription"):
        if key not in box:
            raise Malformed(f"box {number} has no {key}")
    try:
        points = np.array(box["points"], np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise Malformed(f"box {number}: points are no numbers ({error})") from error
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise Malformed(f"box {number}: points must be a list of [x, y], not an array of shape {points.shape}")
    return points
