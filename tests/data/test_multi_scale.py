"""MultiScaleSampler and MultiScaleDataSet."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppocr_like.config import Builder, load_recipe
from ppocr_like.contracts import Request
from ppocr_like.data.loader import build_loader
from ppocr_like.data.multi_scale_sampler import MultiScaleSampler
from ppocr_like.data.multi_scale_set import MultiScaleDataSet
from ppocr_like.data.samplers import shard
from ppocr_like.registry import DATASETS, SAMPLERS
from ppocr_like.transforms.decode import DecodeImage
from ppocr_like.transforms.keep_keys import KeepKeys
from ppocr_like.transforms.label_encode import CTCLabelEncode
from ppocr_like.transforms.rec_resize import RecResizeImg

from .helpers import Folder

SCALES = [[320, 32], [320, 48], [320, 64]]


class Counted:
    """As much of a data set as the sampler asks for."""

    ds_width = False

    def __init__(self, count: int, sizes: np.ndarray | None = None) -> None:
        self.count, self._sizes = count, sizes
        self.ds_width = sizes is not None

    def epoch_indices(self, epoch: int) -> np.ndarray:
        return np.arange(self.count)

    def group_of(self, indices: np.ndarray) -> np.ndarray:
        return (indices >= self.count // 4).astype(np.int64)

    def sizes(self, progress: bool = True) -> np.ndarray:
        assert self._sizes is not None
        return self._sizes


def make(count: int, sizes: np.ndarray | None = None, **more: Any) -> MultiScaleSampler:
    arguments = {"scales": SCALES, "first_bs": 16, "fix_bs": False, "seed": 5, **more}
    return MultiScaleSampler(dataset=Counted(count, sizes), **arguments)  # type: ignore[arg-type]


def shapes(sampler: MultiScaleSampler, epoch: int = 0) -> list[tuple[int, int, int]]:
    return [(*batch[0].size, len(batch)) for batch in sampler.epoch(epoch) if batch[0].size]


def test_they_stand_in_the_registry_under_paddleocrs_names() -> None:
    assert SAMPLERS.get("MultiScaleSampler") is MultiScaleSampler
    assert DATASETS.get("MultiScaleDataSet") is DATASETS.get("MSTextRecDataset") is MultiScaleDataSet


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {(320, 32, 16): 3, (320, 48, 10): 3, (320, 64, 8): 3}),
        ({"fix_bs": True}, {(320, 32, 16): 3, (320, 48, 16): 3, (320, 64, 16): 3}),
        ({"is_training": False}, {(320, 32, 16): 7}),
        ({"scales": [32, 48, 70], "first_bs": 8}, {(32, 32, 8): 8, (48, 48, 3): 8, (64, 64, 2): 8}),
        ({"scales": [[325, 37], [250, 50]], "first_bs": 5}, {(320, 32, 5): 10, (248, 48, 5): 10}),
    ],
)
def test_batch_sizes_and_counts_are_paddleocrs(more: dict, expected: dict) -> None:
    assert Counter(shapes(make(100, **more))) == expected


def test_every_sample_is_drawn_and_the_rest_filled() -> None:
    sampler = make(100)
    requests = [request for batch in sampler.epoch(3) for request in batch]
    assert len(requests) == 102
    assert {request.index for request in requests} == set(range(100))
    assert len({(request.index, request.repeat) for request in requests}) == 102
    assert all(len({r.index for r in batch}) == len(batch) for batch in sampler.epoch(3))


def test_epochs_are_drawn_anew_and_repeat_themselves() -> None:
    first, again, second = make(1000).epoch(0), make(1000).epoch(0), make(1000).epoch(1)
    assert list(first) == list(again)
    partners = [{frozenset(r.index for r in batch) for batch in batches} for batches in (first, second)]
    assert not partners[0] & partners[1]
    sizes = [{r.index: r.size for batch in batches for r in batch} for batches in (first, second)]
    assert sum(sizes[0][n] != sizes[1][n] for n in range(1000)) > 400
    assert list(make(1000, seed=6).epoch(0)) != list(first)
    heights = [batch[0].size[1] for batch in first if batch[0].size]
    assert heights != sorted(heights) and heights[:6] != heights[3:9]


@pytest.mark.parametrize("count", [100, 101, 57, 11])
def test_ranks_have_one_size_in_a_step_and_share_no_sample(count: int) -> None:
    whole = make(count, world=4).epoch(2)
    ranks = [shard(whole, rank, 4) for rank in range(4)]
    assert len({len(rank) for rank in ranks}) == 1
    for step in range(len(whole)):
        parts = [rank[step] for rank in ranks]
        assert len({part[0].size for part in parts}) == 1
        assert len({len(part) for part in parts}) == 1
    alone = Counter((batch[0].size, len(batch)) for batch in make(count // 4).epoch(2))
    assert count < 40 or Counter((batch[0].size, len(batch)) for batch in ranks[0]) == alone
    if count == 101:
        assert {r.index for rank in ranks for batch in rank for r in batch} == set(range(101))


def test_few_samples() -> None:
    batches = make(10).epoch(0)
    assert len(batches) == 3
    assert {r.index for batch in batches for r in batch} == set(range(10))
    assert list(make(0).epoch(0)) == []
    assert list(make(3, world=4).epoch(0)) == []


def test_label_files_keep_their_shares() -> None:
    sampler = make(1000)
    sampler.keep_ratio = True
    for batch in list(sampler.epoch(0))[:-4]:
        assert abs(sum(r.index < 250 for r in batch) - len(batch) / 4) < 1.5


def test_lines_of_one_shape_meet() -> None:
    rng = np.random.default_rng(0)
    height = rng.integers(20, 60, 600)
    sizes = np.stack([(height * rng.uniform(1, 14, 600)).astype(int), height], axis=1)
    sizes[7] = 0  # an unreadable header
    sampler = make(600, sizes, max_w=480)
    ratio = sizes[:, 0] / np.maximum(sizes[:, 1], 1)
    widths, seen = set(), set()
    for batch in sampler.epoch(0):
        (size,) = {r.size for r in batch}
        assert size is not None
        width, tall = size
        mean = np.mean([ratio[r.index] if r.index != 7 else 1 for r in batch])
        assert width == tall * max(1, round(min(mean, 480 / tall)))
        assert np.ptp([ratio[r.index] for r in batch if r.index != 7]) < 3
        widths.add(width // tall)
        seen |= {r.index for r in batch}
    assert seen == set(range(600))
    assert len(widths) > 6
    compositions = [{frozenset(r.index for r in b) for b in sampler.epoch(n)} for n in range(2)]
    assert len(compositions[0] & compositions[1]) < 3


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"scales": []}, "scales is empty"),
        ({"scales": [[320, 32, 3]]}, r"scales holds \[320, 32, 3\]"),
        ({"scales": [[320, 8]]}, r"\[320, 8\], which is smaller than divided_factor \[8, 16\]"),
        ({"first_bs": 0}, "first_bs is 0"),
        ({"divided_factor": [8]}, r"divided_factor is \[8\]"),
        ({"max_w": 0}, "max_w is 0"),
    ],
)
def test_arguments(more: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(10, **more)


def chain() -> list[Any]:
    return [DecodeImage("BGR"), CTCLabelEncode(25), KeepKeys(["image", "label", "length", "valid_ratio"])]


def test_the_set_resizes_before_its_last_step(folder: Folder) -> None:
    file = folder.labels("a.txt", 3)
    data = MultiScaleDataSet(str(folder.root), file, chain())
    assert [type(step).__name__ for step in data.transforms] == ["DecodeImage", "CTCLabelEncode", "SVTRRecResizeImg", "KeepKeys"]
    sample = data.fetch(Request(0, 0, 0, (64, 32)))
    assert sample["image"].shape == (3, 32, 64)
    assert sample["valid_ratio"] == 0.5  # 16 x 16 px
    assert data.fetch(Request(0, 0))["image"].shape == data.canvas() == (3, 48, 320)
    own = [*chain()[:2], RecResizeImg([3, 40, 80]), chain()[2]]
    assert MultiScaleDataSet(str(folder.root), file, own).transforms == own


def test_from_a_recipe_to_batches(folder: Folder, tmp_path: Path) -> None:
    file = folder.labels("a.txt", 23)
    root = Path(__file__).parents[2]
    recipe = load_recipe(
        root / "configs" / "rec" / "svtr_ft.yml",
        [
            f"Train.dataset={{name: MultiScaleDataSet, data_dir: '{folder.root}', label_file_list: ['{file}'], transforms: ["
            "{DecodeImage: {img_mode: BGR}}, {CTCLabelEncode: }, {KeepKeys: {keep_keys: [image, label, length, valid_ratio]}}]}",
            "Train.sampler={name: MultiScaleSampler, scales: [[320, 32], [320, 48]], first_bs: 4, fix_bs: false}",
            "Train.dataset.ratio_list=1.0",
            "Train.loader={batch_size_per_card: 4, num_workers: 0, bucket_by_width: null}",
            f"Global.character_dict_path={root / 'train_data' / 'dict.txt'}",
        ],
    )
    builder = Builder(recipe)
    with build_loader(
        builder.dataset("Train"), builder.loader("Train"), seed=1, train=True, sampler=builder.sampler("Train")
    ) as loader:
        first = [tuple(batch["image"].shape) for batch in loader.batches(0)]
        assert Counter(first) == {(4, 3, 32, 320): 4, (2, 3, 48, 320): 4}
        assert [tuple(batch["image"].shape) for batch in loader.batches(0, start=3)] == first[3:]
        assert loader.steps(1) == 8
