"""tools/pack.py: label files to an LMDB folder, interrupted or not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import lmdb
import numpy as np
import pytest

from ppocr_like.data import pack_writer
from ppocr_like.data.pack import pack
from ppocr_like.data.pack_writer import PackWriter
from ppocr_like.errors import ConfigError, DataError

from .helpers import Folder

ROOT = Path(__file__).parents[2]
KILLED = """
import os, signal, sys
from ppocr_like.data import pack_writer
from ppocr_like.data.pack import pack
whole, flushes = pack_writer.PackWriter.flush, []
name = pack_writer.PackWriter._name
def flush(self, finished=False):
    flushes.append(1)
    whole(self, finished)
def named(self, bad):
    length = name(self, bad)
    if len(flushes) == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)  # the names are written, the records not yet
    return length
pack_writer.PackWriter.flush, pack_writer.PackWriter._name = flush, named
pack([sys.argv[1]], sys.argv[2], sys.argv[3], commit_lines=64, progress=False)
"""


def records(folder: Path) -> dict[bytes, bytes]:
    """All that other programs read."""
    with lmdb.open(str(folder), readonly=True, lock=False) as env, env.begin() as transaction:
        return {bytes(k): bytes(v) for k, v in transaction.cursor() if k != b"ppocr-like-pack"}


def mixed(folder: Folder) -> str:
    """A label file with five kinds of unusable lines among 400."""
    good = [folder.image(f"{n}.png", 20 + n, value=n) for n in range(10)]
    (folder.root / "empty.png").write_bytes(b"")
    (folder.root / "cut.png").write_bytes((folder.root / "0.png").read_bytes()[:60])
    lines = []
    for n in range(400):
        bad = {7: "gone.png", 8: "empty.png", 9: "cut.png"}.get(n % 40)
        lines.append(f"{bad or good[n % 10]}\ttext {n}" if n % 40 != 11 else "no delimiter")
    return folder.write("l.txt", "\n".join(lines).encode() + b"\n\xff\xfe\tx\n")


def test_the_layout_that_others_read(folder: Folder, tmp_path: Path) -> None:
    names = [folder.image("a.png"), folder.image("b.jpg")]
    file = folder.write("l.txt", f'{names[0]}\tété\n\n["{names[0]}", "{names[1]}"]\tboth\n')
    out = tmp_path / "out"
    made = pack([file], str(folder.root), str(out), progress=False)
    assert (made.lines, made.records, made.left_out) == (2, 3, {})
    a, b = ((folder.root / name).read_bytes() for name in names)
    assert records(out) == {
        **{b"image-000000001": a, b"image-000000002": a, b"image-000000003": b, b"num-samples": b"3"},
        **{b"label-000000001": "été".encode(), b"label-000000002": b"both", b"label-000000003": b"both"},
    }


def test_what_is_left_out_is_counted_and_named(folder: Folder, tmp_path: Path) -> None:
    made = pack([mixed(folder)], str(folder.root), str(tmp_path / "out"), commit_lines=64, progress=False)
    assert made.left_out == {
        "line not in UTF-8": 1,
        "line without a delimiter": 10,
        "missing image": 10,
        "unreadable image": 20,
    }
    assert made.records == 360
    assert "left out: 41" in made.text()
    rows = [line.split("\t") for line in (tmp_path / "out" / "left_out.tsv").read_text().splitlines()]
    assert len(rows) == 41
    assert [(row[1], Path(row[2]).name, row[3]) for row in rows[:4]] == [
        ("8", "gone.png", "missing image"),
        ("9", "empty.png", "unreadable image"),
        ("10", "cut.png", "unreadable image"),
        ("12", "", "line without a delimiter"),
    ]


def test_without_checking_only_what_is_not_there_is_left_out(folder: Folder, tmp_path: Path) -> None:
    made = pack([mixed(folder)], str(folder.root), str(tmp_path / "out"), check=False, progress=False)
    assert made.left_out["unreadable image"] == 10
    assert made.records == 370


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_in_the_middle_and_started_again(folder: Folder, tmp_path: Path) -> None:
    file = mixed(folder)
    pack([file], str(folder.root), str(tmp_path / "whole"), progress=False)
    out = tmp_path / "out"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    for kill_at in (3, 2):  # twice: each call dies within its n-th transaction
        command = [sys.executable, "-c", KILLED, file, str(folder.root), str(out), str(kill_at)]
        assert subprocess.run(command, env=env, timeout=120).returncode == -signal.SIGKILL
        assert b"num-samples" not in records(out)
    made = pack([file], str(folder.root), str(out), commit_lines=64, progress=False)
    assert made.resumed == 3 * 64
    assert records(out) == records(tmp_path / "whole")
    assert (out / "left_out.tsv").read_bytes() == (tmp_path / "whole" / "left_out.tsv").read_bytes()
    assert made.left_out == pack([file], str(folder.root), str(tmp_path / "whole"), progress=False).left_out


def test_a_finished_folder_is_left_as_it_is(folder: Folder, tmp_path: Path) -> None:
    file, out = folder.labels("a.txt", 3), tmp_path / "out"
    first = pack([file], str(folder.root), str(out), progress=False)
    for image in (folder.root / "a").iterdir():
        image.write_bytes(b"not read again")
    again = pack([file], str(folder.root), str(out), progress=False)
    assert (again.records, again.resumed) == (first.records, 3)


def test_a_folder_of_something_else(folder: Folder, tmp_path: Path) -> None:
    a, b = folder.labels("a.txt", 3), folder.labels("b.txt", 2)
    pack([a], str(folder.root), str(tmp_path / "out"), progress=False)
    with pytest.raises(DataError, match=r"packed from something else .label_files differ"):
        pack([a, b], str(folder.root), str(tmp_path / "out"), progress=False)
    with lmdb.open(str(tmp_path / "foreign")) as env, env.begin(write=True) as transaction:
        transaction.put(b"key", b"value")
    with pytest.raises(DataError, match="did not write"):
        pack([a], str(folder.root), str(tmp_path / "foreign"), progress=False)


def test_the_map_grows(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack_writer, "_FIRST_MAP", 1 << 16)
    rng = np.random.default_rng(0)
    lines = []
    for n in range(40):
        (folder.root / f"{n}.bin").write_bytes(rng.bytes(20_000))
        lines.append(f"{n}.bin\t{n}\n")
    out = tmp_path / "out"
    made = pack([folder.write("l.txt", "".join(lines))], str(folder.root), str(out), check=False, commit_lines=8, progress=False)
    assert made.records == 40
    assert (out / "data.mdb").stat().st_size > 800_000
    assert records(out)[b"image-000000040"] == (folder.root / "39.bin").read_bytes()


def test_two_writers(folder: Folder, tmp_path: Path) -> None:
    writer = PackWriter(str(tmp_path), {"a": 1})
    writer.flush()
    writer._written = b"what another process saw"
    with pytest.raises(DataError, match="another process"):
        writer.flush()


def test_nothing_usable(folder: Folder, tmp_path: Path) -> None:
    (folder.root / "broken.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"no image could be used.*unreadable image"):
        pack([folder.write("l.txt", "broken.png\tx\n")], str(folder.root), str(tmp_path / "out"), progress=False)
    with pytest.raises(DataError, match=r"none of the images.*check data_dir"):
        pack([folder.write("m.txt", "gone.png\tx\n")], str(folder.root), str(tmp_path / "out1"), progress=False)
    with pytest.raises(ConfigError, match=r"data_dir: .*nowhere is no folder"):
        pack([folder.labels("a.txt", 1)], str(tmp_path / "nowhere"), str(tmp_path / "out2"), progress=False)
