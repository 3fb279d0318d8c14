"""CopyPaste: texts of another page, turned at random, put where this page has none."""

from __future__ import annotations

import math

import cv2
import numpy as np

from ppocr_like.errors import ConfigError, Problem
from ppocr_like.geometry import smallest_box
from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.channels import join_gray, split_gray
from ppocr_like.transforms.polygons import PAGE_ENTRIES, bounds, stack
from ppocr_like.transforms.view import move, shift

MOST_PASTED = 30  # PaddleOCR's bound on the texts that one page receives
PLACES_TRIED = 50  # PaddleOCR's tries to find a place where no text is


@TRANSFORMS.register()
class CopyPaste(Transform):
    """Pastes texts of another training sample onto this one, as PaddleOCR's CopyPaste.

    Of the other page's cared-for polygons a share is drawn, each is straightened, turned by 0 to 359 degrees and put at a
    random place; one that is larger than this page, or for which no place is found, is left out. Its polygon, text and mark
    are appended. A polygon that is no convex quadrilateral is cut out along its own outline (PaddleOCR takes quadrilaterals
    only, and clips this page's own polygons, which stay as they are here). Without another sample nothing changes.

    Args:
        objects_paste_ratio: share of the other page's polygons; at least one and at most 30 are drawn.
        limit_paste: only where the turned text's bounds meet no polygon of this page (50 places are tried); otherwise anywhere.
    """

    needs = (*PAGE_ENTRIES, "fetch_other")
    gives = PAGE_ENTRIES

    def __init__(self, objects_paste_ratio: float = 0.2, limit_paste: bool = True) -> None:
        if not 0 <= objects_paste_ratio <= 1:
            raise ValueError(f"objects_paste_ratio is {objects_paste_ratio}; a share lies in [0, 1]")
        self.objects_paste_ratio = objects_paste_ratio
        self.limit_paste = limit_paste

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        other = sample["fetch_other"](rng)
        if other is None:
            return sample
        if "polys" not in other:
            message = "CopyPaste needs another sample's polygons: ext_op_transform_idx must reach to DetLabelEncode"
            raise ConfigError([Problem("ext_op_transform_idx", message)])
        cared = np.flatnonzero(~np.asarray(other["ignore_tags"], bool))
        count = max(1, min(int(self.objects_paste_ratio * len(other["polys"])), MOST_PASTED))
        chosen = rng.permutation(cared)[:count]
        page = _Page(sample["image"], other["image"], sample["polys"])
        pasted = []
        for i in chosen:
            outline = self._paste(page, other["polys"][i], rng)
            if outline is not None:
                pasted.append((int(i), outline))
        if pasted:
            sample["image"] = page.picture()
            sample["polys"] = stack([*sample["polys"], *(outline for _, outline in pasted)])
            sample["texts"] = [*sample["texts"], *(other["texts"][i] for i, _ in pasted)]
            sample["ignore_tags"] = np.append(np.asarray(sample["ignore_tags"], bool), np.zeros(len(pasted), bool))
        return sample

    def _paste(self, page: _Page, poly: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        """Pastes one text and gives its polygon on the page; None where it does not fit."""
        angle = math.radians(int(rng.integers(360)))
        straight = straightened(poly)
        if straight is None:
            return None
        matrix, width, height = straight
        matrix, width, height = turned(matrix, width, height, angle)
        room = page.width - width, page.height - height
        if min(room) < 0:
            return None
        tries = PLACES_TRIED if self.limit_paste else 1
        places = rng.integers(0, [room[0] + 1, room[1] + 1], (tries, 2))
        outline = move(poly, matrix)
        if self.limit_paste:
            places = page.free(places, outline)
            if not len(places):
                return None
        return page.paste(matrix, outline, (int(places[0, 0]), int(places[0, 1])), (width, height))


def straightened(poly: np.ndarray) -> tuple[np.ndarray, int, int] | None:
    """((3, 3) matrix, width, height): the map that lays a text's polygon (P, 2) into an upright picture of that size.

    A convex quadrilateral is pulled straight; of any other polygon the smallest box around it is laid down. None where
    nothing is left of it.
    """
    distinct = poly[np.append(True, (poly[1:] != poly[:-1]).any(axis=1))].astype(np.float32)
    if len(distinct) < 3 or not np.isfinite(distinct).all():
        return None
    if len(distinct) == 4 and cv2.isContourConvex(distinct):
        quad = distinct
    else:
        quad = smallest_box(distinct)[0].astype(np.float32)
    sides = np.linalg.norm(quad - np.roll(quad, -1, axis=0), axis=1)
    width, height = int(max(sides[0], sides[2])), int(max(sides[1], sides[3]))
    if width < 1 or height < 1:
        return None
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad, flat)
    return (matrix, width, height) if np.isfinite(matrix).all() and abs(np.linalg.det(matrix)) > 1e-12 else None


def turned(matrix: np.ndarray, width: int, height: int, angle: float) -> tuple[np.ndarray, int, int]:
    """The same for the picture turned by `angle` (radians, clockwise), on a canvas that holds all of it."""
    cos, sin = math.cos(angle), math.sin(angle)
    new_width = math.ceil(abs(cos) * width + abs(sin) * height - 1e-6)
    new_height = math.ceil(abs(sin) * width + abs(cos) * height - 1e-6)
    turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    matrix = shift(new_width / 2, new_height / 2) @ turn @ shift(-width / 2, -height / 2) @ matrix
    return matrix, new_width, new_height


class _Page:
    """The page that texts are pasted onto, and the one that they come from. Two gray pages are worked on in one channel."""

    def __init__(self, image: np.ndarray, other: np.ndarray, polys: np.ndarray) -> None:
        self._image, self._gray = split_gray(image)
        self._other, other_gray = split_gray(other)
        if self._gray and not other_gray:
            self._image, self._gray = image, False
        self.height, self.width = image.shape[:2]
        low, high = bounds(polys)
        self._bounds = np.concatenate([low, high], axis=1).T  # (4, N): left, top, right, bottom of what is there
        self._copied = False

    def free(self, places: np.ndarray, outline: np.ndarray) -> np.ndarray:
        """Those of the places (K, 2) where an outline (P, 2) moved there meets the bounds of no polygon."""
        left, top, right, bottom = self._bounds[:, None, :]
        low, high = (places + outline.min(axis=0))[..., None], (places + outline.max(axis=0))[..., None]
        meets = (right >= low[:, 0]) & (left <= high[:, 0]) & (bottom >= low[:, 1]) & (top <= high[:, 1])
        return places[~meets.any(axis=1)]

    def paste(self, matrix: np.ndarray, outline: np.ndarray, place: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
        """Puts what `outline` (P, 2) holds after `matrix` at `place`; gives the outline on the page."""
        if not self._copied:
            self._image, self._copied = np.array(self._image, order="C"), True
        width, height = size
        indices = shift(-0.5, -0.5) @ matrix @ shift(0.5, 0.5)  # cv2 counts from the middle of the first pixel
        patch = cv2.warpPerspective(self._other, indices, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        mask = np.zeros((height, width), np.uint8)
        cv2.fillPoly(mask, [np.rint((outline - 0.5) * 16).astype(np.int32)], 1, shift=4)
        part = self._image[place[1] : place[1] + height, place[0] : place[0] + width]
        np.copyto(part, self._fitted(patch, part), where=mask.reshape(height, width, *[1] * (part.ndim - 2)).view(bool))
        moved = outline + np.array(place, np.float32)
        self._bounds = np.append(self._bounds, np.concatenate([moved.min(0), moved.max(0)])[:, None], axis=1)
        return moved

    @staticmethod
    def _fitted(patch: np.ndarray, part: np.ndarray) -> np.ndarray:
        """The patch with as many channels as the page."""
        have = patch.shape[2] if patch.ndim == 3 else 1
        want = part.shape[2] if part.ndim == 3 else 1
        if have == 3 and want == 1:
            patch = cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY)
        elif have == 1 and want == 3:
            patch = cv2.cvtColor(patch.reshape(patch.shape[:2]), cv2.COLOR_GRAY2BGR)
        return patch.reshape(part.shape)

    def picture(self) -> np.ndarray:
        """(H, W, C) uint8, the page with all that was pasted."""
        return join_gray(self._image, self._gray)
