"""Pages read by several processes: the same files, in order; what happens when one dies or the call is stopped."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ppocr_like.components import load_components
from ppocr_like.errors import ConfigError, DataError
from ppocr_like.pipeline.ocr import OCR
from ppocr_like.pipeline.page_sources import PageSource
from ppocr_like.pipeline.page_work import Job
from ppocr_like.pipeline.page_workers import Orders, read_in_processes
from ppocr_like.pipeline.pages_log import LOG
from ppocr_like.pipeline.read_pages import read_pages
from tests.deadly_page import DeadlyPage

load_components(["tests.ink_net"])
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def ocr(ink_bundle, tiny_bundle):
    return OCR(str(ink_bundle), str(tiny_bundle), min_confidence=0.0, threads=1)


@pytest.fixture
def files(ink_run, tmp_path):
    """Six pages; the third is no image."""
    made = []
    for number in range(6):
        path = tmp_path / "in" / f"p{number}.png"
        path.parent.mkdir(exist_ok=True)
        shutil.copy(ink_run.images[number % len(ink_run.images)], path)
        made.append(str(path))
    Path(made[2]).write_bytes(b"no image")
    return made


def names(folder):
    rows = [json.loads(row) for row in (folder / LOG).read_text().splitlines()]
    return [row["name"] for row in rows if "name" in row]


def test_two_processes_write_what_one_writes(ocr, files, tmp_path):
    said, told = [], []
    one = read_pages(ocr, files, tmp_path / "one", progress=False, say=said.append)
    two = read_pages(ocr, files, tmp_path / "two", progress=False, say=told.append, workers=2)
    assert (two.read, two.lines, two.failed, two.notes) == (one.read, one.lines, one.failed, one.notes)
    assert len(two.failed) == 1 and files[2] in two.failed[0]
    assert told == said and names(tmp_path / "two") == names(tmp_path / "one") == ["p0", "p1", "p3", "p4", "p5"]
    for path in one.files:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    again = read_pages(ocr, files, tmp_path / "two", progress=False, workers=2)
    assert (again.before, again.read, len(again.failed)) == (5, 0, 1)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a process kills itself")
def test_a_process_that_dies_takes_one_page_along(ocr, files, tmp_path):
    """The pages that it had been given beside are read by the one in its place."""
    pages = [PageSource(files[0]), DeadlyPage(files[1]), *map(PageSource, files[3:])]
    jobs = [Job(page, f"r{number}") for number, page in enumerate(pages)]
    begun = []
    orders = Orders({**ocr.opening, "threads": 1}, {"folder": tmp_path, "kinds": ("txt",)})
    found = list(read_in_processes(orders, jobs, 2, begun.append))
    assert [bool(done.error) for done in found] == [False, True, False, False, False]
    assert "SIGKILL" in found[1].error and files[1] in found[1].error
    assert sorted(path.stem for path in tmp_path.glob("r*.txt")) == ["r0", "r2", "r3", "r4"]
    assert {job.name for job in begun} == {job.name for job in jobs}


def test_a_result_that_cannot_be_written_ends_all(ocr, files, tmp_path):
    (tmp_path / "out" / "p1.txt").mkdir(parents=True)
    with pytest.raises(DataError, match=r"p1\.txt"):
        read_pages(ocr, files, tmp_path / "out", kinds=["txt"], progress=False, workers=2)


def test_models_must_be_given_by_their_paths(ocr, files, tmp_path):
    objects = OCR(ocr.detector, ocr.recogniser)
    with pytest.raises(ConfigError, match="path"):
        read_pages(objects, files, tmp_path / "out", progress=False, workers=2)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_behind(ink_bundle, tiny_bundle, files, tmp_path, number):
    many = tmp_path / "many"
    many.mkdir()
    for copy in range(150):
        shutil.copy(files[0], many / f"q{copy}.png")
    told = ["--det", ink_bundle, "--rec", tiny_bundle, many, "--out", tmp_path / "out", "--workers", 2, "--format", "txt"]
    process = subprocess.Popen(
        [sys.executable, *map(str, [ROOT / "tools/infer.py", *told])],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a background job ignores it
    )
    out, deadline = tmp_path / "out", time.monotonic() + 60
    while not list(out.glob("q*.txt")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.kill()
    _, told = process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else -number), told
    assert number != signal.SIGINT or told.decode().strip().splitlines()[-1] == "interrupted"
    while _members(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _members(process.pid)
    assert (
        not [path for path in (tmp_path / "out").iterdir() if path.suffix not in (".txt", ".jsonl")] or number == signal.SIGKILL
    )


def _members(group):
    """Processes of a session that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == group and fields[0] not in "ZX":
            found.append(stat.parent.name)
    return found
