"""The label of a page: JSON -> polygons, texts, marks of what is to be ignored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ppocr_like.contracts import Rejected
from ppocr_like.documents.formats.paddle import IGNORED_TEXTS, ignored_box, outlines_of, read_boxes
from ppocr_like.geometry import corners_in_order
from ppocr_like.outside import Malformed, usable
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
        try:
            boxes = read_boxes(sample["label"])
            outlines = outlines_of(boxes)
        except Malformed as error:
            raise Rejected(BROKEN, str(error)) from error
        if not boxes and self.paddle_exact:
            raise Rejected("no boxes", "the label is an empty list")
        polys = polygons_of(outlines)
        if self.order_corners:
            polys = _ordered(polys)
        texts = [box["transcription"] for box in boxes]
        ignored = [text in IGNORED_TEXTS for text in texts] if self.paddle_exact else [ignored_box(box) for box in boxes]
        sample["polys"] = polys
        sample["texts"] = texts
        sample["ignore_tags"] = np.array(ignored, bool) | ~usable(polys)
        return sample


def polygons_of(outlines: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
    """(N, P, 2) float32 px of outlines (P, 2); shorter ones repeat their last point. Where one lies farther out than any image
    (`outside.FARTHEST`) it is NaN: the next steps know what is no number."""
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite
        if isinstance(outlines, np.ndarray):
            polys = outlines.astype(np.float32)
        else:
            polys = stack(outlines) if outlines else np.zeros((0, 4, 2), np.float32)
    polys[~usable(polys) & np.isfinite(polys).all(axis=(1, 2))] = np.nan
    return polys


def _ordered(polys: np.ndarray) -> np.ndarray:
    """(N, P, 2) with the corners of bow-ties in order; points beyond the fourth repeat it."""
    polys = polys.copy()
    for poly in polys if polys.shape[1] >= 4 else ():
        if (poly[3:] == poly[3]).all():
            poly[:4] = corners_in_order(poly[:4])
            poly[4:] = poly[3]
    return polys
