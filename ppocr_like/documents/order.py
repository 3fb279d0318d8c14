"""In which order a person reads the lines of a page: rows from the top, columns one after the other.

By geometry alone. The page is turned upright and its skew taken out first. A page is cut at its gutters, the white strips that
several rows of long text leave free on both sides; what lies between two lines that cross a gutter is read column by column.
Everything else is read in rows: the price of a receipt follows its article.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ppocr_like.documents.page import turned_points

MODES = ("auto", "rows", "none")
LONG = 8.0  # heights: a run of text this long is a line of a column, not a cell of a table
JOIN = 1.0  # heights: pieces of a row closer than this belong to one run
SUPPORT = 3  # rows with long text on both sides that make a gutter
BESIDE = 0.2  # heights: runs that have so much height in common stand beside each other
SAME_ROW = 0.5  # share of the lower piece's height that two pieces of a row have in common
VERTICAL = 1.5  # height / width from which a region is vertical text
TILTED = 3.0  # width / height from which a region tells the page's skew
MOST_SKEW = np.pi / 6  # beyond this the regions' own directions are not the page's


@dataclass(frozen=True)
class Place:
    """A line's place in the order: its `index` in what was given, the `block` (column) it stands in, from 0."""

    index: int
    block: int


def reading_order(
    outlines: Sequence[np.ndarray], mode: str = "auto", *, right_to_left: bool = False, turned: int | None = None
) -> list[Place]:
    """The lines' order.

    Args:
        outlines: of each line (P, 2) px; quadrangles begin at the line's top left.
        mode: `auto`; `rows` knows no columns (as PaddleOCR's `sorted_boxes`, made robust against skew); `none` leaves the order.
        right_to_left: of the script; rows and columns begin on the right.
        turned: degrees counter-clockwise by which the page must be turned to be read (0, 90, 180, 270); None: a page of regions
            that are higher than wide is read from the right to the left, like one turned by 90, every other one as it stands.

    Raises:
        ValueError: another mode.
    """
    if mode not in MODES:
        raise ValueError(f"order {mode!r}; known: {', '.join(MODES)}")
    if mode == "none" or not len(outlines):
        return [Place(index, 0) for index in range(len(outlines))]
    if turned is None:
        turned = 90 if _columns_of_text(_frames(outlines, _skew(outlines))) else 0
    upright = [_upright(outline, turned) for outline in outlines]
    frames = _frames(upright, _skew(upright))
    if right_to_left:
        frames = np.column_stack([-frames[:, 2], frames[:, 1], -frames[:, 0], frames[:, 3]])
    blocks = _Blocks(frames).order(np.arange(len(frames))) if mode == "auto" else [np.arange(len(frames))]
    return [Place(index, number) for number, block in enumerate(blocks) for index in _rows(frames, block)]


def _columns_of_text(frames: np.ndarray) -> bool:
    width, height = frames[:, 2] - frames[:, 0], frames[:, 3] - frames[:, 1]
    return bool((width * height)[height >= VERTICAL * width].sum() > 0.5 * (width * height).sum())


def _upright(outline: np.ndarray, turned: int) -> np.ndarray:
    """The outline on the turned page; a quadrangle begins at its top left there too."""
    points = turned_points(outline, turned)
    return np.roll(points, -(turned // 90), axis=0) if len(points) == 4 else points


def _skew(outlines: Sequence[np.ndarray]) -> float:
    """Radians, clockwise on the screen: the median direction of the long quadrangles' upper and lower sides."""
    quads = [np.asarray(outline, np.float64) for outline in outlines if len(outline) == 4]
    if not quads:
        return 0.0
    along = np.array([quad[1] - quad[0] + quad[2] - quad[3] for quad in quads])
    down = np.array([quad[3] - quad[0] + quad[2] - quad[1] for quad in quads])
    long = np.linalg.norm(along, axis=1) >= TILTED * np.maximum(np.linalg.norm(down, axis=1), 1e-6)
    if not long.any():
        return 0.0
    angle = float(np.median(np.arctan2(along[long, 1], along[long, 0])))
    return angle if abs(angle) <= MOST_SKEW else 0.0


def _frames(outlines: Sequence[np.ndarray], skew: float) -> np.ndarray:
    """(N, 4) left, top, right, bottom of the outlines on the page turned upright."""
    turn = np.array([[np.cos(skew), -np.sin(skew)], [np.sin(skew), np.cos(skew)]])
    turned = [np.asarray(outline, np.float64).reshape(-1, 2) @ turn for outline in outlines]
    return np.array([[*points.min(axis=0), *points.max(axis=0)] for points in turned])


class _Blocks:
    """Cuts a page into columns.

    Args:
        frames: (N, 4) of lines, reading from the left to the right and down.
    """

    def __init__(self, frames: np.ndarray) -> None:
        self.frames = frames
        self.unit = float(np.median(frames[:, 3] - frames[:, 1]))

    def order(self, members: np.ndarray) -> list[np.ndarray]:
        """The blocks of these lines in reading order; within a block the order is not yet made."""
        gutter = self._gutter(members)
        if gutter is None:
            return [members]
        x, top, bottom = gutter
        middle = self.frames[members, 1::2].mean(axis=1)
        across = self.frames[members, ::2].mean(axis=1)
        above, below = middle <= top, middle >= bottom
        inside = ~above & ~below
        parts = [members[above], members[inside & (across < x)], members[inside & (across >= x)], members[below]]
        return [block for part in parts if len(part) for block in self.order(part)]

    def _gutter(self, members: np.ndarray) -> tuple[float, float, float] | None:
        """(x, top, bottom) px of the gutter that most rows support; it ends where a line crosses it. None: there is none."""
        spans = self._gaps(members)
        if len(spans) < SUPPORT:
            return None
        frames = self.frames[members]
        best: tuple[int, float, float, float] | None = None
        for x in np.unique((spans[:, 0] + spans[:, 1]) / 2):
            here = spans[(spans[:, 0] <= x) & (x <= spans[:, 1])]
            margin = 0.25 * self.unit  # an outline may reach a little over
            crossing = frames[(frames[:, 0] < x - margin) & (frames[:, 2] > x + margin)]
            walls = np.sort(np.concatenate([[-np.inf], crossing[:, 1::2].mean(axis=1), [np.inf]]))
            between = np.searchsorted(walls, here[:, 2])
            counts = np.bincount(between)
            band = int(counts.argmax())
            if counts[band] >= SUPPORT and (best is None or counts[band] > best[0]):
                best = int(counts[band]), float(x), float(walls[band - 1]), float(walls[band])
        return None if best is None else best[1:]

    def _gaps(self, members: np.ndarray) -> np.ndarray:
        """(K, 3) left, right, y of the free strips between long runs of text beside each other (not always of one row: columns
        need not be level)."""
        runs = np.array([run for row in _row_groups(self.frames, members) for run in self._runs(row)])
        long = runs[:, 2] - runs[:, 0] >= LONG * self.unit
        found = []
        for _, top, right, bottom in runs[long]:
            common = np.minimum(bottom, runs[:, 3]) - np.maximum(top, runs[:, 1])
            beside = np.flatnonzero((runs[:, 0] >= right) & (common > BESIDE * self.unit))
            if len(beside):
                nearest = beside[runs[beside, 0].argmin()]
                if long[nearest]:
                    found.append((right, runs[nearest, 0], (top + bottom) / 2))
        return np.array(found).reshape(-1, 3)

    def _runs(self, row: np.ndarray) -> list[list[float]]:
        """(left, top, right, bottom) of the pieces of a row, close ones joined."""
        runs: list[list[float]] = []
        for left, top, right, bottom in sorted(self.frames[row].tolist()):
            if runs and left - runs[-1][2] < JOIN * self.unit:
                last = runs[-1]
                runs[-1] = [last[0], min(last[1], top), max(last[2], right), max(last[3], bottom)]
            else:
                runs.append([left, top, right, bottom])
        return runs


def _row_groups(frames: np.ndarray, members: np.ndarray) -> list[np.ndarray]:
    """The members in rows from the top down, each row unordered."""
    middles = frames[members, 1::2].mean(axis=1)
    rows: list[list[int]] = []
    spans: list[tuple[float, float]] = []  # top and bottom of each row: the mean of its members'
    for index in members[np.argsort(middles, kind="stable")].tolist():
        top, bottom = frames[index, 1], frames[index, 3]
        if rows:
            high, low = spans[-1]
            common = min(low, bottom) - max(high, top)
            if common >= SAME_ROW * max(min(low - high, bottom - top), 1e-6):
                count = len(rows[-1])
                rows[-1].append(index)
                spans[-1] = (high * count + top) / (count + 1), (low * count + bottom) / (count + 1)
                continue
        rows.append([index])
        spans.append((top, bottom))
    return [np.array(row) for row in rows]


def _rows(frames: np.ndarray, members: np.ndarray) -> list[int]:
    """The members row by row, each row from the left."""
    return [int(i) for row in _row_groups(frames, members) for i in row[np.argsort(frames[row, 0], kind="stable")]]
