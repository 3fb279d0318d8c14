"""Detection on pages that are too large or too long to be seen at once: in overlapping tiles, whose regions are put together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ppocr_like.contracts import TextBox
from ppocr_like.data.sizes import header_size
from ppocr_like.documents.page import frame_of
from ppocr_like.errors import DataError
from ppocr_like.geometry import smallest_box
from ppocr_like.pipeline.detector import Detector
from ppocr_like.pipeline.preprocess import as_bgr, decoded, source_name
from ppocr_like.pipeline.runner import Source

STRIP = 4.0  # longer over shorter side from which a page is a strip (a roll, a long screenshot) and seen in pieces
LONG = 3000  # px: strips shorter than this are seen whole
OVERLAP = 0.15  # of a tile: more than a line's height
EDGE = 3.0  # px: a region so near to a tile's inner edge may go on beyond it
SAME = 0.7  # share of the smaller frame that two tiles' frames of one region have in common
LEVEL = 0.6  # share of the lower height that the two halves of a line have in common

Frame = tuple[int, int, int, int]


def find_regions(detector: Detector, image: Source, tile: int | None = None) -> tuple[np.ndarray, Sequence[TextBox]]:
    """(picture (H, W, 3) uint8 BGR, upright; the regions, px of it).

    Args:
        detector: its recipe's resizing applies to each tile as to a page.
        image: a path or an array.
        tile: px of a tile's sides; None: only strips are cut, into squares.

    Raises:
        DataError: the image cannot be used.
    """
    frames = tiles(*_size(image), tile)
    if len(frames) == 1:
        (finding,) = detector.stream([image])
        if finding.page is None or finding.prepared is None:
            raise DataError(finding.error)
        return finding.prepared.picture, finding.page.boxes
    picture = as_bgr(image, source_name(image)) if isinstance(image, np.ndarray) else decoded(image)
    found: list[tuple[Frame, TextBox]] = []
    for frame, finding in zip(frames, detector.stream(_pieces(picture, frames)), strict=True):
        if finding.page is None:
            raise DataError(finding.error)
        for box in finding.page.boxes:
            found.append((frame, TextBox(np.asarray(box.points, np.float64) + frame[:2], box.score)))
    return picture, put_together(found, picture.shape[1], picture.shape[0])


def tiles(width: int, height: int, tile: int | None = None) -> list[Frame]:
    """(left, top, right, bottom) px of the tiles; one for a page that is seen whole. They overlap, and are of one size."""
    short, long = sorted((width, height))
    if tile is None:
        if long < LONG or long < STRIP * short:
            return [(0, 0, width, height)]
        tile = max(short, LONG // 4)
    across, down = _starts(width, tile), _starts(height, tile)
    return [(x, y, min(x + tile, width), min(y + tile, height)) for y in down for x in across]


def put_together(found: Sequence[tuple[Frame, TextBox]], width: int, height: int) -> list[TextBox]:
    """Each region once: of the same one seen in two tiles the larger frame stays, the halves of a line become one.

    Args:
        found: (tile, region in px of the page).
        width, height: px of the page.
    """
    if not found:
        return []
    frames = np.array([frame_of(box.points) for _, box in found])
    areas = (frames[:, 2] - frames[:, 0]) * (frames[:, 3] - frames[:, 1])
    kept: list[tuple[Frame, TextBox]] = []
    there = np.empty((len(found), 8))  # of each kept one: its tile, its frame
    for i in np.argsort(-areas, kind="stable").tolist():
        (tile, box), frame = found[i], frames[i]
        tiles_there, frames_there = there[: len(kept), :4], there[: len(kept), 4:]
        overlap = np.minimum(frame[2:], frames_there[:, 2:]) - np.maximum(frame[:2], frames_there[:, :2])
        near = (overlap > 0).all(axis=1) & (tiles_there != tile).any(axis=1)
        if (near & (overlap.prod(axis=1) >= SAME * max(areas[i], 1e-6))).any():
            continue
        halves = (j for j in np.flatnonzero(near).tolist() if _halves(tile, frame, kept[j][0], frames_there[j], width, height))
        partner = next(halves, None)
        if partner is None:
            kept.append((tile, box))
            there[len(kept) - 1] = [*tile, *frame]
            continue
        other_tile, other = kept[partner]
        corners = smallest_box(np.concatenate([box.points, other.points]))[0].astype(float)
        kept[partner] = _union(tile, other_tile), TextBox(corners, max(box.score, other.score))
        there[partner] = [*kept[partner][0], *frame_of(corners)]
    return [box for _, box in kept]


def _size(image: Source) -> tuple[int, int]:
    """(width, height) px; (0, 0) where the header cannot be read: decoding will say why."""
    if isinstance(image, np.ndarray):
        return (image.shape[1], image.shape[0]) if image.ndim >= 2 else (0, 0)
    return header_size(str(image), True)


def _pieces(picture: np.ndarray, frames: Sequence[Frame]) -> list[np.ndarray]:
    return [np.ascontiguousarray(picture[top:bottom, left:right]) for left, top, right, bottom in frames]


def _starts(length: int, tile: int) -> list[int]:
    """Evenly spread, the last tile ends where the page does."""
    if length <= tile:
        return [0]
    step = tile * (1 - OVERLAP)
    count = int(np.ceil((length - tile) / step)) + 1
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def _halves(tile: Frame, a: np.ndarray, other_tile: Frame, b: np.ndarray, width: int, height: int) -> bool:
    """Whether two frames that overlap end at their tiles' edges: pieces of one line, across or down."""
    for along, end in ((0, width), (1, height)):
        across = 1 - along
        common = min(a[across + 2], b[across + 2]) - max(a[across], b[across])
        first, second = ((tile, a), (other_tile, b)) if a[along] <= b[along] else ((other_tile, b), (tile, a))
        cut = first[0][along + 2] < end and first[1][along + 2] >= first[0][along + 2] - EDGE
        cut = cut and second[0][along] > 0 and second[1][along] <= second[0][along] + EDGE
        if cut and common >= LEVEL * min(a[across + 2] - a[across], b[across + 2] - b[across]):
            return True
    return False


def _union(a: Frame, b: Frame) -> Frame:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
