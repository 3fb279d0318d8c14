"""RandomCrop: a random part of a page; texts at its edges are cut."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample
from ppocr_like.transforms.clip import clipped_quad, shortest_side, thickness
from ppocr_like.transforms.page_crop import PageCrop
from ppocr_like.transforms.polygons import bounds, stack, touches
from ppocr_like.transforms.view import Rect, View, move, scaling, shift

MOST_SIDE = 3  # a part reaches up to this many times `size`
LEAST_AREA = 80.0  # px² that must be left of a cut text
LEAST_THICKNESS = 0.35  # of the text's own thickness (about its height) that must be left


@TRANSFORMS.register()
class RandomCrop(PageCrop):
    """Cuts a random part and brings it to `size`, as PaddleOCR's RandomCrop (of the PP-OCRv6 detectors).

    Each side of the part is drawn between `min_crop_side_ratio` of the picture's (at most `size`) and three times `size`, and
    ends at the picture's. A part counts when it holds a cared-for text, whole or cut: a cut one becomes the quadrilateral
    (or triangle) nearest to what is left, which must have 80 px² and 0.35 of its former thickness, otherwise the text is dropped.
    Ignored polygons that reach into the part stay. After `max_tries` the whole picture is taken. A part larger than `size` is
    scaled down; none is scaled up.

    Polygons are scaled along each side as the picture is; PaddleOCR scales them by one number.

    Args:
        size: (width, height) of the result, px.
        max_tries: how many parts are tried.
        min_crop_side_ratio: see above.
        keep_ratio: one scale for both sides and black around at random; otherwise the part is stretched.
    """

    def place(self, sample: Sample, view: View, rng: np.random.Generator) -> View:
        page = _Texts.of(np.asarray(sample["polys"], np.float32), np.asarray(sample["ignore_tags"], bool))
        crop, outlines = self._part(page, view.size, rng)
        x, y, w, h = crop
        inner, at = self._fit(w, h, rng)
        matrix = shift(*at) @ scaling(inner[0] / w, inner[1] / h) @ shift(-x, -y)
        kept = sorted(outlines)
        polys = stack((move(outlines[i], matrix) for i in kept), page.polys.shape[1] if not kept else 0)
        ignored = page.ignored[kept]
        polys[ignored] = polys[ignored].clip(0, np.array(self.size, np.float32))
        sample["polys"] = polys
        sample["ignore_tags"] = ignored
        sample["texts"] = [sample["texts"][i] for i in kept]
        return view.cropped(crop, inner, self.size, at)

    def _part(self, page: _Texts, size: tuple[int, int], rng: np.random.Generator) -> tuple[Rect, dict[int, np.ndarray]]:
        """(the part, polygon number -> outline in the picture)."""
        crop, outlines = (0, 0, *size), dict(enumerate(page.polys))
        if not page.ignored.all():
            for _ in range(self.max_tries):
                (x, w), (y, h) = (self._side(size[axis], self.size[axis], rng) for axis in (0, 1))
                found = page.cared_in((x, y, w, h))
                if found:
                    crop, outlines = (x, y, w, h), found
                    break
        seen = page.ignored & touches(page.low, page.high, crop)
        return crop, {i: outline for i, outline in outlines.items() if not page.ignored[i]} | {
            int(i): page.polys[i] for i in np.flatnonzero(seen)
        }

    def _side(self, side: int, wanted: int, rng: np.random.Generator) -> tuple[int, int]:
        """(start, length) of a part along one side."""
        least, most = max(1, min(int(side * self.min_crop_side_ratio), wanted)), wanted * MOST_SIDE
        length = min(int(rng.integers(least, most + 1)), side)
        return int(rng.integers(side - length + 1)), length

    def _fit(self, width: int, height: int, rng: np.random.Generator) -> tuple[tuple[int, int], tuple[int, int]]:
        """(size, place) of a part in the result."""
        if not self.keep_ratio:
            return self.size, (0, 0)
        scale = min(1.0, self.size[0] / width, self.size[1] / height)
        inner = (max(1, int(width * scale + 1e-9)), max(1, int(height * scale + 1e-9)))
        return inner, (int(rng.integers(self.size[0] - inner[0] + 1)), int(rng.integers(self.size[1] - inner[1] + 1)))


@dataclass(frozen=True, eq=False)
class _Texts:
    """A page's polygons (N, P, 2) with what is asked of them for each part that is tried."""

    polys: np.ndarray
    ignored: np.ndarray
    low: np.ndarray
    high: np.ndarray
    thickness: np.ndarray

    @staticmethod
    def of(polys: np.ndarray, ignored: np.ndarray) -> _Texts:
        thick = np.array([0.0 if skip else thickness(poly) for poly, skip in zip(polys, ignored, strict=True)])
        return _Texts(polys, ignored, *bounds(polys), thick)

    def cared_in(self, crop: Rect) -> dict[int, np.ndarray]:
        """Cared-for polygon number -> its outline, cut where it leaves the part."""
        x, y, w, h = crop
        met = ~self.ignored & touches(self.low, self.high, crop)
        whole = (self.low >= (x, y)).all(axis=1) & (self.high <= (x + w, y + h)).all(axis=1)
        found = {int(i): self.polys[i] for i in np.flatnonzero(met & whole)}
        for i in np.flatnonzero(met & ~whole):
            outline = clipped_quad(self.polys[i], crop)
            if outline is not None and self._enough(outline, float(self.thickness[i])):
                found[int(i)] = outline
        return found

    @staticmethod
    def _enough(outline: np.ndarray, thick: float) -> bool:
        least = LEAST_THICKNESS * thick
        if cv2.contourArea(outline) < LEAST_AREA or thickness(outline) < least:
            return False
        return len(outline) != 4 or shortest_side(outline) >= least
