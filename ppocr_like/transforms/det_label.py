"""The label of a page: JSON -> polygons, texts, marks of what is to be ignored."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppocr_like.contracts import IGNORED_TEXTS, Rejected, ignored_box
from ppocr_like.geometry import corners_in_order
from ppocr_like.outside import Malformed, parse_json, usable
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.polygons import stack

BROKEN = "broken label"


@TRANSFORMS.register()
class DetLabelEncode(Transform):
    """Reads `label` (str), a JSON list of {"transcription": str, "points": [[x, y], ...]}, as PaddleOCR's DetLabelEncode.

    Gives `polys` (N, P, 2) float32, px of the image as it is in the file; where polygons differ in their number of points,
    shorter ones repeat their last point. `texts` list of N as written; `ignore_tags` (N,) bool: "*", "###", boxes marked
    `difficult: true` (PPOCRLabel), and polygons with a coordinate that is no finite number or lies where no image is
    (`outside.FARTHEST`); these are all NaN. An empty list is a page without text: no polygons, and whatever is found there is
    wrong.

    Args:
        order_corners: puts the corners of quadrangles that cross themselves (top left, top right, bottom left, bottom right) in
            their order around the text; otherwise such a box takes no part.
        paddle_exact: as PaddleOCR: an empty list is rejected ("no boxes"), and `difficult` is not read.

    Raises (on call):
        Rejected: "broken label": no JSON, no list, a box without `points` or `transcription`, points that are not pairs of
            numbers. The detail names the box (counted from 1).
    """

    needs = ("label",)
    gives = ("polys", "texts", "ignore_tags")

    def __init__(self, order_corners: bool = False, paddle_exact: bool = False) -> None:
        self.order_corners = order_corners
        self.paddle_exact = paddle_exact

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        boxes = _parsed(sample["label"])
        if not boxes and self.paddle_exact:
            raise Rejected("no boxes", "the label is an empty list")
        polys, texts = _polygons(boxes) if boxes else (np.zeros((0, 4, 2), np.float32), [])
        if self.order_corners:
            polys = _ordered(polys)
        if self.paddle_exact:
            marked = np.array([text in IGNORED_TEXTS for text in texts], bool)
        else:
            marked = np.array([ignored_box(box) for box in boxes], bool)
        sample["polys"] = polys
        sample["texts"] = texts
        placed = usable(polys)
        polys[~placed & np.isfinite(polys).all(axis=(1, 2))] = np.nan  # too far out: the next steps know what is no number
        sample["ignore_tags"] = marked | ~placed
        return sample


def _ordered(polys: np.ndarray) -> np.ndarray:
    """(N, P, 2) with the corners of bow-ties in order; points beyond the fourth repeat it."""
    polys = polys.copy()
    for poly in polys if polys.shape[1] >= 4 else ():
        if (poly[3:] == poly[3]).all():
            poly[:4] = corners_in_order(poly[:4])
            poly[4:] = poly[3]
    return polys


def _parsed(label: str) -> list[Any]:
    try:
        boxes = parse_json(label)
    except Malformed as error:
        raise Rejected(BROKEN, f"the label {error}") from error
    if not isinstance(boxes, list):
        raise Rejected(BROKEN, f"a list of boxes is needed, not {type(boxes).__name__}")
    return boxes


def _polygons(boxes: list[Any]) -> tuple[np.ndarray, list[Any]]:
    """((N, P, 2) float32, transcriptions) of all boxes."""
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, hence ignored
        try:
            texts = [box["transcription"] for box in boxes]
            polys = np.array([box["points"] for box in boxes], np.float32)
        except (KeyError, IndexError, TypeError, ValueError, OverflowError):
            texts, polys = [], np.zeros(0, np.float32)
        if polys.ndim == 3 and polys.shape[1] and polys.shape[2] == 2:
            return polys, texts  # the usual page: every polygon has as many points as the others
        polys = stack(_points(box, number) for number, box in enumerate(boxes, 1))
        return polys, [box["transcription"] for box in boxes]


def _points(box: Any, number: int) -> np.ndarray:
    """(P, 2) float32 of one box."""
    if not isinstance(box, dict):
        raise Rejected(BROKEN, f"box {number} is no mapping with transcription and points")
    for key in ("points", "transcription"):
        if key not in box:
            raise Rejected(BROKEN, f"box {number} has no {key}")
    try:
        points = np.array(box["points"], np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        raise Rejected(BROKEN, f"box {number}: points are no numbers ({error})") from error
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise Rejected(BROKEN, f"box {number}: points must be a list of [x, y], not an array of shape {points.shape}")
    return points
