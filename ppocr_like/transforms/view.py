"""A picture that has been turned, scaled and cropped, before its pixels are sampled.

Coordinates are continuous: pixel i covers [i, i + 1), so a picture W px wide reaches from 0 to W, mirroring takes x to
W - x and scaling by s takes x to s * x. That is how imgaug moves polygons and how cv2.resize moves pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ppocr_like.transforms.channels import join_gray, split_gray

Rect = tuple[int, int, int, int]  # x, y, width, height in px
Fill = tuple[float, ...]
BLACK: Fill = (0.0, 0.0, 0.0)
_EDGE = 1e-6  # px: what counts as equal
_CV2_SIDE = 32000  # cv2 samples only from pictures whose sides fit 16 bits
_HALF = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
_BACK = np.array([[1.0, 0.0, -0.5], [0.0, 1.0, -0.5], [0.0, 0.0, 1.0]])


def shift(x: float, y: float) -> np.ndarray:
    """(3, 3) matrix that moves by (x, y) px."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def scaling(x: float, y: float) -> np.ndarray:
    """(3, 3) matrix that scales around the origin."""
    return np.array([[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, 1.0]])


def move(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(..., 2) points, px, through a (3, 3) matrix -> the same shape, float32."""
    points = np.asarray(points, np.float64)
    moved = points @ matrix[:2, :2].T + matrix[:2, 2]
    if matrix[2, 0] or matrix[2, 1]:
        moved /= (points @ matrix[2, :2] + matrix[2, 2])[..., None]
    return moved.astype(np.float32)


def corners(width: float, height: float) -> np.ndarray:
    """(4, 2) corners of a picture, clockwise from the top left."""
    return np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])


@dataclass(frozen=True, eq=False)
class View:
    """What a picture shows after some steps. Steps give a new view; `render` samples the pixels, each once.

    Args:
        source: (H, W, C) or (H, W) uint8.
        matrix: (3, 3), from px of the source to px of this picture.
        size: (width, height) of this picture.
        window: the part of this picture that shows the source; all else is 0.
        fill: what the window shows beyond the source, a value per channel.
        complete: nothing of the source lies outside the window.
    """

    source: np.ndarray
    matrix: np.ndarray
    size: tuple[int, int]
    window: Rect
    fill: Fill = BLACK
    complete: bool = True

    @staticmethod
    def whole(image: np.ndarray) -> View:
        """The picture as it is."""
        height, width = image.shape[:2]
        return View(image, np.eye(3), (width, height), (0, 0, width, height))

    def mirrored(self, horizontally: bool) -> tuple[View, np.ndarray]:
        """(view, matrix of this step): left and right, or top and bottom, change places."""
        (width, height), (x, y, w, h) = self.size, self.window
        if horizontally:
            step, window = shift(width, 0) @ scaling(-1, 1), (width - x - w, y, w, h)
        else:
            step, window = shift(0, height) @ scaling(1, -1), (x, height - y - h, w, h)
        return replace(self, matrix=step @ self.matrix, window=window), step

    def resized(self, width: int, height: int) -> tuple[View, np.ndarray]:
        """(view, matrix of this step): the whole picture in another size."""
        view = self._full()
        step = scaling(width / view.size[0], height / view.size[1])
        return replace(view, matrix=step @ view.matrix, size=(width, height), window=(0, 0, width, height)), step

    def warped(self, step: np.ndarray, width: int, height: int, fill: Fill = BLACK) -> View:
        """The picture through the (3, 3) matrix `step` on a canvas of another size; beyond its edges is `fill`."""
        view = self._full()
        if not view.untouched and not (view.complete and view.fill == fill):
            view = View.whole(view.render())  # beyond its edges there would be more of the source, or another fill
        matrix = step @ view.matrix
        edge = move(corners(view.source.shape[1], view.source.shape[0]), matrix)
        inside = bool((edge >= -_EDGE).all() and (edge <= np.array([width, height]) + _EDGE).all())
        return View(view.source, matrix, (width, height), (0, 0, width, height), fill, inside)

    def cropped(self, crop: Rect, inner: tuple[int, int], outer: tuple[int, int], at: tuple[int, int] = (0, 0)) -> View:
        """The part `crop` of this picture, in the size `inner`, put at `at` on a black picture of the size `outer`."""
        view = self._full()
        x, y, w, h = crop
        step = shift(*at) @ scaling(inner[0] / w, inner[1] / h) @ shift(-x, -y)
        complete = view.complete and (x, y, w, h) == (0, 0, *view.size)
        return View(view.source, step @ view.matrix, outer, (*at, *inner), view.fill, complete)

    def _full(self) -> View:
        """A view whose window is its whole picture: a padded one is sampled."""
        return self if self.window == (0, 0, *self.size) else View.whole(self.render())

    @property
    def untouched(self) -> bool:
        """The picture is the source."""
        plain = self.window == (0, 0, *self.size) and self.source.shape[1::-1] == self.size
        return plain and np.array_equal(self.matrix, np.eye(3))

    def render(self) -> np.ndarray:
        """(height, width, C) uint8, bilinear; where the source is shrunk to less than half it is averaged first.

        An untouched picture is the source itself, not a copy.
        """
        if self.untouched:
            return self.source
        work, gray = split_gray(self.source)
        if gray and len(set(self.fill)) > 1:
            work, gray = np.ascontiguousarray(self.source), False
        x, y, w, h = self.window
        if self.window == (0, 0, *self.size):
            return join_gray(_sample(work, self.matrix, w, h, self.fill), gray)
        out = np.zeros((self.size[1], self.size[0], *work.shape[2:]), work.dtype)
        if w > 0 and h > 0:
            out[y : y + h, x : x + w] = _sample(work, shift(-x, -y) @ self.matrix, w, h, self.fill).reshape(h, w, *work.shape[2:])
        return join_gray(out, gray)


def _sample(image: np.ndarray, matrix: np.ndarray, width: int, height: int, fill: Fill) -> np.ndarray:
    """The picture of `width` x `height` px that `matrix` makes of the image."""
    upright = _upright(image, matrix, width, height)
    if upright is not None:
        return upright
    image, matrix = _reduced(*_needed(image, matrix, width, height))
    indices = _BACK @ matrix @ _HALF  # cv2 counts from the middle of the first pixel
    value = tuple(fill[i] if i < len(fill) else fill[-1] for i in range(1 if image.ndim == 2 else image.shape[2]))
    colour = image.ndim == 3 and image.shape[2] == 3
    if colour:  # cv2 samples four channels in half the time of three
        image, value = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA), (*value, 0.0)
    if matrix[2, 0] == 0 and matrix[2, 1] == 0:
        affine = indices[:2] / indices[2, 2]
        out = cv2.warpAffine(image, affine, (width, height), flags=cv2.INTER_LINEAR, borderValue=value)
    else:
        out = cv2.warpPerspective(image, indices, (width, height), flags=cv2.INTER_LINEAR, borderValue=value)
    return cv2.cvtColor(out, cv2.COLOR_BGRA2BGR) if colour else out


def _upright(image: np.ndarray, matrix: np.ndarray, width: int, height: int) -> np.ndarray | None:
    """The picture where it is a part of the image in whole px, scaled and mirrored but not turned; None where it is not.

    A picture scaled like this keeps its edges as they are.
    """
    if matrix[0, 1] or matrix[1, 0] or matrix[2, 0] or matrix[2, 1] or not (matrix[0, 0] and matrix[1, 1]):
        return None
    ends = move(corners(width, height)[[0, 2]], np.linalg.inv(matrix)).astype(np.float64)
    whole = np.rint(ends)
    if np.abs(ends - whole).max() > 1e-3:
        return None
    (x0, y0), (x1, y1) = whole.min(0).astype(int), whole.max(0).astype(int)
    if x0 < 0 or y0 < 0 or x1 > image.shape[1] or y1 > image.shape[0] or x0 == x1 or y0 == y1:
        return None
    part = image[y0:y1, x0:x1]
    if (x1 - x0, y1 - y0) != (width, height):
        shrunk = x1 - x0 >= 2 * width or y1 - y0 >= 2 * height
        part = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if shrunk else cv2.INTER_LINEAR)
    across, down = matrix[0, 0] < 0, matrix[1, 1] < 0
    return cv2.flip(part, -1 if across and down else 1 if across else 0) if across or down else part


def _needed(image: np.ndarray, matrix: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """The part of the image that is shown, and the matrix from there."""
    if matrix[2, 0] or matrix[2, 1]:
        return image, matrix
    seen = move(corners(width, height), np.linalg.inv(matrix))
    most = np.array([image.shape[1], image.shape[0]])
    x0, y0 = (int(n) for n in np.clip(np.floor(seen.min(0)) - 2, 0, most - 1))
    x1, y1 = (int(n) for n in np.clip(np.ceil(seen.max(0)) + 2, [x0 + 1, y0 + 1], most))
    return image[y0:y1, x0:x1], matrix @ shift(x0, y0)


def _reduction(image: np.ndarray, matrix: np.ndarray) -> int:
    """How many px along each side one px of the picture stands for, cut to a whole number: the less shrunk side counts."""
    scales = np.linalg.norm(matrix[:2, :2], axis=0)
    # A perspective scales differently everywhere: the middle of the image stands for it.
    depth = matrix[2, 0] * image.shape[1] / 2 + matrix[2, 1] * image.shape[0] / 2 + matrix[2, 2]
    return max(1, int(max(abs(depth), _EDGE) / max(float(scales.max()), 1e-4)))


def _reduced(image: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The image averaged where it would be shrunk to less than half, and the matrix from there."""
    by = max(_reduction(image, matrix), math.ceil(max(image.shape[:2]) / _CV2_SIDE))
    if by == 1:
        return image, matrix
    size = (max(1, round(image.shape[1] / by)), max(1, round(image.shape[0] / by)))
    ratio = scaling(image.shape[1] / size[0], image.shape[0] / size[1])
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), matrix @ ratio
