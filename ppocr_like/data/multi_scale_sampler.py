"""MultiScaleSampler: each batch has one of several canvases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ppocr_like.data.base import Dataset
from ppocr_like.data.samplers import Batches, Sampler, spread
from ppocr_like.data.sampling import occurrences
from ppocr_like.registry import SAMPLERS


@SAMPLERS.register()
class MultiScaleSampler(Sampler):
    """Batches of several canvas sizes, as PaddleOCR's MultiScaleSampler, whose batch sizes and counts are kept.

    The sizes follow each other in rounds until every draw of the epoch has its place; the last round is filled with further
    draws, so that all batches are full. Which lines meet, in which size and in what order is drawn anew for every epoch
    (PaddleOCR composes its batches once). A batch has one size on all ranks. `Train.loader`'s batch_size_per_card and drop_last
    are not read, as in PaddleOCR.

    Args:
        scales: [width, height] px of each canvas, or one number for both sides.
        first_bs: requests of one rank's batch at the first of them.
        fix_bs: the same number at every size; otherwise as many as give the first batch's area (at least 1).
        divided_factor: [width, height]: sides are rounded down to multiples of these px.
        is_training: false: the first size only, unrounded, in file order.
        ratio_wh: not read, as in PaddleOCR.
        max_w: widest canvas in px where the data set's `ds_width` groups lines of about the same shape: then a canvas is as
            many times wider than high, in whole numbers, as its batch's lines are on average.
        dataset, seed, world: context: what is drawn from, the seed of the orders, the number of ranks. Without a data set only
            the arguments are checked.
    """

    def __init__(
        self,
        scales: list[list[int]] | list[int],
        first_bs: int = 128,
        fix_bs: bool = True,
        divided_factor: Sequence[int] = (8, 16),
        is_training: bool = True,
        ratio_wh: float = 0.8,
        max_w: float = 480.0,
        *,
        dataset: Dataset,
        seed: int = 0,
        world: int = 1,
    ) -> None:
        if first_bs < 1:
            raise ValueError(f"first_bs is {first_bs}; a batch holds at least 1")
        if len(divided_factor) != 2 or min(divided_factor) < 1:
            raise ValueError(f"divided_factor is {list(divided_factor)}; [width, height] in px, 1 or more, are needed")
        if max_w < 1:
            raise ValueError(f"max_w is {max_w}; it must be at least 1 px")
        super().__init__(dataset, first_bs * world, seed, shuffle=is_training, drop_last=False)
        self.world, self.max_w = world, max_w
        sizes = _sizes(scales)
        self.pairs = _pairs(sizes, first_bs, fix_bs, divided_factor) if is_training else [(*sizes[0], first_bs)]

    def epoch(self, epoch: int) -> Batches:
        indices, repeats, rng = self._draws(epoch)
        plan, counts = self._plan(len(indices), rng)
        order = self._filled(indices, int(counts.sum()) * self.world, rng)
        sizes = np.array([self.pairs[n][:2] for n in plan], np.int64).reshape(-1, 2)
        bounds = np.concatenate([[0], np.cumsum(counts * self.world)]).astype(np.int64)
        if getattr(self.dataset, "ds_width", False) and len(order):
            order, sizes = self._by_shape(indices, order, bounds, sizes)
            if self.shuffle:
                order, bounds, sizes = _shuffled(order, bounds, sizes, rng)
        elif self.keep_ratio:
            order = spread(order, self.dataset.group_of(indices[order]))
        if len(order) > len(indices):
            repeats = occurrences(indices[order])  # a further draw of a sample is another one
        else:
            repeats = repeats[order]
        return Batches(epoch, indices[order], repeats, bounds, sizes)

    def canvases(self, sizes: np.ndarray) -> np.ndarray:
        """See `Sampler.canvases`. Under `ds_width` as if a batch's lines all had the line's own shape."""
        own = np.array(sorted({pair[:2] for pair in self.pairs}), np.int64)
        if not getattr(self.dataset, "ds_width", False):
            return own
        ratio = _ratios(np.asarray(sizes, np.float64))
        heights = np.unique(own[:, 1])
        return np.concatenate([np.stack([self._widths(ratio, h), np.full(len(ratio), h)], axis=1) for h in heights])

    def _plan(self, draws: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(number of the size, requests of a rank) of each batch: whole rounds over the sizes, in random order in training."""
        each = draws // self.world
        wanted = np.array([count for *_, count in self.pairs], np.int64)
        plan = np.tile(np.arange(len(wanted)), -(-each // int(wanted.sum())))
        if self.shuffle:
            plan = rng.permutation(plan)
        counts = wanted[plan]
        own = np.clip(each - (np.cumsum(counts) - counts), 0, counts)
        return plan, own + np.minimum(counts - own, each)  # of fewer samples than a batch holds none stands in it three times

    def _filled(self, indices: np.ndarray, total: int, rng: np.random.Generator) -> np.ndarray:
        """`total` positions of draws: each once, then further ones, in training again at random."""
        order = [np.arange(len(indices))]
        while (missing := total - sum(map(len, order))) > 0:
            again = rng.permutation(len(indices)) if self.shuffle else np.arange(len(indices))
            order.append(again[:missing])
        return np.concatenate(order)[:total]

    def _by_shape(
        self, indices: np.ndarray, order: np.ndarray, bounds: np.ndarray, sizes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lines of about the same shape meet: (order, sizes) with the canvases' widths by the mean shape of each batch."""
        ratio = _ratios(self.dataset.sizes()[indices[order]].astype(np.float64))
        by_ratio = np.argsort(np.rint(ratio), kind="stable")  # within the same canvas the epoch's own order stays
        mean = np.add.reduceat(ratio[by_ratio], bounds[:-1]) / np.diff(bounds)
        return order[by_ratio], np.stack([self._widths(mean, sizes[:, 1]), sizes[:, 1]], axis=1)

    def _widths(self, ratio: np.ndarray, height: np.ndarray) -> np.ndarray:
        """px: whole multiples of the height, near the ratio of width to height, up to `max_w`."""
        return height * np.maximum(1, np.rint(np.minimum(ratio, self.max_w / height)).astype(np.int64))


def _ratios(sizes: np.ndarray) -> np.ndarray:
    """(n,) width over height of sizes (n, 2); 1 where they could not be read."""
    return np.where(sizes[:, 1] > 0, sizes[:, 0] / np.maximum(sizes[:, 1], 1), 1.0)


def _shuffled(
    order: np.ndarray, bounds: np.ndarray, sizes: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The batches in random order."""
    places = rng.permutation(len(sizes))
    batches = [order[bounds[place] : bounds[place + 1]] for place in places]
    return np.concatenate(batches), np.concatenate([[0], np.cumsum(np.diff(bounds)[places])]), sizes[places]


def _sizes(scales: Sequence[int | Sequence[int]]) -> list[tuple[int, int]]:
    """(width, height) px of each entry."""
    sizes = []
    for scale in scales:
        pair = (scale, scale) if isinstance(scale, int) else tuple(scale)
        if len(pair) != 2 or min(pair) < 1:
            raise ValueError(f"scales holds {scale!r}; [width, height] in px, or one number for both, is needed")
        sizes.append((int(pair[0]), int(pair[1])))
    if not sizes:
        raise ValueError("scales is empty; at least one [width, height] is needed")
    return sizes


def _pairs(sizes: list[tuple[int, int]], first_bs: int, fix_bs: bool, factor: Sequence[int]) -> list[tuple[int, int, int]]:
    """(width, height, requests) of each size, rounded down to multiples of `factor` px."""
    area = sizes[0][0] * sizes[0][1] * first_bs
    pairs = []
    for width, height in sizes:
        rounded = width // factor[0] * factor[0], height // factor[1] * factor[1]
        if min(rounded) < 1:
            raise ValueError(f"scales holds [{width}, {height}], which is smaller than divided_factor {list(factor)}")
        pairs.append((*rounded, first_bs if fix_bs else max(1, area // (rounded[0] * rounded[1]))))
    return pairs
