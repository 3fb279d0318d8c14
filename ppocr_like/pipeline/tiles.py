"""Detection on pages that are too large or too long to be seen at once: in overlapping tiles, whose maps are put together.

The network's probabilities of the tiles are joined to the map of the whole page, and regions are sought once, in the joined map:
no region is ever cut, so there is nothing to put together afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np

from ppocr_like.contracts import TextBox
from ppocr_like.data.sizes import header_size
from ppocr_like.errors import DataError, WeightsError
from ppocr_like.pipeline.pages import Detector
from ppocr_like.pipeline.preprocess import as_bgr, decoded, plain, source_name
from ppocr_like.pipeline.runner import Source

STRIP = 4.0  # longer over shorter side from which a page is a strip (a roll, a long screenshot) and seen in pieces
LONG = 3000  # px: strips shorter than this are seen whole
LEAST_TILE = 256  # px of a tile's sides, on the page and in the network's input: smaller ones show no whole words
OVERLAP, LEAST_OVERLAP = 0.2, 128  # of a tile, px of the network's input: what two neighbours both see
MARGIN = 0.25  # of the overlap: so near to its inner edges a tile is not believed, the network sees half letters there
MOST_MAP = 1 << 28  # px of a joined map, 1 GiB as float32

Frame = tuple[int, int, int, int]


def find_boxes(detector: Detector, image: Source, tile: int | None = None) -> tuple[np.ndarray, Sequence[TextBox]]:
    """(picture (H, W, 3) uint8 BGR, upright; the regions, px of it).

    Args:
        detector: its recipe's resizing applies to each tile as to a page.
        image: a path, an array, or what else `preprocess.plain` takes.
        tile: px of a tile's sides; None: only strips are cut, into squares.

    Raises:
        DataError: the image cannot be used, or not in tiles of this size.
    """
    name = source_name(image)
    image = plain(image, name)
    width, height = _size(image)
    side = tile_side(width, height, tile)
    if side is None:
        (finding,) = detector.stream([image])
        if finding.page is None or finding.prepared is None:
            raise DataError(finding.error)
        return finding.prepared.picture, finding.page.boxes
    picture = as_bgr(image, name) if isinstance(image, np.ndarray) else decoded(image)
    try:
        return picture, _in_tiles(detector, picture, side, name)
    except WeightsError as error:  # a size that the network cannot take
        raise DataError(str(error), name) from error


def check_tile(tile: int | None) -> None:
    """Raises:
    ValueError: tiles of so many px would show no whole words.
    """
    if tile is not None and tile < LEAST_TILE:
        raise ValueError(f"tile {tile}; at least {LEAST_TILE} px are needed, a smaller tile shows no whole words")


def tile_side(width: int, height: int, tile: int | None = None) -> int | None:
    """Px of the tiles' sides; None: the page is seen whole, as one that is no larger than a tile is.

    Without a wanted `tile` only strips are cut.
    """
    short, long = sorted((width, height))
    if tile is not None:
        return tile if long > tile else None
    return max(short, LONG // 4) if long >= LONG and long >= STRIP * short else None


def tiles(width: int, height: int, tile: tuple[int, int]) -> list[Frame]:
    """(left, top, right, bottom) of tiles of one size, (width, height), that cover a picture; neighbours overlap by OVERLAP of
    a tile and LEAST_OVERLAP px at least."""
    across, down = _starts(width, tile[0]), _starts(height, tile[1])
    return [(x, y, min(x + tile[0], width), min(y + tile[1], height)) for y in down for x in across]


def join_maps(parts: Iterable[tuple[Frame, np.ndarray]], width: int, height: int) -> np.ndarray:
    """The map (height, width) float32 of a whole page from its tiles'.

    Where two tiles see a place the higher probability holds, as either may have cut the word that stands there; the margin along
    a tile's inner edges does not count.

    Args:
        parts: (tile, its probabilities (h, w)), px of the whole map, see `tiles`.
        width, height: of the whole map.
    """
    whole = np.zeros((height, width), np.float32)
    for (left, top, right, bottom), probabilities in parts:
        margins = (_margin(right - left), _margin(bottom - top))
        x0, x1 = left + margins[0] * (left > 0), right - margins[0] * (right < width)
        y0, y1 = top + margins[1] * (top > 0), bottom - margins[1] * (bottom < height)
        there = whole[y0:y1, x0:x1]
        np.fmax(there, probabilities[y0 - top : y1 - top, x0 - left : x1 - left], out=there)  # a NaN is no text
    return whole


def _in_tiles(detector: Detector, picture: np.ndarray, side: int, name: str) -> Sequence[TextBox]:
    """The regions of a picture that is larger than a tile.

    The picture is brought to the size at which the network sees a tile first, so that tiles lie on whole px of the joined map.
    """
    height, width = picture.shape[:2]
    seen = detector.probabilities(np.zeros((min(side, height), min(side, width), 3), np.uint8)).shape
    scale = seen[1] / min(side, width), seen[0] / min(side, height)
    size = max(round(width * scale[0]), seen[1]), max(round(height * scale[1]), seen[0])
    _check_map(size, (seen[1], seen[0]), side, name)
    resized = picture if size == (width, height) else cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    frames = tiles(*size, (seen[1], seen[0]))
    joined = join_maps(_seen(detector, resized, frames), *size)
    return detector.in_map(joined, (width, height), len(frames)).boxes


def _seen(detector: Detector, picture: np.ndarray, frames: Sequence[Frame]) -> Iterator[tuple[Frame, np.ndarray]]:
    """Each tile with its map in px of the picture."""
    for frame in frames:
        left, top, right, bottom = frame
        probabilities = detector.probabilities(np.ascontiguousarray(picture[top:bottom, left:right]))
        size = (right - left, bottom - top)
        if probabilities.shape[::-1] != size:  # a resizing that changes also what it made itself
            probabilities = cv2.resize(probabilities, size, interpolation=cv2.INTER_LINEAR)
        yield frame, probabilities


def _check_map(size: tuple[int, int], seen: tuple[int, int], side: int, name: str) -> None:
    """`size` of the joined map, of a tile `seen` by the network, px."""
    shown = f"tiles of {side} px, which the network sees as {seen[0]} x {seen[1]} px,"
    if any(part < min(LEAST_TILE, whole) for whole, part in zip(size, seen, strict=True)):
        raise DataError(f"{shown} would show no whole words; its recipe makes pages too small, see DetResizeForTest", name)
    if size[0] * size[1] > MOST_MAP:
        raise DataError(f"{shown} would make a map of {size[0]} x {size[1]} px of the page; choose larger tiles", name)


def _size(image: Source) -> tuple[int, int]:
    """(width, height) px; (0, 0) where the header cannot be read: decoding will say why."""
    if isinstance(image, np.ndarray):
        return (image.shape[1], image.shape[0]) if image.ndim >= 2 else (0, 0)
    return header_size(str(image), True)


def _starts(length: int, tile: int) -> list[int]:
    """Evenly spread, the last tile ends where the page does."""
    if length <= tile:
        return [0]
    count = int(np.ceil((length - tile) / (tile - _overlap(tile)))) + 1
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def _overlap(tile: int) -> int:
    return max(int(OVERLAP * tile), min(LEAST_OVERLAP, tile // 2))


def _margin(tile: int) -> int:
    return int(MARGIN * _overlap(tile))
