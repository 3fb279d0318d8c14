"""Batches from real worker processes."""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from ppocr_like.config.loader import BucketByWidth
from ppocr_like.data.loader import Loader, build_loader
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.errors import DataError, TrainingError
from ppocr_like.transforms.base import Sample

from .helpers import Decode, Folder, bucket, settings


def dataset(folder: Folder, files: str | list[str], **more: Any) -> SimpleDataSet:
    return SimpleDataSet(str(folder.root), files, transforms=[Decode()], seed=7, **more)


def loader(folder: Folder, files: str | list[str], train: bool = True, rank: int = 0, world: int = 1, **more: Any) -> Loader:
    kept = {name: more.pop(name) for name in ("strict", "ratio_list") if name in more}
    data = dataset(folder, files, mode="train" if train else "eval", **kept)
    return build_loader(data, settings(**more), seed=7, train=train, rank=rank, world=world, progress=False)


def names(batch: dict) -> list[int]:
    return [info.index for info in batch["info"]]


def assert_equal(first: list[dict], second: list[dict]) -> None:
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert a.keys() == b.keys()
        assert a["info"] == b["info"] and a["rejected"] == b["rejected"]
        for key in a.keys() - {"info", "rejected"}:
            assert torch.equal(a[key], b[key]), key


@pytest.mark.parametrize("buckets", [None, bucket()])
def test_the_number_of_workers_changes_nothing(folder: Folder, buckets: BucketByWidth | None) -> None:
    files = [folder.labels("a.txt", 23), folder.labels("b.txt", 9)]
    runs = []
    for workers in range(5):
        with loader(folder, files, num_workers=workers, bucket_by_width=buckets, ratio_list=[1.0, 1.5]) as batches:
            runs.append([*batches.batches(0), *batches.batches(1)])
            steps = batches.steps(0)
    drawn = [i for batch in runs[0][:steps] for i in names(batch)]
    for run in runs[1:]:
        assert_equal(runs[0], run)
    assert len(drawn) == 23 + 14 and set(drawn) == set(range(32))


@pytest.mark.parametrize("workers", [0, 2])
def test_going_on_from_the_middle_gives_the_same_batches(folder: Folder, workers: int) -> None:
    file = folder.labels("a.txt", 30)
    with loader(folder, file, num_workers=workers) as first:
        whole = list(first.batches(3))
    with loader(folder, file, num_workers=workers) as second:
        assert_equal(whole[5:], list(second.batches(3, start=5)))
        assert list(second.batches(3, start=second.steps(3))) == []


def test_batches_before_the_start_are_not_loaded(folder: Folder) -> None:
    file = folder.labels("a.txt", 12)
    read = []

    class Watch(Decode):
        def __call__(self, sample, rng):
            read.append(sample["img_path"])
            return super().__call__(sample, rng)

    data = SimpleDataSet(str(folder.root), file, transforms=[Watch()])
    assert len(list(build_loader(data, settings(), seed=0, train=True).batches(0, start=2))) == 1
    assert len(read) == 4


def test_an_abandoned_pass_leaves_no_trace(folder: Folder) -> None:
    file = folder.labels("a.txt", 40)
    with loader(folder, file, num_workers=2) as batches:
        whole = list(batches.batches(0))
        broken = batches.batches(1)
        next(broken)
        assert_equal(whole, list(batches.batches(0)))
        with pytest.raises(RuntimeError, match="started again"):
            next(broken)


def test_loading_leaves_the_models_random_state_alone(folder: Folder) -> None:
    file = folder.labels("a.txt", 8)
    for workers in (0, 1):
        with loader(folder, file, num_workers=workers) as batches:
            before = torch.get_rng_state()
            list(batches.batches(0))
            assert torch.equal(before, torch.get_rng_state())


def test_bad_samples_are_rejected_by_reason_and_place(folder: Folder) -> None:
    good = [folder.image(f"{n}.png", value=n) for n in range(3)]
    whole = (folder.root / good[0]).read_bytes()
    folder.write("cut.png", whole[: len(whole) // 3])
    folder.write("nothing.png", b"")
    lines = [f"{good[0]}\ta", "cut.png\tb", "gone.png\tc", "no delimiter", "", f"{good[1]}\td", "nothing.png\te", f"{good[2]}\tf"]
    file = folder.write("labels.txt", "\n".join(lines))
    with loader(folder, file, train=False, shuffle=False, num_workers=2, batch_size_per_card=3) as batches:
        out = list(batches.batches(0))
    assert [i.text for batch in out for i in batch["info"]] == ["a", "d", "f"]
    found = {(r.reason, r.info.line) for batch in out for r in batch["rejected"]}
    assert found == {
        ("unreadable image", 2),
        ("missing image", 3),
        ("line without a delimiter", 4),
        ("unreadable image", 7),
    }
    assert sum(len(batch["info"]) + len(batch["rejected"]) for batch in out) == 7


def test_a_batch_of_rejected_samples_only_holds_nothing_else(folder: Folder) -> None:
    file = folder.write("labels.txt", f"{folder.image('a.png')}\tx\ngone.png\ty\nlost.png\tz\n")
    with loader(folder, file, train=False, shuffle=False, batch_size_per_card=1) as batches:
        out = list(batches.batches(0))
    assert out[1].keys() == {"info", "rejected"} and out[1]["info"] == [] and len(out[1]["rejected"]) == 1


@pytest.mark.parametrize("workers", [0, 1])
def test_strict_stops_with_file_and_line(folder: Folder, workers: int) -> None:
    file = folder.write("labels.txt", f"{folder.image('a.png')}\tx\n\ngone.png\ty\n")
    with loader(folder, file, shuffle=False, strict=True, num_workers=workers) as batches, pytest.raises(DataError) as caught:
        list(batches.batches(0))
    assert (caught.value.file, caught.value.line) == (file, 3)
    assert (
        str(caught.value).count(f"{file}, line 3") == 1 and "missing image" in str(caught.value) and "strict" in str(caught.value)
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_a_defect_in_a_transform_names_the_sample(folder: Folder, workers: int) -> None:
    class Wrong(Decode):
        def __call__(self, sample, rng):
            raise KeyError("no such entry")

    file = folder.labels("a.txt", 2)
    data = SimpleDataSet(str(folder.root), file, transforms=[Wrong()])
    with (
        build_loader(data, settings(shuffle=False, num_workers=workers), seed=0, train=True) as batches,
        pytest.raises(RuntimeError, match=r"a\.txt, line 1: .*000\.png: KeyError"),
    ):
        list(batches.batches(0))


def test_a_worker_that_dies_is_reported_and_replaced(folder: Folder, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.touch()

    class Deadly(Decode):
        def __call__(self, sample, rng):
            if trap.exists():
                os.kill(os.getpid(), signal.SIGKILL)
            return super().__call__(sample, rng)

    data = SimpleDataSet(str(folder.root), folder.labels("a.txt", 8), transforms=[Deadly()])
    with build_loader(data, settings(num_workers=1), seed=0, train=True) as batches:
        with pytest.raises(TrainingError, match="num_workers"):
            list(batches.batches(0))
        trap.unlink()
        assert len(list(batches.batches(0))) == 2


class NoSharedMemory(Decode):
    """Lets its process make no file over 1 kB, shared memory included: what a full /dev/shm does."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        return super().__call__(sample, rng)


def test_without_shared_memory_batches_still_come(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    file = folder.labels("a.txt", 12)
    shape, options = (3, 64, 128), settings(num_workers=2)

    def batches(transform: Decode) -> list[dict]:
        data = SimpleDataSet(str(folder.root), file, transforms=[transform], seed=7)
        with build_loader(data, options, seed=7, train=True, progress=False) as loaded:
            return [{**b, "image": b["image"].clone()} for b in loaded.batches(0)]

    expected = batches(Decode(shape))
    assert not caplog.records and expected[0]["image"].nbytes > 1 << 16
    assert_equal(batches(NoSharedMemory(shape)), expected)
    assert [r.message for r in caplog.records if "/dev/shm" in r.message] == [caplog.records[0].message]


def test_closing_ends_the_workers(folder: Folder) -> None:
    file = folder.labels("a.txt", 40)
    before = children()
    batches = loader(folder, file, num_workers=2)
    next(batches.batches(0))
    assert len(children() - before) == 2
    batches.close()
    assert children() == before


def test_closing_after_an_error_ends_the_workers_at_once(folder: Folder) -> None:
    file = folder.write("labels.txt", f"{folder.image('a.png')}\tx\n\ngone.png\ty\n")
    before = children()
    batches = loader(folder, file, shuffle=False, strict=True, num_workers=2)
    with pytest.raises(DataError) as caught:
        list(batches.batches(0))
    assert caught.value.__traceback__ is not None, "which keeps the iterator's frames alive"
    start = time.perf_counter()
    batches.close()
    assert children() == before and time.perf_counter() - start < 2


def children() -> set[int]:
    """Living child processes of this one."""
    return {child.pid for child in multiprocessing.active_children() if child.pid}


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux' smaps")
def test_a_workers_own_memory_does_not_grow_with_the_lines(folder: Folder, tmp_path: Path) -> None:
    name = folder.image("a.png")
    own = []
    for count in (1_000, 500_000):
        data = dataset(folder, folder.write(f"{count}.txt", f"{name}\tsome text of usual length for a line of print\n" * count))
        with build_loader(data, settings(num_workers=1), seed=0, train=True, cache_dir=tmp_path / "cache") as batches:
            for _ in zip(range(50), batches.batches(0), strict=False):
                pass
            (pid,) = children()
            own.append(own_memory(pid))
    assert own[1] - own[0] < 3_000, f"{own} KiB; the offsets alone take {500_000 * 8 // 1024}, the lines ten times that"


def own_memory(pid: int) -> int:
    """KiB that a process shares with no other; pages of the mapped offsets are the file's, whoever looks at them first."""
    total, counted = 0, True
    for row in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if not row.split()[0].endswith(":"):
            counted = not row.endswith(".npy")
        elif counted and row.startswith("Private_Dirty:"):
            total += int(row.split()[1])
    return total


@pytest.mark.parametrize("world", [2, 3])
def test_ranks_share_the_set_without_repeats(folder: Folder, world: int) -> None:
    files = [folder.labels("a.txt", 22)]
    for more in ({}, {"bucket_by_width": bucket()}):
        ranks = [loader(folder, files, train=False, rank=rank, world=world, **more) for rank in range(world)]
        assert len({rank.steps(0) for rank in ranks}) == 1
        out = [list(rank.batches(0)) for rank in ranks]
        assert sorted(i for run in out for batch in run for i in names(batch)) == list(range(22))
        for step in zip(*out, strict=True):
            assert len({batch["image"].shape[2:] for batch in step if batch["info"]}) == 1


def test_images_of_different_widths_are_padded_with_zeros_at_the_right(folder: Folder) -> None:
    class OwnWidth(Decode):
        def __call__(self, sample, rng):
            width = 10 + 5 * len(sample["label"])
            return {"image": np.full((3, 4, width), 0.5, np.float32)}

    file = folder.write("a.txt", f"{folder.image('a.png')}\tx\n{folder.image('b.png')}\txyz\n")
    data = SimpleDataSet(str(folder.root), file, transforms=[OwnWidth()], mode="eval")
    (batch,) = build_loader(data, settings(shuffle=False), seed=0, train=False).batches(0)
    assert batch["image"].shape == (2, 3, 4, 25)
    assert (batch["image"][0, :, :, 15:] == 0).all() and (batch["image"][0, :, :, :15] == 0.5).all()


def test_no_batch_is_an_error_at_once(folder: Folder) -> None:
    file = folder.labels("a.txt", 3)
    with pytest.raises(DataError, match="3 samples, 4 x 1 in a batch"):
        loader(folder, file, drop_last=True)


def test_evaluation_drops_nothing(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "ppocr_like"):
        batches = loader(folder, folder.labels("a.txt", 6), train=False, drop_last=True)
    assert sum(len(names(batch)) for batch in batches.batches(0)) == 6
    assert "drop_last" in caplog.text


class Shrink(Decode):
    """Keeps the shape of the image, as the resize step of a detector does; `lie` tells another size than it makes."""

    def __init__(self, lie: bool = False) -> None:
        self.lie = lie

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        return (max(32, width // 32 * 32), 32) if not self.lie else (32, 32)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        picture = cv2.imdecode(sample["image"], cv2.IMREAD_COLOR)
        size = (max(32, picture.shape[1] // 32 * 32), 32)
        image = cv2.resize(picture, size).astype(np.float32).transpose(2, 0, 1)
        return {"image": image, "polys": np.zeros((len(sample["label"]) % 3, 4, 2), np.float32)}


@pytest.mark.parametrize("lie", [False, True])
@pytest.mark.parametrize("world", [1, 2])
def test_an_evaluation_batch_holds_images_of_one_size(folder: Folder, lie: bool, world: int) -> None:
    """Also where headers lie: then batches are smaller. Without padding, no sample depends on its neighbours."""
    lines = [(folder.image(f"{n}.png", 16 + 37 * n % 100, value=n), "x" * n) for n in range(23)]
    file = folder.write("a.txt", "".join(f"{name}\t{text}\n" for name, text in [*lines, ("gone.png", "x")]))
    alone: dict[int, torch.Tensor] = {}
    for batch_size in (1, 5):
        data = SimpleDataSet(str(folder.root), file, transforms=[Shrink(lie)], mode="eval")
        batches = [
            batch
            for rank in range(world)
            for batch in build_loader(data, settings(batch_size), seed=0, train=False, rank=rank, world=world).batches(0)
        ]
        seen = {info.index: batch["image"][row] for batch in batches for row, info in enumerate(batch["info"])}
        assert sorted(seen) == list(range(23)) and sum(len(batch["rejected"]) for batch in batches) == 1
        alone = alone or seen
        assert all(torch.equal(alone[index], image) for index, image in seen.items())
        for batch in batches:
            for row, info in enumerate(batch["info"]):
                assert len(batch["polys"][row]) == len(info.text) % 3
    assert lie or world > 1 or len(batches) <= 5 + 2, "three sizes in batches of five are cut twice at most"


def test_training_images_of_different_heights_are_an_error_that_says_what_is_missing(folder: Folder) -> None:
    class Raw(Decode):
        def __call__(self, sample, rng):
            return {"image": cv2.imdecode(sample["image"], cv2.IMREAD_COLOR).transpose(2, 0, 1)}

    file = folder.write("a.txt", f"{folder.image('a.png', 20, 20)}\tx\n{folder.image('b.png', 20, 30)}\tx\n")
    data = SimpleDataSet(str(folder.root), file, transforms=[Raw()])
    with pytest.raises(ValueError, match=r"a crop or resize step that gives one size"):
        list(build_loader(data, settings(shuffle=False), seed=0, train=True).batches(0))
