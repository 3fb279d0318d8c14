"""One page as rows for the index: its lines with their places on the image as it will be decoded."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ppocr_like.contracts import Rejected
from ppocr_like.data.lines.lines import SPLITS, LeftOut
from ppocr_like.data.lines.page_files import PageFile, image_of
from ppocr_like.data.sizes import header_size
from ppocr_like.documents.page import Line, Page
from ppocr_like.documents.regions import DIRECTIONS
from ppocr_like.documents.xml_page import read_xml
from ppocr_like.errors import DataError
from ppocr_like.transforms.line_course import course_of, line_distance
from ppocr_like.transforms.line_cut import NO_PLACE, cut_size
from ppocr_like.transforms.line_outline import is_stub

UNREADABLE_XML = "XML that cannot be read"
NO_IMAGE, OTHER_SIZE, BAD_IMAGE = "missing image", "image of another size than the XML says", "unreadable image"
NO_BASELINE = "no baseline"
SCALED, TURNED, STUBS, UNREAD = "scaled", "turned", "stubs", "unread"
UNTYPED = "default"  # type of a line whose file tells none
LINETYPES = ("auto", "baselines", "bbox")
_SEVERAL, _MADE = 5, 0.2  # lines from which on all outlines may be stubs, and the share of the line distance below which they are
_ROUNDING = 1.5  # px, of the smaller of two sizes: by so much a side may differ from the one of the same shape


@dataclass(frozen=True)
class Reading:
    """How pages are read.

    Args:
        format: "xml", "alto" or "page".
        linetype: "auto", "baselines" or "bbox".
        exif: images are decoded as their Exif orientation says.
        topline: see `line_cut.cut_line`.
    """

    format: str = "xml"
    linetype: str = "auto"
    exif: bool = True
    topline: bool | None = False


class LineRow(NamedTuple):
    """A line.

    Args:
        id, text: as in the file.
        baseline, outline: (P, 2) px of the decoded image; empty: none.
        size: (width, height) px of its picture; (0, 0): it has none.
        types, regions, languages: names that it is chosen by.
        split: place in SPLITS; base_dir: place in DIRECTIONS.
        fault: why it cannot be used, "": it can; detail: what is particular.
    """

    id: str
    text: str
    baseline: np.ndarray
    outline: np.ndarray
    size: tuple[int, int]
    types: tuple[str, ...]
    regions: tuple[str, ...]
    languages: tuple[str, ...]
    split: int
    base_dir: int
    fault: str = ""
    detail: str = ""


@dataclass
class PageRows:
    """A page.

    Args:
        xml, image: its files; "": no image. named: the image's path by the XML.
        size: (width, height) px of the decoded image.
        stored: the image is decoded as it is stored, whatever its Exif orientation: the XML's coordinates are those.
        distance: px between its lines; 0: not known.
        lines: of the file, in its order, and behind them those without a place.
        said: how many lines or pages were mended, and how many texts are not read, by kind.
        lost: the page cannot be used.
    """

    xml: str
    image: str = ""
    named: str = ""
    size: tuple[int, int] = (0, 0)
    stored: bool = False
    distance: float = 0.0
    lines: list[LineRow] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)
    lost: LeftOut | None = None


def read_rows(file: PageFile, reading: Reading) -> PageRows:
    """A page's rows; a file that cannot be read is `lost`."""
    rows = PageRows(file.xml)
    try:
        read = read_xml(file.xml, reading.format)
    except DataError as error:
        rows.lost = LeftOut(file.xml, "", UNREADABLE_XML, str(error).removeprefix(f"{file.xml}: "), 0)
        return rows
    page = read.page
    frame = _frame(rows, page, file, reading)
    if read.unread:
        rows.said[UNREAD] += len(read.unread)
    places = [_place(line, reading.linetype, frame.scale) for line in page.lines]
    rows.distance = line_distance([baseline for baseline, _ in places if len(baseline)]) or 0.0
    types = {region.id: region.name for region in page.regions}
    usual = _usual_height(places, rows.distance) if reading.linetype != "bbox" else 0.0
    for line, (baseline, outline) in zip(page.lines, places, strict=True):
        if usual and len(baseline) and len(outline) and is_stub(baseline, outline, usual):
            outline = outline[:0]
            rows.said[STUBS] += 1
        rows.lines.append(_row(rows, line, baseline, outline, types, frame, reading))
    nothing = np.zeros((0, 2))
    for name, text, place in read.placeless:
        where = f"{place}: it has neither outline nor baseline"
        rows.lines.append(LineRow(name, text, nothing, nothing, (0, 0), (UNTYPED,), (), (), 0, 0, NO_PLACE, where))
    return rows


def _usual_height(places: Sequence[tuple[np.ndarray, np.ndarray]], distance: float) -> float:
    """Px that an outline of a page's lines may be expected to be high; 0: not known.

    That of the others, where lines stand far apart; but not where all outlines are so low that programs must have made them.
    """
    heights = []
    for baseline, outline in places:
        course = course_of(baseline) if len(baseline) and len(outline) else None
        if course is not None:
            heights.append(float(np.ptp(course.coordinates(outline)[1][:, 1])))
    if not heights or not distance:
        return 0.0
    height = float(np.median(heights))
    return distance if len(heights) >= _SEVERAL and height < _MADE * distance else min(distance, height)


@dataclass
class _Frame:
    """How the XML's coordinates become px of the image.

    Args:
        scale: (across, down).
        fault, detail: why the page's lines cannot be cut; "": they can.
    """

    scale: tuple[float, float] = (1.0, 1.0)
    fault: str = ""
    detail: str = ""


def _frame(rows: PageRows, page: Page, file: PageFile, reading: Reading) -> _Frame:
    """Finds the image, and fills `image`, `size` and `stored` of the rows."""
    path, rows.named = image_of(file, page.source), page.source
    if path is None:
        return _Frame(fault=NO_IMAGE, detail=page.source or "the XML names none")
    rows.image = path
    stored = header_size(path, exif=False)
    shown = header_size(path, exif=True) if reading.exif else stored
    if not all(stored):
        return _Frame(fault=NO_IMAGE if not os.path.isfile(path) else BAD_IMAGE, detail=path)
    rows.size, wanted = shown, (page.width, page.height)
    if not all(wanted) or wanted == shown:
        return _Frame()
    for size in (shown, stored):
        if _same_shape(size, wanted):
            rows.size, rows.stored = size, size != shown
            rows.said[TURNED] += rows.stored
            rows.said[SCALED] += size != wanted
            return _Frame((size[0] / wanted[0], size[1] / wanted[1]))
    return _Frame(fault=OTHER_SIZE, detail=f"{path} has {shown[0]} x {shown[1]} px, the XML {wanted[0]} x {wanted[1]}")


def _same_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether one size is the other, larger or smaller, but for the rounding to whole px."""
    (width, height), (wide, high) = sorted((size, other))
    return abs(wide * height / high - width) <= _ROUNDING or abs(high * width / wide - height) <= _ROUNDING


def _place(line: Line, linetype: str, scale: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """(baseline, outline) px of the image, empty where there is none."""
    nothing = np.zeros((0, 2))
    outline = np.asarray(line.points, np.float64) * scale if line.outlined else nothing
    baseline = nothing if line.baseline is None else np.asarray(line.baseline, np.float64) * scale
    if linetype != "bbox":
        return baseline, outline
    points = outline if len(outline) else baseline
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return np.array([[left, bottom], [right, bottom]]), np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def _row(
    rows: PageRows,
    line: Line,
    baseline: np.ndarray,
    outline: np.ndarray,
    types: dict[str, str],
    frame: _Frame,
    reading: Reading,
) -> LineRow:
    distance = rows.distance or None
    size, fault, detail = (0, 0), frame.fault, frame.detail
    if not fault and reading.linetype == "baselines" and not len(baseline):
        fault, detail = NO_BASELINE, "linetype: baselines"
    if not fault:
        try:
            size = cut_size(rows.size, given(baseline), given(outline), topline=reading.topline, distance=distance)
        except Rejected as error:
            fault, detail = error.reason, error.detail
    kinds = tuple(dict.fromkeys(value for name, value in line.tags if name == "type")) or (UNTYPED,)
    regions = tuple(dict.fromkeys(types.get(region, "") for region in line.regions))
    languages = tuple(
        dict.fromkeys([*([line.language] if line.language else []), *(v for name, v in line.tags if name == "language")])
    )
    split, base_dir = SPLITS.index(line.split), DIRECTIONS.index(line.base_dir)
    return LineRow(line.id, line.text, baseline, outline, size, kinds, regions, languages, split, base_dir, fault, detail)


def given(points: np.ndarray) -> np.ndarray | None:
    """Points as `cut_line` takes them: None where there are none."""
    return points if len(points) else None


def read_many(files: Sequence[PageFile], reading: Reading) -> list[PageRows]:
    """The rows of several pages."""
    return [read_rows(file, reading) for file in files]
