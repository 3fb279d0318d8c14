"""A line cut out of its page and set upright: along its baseline, or as a quadrangle.

Px are points at their indices here: pixel i of a picture stands at i.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ppocr_like.contracts import Rejected
from ppocr_like.geometry import smallest_box
from ppocr_like.transforms.channels import join_gray, repeat_gray, split_gray
from ppocr_like.transforms.line_course import Course, Homography, PageMap, Strip, course_of, downs_of
from ppocr_like.transforms.line_outline import OFF_PAGE, UPRIGHT, middle_course, outline_within, subdivided

FILLS = ("paper", "black")
NO_PLACE = "line without a place"
TOO_LARGE = "line image too large"
_ABOVE = 0.75  # of the line distance that a line without an outline takes above its baseline, the rest below
_STEP = 8.0  # px between points of an outline
_FACING = 1.5  # times as much text below a baseline that runs to the left as above it: it was drawn from the text's end
_LONGEST = 4  # times the page's two sides: a baseline that is longer is none
_SIDE = 32000  # px: cv2 samples pictures whose sides fit 16 bits
_LARGEST = 2**26  # px of a line image
_SAMPLES = 500  # px of an outline whose median is its paper
_EDGE = 0.01  # px that a coordinate may reach over a pixel without needing the next


@dataclass(frozen=True, eq=False)
class Crop:
    """A line image.

    Args:
        image: (h, w) or (h, w, C) uint8, the channels of its page.
        to_page: a function from (N, 2) px of `image` to (N, 2) px of the page, px as points at their indices.
        turned: degrees counter-clockwise by which it was turned after cutting.
    """

    image: np.ndarray
    to_page: PageMap
    turned: int = 0

    def rotated(self, quarters: int) -> Crop:
        """Turned by quarters of a circle counter-clockwise."""
        quarters %= 4
        if quarters == 0:
            return self
        height, width = self.image.shape[:2]
        # Where a px of the turned picture stood before, px as points at their indices.
        back = {
            1: [[0, -1, width - 1], [1, 0, 0], [0, 0, 1]],
            2: [[-1, 0, width - 1], [0, -1, height - 1], [0, 0, 1]],
            3: [[0, 1, 0], [-1, 0, height - 1], [0, 0, 1]],
        }[quarters]
        image = np.ascontiguousarray(np.rot90(self.image, quarters))
        return Crop(image, self.to_page.after(np.array(back, np.float64)), (self.turned + 90 * quarters) % 360)


def cut_line(
    image: np.ndarray,
    baseline: np.ndarray | None,
    outline: np.ndarray | None,
    *,
    topline: bool | None = False,
    fill: str = "paper",
    distance: float | None = None,
) -> Crop:
    """A line straightened along its baseline, as high and wide as its outline reaches; a px of the page gives a px of the line.

    What lies outside the outline, or outside the page, is filled. Without a baseline (or with one that is too short to tell a
    direction) the outline's smallest box, or its curved middle, tells how the line runs. Without an outline (or with one that
    has no inside) the line is a ribbon around its baseline. A baseline that runs to the left is that of a line that stands upside
    down on the page, unless most of the outline lies on its other side: then it was drawn from the text's end and is turned
    round.

    Args:
        image: (H, W), (H, W, 1) or (H, W, 3) uint8, the page.
        baseline: (P, 2) px of the page, in the direction of the text from its left.
        outline: (P, 2) px of the page; it is clipped to the page.
        topline: the text hangs from its baseline; None: the baseline runs through the text's middle.
        fill: "paper": the median colour along the outline; "black": 0, as kraken's models expect.
        distance: px from line to line on this page (`line_course.line_distance`), the height of a ribbon.

    Returns:
        The picture has the page's channels; it is never turned further (`turned` is 0).

    Raises:
        Rejected: neither baseline nor outline tells a place; the line lies outside the page; it would be too large.
        ValueError: an image of another kind, another `fill`.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.size == 0:
        raise ValueError(f"an image must be (H, W) or (H, W, C) uint8, not {image.shape} {image.dtype}")
    if fill not in FILLS:
        raise ValueError(f"fill is {fill!r}; known: {', '.join(FILLS)}")
    pixels, repeated = split_gray(image)
    pixels = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    course, frame, beside = _laid_out((pixels.shape[1], pixels.shape[0]), baseline, outline, topline, distance)
    if beside is not None:
        picture, to_page = _straightened(pixels, course, frame)
        picture = _masked(picture, np.rint(beside - (frame.left, frame.top)).astype(np.int32), fill)
    else:
        border = _on_page(frame.border(course), pixels.shape[1], pixels.shape[0])
        picture, to_page = _straightened(pixels, course, frame, _colour(pixels[border[:, 1], border[:, 0]], fill))
    return Crop(join_gray(picture, repeated) if image.ndim == 3 else picture, to_page)


def cut_size(
    size: tuple[int, int],
    baseline: np.ndarray | None,
    outline: np.ndarray | None,
    *,
    topline: bool | None = False,
    distance: float | None = None,
) -> tuple[int, int]:
    """(width, height) px of what `cut_line` gives of a page of `size` (width, height) px, without its pixels.

    Raises:
        Rejected: see `cut_line`.
    """
    course, frame, beside = _laid_out(size, baseline, outline, topline, distance)
    if beside is None:
        _on_page(frame.border(course), *size)
    return frame.size


def line_place(
    size: tuple[int, int],
    baseline: np.ndarray | None,
    outline: np.ndarray | None,
    *,
    topline: bool | None = False,
    distance: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """(outline (P, 2) px, way (2,) px of the text from its left) of what `cut_line` takes of a page of `size` (width, height) px.

    Raises:
        Rejected: see `cut_line`.
    """
    course, ring = _place(*size, baseline, outline)
    course, frame, _ = _framed(course, ring, topline, distance)
    if ring is None:
        upper, lower = np.split(frame.border(course), 2)
        ring = outline_within(np.concatenate([upper, lower[::-1]]), *size)
    if ring is None:
        raise Rejected(OFF_PAGE, "its border has no inside on the page")
    return ring, course.points[-1] - course.points[0]


def _laid_out(
    size: tuple[int, int], baseline: np.ndarray | None, outline: np.ndarray | None, topline: bool | None, distance: float | None
) -> tuple[Course, _Frame, np.ndarray | None]:
    """(the line's course, what a picture shows beside it, its outline (P, 2) px along and below or None)."""
    course, ring = _place(*size, baseline, outline)
    return _framed(course, ring, topline, distance)


def _framed(
    course: Course, ring: np.ndarray | None, topline: bool | None, distance: float | None
) -> tuple[Course, _Frame, np.ndarray | None]:
    """`_laid_out` of a line whose course and outline on the page are known."""
    if ring is not None:
        course, beside = _beside(course, ring, topline)
        return course, _Frame.around(beside), beside
    if distance is None or not distance > 0:
        raise Rejected(NO_PLACE, "it has no outline, and the page does not tell how far apart its lines stand")
    return *_ribbon(course, distance, topline), None


@dataclass(frozen=True)
class _Frame:
    """The part of the plane beside a baseline that a picture shows: whole px along and below, the last ones included."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, points: np.ndarray) -> _Frame:
        (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        frame = cls(*(math.floor(v + _EDGE) for v in (left, top)), *(math.ceil(v - _EDGE) for v in (right, bottom)))
        width, height = frame.size
        if max(width, height) > _SIDE or width * height > _LARGEST:
            raise Rejected(TOO_LARGE, f"it would have {width} x {height} px")
        return frame

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) px."""
        return self.right - self.left + 1, self.bottom - self.top + 1

    def border(self, course: Course) -> np.ndarray:
        """(N, 2) px of the page along its upper and its lower side."""
        origins, ways = course.walk(np.linspace(self.left, self.right, int(self.size[0] / _STEP) + 2))
        downs = downs_of(ways)
        return np.concatenate([origins + self.top * downs, origins + self.bottom * downs])


def _place(width: int, height: int, baseline: np.ndarray | None, outline: np.ndarray | None) -> tuple[Course, np.ndarray | None]:
    """(the line's course, its outline within the page or None)."""
    for name, points in (("baseline", baseline), ("outline", outline)):
        if points is not None and not np.isfinite(points).all():
            raise Rejected(NO_PLACE, f"its {name} has a coordinate that is no finite number")
    ring = None if outline is None else outline_within(outline, width, height)
    course = None if baseline is None else course_of(baseline)
    if course is None:
        if ring is None:
            raise Rejected(NO_PLACE, "neither its baseline nor its outline has an extent")
        return middle_course(ring), ring
    if course.length > _LONGEST * (width + height):
        raise Rejected(TOO_LARGE, f"its baseline is {course.length:.0f} px long on a page of {width} x {height} px")
    return course, ring


def _beside(course: Course, ring: np.ndarray, topline: bool | None) -> tuple[Course, np.ndarray]:
    """(course in the direction of the text, (N, 2) px along and below of the outline's points)."""
    if not course.straight:
        ring = subdivided(ring, _STEP)
    followed, beside = course.coordinates(ring)
    chord = course.points[-1] - course.points[0]
    if topline is not None and chord[0] < 0 and -chord[0] > abs(chord[1]):
        above, below = max(-float(beside[:, 1].min()), 0.0), max(float(beside[:, 1].max()), 0.0)
        text, other = (below, above) if topline else (above, below)
        if other > _FACING * text:
            return course.reversed().coordinates(ring)
    return followed, beside


def _ribbon(course: Course, distance: float, topline: bool | None) -> tuple[Course, _Frame]:
    """(course, frame) of a line without an outline: as long as its baseline and as high as lines are apart."""
    above = distance * {False: _ABOVE, True: 1 - _ABOVE, None: 0.5}[topline]
    ends = np.array([[0.0, -above], [course.length, distance - above]])
    return course.smoothed(float(np.abs(ends[:, 1]).max())), _Frame.around(ends)


def _on_page(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """(M, 2) whole px: those of a line's border (N, 2) px that lie on the page."""
    places = np.rint(points).astype(int)
    places = places[((places >= 0) & (places < (width, height))).all(axis=1)]
    if len(places) == 0:
        raise Rejected(OFF_PAGE, "its border does not lie on the page")
    return places


def _colour(values: np.ndarray, fill: str) -> tuple[float, ...]:
    """What is outside a line with (N,) or (N, C) values on its border: 0, or each channel's median."""
    values = values.reshape(len(values), -1)
    if fill == "black":
        return (0.0,) * values.shape[1]
    middle = len(values) // 2
    return tuple(np.partition(values, middle, axis=0)[middle].astype(float).tolist())


def _straightened(
    pixels: np.ndarray, course: Course, frame: _Frame, colour: tuple[float, ...] | None = None
) -> tuple[np.ndarray, PageMap]:
    """(the frame's px, their map to the page); beyond the page's edge its outermost px, or a colour."""
    edge, value = (cv2.BORDER_REPLICATE, (0.0,)) if colour is None else (cv2.BORDER_CONSTANT, colour)
    if course.straight:
        along, down = course.ways[0], downs_of(course.ways)[0]
        x, y = course.points[0] + frame.left * along + frame.top * down
        matrix = np.array([[along[0], down[0], x], [along[1], down[1], y], [0, 0, 1]])
        part, left, top = _part(pixels, lambda: Homography(matrix)(_corners(*frame.size)))
        sampled = matrix[:2] - [[0, 0, left], [0, 0, top]]
        picture = cv2.warpAffine(part, sampled, frame.size, None, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, edge, value)
        return picture, Homography(matrix)
    origins, ways = course.walk(np.arange(frame.left, frame.right + 2, dtype=np.float64))
    downs = downs_of(ways)
    part, left, top = _part(pixels, lambda: np.concatenate([origins + frame.top * downs, origins + frame.bottom * downs]))
    rows = np.arange(frame.top, frame.bottom + 1, dtype=np.float32)[:, None]
    maps = []
    for axis, first in ((0, left), (1, top)):
        places = rows * downs[:-1, axis].astype(np.float32)
        places += (origins[:-1, axis] - first).astype(np.float32)
        maps.append(places)
    picture = cv2.remap(part, maps[0], maps[1], cv2.INTER_LINEAR, None, edge, value)
    return picture, Strip(origins, downs, float(frame.top), np.eye(3))


def _corners(width: int, height: int) -> np.ndarray:
    return np.array([[0.0, 0.0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]])


def _part(pixels: np.ndarray, around: Callable[[], np.ndarray]) -> tuple[np.ndarray, int, int]:
    """(what cv2 samples of the page, its left and top px): all; of a page with sides too long for cv2 a view around (N, 2) px."""
    height, width = pixels.shape[:2]
    if max(width, height) <= _SIDE:
        return pixels, 0, 0
    points, most = around(), np.array([width - 1, height - 1])
    left, top = np.clip(np.floor(points.min(axis=0)) - 2, 0, most).astype(int).tolist()
    right, bottom = np.clip(np.ceil(points.max(axis=0)) + 2, 0, most).astype(int).tolist()
    return pixels[top : bottom + 1, left : right + 1], left, top


def _masked(picture: np.ndarray, ring: np.ndarray, fill: str) -> np.ndarray:
    """The picture, filled outside of a ring (N, 2) int32 px; what the ring surrounds twice is inside, too."""
    mask, rim = np.zeros(picture.shape[:2], np.uint8), np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [ring], 255)
    if cv2.countNonZero(mask) < cv2.contourArea(ring):  # fillPoly leaves out what a ring that crosses itself surrounds twice
        cv2.drawContours(mask, cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], -1, 255, cv2.FILLED)
    cv2.polylines(rim, [ring], True, 255)
    places = cv2.findNonZero(rim).reshape(-1, 2)
    places = places[:: len(places) // _SAMPLES + 1]
    colour = _colour(picture[places[:, 1], places[:, 0]], fill)
    height, width = picture.shape[:2]
    painted = cv2.copyMakeBorder(picture[:1, :1], 0, height - 1, 0, width - 1, cv2.BORDER_CONSTANT, value=colour)
    painted[:1, :1] = colour
    return cv2.copyTo(picture, mask, painted)


def cut_quad(page: np.ndarray, points: np.ndarray) -> Crop | None:
    """The region set upright: as wide and high as its longer opposite sides; one clearly higher than wide is turned left.

    Args:
        page: (H, W, 3) uint8 BGR.
        points: (P, 2) px; of a polygon its smallest rotated rectangle is taken.

    Returns:
        None for a region without extent (less than 1 px wide or high).

    Source: PaddleOCR's `get_rotate_crop_image`, `get_minarea_rect_crop`; RapidOCR cuts in the same way.
    """
    corners = np.asarray(points, np.float32) if len(points) == 4 else smallest_box(np.asarray(points))[0]
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    width, height = int(max(sides[0], sides[2])), int(max(sides[3], sides[1]))
    if width < 1 or height < 1:
        return None
    crop = _straight(page, corners, width, height)
    if crop is None:
        upright = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        there = cv2.getPerspectiveTransform(corners, upright)
        pixels, repeated = split_gray(page)  # of a page whose channels are one memory cv2 would copy the whole for each line
        image = cv2.warpPerspective(pixels, there, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        crop = Crop(repeat_gray(image) if repeated else image, Homography(cv2.getPerspectiveTransform(upright, corners)))
    return crop.rotated(1) if height / width >= UPRIGHT else crop


def _straight(page: np.ndarray, corners: np.ndarray, width: int, height: int) -> Crop | None:
    """An upright rectangle of whole px inside the page: its px as they are, which is what the warp would give."""
    left, top = corners[0]
    wanted = np.array([[left, top], [left + width, top], [left + width, top + height], [left, top + height]], np.float32)
    if not np.array_equal(corners, wanted) or left != int(left) or top != int(top):
        return None
    x, y = int(left), int(top)
    if x < 0 or y < 0 or x + width > page.shape[1] or y + height > page.shape[0]:
        return None
    to_page = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)
    pixels, repeated = split_gray(page)
    part = np.ascontiguousarray(pixels[y : y + height, x : x + width])
    return Crop(repeat_gray(part) if repeated else part, Homography(to_page))
