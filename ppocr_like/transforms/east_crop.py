"""EastRandomCropData: a random part of a page that cuts no text."""

from __future__ import annotations

import numpy as np

from ppocr_like.registry import TRANSFORMS
from ppocr_like.transforms.base import Sample
from ppocr_like.transforms.page_crop import PageCrop
from ppocr_like.transforms.polygons import bounds, keep, touches
from ppocr_like.transforms.view import Rect, View, move, scaling, shift


@TRANSFORMS.register()
class EastRandomCropData(PageCrop):
    """Cuts a random part whose edges run between the texts and brings it to `size`, as PaddleOCR's EastRandomCropData.

    Each side of the part lies in a column (row) that no cared-for polygon covers: two of the free runs of columns are chosen
    at random, one column in each; rows likewise. A part that is smaller than `min_crop_side_ratio` of a side, or that holds
    no cared-for polygon, is drawn again; after `max_tries` the whole picture is taken. Polygons outside the part are
    dropped, with their `texts` and `ignore_tags`; ignored ones may reach beyond it.

    Unlike PaddleOCR the last free run counts too (there no part reaches into the right or lower margin unless it is the only
    free run), and polygons are scaled along each side as the picture is, whose sides are whole px.

    Args:
        size: (width, height) of the result, px.
        max_tries: how many parts are tried.
        min_crop_side_ratio: least width and height of the part, of the picture's.
        keep_ratio: one scale for both sides and black at the right or below; otherwise the part is stretched.
    """

    def place(self, sample: Sample, view: View, rng: np.random.Generator) -> View:
        low, high = bounds(sample["polys"])
        cared = ~np.asarray(sample["ignore_tags"], bool)
        crop = self._part(low[cared], high[cared], view.size, rng)
        x, y, w, h = crop
        inner = self.size
        if self.keep_ratio:
            scale = min(self.size[0] / w, self.size[1] / h)
            inner = (max(1, int(w * scale + 1e-9)), max(1, int(h * scale + 1e-9)))
        matrix = scaling(inner[0] / w, inner[1] / h) @ shift(-x, -y)
        keep(sample, move(sample["polys"], matrix), touches(low, high, crop))
        return view.cropped(crop, inner, self.size)

    def _part(self, low: np.ndarray, high: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> Rect:
        """The part to cut, given the bounds of the cared-for polygons."""
        whole = (0, 0, *size)
        if not len(low) or not self.max_tries:
            return whole
        across = self._side(low[:, 0], high[:, 0], size[0], rng)
        down = self._side(low[:, 1], high[:, 1], size[1], rng)
        if across is None or down is None:
            return whole
        (x0, x1), (y0, y1) = across, down
        good = (x1 - x0 >= max(1.0, self.min_crop_side_ratio * size[0])) & (
            y1 - y0 >= max(1.0, self.min_crop_side_ratio * size[1])
        )
        for i in np.flatnonzero(good):
            part = (int(x0[i]), int(y0[i]), int(x1[i] - x0[i]), int(y1[i] - y0[i]))
            if touches(low, high, (part[0] + 1, part[1] + 1, part[2] - 2, part[3] - 2)).any():  # an edge alone is no text
                return part
        return whole

    def _side(
        self, low: np.ndarray, high: np.ndarray, size: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """(max_tries,) first and last px of parts along one axis; None where no px is free."""
        starts, ends = free_runs(low, high, size)
        if not len(starts):
            return None
        run = rng.integers(len(starts), size=(2, self.max_tries))
        at = starts[run] + (rng.random(run.shape) * (ends[run] - starts[run])).astype(np.int64)
        return at.min(0), at.max(0)


def free_runs(low: np.ndarray, high: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(starts, ends) of the runs of px in [0, size) that no interval [round(low), round(high)) covers; int64."""
    begin, finish = np.clip(np.rint([low, high]), 0, size).astype(np.int64)
    covering = finish > begin
    begin, finish = begin[covering], finish[covering]
    order = np.argsort(begin, kind="stable")
    starts = np.concatenate([[0], np.maximum.accumulate(finish[order])])  # a run starts where all intervals so far have ended
    ends = np.concatenate([begin[order], [size]])
    free = ends > starts
    return starts[free], ends[free]
