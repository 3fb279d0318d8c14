"""Plans of epochs."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppocr_like.contracts import Request, SampleInfo
from ppocr_like.data.base import Dataset, Record
from ppocr_like.data.multi_scale_sampler import MultiScaleSampler
from ppocr_like.data.samplers import Batches, PlainSampler, WidthBucketSampler, canvas_widths, shard, spread
from ppocr_like.data.sampling import draw_epoch
from ppocr_like.transforms.base import Sample


class Numbers(Dataset):
    """A data set of sizes only."""

    def __init__(self, counts: list[int], ratios: list[float] | None = None, sizes: np.ndarray | None = None) -> None:
        self.counts, self.ratios = counts, ratios or [1.0] * len(counts)
        rng = np.random.default_rng(1)
        self._sizes = (
            np.stack([rng.integers(5, 700, sum(counts)), np.full(sum(counts), 24)], 1).astype(np.int32)
            if sizes is None
            else sizes
        )

    def __len__(self) -> int:
        return sum(self.counts)

    def info(self, index: int) -> SampleInfo:
        raise NotImplementedError

    def record(self, index: int) -> Record:
        raise NotImplementedError

    def request_info(self, request: Request) -> SampleInfo:
        raise NotImplementedError

    def fetch(self, request: Request) -> Sample:
        raise NotImplementedError

    def epoch_indices(self, epoch: int) -> np.ndarray:
        return draw_epoch(self.counts, self.ratios, 5, epoch, True)

    def group_of(self, indices: np.ndarray) -> np.ndarray:
        return np.searchsorted(np.cumsum(self.counts), indices, side="right")

    def sizes(self, progress: bool = True) -> np.ndarray:
        return self._sizes

    def canvas(self) -> tuple[int, int, int] | None:
        return (3, 48, 320)

    def use_cache(self, cache_dir: str | Path) -> None:
        raise NotImplementedError


def plain(data: Dataset, size: int = 8, **more: Any) -> PlainSampler:
    return PlainSampler(data, size, 5, **{"shuffle": True, "drop_last": False, **more})


def bucketed(data: Dataset, size: int = 8, **more: Any) -> WidthBucketSampler:
    given = {"shuffle": True, "drop_last": False, "canvas": (48, 320), "step": 64, "min_width": None, "max_width": 1280}
    return WidthBucketSampler(data, size, 5, **{**given, **more})


def drawn(batches: Batches) -> list[tuple[int, int]]:
    return [(r.index, r.repeat) for batch in batches for r in batch]


@pytest.mark.parametrize("make", [plain, bucketed])
@pytest.mark.parametrize("keep_ratio", [False, True])
def test_an_epoch_holds_each_draw_once(make: Any, keep_ratio: bool) -> None:
    data = Numbers([50, 31], [1.0, 2.4])
    sampler = make(data, keep_ratio=keep_ratio)
    for epoch in range(3):
        requests = drawn(sampler.epoch(epoch))
        assert len(set(requests)) == len(requests) == 50 + round(31 * 2.4)
        assert Counter(i for i, _ in requests) == Counter(data.epoch_indices(epoch).tolist())
        assert all(r.epoch == epoch for batch in sampler.epoch(epoch) for r in batch)


@pytest.mark.parametrize("make", [plain, bucketed])
def test_orders_are_a_function_of_seed_and_epoch(make: Any) -> None:
    data = Numbers([90])
    assert drawn(make(data).epoch(1)) == drawn(make(data).epoch(1))
    assert drawn(make(data).epoch(1)) != drawn(make(data).epoch(2))


def test_without_shuffle_the_order_is_the_files() -> None:
    assert [i for i, _ in drawn(plain(Numbers([10, 5]), shuffle=False).epoch(4))] == list(range(15))


def test_drop_last_leaves_full_batches_only() -> None:
    assert [len(b) for b in plain(Numbers([21])).epoch(0)] == [8, 8, 5]
    assert [len(b) for b in plain(Numbers([21]), drop_last=True).epoch(0)] == [8, 8]
    assert {len(b) for b in bucketed(Numbers([300]), drop_last=True).epoch(0)} == {8}
    assert len(plain(Numbers([3]), drop_last=True).epoch(0)) == 0
    assert len(bucketed(Numbers([1]), drop_last=True).epoch(0)) == 0


def test_canvas_widths() -> None:
    sizes = np.array([[64, 48], [65, 48], [32, 24], [1, 20000], [20000, 1], [0, 0], [100, 48]], np.int32)
    assert canvas_widths(sizes, 48, 64, 64, 1280).tolist() == [64, 128, 64, 64, 1280, 64, 128]
    assert canvas_widths(sizes, 48, 64, 128, 100_000).tolist() == [128, 128, 128, 128, 100_000, 128, 128]


def test_a_batch_has_one_canvas_that_holds_its_lines() -> None:
    data = Numbers([400])
    batches = bucketed(data).epoch(0)
    for batch in batches:
        (size,) = {r.size for r in batch}
        assert size is not None and size[1] == 48
        for request in batch:
            wide, high = data.sizes()[request.index]
            scaled = 48 * wide / high
            assert size[0] - 64 < scaled <= size[0] or (size[0] == 64 and scaled <= 64) or (size[0] == 1280 and scaled >= 1216)


def test_half_of_the_lines_get_canvases_that_are_wider_by_whole_steps() -> None:
    data = Numbers([4000])
    own = {i: size for batch in bucketed(data).epoch(0) for i, size in ((r.index, r.size[0]) for r in batch if r.size)}
    sampler = bucketed(data, extra=200)
    epochs = [{r.index: r.size[0] for batch in sampler.epoch(epoch) for r in batch if r.size} for epoch in (0, 1)]
    assert epochs[0] != epochs[1] and all(set(epoch) == set(own) for epoch in epochs)
    more = Counter((epochs[0][i] - width) // 64 for i, width in own.items() if width <= 1280 - 192)
    total = sum(more.values())
    assert set(more) == {0, 1, 2, 3} and all(abs(more[n] / total - share) < 0.05 for n, share in enumerate((1 / 2, *[1 / 6] * 3)))
    assert max(epochs[0].values()) == 1280
    assert all(len({r.size for r in batch}) == 1 for batch in sampler.epoch(0))
    assert drawn(bucketed(data, extra=200).epoch(1)) == drawn(sampler.epoch(1))


def test_in_evaluation_lines_stand_by_width_then_index() -> None:
    batches = bucketed(Numbers([100]), shuffle=False).epoch(0)
    order = [(r.size[0], r.index) for batch in batches for r in batch if r.size]
    assert order == sorted(order)


def test_in_training_widths_do_not_come_in_order() -> None:
    widths = [batch[0].size[0] for batch in bucketed(Numbers([800])).epoch(0) if batch[0].size]
    changes = sum(a != b for a, b in itertools.pairwise(widths))
    assert changes > len(widths) / 2


def test_by_area_a_batch_costs_about_the_same() -> None:
    sampler = bucketed(Numbers([4000]), by_area=True)
    assert [sampler.size_of(width) for width in (64, 320, 640, 1280)] == [40, 8, 4, 2]
    for batch in sampler.epoch(0):
        assert batch[0].size and len(batch) * batch[0].size[0] <= 8 * 320
    assert bucketed(Numbers([10]), size=12, by_area=True, world=3).size_of(1280) == 3


@pytest.mark.parametrize("size", [4, 7, 16])
def test_every_batch_holds_the_files_in_their_share(size: int) -> None:
    data = Numbers([300, 100, 37], [1.0, 1.0, 0.5])
    counts = np.bincount(data.group_of(data.epoch_indices(0)))
    share = counts / counts.sum()
    seen = np.zeros(3)
    for batch in plain(data, size, keep_ratio=True).epoch(0):
        here = np.bincount(data.group_of(np.array([r.index for r in batch])), minlength=3)
        seen += here
        assert (np.abs(here - share * len(batch)) < 2).all()
        assert (np.abs(seen - share * seen.sum()) < 1).all(), "what rounding left is carried over"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=5))
def test_spread_keeps_every_entry_and_the_order_within_a_group(counts: list[int]) -> None:
    groups = np.repeat(np.arange(len(counts)), counts)
    order = np.random.default_rng(0).permutation(len(groups))
    out = spread(order, groups[order])
    assert sorted(out) == sorted(order)
    for group in range(len(counts)):
        assert [o for o in out if groups[o] == group] == [o for o in order if groups[o] == group]


@pytest.mark.parametrize("world", [1, 2, 3, 8])
def test_ranks_divide_each_global_batch(world: int) -> None:
    batches = bucketed(Numbers([61]), size=2 * world).epoch(0)
    shares = [shard(batches, rank, world) for rank in range(world)]
    assert {len(share) for share in shares} == {len(batches)}
    for number, whole in enumerate(batches):
        parts = [share[number] for share in shares]
        assert sorted((r for part in parts for r in part), key=str) == sorted(whole, key=str)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1 and len(parts[0]) <= 2


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 9),
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(1, 40), st.sampled_from([0.3, 0.5, 1.0, 1.7, 2.0])), min_size=1, max_size=3),
    st.sampled_from(["plain", "buckets", "buckets by area", "scales"]),
    st.booleans(),
    st.integers(0, 3),
)
def test_the_ranks_together_are_one_process(
    world: int, size: int, files: list[tuple[int, float]], kind: str, keep_ratio: bool, epoch: int
) -> None:
    """Batch for batch, in order, with the same repeats and canvases; by area too, where a rank's number is rounded down."""
    counts, ratios = zip(*files, strict=True)
    data = Numbers(list(counts), list(ratios))

    def planned(processes: int, each: int) -> Batches:
        if kind == "plain":
            return plain(data, each * processes, keep_ratio=keep_ratio).epoch(epoch)
        if kind == "scales":
            scales = MultiScaleSampler([[320, 32], [256, 32], [128, 32]], each, True, dataset=data, seed=3, world=processes)
            scales.keep_ratio = keep_ratio
            return scales.epoch(epoch)
        area = kind == "buckets by area"
        return bucketed(data, size=each * processes, by_area=area, world=processes, keep_ratio=keep_ratio).epoch(epoch)

    whole = planned(world, size)
    parts = [shard(whole, rank, world) for rank in range(world)]
    assert [[r for part in parts for r in part[number]] for number in range(len(whole))] == list(whole)
    assert len({part.digest() for part in parts} | {whole.digest()}) == 1
    assert all(len({r.size for part in parts for r in part[number]}) <= 1 for number in range(len(whole)))
    if kind in ("plain", "buckets"):
        assert list(planned(1, size * world)) == list(whole)
        assert sorted(r.index for batch in whole for r in batch) == sorted(data.epoch_indices(epoch).tolist())


def test_ranks_keep_the_files_shares_too() -> None:
    data = Numbers([300, 100])
    batches = plain(data, 16, keep_ratio=True).epoch(0)
    for rank in range(2):
        for batch in shard(batches, rank, 2)[:20]:
            assert np.bincount(data.group_of(np.array([r.index for r in batch]))).tolist() == [6, 2]


def test_batches_are_cut_like_lists() -> None:
    batches = plain(Numbers([21])).epoch(0)
    whole = list(batches)
    assert list(batches[1:]) == whole[1:] and batches[-1] == whole[-1] and list(batches[5:2]) == []
    assert list(shard(batches, 1, 2)[1:]) == list(shard(batches, 1, 2))[1:]
    with pytest.raises(IndexError):
        batches[3]


def test_a_plan_of_a_million_requests_is_no_million_objects() -> None:
    batches = plain(Numbers([1_000_000]), 64).epoch(0)
    assert len(batches) == 15625
    assert sum(a.nbytes for a in (batches.indices, batches.repeats, batches.bounds)) < 20_000_000
    assert sys.getsizeof(batches) < 1000
