"""Which samples make a batch: pure functions of (seed, epoch).

A sampler plans the *global* batches of an epoch; a rank takes its share of each. So every rank has the same number of steps
and one canvas per step by construction, and no sample stands in two ranks. A last batch may be short, and a rank's share of
it empty.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np

from ppocr_like.contracts import Request
from ppocr_like.data.base import Dataset
from ppocr_like.data.sampling import occurrences

_ORDER = 0x0DE12  # stands where a sample's generator has its repeat: the two never share a stream


class Batches(Sequence[list[Request]]):
    """The batches of an epoch, kept as arrays: requests are made when a batch is asked for.

    Args:
        epoch: of every request.
        indices: (m,) the draws, batch after batch.
        repeats: (m,) which draw of its index each is.
        bounds: (batches + 1,) where the batches begin.
        sizes: (batches, 2) canvas (width, height) in px; None leaves it to the recipe.
        rank, world: a batch is divided into `world` runs, as equal as can be; this rank takes run number `rank`.
    """

    def __init__(
        self,
        epoch: int,
        indices: np.ndarray,
        repeats: np.ndarray,
        bounds: np.ndarray,
        sizes: np.ndarray | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.epoch, self.indices, self.repeats, self.bounds = epoch, indices, repeats, bounds
        self.sizes, self.rank, self.world = sizes, rank, world

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @overload
    def __getitem__(self, number: int) -> list[Request]: ...

    @overload
    def __getitem__(self, number: slice) -> Batches: ...

    def __getitem__(self, number: int | slice) -> list[Request] | Batches:
        if isinstance(number, slice):
            return self._slice(number)
        if number < 0:
            number += len(self)
        if not 0 <= number < len(self):
            raise IndexError(f"batch {number} of {len(self)}")
        first, count = int(self.bounds[number]), int(self.bounds[number + 1] - self.bounds[number])
        mine = slice(first + count * self.rank // self.world, first + count * (self.rank + 1) // self.world)
        size = None if self.sizes is None else (int(self.sizes[number, 0]), int(self.sizes[number, 1]))
        pairs = zip(self.indices[mine].tolist(), self.repeats[mine].tolist(), strict=True)
        return [Request(index, self.epoch, repeat, size) for index, repeat in pairs]

    def work(self) -> np.ndarray:
        """(batches,) What each global batch costs beside the others: px of its canvases, or samples where the recipe gives all
        the same canvas.
        """
        counts = np.diff(self.bounds)
        return counts if self.sizes is None else counts * self.sizes.prod(axis=1)

    def digest(self) -> str:
        """Equal for equal global batches in equal order."""
        digest = hashlib.sha256(repr(self.epoch).encode())
        for array in (self.indices, self.repeats, self.bounds, self.sizes):
            digest.update(b"none" if array is None else np.ascontiguousarray(array, np.int64).tobytes())
        return digest.hexdigest()

    def _slice(self, number: slice) -> Batches:
        start, stop, step = number.indices(len(self))
        if step != 1:
            raise ValueError("batches are cut in order only")
        stop = max(start, stop)
        sizes = None if self.sizes is None else self.sizes[start:stop]
        return Batches(self.epoch, self.indices, self.repeats, self.bounds[start : stop + 1], sizes, self.rank, self.world)

    def __iter__(self) -> Iterator[list[Request]]:
        for number in range(len(self)):
            yield self[number]


def shard(batches: Batches, rank: int, world: int) -> Batches:
    """The share of `rank` in each global batch; the number of batches stays."""
    if not 0 <= rank < world:
        raise ValueError(f"rank {rank} of {world}")
    return Batches(batches.epoch, batches.indices, batches.repeats, batches.bounds, batches.sizes, rank, world)


class Sampler(ABC):
    """Plans epochs.

    Args:
        dataset: gives the draws.
        batch_size: requests of a global batch (all ranks together).
        seed: of the orders.
        shuffle: a new order each epoch; otherwise by index.
        drop_last: leave out batches that are not full.
        keep_ratio: each label file has its share of the draws in every batch.
    """

    def __init__(
        self, dataset: Dataset, batch_size: int, seed: int, *, shuffle: bool, drop_last: bool, keep_ratio: bool = False
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch size {batch_size}; it must be 1 or more")
        self.dataset, self.batch_size, self.seed = dataset, batch_size, seed
        self.shuffle, self.drop_last, self.keep_ratio = shuffle, drop_last, keep_ratio

    @abstractmethod
    def epoch(self, epoch: int) -> Batches:
        """The global batches of an epoch in order."""

    def canvases(self, sizes: np.ndarray) -> np.ndarray | None:
        """(n, 2) sizes of images (width, height) px -> (m, 2), the sizes of all canvases in which a sampler that a recipe names
        (`Train.sampler`) may ask for them; None where it leaves the canvas to the chain.
        """
        return None

    def _draws(self, epoch: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
        """(indices, repeats) in the epoch's order, and the generator that goes on from there."""
        rng = np.random.Generator(np.random.PCG64([self.seed, epoch, 0, _ORDER]))
        indices = self.dataset.epoch_indices(epoch)
        repeats = occurrences(indices)
        if self.shuffle:
            order = rng.permutation(len(indices))
            indices, repeats = indices[order], repeats[order]
        return indices, repeats, rng

    def _cut(self, order: np.ndarray, groups: np.ndarray | None, size: int) -> list[np.ndarray]:
        """`order` (positions of draws) in batches of `size`; `groups`: label file of each draw, to keep shares."""
        if groups is not None:
            order = spread(order, groups[order])
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        if self.drop_last and batches and len(batches[-1]) < size:
            batches.pop()
        return batches


class PlainSampler(Sampler):
    """Batches in shuffled (or file) order."""

    def epoch(self, epoch: int) -> Batches:
        indices, repeats, _ = self._draws(epoch)
        order = np.arange(len(indices))
        if self.keep_ratio:
            order = spread(order, self.dataset.group_of(indices))
        end = len(order) - len(order) % self.batch_size if self.drop_last else len(order)
        bounds = np.append(np.arange(0, end, self.batch_size), end).astype(np.int64)
        return Batches(epoch, indices[order], repeats[order], bounds)


class SizeSampler(Sampler):
    """All samples of an evaluation, those of one resized size beside each other, the largest first.

    Memory is then needed most at the start, and the loader cuts few batches in two (see `Loader`).

    Args:
        dataset, batch_size: see `Sampler`.
        sizes: (n, 2) width and height px that the images will have.
    """

    def __init__(self, dataset: Dataset, batch_size: int, sizes: np.ndarray) -> None:
        super().__init__(dataset, batch_size, 0, shuffle=False, drop_last=False)
        self.sizes = sizes

    def epoch(self, epoch: int) -> Batches:
        indices, repeats, _ = self._draws(epoch)
        width, height = self.sizes[indices].T
        order = np.lexsort((np.arange(len(indices)), height, width, -width * height))
        bounds = np.append(np.arange(0, len(order), self.batch_size), len(order)).astype(np.int64)
        return Batches(epoch, indices[order], repeats[order], bounds)


class WidthBucketSampler(Sampler):
    """Batches of one canvas width each, so that a sample's result never depends on its batch mates.

    A line's canvas is its width at the recipe's height, rounded up to a multiple of `step` and held within
    [`min_width`, `max_width`] px.

    Args:
        dataset, batch_size, seed, shuffle, drop_last, keep_ratio: see `Sampler`.
        canvas: (height, width) px of the recipe's resize step.
        step: px between canvas widths.
        min_width: narrowest canvas in px; None: `step`.
        max_width: widest canvas in px; longer lines are squeezed into it.
        by_area: `batch_size` holds for the recipe's own width; narrower canvases get more samples, wider ones fewer.
        extra: half of an epoch's lines get canvases that are up to so many px wider, in whole steps.
        progress: a bar while images are measured.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        seed: int,
        *,
        shuffle: bool,
        drop_last: bool,
        canvas: tuple[int, int],
        step: int,
        min_width: int | None,
        max_width: int,
        by_area: bool = False,
        extra: int = 0,
        keep_ratio: bool = False,
        world: int = 1,
        progress: bool = True,
    ) -> None:
        super().__init__(dataset, batch_size, seed, shuffle=shuffle, drop_last=drop_last, keep_ratio=keep_ratio)
        self.height, self.base_width = canvas
        self.step, self.max_width, self.extra = step, max_width, extra
        self.by_area, self.world = by_area, world
        narrowest = step if min_width is None else min_width
        self.widths = canvas_widths(dataset.sizes(progress), self.height, step, narrowest, max_width, dataset.margin())

    def size_of(self, width: int) -> int:
        """Requests of a global batch whose canvas is `width` px wide: a multiple of the ranks."""
        if not self.by_area:
            return self.batch_size
        return max(1, self.batch_size // self.world * self.base_width // width) * self.world

    def epoch(self, epoch: int) -> Batches:
        indices, repeats, rng = self._draws(epoch)
        groups = self.dataset.group_of(indices) if self.keep_ratio else None
        drawn = self.widths[indices]
        if self.extra:
            most = self.extra // self.step
            more = np.maximum(rng.integers(-most, most, len(drawn), endpoint=False) + 1, 0)  # 0 for half of them
            drawn = np.minimum(drawn + more * self.step, np.maximum(drawn, self.max_width))
        by_width = np.argsort(drawn, kind="stable")
        edges = np.flatnonzero(np.diff(drawn[by_width])) + 1
        batches: list[np.ndarray] = []
        widths: list[int] = []
        for same in np.split(by_width, edges) if len(by_width) else []:
            width = int(drawn[same[0]])
            cut = self._cut(same, groups, self.size_of(width))
            batches += cut
            widths += [width] * len(cut)
        places = rng.permutation(len(batches)) if self.shuffle else np.arange(len(batches))
        batches = [batches[place] for place in places]
        order = np.concatenate(batches) if batches else np.zeros(0, np.int64)
        bounds = np.concatenate([[0], np.cumsum([len(batch) for batch in batches])]).astype(np.int64)
        sizes = np.stack([np.array(widths, np.int64)[places], np.full(len(widths), self.height, np.int64)], axis=1)
        return Batches(epoch, indices[order], repeats[order], bounds, sizes)


def canvas_widths(sizes: np.ndarray, height: int, step: int, min_width: int, max_width: int, margin: int = 0) -> np.ndarray:
    """(n,) int32: canvas width in px of images of `sizes` (n, 2); unreadable ones (0, 0) get the narrowest.

    Args:
        margin: px that the resize step puts beside a line.
    """
    wide, high = sizes[:, 0].astype(np.int64), np.maximum(sizes[:, 1].astype(np.int64), 1)
    scaled = -(-wide * height // high) + margin
    rounded = -(-scaled // step) * step
    return np.clip(rounded, min_width, max_width).astype(np.int32)


def spread(order: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Rearranges `order` so that every run of it holds the groups in about the proportion of the whole.

    The j-th of a group's m members stands at (j + 1/2) / m of the way: Sainte-Lague's apportionment, which rounds each prefix
    to the nearest whole shares and so carries what rounding left in one batch over to the next. Within a group the order stays.
    """
    place = occurrences(groups)
    return order[np.argsort((place + 0.5) / np.bincount(groups)[groups], kind="stable")] if len(order) else order
