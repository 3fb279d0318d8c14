"""Sizes from the first bytes of files."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ppocr_like.data import sizes
from ppocr_like.data.heads import head_of, parse_head
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.data.sizes import header_size, measure
from ppocr_like.errors import DataError

from .helpers import Folder


def encoded(kind: str, width: int = 70, height: int = 30, orientation: int = 0, **more: object) -> bytes:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8))
    out = io.BytesIO()
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
        exif[0x010E] = "a description" * 9
    image.save(out, kind, **({"exif": exif} if orientation else {}), **more)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
@pytest.mark.parametrize("orientation", [0, 1, 3, 6, 8])
def test_any_kind_with_any_orientation(kind: str, orientation: int, tmp_path: Path) -> None:
    if orientation and kind in ("BMP", "GIF"):
        pytest.skip("holds no Exif")
    path = tmp_path / "image"
    path.write_bytes(encoded(kind, orientation=orientation))
    turned = orientation in (6, 8) and kind in ("JPEG", "PNG", "WEBP")
    for source in (path, path.read_bytes()):
        assert header_size(source, exif=False) == (70, 30)
        assert header_size(source) == ((30, 70) if turned else (70, 30))


@pytest.mark.parametrize("more", [{"progressive": True}, {"icc_profile": b"x" * 200_000}, {"comment": b"y" * 3000}])
def test_jpeg_with_long_segments(more: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded("JPEG", orientation=6, **more))
    assert header_size(tmp_path / "a.jpg") == (30, 70)


def test_the_usual_files_need_no_library(tmp_path: Path) -> None:
    for kind in ("JPEG", "PNG"):
        (tmp_path / kind).write_bytes(encoded(kind))
        head = head_of(tmp_path / kind)
        assert head is not None and tuple(head) == (70, 30, 1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_damaged_heads_are_no_size(kind: str) -> None:
    whole = encoded(kind, orientation=6 if kind == "JPEG" else 0)
    rng = np.random.default_rng(0)
    for cut in range(0, 300, 7):
        parse_head(whole[:cut])
        assert header_size(whole[:cut]) in ((0, 0), (70, 30), (30, 70))
    for _ in range(2000):
        damaged = bytearray(whole)
        for place in rng.integers(0, 300, 4):
            damaged[int(place)] = int(rng.integers(256))
        width, height = header_size(bytes(damaged))
        assert width >= 0 and height >= 0
    assert header_size(b"") == (0, 0) and header_size("a\0b") == (0, 0) and header_size("gone.png") == (0, 0)


def test_processes_measure_what_threads_measure(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder.labels("l.txt", 40)
    rows = Path(file).read_text(encoding="utf-8").splitlines()
    rows[3:3] = ["", "no delimiter", f'["{rows[0].split(chr(9))[0]}", "l/017.png"]\ttwo', "gone.png\tx"]
    folder.write("l.txt", "\n".join(rows))
    monkeypatch.setattr(sizes, "_CHUNK", 7)
    threads = SimpleDataSet(str(folder.root), file).sizes(progress=False)
    monkeypatch.setattr(sizes, "_MANY", 10)
    processes = SimpleDataSet(str(folder.root), file).sizes(progress=False)
    data = SimpleDataSet(str(folder.root), file)
    one_by_one = [sizes.widest([header_size(path) for path in data.record(n).paths]) for n in range(len(data))]
    assert (threads == processes).all() and (threads == np.array(one_by_one)).all()
    assert (threads == 0).all(axis=1).sum() == 2


def test_a_process_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    main = os.getpid()

    def killed(start: int, stop: int) -> np.ndarray:
        if os.getpid() != main and start:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.zeros((stop - start, 2), np.int32)

    monkeypatch.setattr(sizes, "_MANY", 10)
    monkeypatch.setattr(sizes, "_CHUNK", 5)
    with pytest.raises(DataError, match="a process that reads image headers died"):
        measure(40, killed, progress=False)
