"""Sets of lines packed into LMDB folders and into kraken's Arrow files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ppocr_like.contracts import Request
from ppocr_like.data import pack as packing
from ppocr_like.data.arrow_file import ArrowFile
from ppocr_like.data.arrow_writer import ArrowLine
from ppocr_like.data.lines.arrow_set import ArrowDataSet
from ppocr_like.data.lines.path_set import PathDataSet
from ppocr_like.data.lmdb_set import LMDBDataSet
from ppocr_like.data.pack import pack_set
from ppocr_like.data.pack_reader import encoded, tasks
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.errors import DataError
from ppocr_like.transforms.channels import repeat_gray
from ppocr_like.transforms.decode import DecodeImage
from tests.data.arrow_lines import png, some_lines, write_arrow
from tests.data.helpers import Folder

pytest.importorskip("pyarrow")
ROOT = Path(__file__).parents[2]


def packed(dataset: object, out: Path, workers: int = 2, **more: object) -> packing.Packed:
    return pack_set(dataset, str(out), {"set": "test"}, workers=workers, progress=False, **more)


def pairs(folder: Path, count: int) -> str:
    """Line images with their texts; the pattern of the images."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number:03}.png").write_bytes(png(20 + number % 50, shade=100 + number % 100))
        (folder / f"{number:03}.gt.txt").write_text(f"line {number}\n")
    return str(folder / "*.png")


def test_an_arrow_set_packed_again_is_the_same_file(tmp_path: Path) -> None:
    """Texts, images, languages, splits, pages and the way its lines were cut are kept."""
    path = write_arrow(tmp_path / "set.arrow", some_lines(230))
    made = packed(ArrowDataSet(files=path, mode="eval"), tmp_path / "again.arrow")
    assert (made.lines, made.records, made.left_out) == (230, 230, {})
    assert (tmp_path / "again.arrow").read_bytes() == Path(path).read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["again.arrow", "set.arrow"]


@pytest.mark.parametrize("ending", ["", ".arrow"])
def test_the_bytes_do_not_depend_on_the_workers(tmp_path: Path, ending: str) -> None:
    files = pairs(tmp_path / "lines", 300)
    for workers in (1, 3):
        packed(PathDataSet(files=files, mode="eval"), tmp_path / f"{workers}{ending}", workers)
    one, three = (tmp_path / f"{n}{ending}" / ("" if ending else "data.mdb") for n in (1, 3))
    assert one.read_bytes() == three.read_bytes()


def test_pairs_become_records(tmp_path: Path) -> None:
    files = pairs(tmp_path / "lines", 70)
    (tmp_path / "lines" / "007.gt.txt").unlink()
    (tmp_path / "lines" / "008.png").write_bytes(png()[:60])
    (tmp_path / "lines" / "009.gt.txt").write_text("\n")
    made = packed(PathDataSet(files=files, mode="eval"), tmp_path / "lmdb")
    wanted = {"image without a .gt.txt": 1, "no text": 1, "unreadable image": 1}
    assert (made.lines, made.records, made.left_out) == (70, 67, wanted)
    assert "left out: 3, named in" in made.text()
    rows = [row.split("\t") for row in (tmp_path / "lmdb" / "left_out.tsv").read_text().splitlines()]
    names = [(Path(file).name, line, reason) for file, line, _, reason in rows]
    assert names == [
        ("007.png", "1", "image without a .gt.txt"),
        ("009.gt.txt", "1", "no text"),
        ("008.gt.txt", "1", "unreadable image"),
    ]
    read = LMDBDataSet(str(tmp_path / "lmdb"))
    assert [read.info(n).text for n in (0, 6, 7, 66)] == ["line 0", "line 6", "line 10", "line 69"]
    assert read.read_image(read.info(7).path).tobytes() == (tmp_path / "lines" / "010.png").read_bytes()
    arrow = packed(PathDataSet(files=files, mode="eval"), tmp_path / "set.arrow")
    assert (arrow.records, arrow.left_out) == (67, wanted)
    assert (tmp_path / "set.left_out.tsv").read_bytes() == (tmp_path / "lmdb" / "left_out.tsv").read_bytes()
    written = ArrowFile(str(tmp_path / "set.arrow"))
    assert written.kind == "bbox" and not written.pages and written.text(7) == "line 10"
    kept = packed(PathDataSet(files=files, empty="keep", mode="eval"), tmp_path / "kept.arrow")
    assert kept.records == 68 and ArrowFile(str(tmp_path / "kept.arrow")).places.blank.sum() == 1


def test_images_in_an_arrow_file_are_png_as_the_model_sees_them(folder: Folder, tmp_path: Path) -> None:
    """Turned by Exif, transparent over white, of 8 bits."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (16, 40, 4), np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(noise[..., :3]).save(folder.root / "turned.jpg", exif=turned)
    cv2.imwrite(str(folder.root / "clear.png"), noise)
    cv2.imwrite(str(folder.root / "deep.png"), noise[..., 0].astype(np.uint16) * 257)
    cv2.imwrite(str(folder.root / "plain.png"), noise[..., 0])
    names = ["turned.jpg", "clear.png", "deep.png", "plain.png"]
    file = folder.write("l.txt", "".join(f"{name}\t{name}\n" for name in names))
    dataset = SimpleDataSet(str(folder.root), file, mode="eval")
    for check in (True, False):
        packed(dataset, tmp_path / "set.arrow", check=check)
        written = ArrowFile(str(tmp_path / "set.arrow"))
        assert written.block(0, 4) == names and not written.gray
        for number, name in enumerate(names):
            seen = DecodeImage("BGR")({"image": dataset.read_image(dataset.info(number).path)}, rng)["image"]
            image = cv2.imdecode(np.frombuffer(written.image(number), np.uint8), cv2.IMREAD_UNCHANGED)
            assert written.image(number).startswith(b"\x89PNG") and image.dtype == np.uint8
            assert np.array_equal(image if image.ndim == 3 else repeat_gray(image), seen), name
        assert written.image(3) == (folder.root / "plain.png").read_bytes()


def test_pictures_keep_their_channels() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (8, 20, 3), np.uint8)
    for image, swapped, wanted in (
        (picture, False, picture),
        (picture, True, picture[:, :, ::-1]),
        (picture[:, :, 0], False, picture[:, :, 0]),
        (repeat_gray(np.ascontiguousarray(picture[:, :, 0])), True, picture[:, :, 0]),
    ):
        assert np.array_equal(cv2.imdecode(np.frombuffer(encoded(image, swapped), np.uint8), cv2.IMREAD_UNCHANGED), wanted)


def test_the_lines_of_a_page_are_read_together(tmp_path: Path) -> None:
    counts = [40, 40, 10, 700, 5, 5]
    lines = [ArrowLine("x", png(), page=f"p/{page}.xml") for page, count in enumerate(counts) for _ in range(count)]
    dataset = ArrowDataSet(files=write_arrow(tmp_path / "set.arrow", lines))
    assert list(tasks(dataset, 0)) == [(0, 80), (80, 592), (592, 790), (790, 800)]
    assert list(tasks(dataset, 592)) == [(592, 790), (790, 800)]
    assert list(tasks(dataset, 800)) == []


def test_lines_that_were_cut_in_different_ways(tmp_path: Path) -> None:
    for kind in ("bbox", "baselines"):
        write_arrow(tmp_path / f"{kind}.arrow", some_lines(3), kind)
    dataset = ArrowDataSet(files=str(tmp_path / "*.arrow"))
    with pytest.raises(DataError, match=r"baselines\.arrow: lines along baselines are in this file, and boxes in .*bbox\.arrow"):
        packed(dataset, tmp_path / "both.arrow")
    packed(dataset, tmp_path / "both.arrow", cut="bbox")
    assert ArrowFile(str(tmp_path / "both.arrow")).kind == "bbox"


def test_what_would_be_written_over_is_refused(tmp_path: Path) -> None:
    path = write_arrow(tmp_path / "set.arrow", some_lines(3))
    with pytest.raises(DataError, match="read"):
        pack_set(ArrowDataSet(files=path), path, {}, progress=False, reads=[path])
    (tmp_path / "notes.arrow").write_text("my notes")
    with pytest.raises(DataError, match=r"notes\.arrow: is there and is no Arrow file"):
        packed(ArrowDataSet(files=path), tmp_path / "notes.arrow")
    packed(ArrowDataSet(files=path), tmp_path / "lmdb")
    with pytest.raises(DataError, match="the folder was packed from something else"):
        pack_set(ArrowDataSet(files=path), str(tmp_path / "lmdb"), {"set": "other"}, progress=False)


def test_nothing_usable(tmp_path: Path) -> None:
    path = write_arrow(tmp_path / "set.arrow", [ArrowLine("x", png()[:50])])
    with pytest.raises(DataError, match="no image could be used"):
        packed(ArrowDataSet(files=path), tmp_path / "out.arrow")
    assert os.listdir(tmp_path) == ["set.arrow"]


SLOWLY = """
import os, signal, sys
from ppocr_like.data import pack_reader
from ppocr_like.data.lines.path_set import PathDataSet
from ppocr_like.data.pack import pack_set
read = pack_reader.SetReader.__call__
def reading(self, start, stop):
    if start >= 192:
        os.kill(os.getpid() if sys.argv[3] == "worker" else os.getppid(), signal.SIGKILL)
    return read(self, start, stop)
pack_reader.SetReader.__call__ = reading
dataset = PathDataSet(files=sys.argv[1], mode="eval")
try:
    pack_set(dataset, sys.argv[2], {"set": "test"}, workers=1, commit_lines=64, progress=False)
except Exception as error:
    print(type(error).__name__, error)
"""


def _running(argument: str) -> list[str]:
    """Processes that were called with an argument, after at most five seconds."""
    found = [argument]
    for _ in range(50):
        lines = (_command(place) for place in Path("/proc").glob("[0-9]*/cmdline"))
        found = [line for line in lines if argument in line.split("\0")]
        if not found:
            break
        time.sleep(0.1)
    return found


def _command(place: Path) -> str:
    try:
        return place.read_text(errors="replace")
    except OSError:
        return ""


@pytest.mark.skipif(sys.platform != "linux", reason="needs SIGKILL and forks")
@pytest.mark.parametrize("ending", ["", ".arrow"])
def test_killed_in_the_middle(tmp_path: Path, ending: str) -> None:
    """An LMDB folder is gone on with; of an Arrow file nothing is there, and the next call writes it."""
    files, out = pairs(tmp_path / "lines", 300), tmp_path / f"out{ending}"
    command = [sys.executable, "-c", SLOWLY, files, str(out)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    died = subprocess.run([*command, "worker"], env=env, timeout=120, capture_output=True, text=True)
    assert "DataError a process that reads lines died" in died.stdout, died.stdout + died.stderr
    killed = subprocess.run([*command, "main"], env=env, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert sorted(os.listdir(tmp_path)) == (["lines"] if ending else ["lines", "out"])
    assert not _running(str(out))  # its worker has ended as well
    made = packed(PathDataSet(files=files, mode="eval"), out)
    assert made.records == 300 and bool(made.resumed) == (not ending)
    packed(PathDataSet(files=files, mode="eval"), tmp_path / f"whole{ending}")
    if ending:
        assert out.read_bytes() == (tmp_path / f"whole{ending}").read_bytes()
        return
    one, two = (LMDBDataSet(str(folder)) for folder in (out, tmp_path / "whole"))
    assert [one.info(n).text for n in range(300)] == [two.info(n).text for n in range(300)] == [f"line {n}" for n in range(300)]


def test_what_is_packed_is_what_is_trained_on(tmp_path: Path) -> None:
    files = pairs(tmp_path / "lines", 12)
    chain = [DecodeImage("RGB")]
    dataset = PathDataSet(files=files, transforms=chain, mode="eval")
    packed(dataset, tmp_path / "set.arrow")
    packed(dataset, tmp_path / "lmdb")
    others = [ArrowDataSet(files=str(tmp_path / "set.arrow"), transforms=chain, mode="eval")]
    others.append(LMDBDataSet(str(tmp_path / "lmdb"), transforms=chain, mode="eval"))
    for other in others:
        for number in range(12):
            one, two = dataset.fetch(Request(number, 0)), other.fetch(Request(number, 0))
            assert np.array_equal(one["image"], two["image"]) and one["info"].text == two["info"].text
