"""LMDBDataSet on real folders."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import cv2
import lmdb
import numpy as np
import pytest
import torch

from ppocr_like.contracts import Origin, Rejected, Request
from ppocr_like.data.lmdb_set import LMDBDataSet
from ppocr_like.data.lmdb_store import LmdbStore
from ppocr_like.data.loader import build_loader
from ppocr_like.data.pack import pack
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.doctor.findings import SetReport
from ppocr_like.doctor.stream import Examiner, examine_set
from ppocr_like.errors import ConfigError, DataError
from ppocr_like.registry import DATASETS

from .helpers import Decode, Folder, bucket, settings


def packed(folder: Folder, file: str, out: str) -> str:
    pack([file], str(folder.root), str(folder.root / out), progress=False)
    return str(folder.root / out)


def make(roots: Any, **more: Any) -> LMDBDataSet:
    return LMDBDataSet(roots, **{"transforms": [Decode()], "seed": 3, **more})


def write(folder: Path, content: dict[str, bytes]) -> str:
    folder.mkdir(parents=True)
    with lmdb.open(str(folder)) as env, env.begin(write=True) as transaction:
        for key, value in content.items():
            transaction.put(key.encode(), value)
    return str(folder)


def same(a: dict, b: dict) -> bool:
    """Batches without their places."""
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a if isinstance(a[k], torch.Tensor))


def test_it_stands_in_the_registry_under_paddleocrs_name() -> None:
    assert DATASETS.get("LMDBDataSet") is LMDBDataSet


def test_every_folder_below_is_found_in_order(folder: Folder) -> None:
    for name, count in (("train/ST", 2), ("train/MJ/b", 3), ("train/MJ/a", 1), ("other", 4)):
        packed(folder, folder.labels(f"{name.replace('/', '_')}.txt", count), f"lmdb/{name}")
    root = folder.root / "lmdb"
    (root / "train" / "again").symlink_to(root / "train" / "ST")
    data = make(str(root / "train"))
    assert [Path(f).relative_to(root).as_posix() for f in data.label_files] == ["train/MJ/a", "train/MJ/b", "train/ST"]
    assert data.counts() == [1, 3, 2] and len(data) == 6
    both = make([str(root / "train" / "MJ"), str(root / "other"), str(root / "train")])
    assert both.counts() == [4, 1, 3, 2]


def test_places_texts_and_images(folder: Folder) -> None:
    file = folder.labels("a.txt", 3)
    data = make(packed(folder, file, "out"), transforms=[])
    info = data.info(2)
    assert (info.index, info.line, info.text) == (2, 3, "text 2")
    assert info.file == str(folder.root / "out")
    assert info.path == str(folder.root / "out" / "image-000000003")
    assert data.origin(info) == Origin(info.file)  # its page is not known
    assert data.fetch(Request(2, 0))["image"].tobytes() == (folder.root / "a" / "002.png").read_bytes()
    with pytest.raises(IndexError):
        data.info(3)


@pytest.mark.parametrize("workers", [0, 2])
def test_its_batches_are_those_of_the_label_file(folder: Folder, workers: int) -> None:
    file = folder.labels("a.txt", 13)
    config = settings(4, num_workers=workers, bucket_by_width=bucket())
    plain = SimpleDataSet(str(folder.root), file, transforms=[Decode()], seed=3)
    with (
        build_loader(make(packed(folder, file, "out")), config, seed=3, train=True) as ours,
        build_loader(plain, settings(4, bucket_by_width=bucket()), seed=3, train=True) as theirs,
    ):
        for epoch in range(2):
            pairs = list(zip(ours.batches(epoch), theirs.batches(epoch), strict=True))
            assert all(same(a, b) for a, b in pairs)
            assert [[i.text for i in a["info"]] for a, _ in pairs] == [[i.text for i in b["info"]] for _, b in pairs]
        whole = list(ours.batches(1))
        assert all(same(a, b) for a, b in zip(ours.batches(1, start=2), whole[2:], strict=True))


def test_sizes_are_measured_once(folder: Folder, tmp_path: Path) -> None:
    file = folder.labels("a.txt", 4)
    data = make(packed(folder, file, "out"))
    expected = SimpleDataSet(str(folder.root), file).sizes(progress=False).tolist()
    data.use_cache(tmp_path / "cache")
    assert data.sizes(progress=False).tolist() == expected
    again = make(str(folder.root / "out"))
    again.use_cache(tmp_path / "cache")
    again.image_size = None  # type: ignore[assignment,method-assign]  # not asked for any more
    assert again.sizes(progress=False).tolist() == expected


def bad(folder: Folder) -> str:
    image = (folder.root / folder.image("a.png")).read_bytes()
    content = {"num-samples": b"6", "image-000000001": image, "label-000000001": b"good", "label-000000002": b"no image"}
    content |= {"image-000000003": image, "image-000000004": image, "label-000000004": b"\xff", "image-000000005": b""}
    content |= {"label-000000005": b"empty", "image-000000006": image[:50], "label-000000006": b"cut"}
    return write(folder.root / "bad", content)


def test_what_cannot_be_used_is_named_with_folder_and_record(folder: Folder) -> None:
    root = bad(folder)
    with build_loader(make(root), settings(6, shuffle=False), seed=0, train=True) as loader:
        (batch,) = loader.batches(0)
    assert [info.text for info in batch["info"]] == ["good"]
    found = {sample.info.line: sample.reason for sample in batch["rejected"]}
    assert found == {
        2: "missing image",
        3: "missing label",
        4: "line not in UTF-8",
        5: "unreadable image",
        6: "unreadable image",
    }
    assert {sample.info.file for sample in batch["rejected"]} == {root}
    data = make(root, strict=True)
    with build_loader(data, settings(1, shuffle=False), seed=0, train=True) as loader, pytest.raises(DataError) as caught:
        list(loader.batches(0))
    assert (caught.value.file, caught.value.line) == (root, 2)


def test_the_doctor_reads_it(folder: Folder) -> None:
    class Looker(Examiner):
        def look(self, tally: Any, record: Any) -> None:
            for path in record.paths:
                self.image(tally, record.info, path)

        def conclude(self, report: SetReport, total: Any) -> None: ...

    data = make(bad(folder), mode="eval")
    report = SetReport("eval", data.label_files, len(data))
    examine_set(report, Looker(data), None, False, 2)
    places = {kind: finding.places for kind, finding in report.findings.items()}
    assert set(places) >= {"missing image", "missing label", "line not in UTF-8", "unreadable image"}
    assert any("bad, line 5" in place for place in places["unreadable image"])


def test_pictures_for_the_loggers(folder: Folder) -> None:
    data = make(packed(folder, folder.labels("a.txt", 1), "out"))
    assert np.array_equal(data.picture(data.info(0).path), cv2.imread(str(folder.root / "a" / "000.png")))
    with pytest.raises(Rejected, match="missing image"):
        data.picture(data.info(0).path.replace("001", "002"))


def test_ratios(folder: Folder) -> None:
    for name, count in (("a", 10), ("b", 4)):
        packed(folder, folder.labels(f"{name}.txt", count), f"lmdb/{name}")
    root = str(folder.root / "lmdb")
    assert len(make(root, ratio_list=[0.5]).epoch_indices(0)) == 7
    data = make(root, ratio_list=[0.1, 2.0])
    assert np.bincount(data.group_of(data.epoch_indices(0))).tolist() == [1, 8]
    with pytest.raises(ConfigError, match=r"3 entries for 2 LMDB folders .*lmdb/a, .*lmdb/b"):
        make(root, ratio_list=[1.0, 1.0, 1.0])


def test_another_sample(folder: Folder) -> None:
    data = make(packed(folder, folder.labels("a.txt", 5), "out"), transforms=[])
    other = data._fetch_other(0, 1, np.random.default_rng(0))
    assert other is not None and other["label"] != "text 0" and other["image"].ndim == 1


def _text(data: LMDBDataSet, index: int) -> str:
    return data.fetch(Request(index, 0))["info"].text


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_every_process_opens_it_for_itself(folder: Folder, method: str) -> None:
    data = make(packed(folder, folder.labels("a.txt", 3), "out"), transforms=[])
    assert _text(data, 0) == "text 0"  # open here
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(_text, [(data, n) for n in range(3)]) == ["text 0", "text 1", "text 2"]
    assert _text(data, 1) == "text 1"


def test_two_data_sets_of_a_folder_share_its_map(folder: Folder) -> None:
    root = packed(folder, folder.labels("a.txt", 3), "out")
    train, evaluation = make(root), make(root, mode="eval")
    assert train.stores[0] is evaluation.stores[0]
    assert train.info(1).text == evaluation.info(1).text


def test_folders_that_cannot_be_used(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        make(str(tmp_path / "gone"))
    with pytest.raises(DataError, match="no LMDB folder is here"):
        make(str(folder.root))
    with pytest.raises(DataError, match="has no num-samples"):
        make(write(tmp_path / "plain", {"image-000000001": b"x"}))
    with pytest.raises(DataError, match="b'many' as num-samples"):
        make(write(tmp_path / "many", {"num-samples": b"many"}))
    with pytest.raises(DataError, match="not finished"):
        make(write(tmp_path / "half", {"ppocr-like-pack": b"{}"}))
    with pytest.raises(DataError, match="holds no record"):
        make(write(tmp_path / "none", {"num-samples": b"0"}))
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "data.mdb").write_bytes(b"no lmdb" * 2000)
    with pytest.raises(DataError, match="can be opened"):
        make(str(tmp_path / "noise"))


def test_a_file_that_is_cut_short_does_not_end_the_process(folder: Folder) -> None:
    root = Path(packed(folder, folder.labels("a.txt", 30), "out"))
    whole = (root / "data.mdb").read_bytes()
    (root / "data.mdb").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cut short"):
        make(str(root))


def test_a_file_changed_in_use(folder: Folder) -> None:
    root = packed(folder, folder.labels("a.txt", 3), "out")
    data = make(root)
    store = data.stores[0]
    (Path(root) / "data.mdb").touch()
    with pytest.raises(DataError, match="changed while"):
        data.info(0)
    assert LmdbStore.of(root) is not store
    with pytest.raises(Rejected, match="missing image"):
        make(root).read_image(f"{root}/image-000000009")


def test_a_digest_tells_labels_and_images_apart_and_nothing_else(folder: Folder, tmp_path: Path) -> None:
    content = {"num-samples": b"3"}
    for n, text in enumerate((b"one", b"two", b"three"), 1):
        content |= {f"image-{n:09d}": b"x" * (5000 + n), f"label-{n:09d}": text}

    def digest(name: str, most: int = 10, **changed: bytes) -> tuple[str, int]:
        changes = {key.replace("_", "-"): value for key, value in changed.items()}
        return LmdbStore.of(write(tmp_path / name, {**content, **changes})).digest(most)

    plain = digest("a")
    assert plain == digest("b", other=b"what other programs write") and plain[1] == 1
    assert plain != digest("c", label_000000002=b"twe") and plain != digest("d", image_000000003=b"y" * 5004)
    assert plain != digest("e", **{"num_samples": b"2"})
    moved = {"label_000000001": b"onet", "label_000000002": b"wo"}  # the same letters in a row
    assert plain != digest("f", **moved)
    every = digest("g", most=2)
    assert every[1] == 2 and every == digest("h", most=2, label_000000002=b"not read")
    store = LmdbStore.of(str(tmp_path / "a"))
    store.digest()
    assert store._env is None  # workers shall not inherit an open file
