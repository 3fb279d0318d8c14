"""Cut lines that are kept: equal to those cut anew, whoever keeps them, and whatever happens to the processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from ppocr_like.contracts import Request
from ppocr_like.data.cache import FileKey
from ppocr_like.data.lines.line_cache import LineCache
from ppocr_like.data.lines.xml_set import PageLines, XMLDataSet
from ppocr_like.data.loader import build_loader
from ppocr_like.transforms.base import Sample, Transform
from ppocr_like.transforms.channels import repeat_gray

from ..helpers import settings
from .pages import archive

GB = 2**30
FORK = multiprocessing.get_context("fork")


class Noisy(Transform):
    """Resizes the picture, adds noise from the sample's generator."""

    needs = ("image",)
    gives = ("image", "length")

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        image = np.resize(np.ascontiguousarray(sample["image"]), (12, 40, 3)).astype(np.float32)
        return {"image": image.transpose(2, 0, 1) + rng.standard_normal((3, 12, 40), np.float32), "length": len(sample["label"])}


def cache_of(folder: Path, most: int = GB) -> LineCache:
    return LineCache(folder, FileKey("/archive/train.txt", 10, 7), "settings", most)


def lines_of(dataset: XMLDataSet) -> PageLines:
    lines = dataset._opened.lines[0]
    assert isinstance(lines, PageLines)
    return lines


def batches(manifest: str, folder: Path | None, workers: int, **keys: object) -> list[torch.Tensor]:
    """The images of two epochs."""
    dataset = XMLDataSet(manifest, transforms=[Noisy()], seed=3, **keys)  # type: ignore[arg-type]
    with build_loader(dataset, settings(4, num_workers=workers), seed=3, train=True, cache_dir=folder, progress=False) as loader:
        return [batch["image"] for epoch in (1, 2) for batch in loader.batches(epoch)]


def test_samples_are_equal_whatever_is_kept_and_however_many_workers(tmp_path: Path) -> None:
    manifest = archive(tmp_path, 5)
    wanted = batches(manifest, None, 0, cache="none")
    for name, workers, keys in (
        ("lines", 0, {}),
        ("two workers", 2, {}),
        ("pages", 2, {"cache": "pages"}),
        ("little room", 2, {"cache_gb": 1e-5}),
    ):
        found = batches(manifest, tmp_path / name, workers, **keys)
        assert len(found) == len(wanted) == 8
        assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True)), name


def test_the_first_line_of_a_page_that_is_asked_for_brings_them_all(tmp_path: Path) -> None:
    dataset = XMLDataSet(archive(tmp_path, 2, 4), partition=0.5, partition_by="line")
    dataset.use_cache(tmp_path / "cache")
    first = dataset.info(0).file
    same = [n for n in range(len(dataset)) if dataset.info(n).file == first]
    before = dataset.fetch(Request(same[0], 0))["image"]
    Path(first).with_suffix(".png").unlink()
    assert np.array_equal(dataset.fetch(Request(same[0], 0))["image"], before)
    assert all(dataset.fetch(Request(n, 0))["image"].size for n in same)
    kept = lines_of(dataset).cache
    assert kept is not None
    page = lines_of(dataset).index.page(lines_of(dataset).index.find(first) or 0)
    held = [p for p in range(page.first, page.stop) if p not in dataset._opened.used[0].tolist()]
    assert held and all(kept.get(position) is None for position in held)  # lines of the other part are not cut


def test_what_was_kept_serves_a_run_that_goes_on(tmp_path: Path) -> None:
    manifest = archive(tmp_path, 2)
    found = []
    for _ in range(2):
        dataset = XMLDataSet(manifest)
        dataset.use_cache(tmp_path / "cache")
        lines_of(dataset).pictures.get = None if found else lines_of(dataset).pictures.get  # type: ignore[method-assign,assignment]
        found.append([dataset.fetch(Request(n, 0))["image"] for n in range(len(dataset))])
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize("gray", [False, True])
def test_a_picture_comes_back_as_it_was_put(tmp_path: Path, gray: bool) -> None:
    cache, rng = cache_of(tmp_path), np.random.default_rng(0)
    picture = rng.integers(0, 256, (17, 33, 3), np.uint8)
    picture = repeat_gray(np.ascontiguousarray(picture[:, :, 0])) if gray else picture
    cache.put([(5, picture)])
    found = cache.get(5)
    assert found is not None and np.array_equal(found, picture) and found.strides[2] == (0 if gray else 1)
    assert found.flags.writeable is not gray
    assert cache.get(6) is None


def test_a_full_cache_takes_no_more_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = cache_of(tmp_path, most=100_000)
    with caplog.at_level("INFO", "ppocr_like"):
        for position in range(10):
            cache.put([(position, np.full((100, 300, 3), position, np.uint8))])
    there = [position for position in range(10) if cache.get(position) is not None]
    assert there == list(range(len(there))) and len(there) < 5
    assert caplog.text.count("further lines are cut") == 1
    assert cache_of(tmp_path, most=100_000).get(9) is None


def _write_for_ever(folder: Path, ready: object) -> None:
    cache = cache_of(folder)
    for number in range(10**9):
        cache.put([(number % 500 * 7 + row, np.full((60, 200, 3), row, np.uint8)) for row in range(7)])
        if number == 3:
            ready.set()  # type: ignore[attr-defined]


def test_a_process_killed_while_it_writes_leaves_nothing_behind(tmp_path: Path) -> None:
    for round_ in range(3):
        ready = FORK.Event()
        writers = [FORK.Process(target=_write_for_ever, args=(tmp_path, ready)) for _ in range(2)]
        for writer in writers:
            writer.start()
        assert ready.wait(60)
        time.sleep(0.02 * round_)
        for writer in writers:
            assert writer.pid is not None
            os.kill(writer.pid, signal.SIGKILL)
            writer.join()
        cache = cache_of(tmp_path)
        found = [cache.get(position) for position in range(3500)]
        there = [(position, picture) for position, picture in enumerate(found) if picture is not None]
        assert there and all((picture == position % 7).all() and picture.shape == (60, 200, 3) for position, picture in there)
        pages = {position // 7 for position, _ in there}
        assert len(there) == 7 * len(pages)  # a page's lines are there together
        cache.put([(10_000 + round_, found[there[0][0]])])  # type: ignore[list-item]  # and it still takes more
        assert cache.get(10_000 + round_) is not None


def _read_and_write(folder: Path, cache: LineCache) -> None:
    assert cache.get(1) is not None
    cache.put([(2, np.full((5, 5, 3), 2, np.uint8))])
    os._exit(0 if cache.get(2) is not None else 1)


def test_a_forked_process_and_its_parent_both_go_on(tmp_path: Path) -> None:
    cache = cache_of(tmp_path)
    cache.put([(1, np.full((5, 5, 3), 1, np.uint8))])
    child = FORK.Process(target=_read_and_write, args=(tmp_path, cache))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert cache.get(2) is not None
    cache.put([(3, np.full((5, 5, 3), 3, np.uint8))])
    assert cache.get(3) is not None and cache.get(1) is not None


@pytest.mark.parametrize("damage", ["file", "garbage"])
def test_a_cache_that_cannot_be_used_costs_time_and_is_said(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = archive(tmp_path, 1)
    dataset = XMLDataSet(manifest)
    dataset.use_cache(tmp_path / "cache")
    cache = lines_of(dataset).cache
    assert cache is not None
    if damage == "file":
        cache.folder.write_bytes(b"in the way")
    else:
        cache.folder.mkdir()
        (cache.folder / "data.mdb").write_bytes(os.urandom(20_000))
    with caplog.at_level("WARNING", "ppocr_like"):
        found = [dataset.fetch(Request(n, 0))["image"] for n in range(3)]
    plain = XMLDataSet(manifest)
    assert all(np.array_equal(found[n], plain.fetch(Request(n, 0))["image"]) for n in range(3))
    assert caplog.text.count("lines are cut anew in each epoch") == 1


def test_what_earlier_states_of_the_files_left_is_removed(tmp_path: Path) -> None:
    for mtime in (1, 2):
        cache = LineCache(tmp_path, FileKey("/archive/train.txt", 10, mtime), "settings", GB)
        cache.put([(1, np.zeros((5, 5, 3), np.uint8))])
        cache.remove_older()
    LineCache(tmp_path, FileKey("/archive/test.txt", 10, 3), "settings", GB).remove_older()
    assert [path.name for path in tmp_path.iterdir()] == [cache.folder.name]
