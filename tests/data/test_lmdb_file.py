"""The reader of LMDB files gives what the library gives, and an error where a file is damaged: never a dead process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import lmdb
import numpy as np
import pytest

from ppocr_like.data.lmdb_file import DamagedLmdb, LmdbFile
from ppocr_like.data.lmdb_store import COUNT_KEY, LmdbStore, image_key, label_key
from ppocr_like.errors import DataError


def make(folder: Path, count: int, seed: int = 0, big: int = 9000) -> Path:
    """Labels and images of many sizes: within a leaf page, in one overflow page, in several, and empty."""
    rng = np.random.default_rng(seed)
    with lmdb.open(str(folder), map_size=1 << 28) as env:
        for start in range(1, count + 1, 500):  # several transactions leave free pages and half-filled ones
            with env.begin(write=True) as transaction:
                for number in range(start, min(start + 500, count + 1)):
                    transaction.put(label_key(number), bytes(rng.integers(65, 91, int(rng.integers(0, 60)), dtype=np.uint8)))
                    transaction.put(image_key(number), rng.bytes(int(rng.choice([0, 7, 900, 2100, big]))))
                transaction.put(COUNT_KEY, b"%d" % min(start + 499, count))
        with env.begin(write=True) as transaction:
            for number in range(3, count, 7):
                transaction.delete(image_key(number))
    return folder / "data.mdb"


@pytest.mark.parametrize("count", [1, 12, 300, 4000])
def test_the_same_as_the_library(tmp_path: Path, count: int) -> None:
    path = make(tmp_path, count)
    file = LmdbFile(path)
    with lmdb.open(str(tmp_path), readonly=True, lock=False) as env, env.begin() as transaction:
        pairs = list(transaction.cursor())
        assert [(key, read()) for key, _, read in file.walk(b"")] == pairs
        assert [key for key, *_ in file.walk(label_key(count))] == [key for key, _ in pairs if key >= label_key(count)]
        for number in range(0, count + 3):
            for key in (label_key(number), image_key(number), b"nothing", b"", b"zzz"):
                value = transaction.get(key) if key else None
                assert file.get(key) == value
                assert file.size(key) == (None if value is None else len(value))
    file.close()


def test_an_empty_database(tmp_path: Path) -> None:
    lmdb.open(str(tmp_path)).close()
    file = LmdbFile(tmp_path / "data.mdb")
    assert file.get(b"x") is None and list(file.walk(b"")) == []


def test_the_digest_is_that_of_the_records(tmp_path: Path) -> None:
    """As it was when the library read them, walked or one by one."""
    import hashlib

    make(tmp_path, 700)
    found = hashlib.sha256(b"700")
    with lmdb.open(str(tmp_path), readonly=True, lock=False) as env, env.begin() as transaction:
        for number in range(1, 701):
            label, image = transaction.get(label_key(number)), transaction.get(image_key(number))
            found.update(b"\n%d %d " % (len(label), -1 if image is None else len(image)) + label)
    store = LmdbStore.of(str(tmp_path))
    assert store.digest() == (found.hexdigest(), 1)
    assert store.digest(most=100)[1] == 7


HUNT = """
import sys, random
from pathlib import Path
from ppocr_like.data.lmdb_store import LmdbStore, image_key, label_key
from ppocr_like.errors import DataError
folder, tries, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
file = folder / "data.mdb"
whole, rng, errors = file.read_bytes(), random.Random(seed), 0
pages = [n for n in range(len(whole) // 4096) if not whole[n * 4096 + 10] & 4]  # all but the pages of values
for number in range(tries):
    page = rng.choice(pages)
    place = page * 4096 + rng.randrange(rng.choice([24, 160, 4096]))
    data = bytearray(whole)
    data[place] ^= 1 << rng.randrange(8) if rng.random() < 0.5 else rng.randrange(1, 256)
    file.write_bytes(data)
    try:
        store = LmdbStore(str(folder))
        for n in range(1, 41):
            store.get(label_key(n)), store.get(image_key(n))
        store.digest()
    except DataError as error:
        errors += 1
        assert str(folder) in str(error), error
    finally:
        try:
            store.close()
        except NameError:
            pass
print(errors)
"""


def hunt(folder: Path, tries: int, seed: int) -> int:
    make(folder, 40)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", HUNT, str(folder), str(tries), str(seed)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"status {done.returncode}: {done.stderr[-2000:]}"
    return int(done.stdout)


def test_one_changed_byte_never_ends_the_process(tmp_path: Path) -> None:
    assert hunt(tmp_path, 1000, 1) > 50


@pytest.mark.slow
def test_one_changed_byte_never_ends_the_process_at_length(tmp_path: Path) -> None:
    assert hunt(tmp_path, 50_000, 2) > 2500


def test_cut_while_in_use(tmp_path: Path) -> None:
    path = make(tmp_path, 300)
    store = LmdbStore.of(str(tmp_path))
    assert store.get(label_key(1)) is not None
    os.truncate(path, 3 * 4096)
    with pytest.raises(DataError, match=r"data\.mdb cannot be read: .*(page|value)"):
        for number in range(1, 301):
            store.get(image_key(number))


def test_other_files(tmp_path: Path) -> None:
    for content, message in ((b"", "cut short"), (b"x" * 10000, "no LMDB file"), (b"\0" * 100, "cut short")):
        (tmp_path / "data.mdb").write_bytes(content)
        with pytest.raises(DamagedLmdb, match=message):
            LmdbFile(tmp_path / "data.mdb")
