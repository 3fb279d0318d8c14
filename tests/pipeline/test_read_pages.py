"""Folders of pages: files for each page, stops and starts, bad pages."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ppocr_like.components import load_components
from ppocr_like.documents import Line, Page
from ppocr_like.errors import ConfigError, DataError
from ppocr_like.pipeline.inputs import SUFFIXES, find_images
from ppocr_like.pipeline.ocr import OCR, PageResult
from ppocr_like.pipeline.page_files import KINDS
from ppocr_like.pipeline.page_sources import PageSource, result_names
from ppocr_like.pipeline.pages_log import LOG
from ppocr_like.pipeline.read_pages import read_pages

load_components(["tests.ink_net"])
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def ocr(ink_bundle, tiny_bundle):
    return OCR(ink_bundle, tiny_bundle, min_confidence=0.0)


@pytest.fixture
def files(ink_run):
    return [str(path) for path in ink_run.images[:3]]


def call(ocr, files, out, **options):
    return read_pages(ocr, files, out, progress=False, **options)


def test_text_json_and_picture_of_each_page(ocr, files, tmp_path):
    summary = call(ocr, files, tmp_path)
    assert (summary.read, summary.before, summary.failed) == (3, 0, [])
    assert sorted(path.name for path in summary.files) == sorted(
        f"page{n}{suffix}" for n in range(3) for suffix in (".txt", ".json", ".jpg")
    )
    page = ocr(files[0])
    assert (tmp_path / "page0.txt").read_text(encoding="utf-8") == page.text + "\n"
    kept = Page.from_dict(json.loads((tmp_path / "page0.json").read_text(encoding="utf-8")))
    assert kept.as_dict() == page.as_dict()
    picture = cv2.imread(str(tmp_path / "page0.jpg"))
    assert picture.shape[1] == 2 * picture.shape[0] * page.width // page.height
    assert summary.lines == sum(len(ocr(file).lines) for file in files)


def test_dpi_and_languages_of_each_page(ocr, files, tmp_path):
    paths = [str(tmp_path / "says.png"), str(tmp_path / "silent.png")]
    for path, options in zip(paths, ({"dpi": (240, 240)}, {}), strict=True):
        Image.open(files[0]).save(path, **options)
    call(ocr, paths, tmp_path / "out", kinds=("hocr",), languages=("de", "sr-Latn"))
    says, silent = ((tmp_path / "out" / f"{name}.hocr").read_text("utf-8") for name in ("says", "silent"))
    assert "scan_res 240 240" in says and 'content="de sr-Latn"' in says
    assert "scan_res" not in silent


def pdf_with_text(path, texts):
    """A page for each text: seen, not seen where it begins with a tilde, none where it is empty; with a block to be read."""
    pypdf = pytest.importorskip("pypdf")
    generic = pypdf.generic
    writer = pypdf.PdfWriter()
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    fonts = generic.DictionaryObject({generic.NameObject(k): generic.NameObject(v) for k, v in font.items()})
    for text in texts:
        paper = writer.add_blank_page(300, 200)
        stream = generic.StreamObject()
        shown = f"BT /F 12 Tf {3 * text.startswith('~')} Tr 20 20 Td ({text.strip('~')}) Tj ET" if text else ""
        stream.set_data(f"0 g 60 100 120 24 re f {shown}".encode())
        paper[generic.NameObject("/Contents")] = writer._add_object(stream)
        named = generic.DictionaryObject({generic.NameObject("/F"): fonts})
        paper[generic.NameObject("/Resources")] = generic.DictionaryObject({generic.NameObject("/Font"): named})
    writer.write(path)
    return str(path)


class Same:
    """What reads the same line on every page."""

    def __init__(self, ocr, text):
        self.recogniser, self.text = ocr.recogniser, text

    def stream(self, pages):
        quad = np.array([[50, 200], [400, 200], [400, 240], [50, 240]], float)
        for page in pages:
            image = page.image()
            yield PageResult(page, Page(page.name, image.shape[1], image.shape[0], (Line(quad, self.text, 0.9),)), image)


@pytest.mark.parametrize(("pdf_text", "times"), [("skip", (1, 1, 1)), ("add", (2, 2, 1))])
def test_pages_that_have_text_get_no_second_one_unless_it_is_asked_for(ocr, tmp_path, pdf_text, times):
    pdfium = pytest.importorskip("pypdfium2")
    file = pdf_with_text(tmp_path / "born.pdf", ["word", "~word", ""])
    out = tmp_path / "out"
    summary = call(Same(ocr, "word"), [file], out, kinds=("pdf", "txt"), pdf_text=pdf_text)
    for path in (*(out / f"born_p{number}.pdf" for number in (1, 2, 3)), out / "born.pdf"):
        found = [sheet.get_textpage().get_text_range().count("word") for sheet in pdfium.PdfDocument(path)]
        number = path.stem.partition("_p")[2]
        assert found == ([times[int(number) - 1]] if number else list(times))
    assert [(out / f"born_p{number}.txt").read_text() for number in (1, 2, 3)] == ["word\n"] * 3  # what was read, in any case
    told = [note for note in summary.notes if "--pdf-text add" in note]
    assert len(told) == (pdf_text == "skip") and all(note.startswith("2 pages have text") for note in told)


def test_the_second_call_reads_only_what_is_new_or_changed(ocr, ink_run, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    files = []
    for path in ink_run.images[:3]:
        files.append(str(shutil.copy(path, folder)))
    out = tmp_path / "out"
    assert call(ocr, files[:2], out).read == 2
    again = call(ocr, files, out)
    assert (again.read, again.before) == (1, 2)
    cv2.imwrite(files[1], cv2.imread(files[2]))
    (out / "page0.txt").unlink()
    last = call(ocr, files, out)
    assert (last.read, last.before) == (2, 1)
    assert (out / "page1.txt").read_text() == (out / "page2.txt").read_text()
    with open(out / LOG, "a") as log:
        log.write('{"name": "page')  # a stop in the middle of a line
    assert call(ocr, files, out).before == 3


def test_results_of_other_settings_are_not_mixed(ocr, files, tmp_path):
    call(ocr, files[:1], tmp_path, settings={"rec": "one"})
    with pytest.raises(DataError, match=r"other models or settings.*--overwrite"):
        call(ocr, files, tmp_path, settings={"rec": "two"})
    assert call(ocr, files, tmp_path, settings={"rec": "two"}, overwrite=True).read == 3


def test_a_bad_page_stops_nothing_and_is_tried_again(ocr, files, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(Path(files[0]).read_bytes()[:500])
    out = tmp_path / "out"
    summary = call(ocr, [files[0], str(bad), files[1]], out)
    assert summary.read == 2 and len(summary.failed) == 1 and "bad.png" in summary.failed[0]
    shutil.copy(files[2], bad)
    again = call(ocr, [files[0], str(bad), files[1]], out)
    assert (again.read, again.before, again.failed) == (1, 2, [])


def test_formats_and_damaged_logs_are_named(ocr, files, tmp_path):
    with pytest.raises(ConfigError, match=r"docx.*known are txt"):
        call(ocr, files, tmp_path, kinds=["docx"])
    assert not (tmp_path / LOG).exists()
    (tmp_path / LOG).write_text("{}\nnonsense\n")
    with pytest.raises(DataError, match="line 2: is damaged"):
        call(ocr, files, tmp_path)
    with pytest.raises(DataError, match="Not a directory"):
        call(ocr, files, tmp_path / LOG / "below_a_file")


def test_names_are_told_apart():
    pages = [PageSource("a/x.png"), PageSource("b/X.jpg"), PageSource("c.pdf", 1), PageSource("c.pdf", 2), PageSource("ü é.png")]
    assert result_names(pages) == ["x", "X_2", "c_p1", "c_p2", "ü_é"]


def test_a_file_of_several_pages_becomes_one_again(ocr, files, tmp_path):
    pypdf = pytest.importorskip("pypdf")
    images = [Image.open(file).convert("RGB") for file in files]
    book = tmp_path / "book.tif"
    images[0].save(book, save_all=True, append_images=images[1:])
    cv2.imwrite(str(tmp_path / "book.png"), cv2.imread(files[0]))
    out = tmp_path / "out"
    given = [str(tmp_path / "book.png"), str(book)]
    summary = call(ocr, given, out, kinds=("txt", "pdf", "json"))
    texts = [(out / f"book_p{n}.txt").read_text(encoding="utf-8") for n in (1, 2, 3)]
    assert (out / "book_2.txt").read_text(encoding="utf-8") == "\f".join(texts) and all(texts)  # book.txt is the picture's
    whole = pypdf.PdfReader(out / "book_2.pdf")
    alone = [pypdf.PdfReader(out / f"book_p{n}.pdf").pages[0].extract_text() for n in (1, 2, 3)]
    assert [page.extract_text() for page in whole.pages] == alone and len(set(alone)) > 1
    assert {out / "book_2.txt", out / "book_2.pdf"} < set(summary.files) and not (out / "book_2.json").exists()
    (out / "book_2.txt").unlink()
    assert call(ocr, given, out, kinds=("txt", "pdf", "json")).files == [out / "book_2.txt"]


def test_half_a_document_is_not_joined(ocr, files, tmp_path, monkeypatch):
    images = [Image.open(file).convert("RGB") for file in files]
    images[0].save(tmp_path / "book.tif", save_all=True, append_images=images[1:])
    real = PageSource.image

    def image(page):
        if page.number == 2:
            raise DataError("torn", page.path)
        return real(page)

    with monkeypatch.context() as patch:
        patch.setattr(PageSource, "image", image)
        first = call(ocr, [str(tmp_path / "book.tif")], tmp_path / "out", kinds=("txt",))
    assert first.read == 2 and len(first.failed) == 1 and not (tmp_path / "out/book.txt").exists()
    second = call(ocr, [str(tmp_path / "book.tif")], tmp_path / "out", kinds=("txt",))
    assert [path.name for path in second.files] == ["book_p2.txt", "book.txt"]


def test_killed_in_the_middle_it_goes_on(ink_bundle, tiny_bundle, ink_run, tmp_path):
    """A real process, killed with SIGKILL after its first page: no half-written file, and the next call reads the rest."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for number in range(40):
        shutil.copy(ink_run.images[number % 3], folder / f"{number}.png")
    command = [sys.executable, "tools/infer.py", "--det", str(ink_bundle), "--rec", str(tiny_bundle), str(folder), "-o", str(out)]
    command += ["--format", "txt,json", "--min-confidence", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 120
    while time.monotonic() < limit and not (out / "1.json").is_file():
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = len(list(out.glob("[0-9]*.json")))
    assert 1 <= done < 40
    for path in out.glob("[0-9]*.json"):
        json.loads(path.read_text())
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert f"{40 - done} pages read" in finished.stdout or f"{41 - done} pages read" in finished.stdout
    assert len(list(out.glob("[0-9]*.txt"))) == 40


def test_the_tool_takes_values_of_the_detectors_post_processing(ink_bundle, tiny_bundle, ink_run, tmp_path):
    models = ["--det", str(ink_bundle), "--rec", str(tiny_bundle), "--min-confidence", "0", "--format", "json"]
    command = [sys.executable, "tools/infer.py", *models, str(ink_run.images[0]), "-o", str(tmp_path / "out")]
    heights = []
    for more in ([], ["--det-postprocess", "unclip_ratio=1.5"]):
        refused = subprocess.run([*command, *more], cwd=ROOT, capture_output=True, text=True)
        assert (refused.returncode == 0) == (not more)  # the folder holds what another setting gave
        done = subprocess.run([*command, *more, "--overwrite"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        lines = json.loads((tmp_path / "out" / f"{ink_run.images[0].stem}.json").read_text())["lines"]
        heights.append(max(max(y for _, y in line["points"]) - min(y for _, y in line["points"]) for line in lines))
    assert heights[1] > heights[0]
    wrong = subprocess.run([*command, "--det-postprocess", "unclip_ratio"], cwd=ROOT, capture_output=True, text=True)
    assert wrong.returncode != 0 and "write NAME=VALUE" in wrong.stderr


def test_no_result_replaces_a_page(ocr, files, tmp_path):
    scans = tmp_path / "scans"
    scans.mkdir()
    photo = str(shutil.copy(files[0], scans / "photo.jpg"))
    before = Path(photo).read_bytes()
    (tmp_path / "other").symlink_to(scans)
    for out in (scans, tmp_path / "other", scans / ".." / "scans"):
        with pytest.raises(DataError, match=r"photo\.jpg.*is read.*--out"):
            call(ocr, [photo], out)
        assert Path(photo).read_bytes() == before and os.listdir(scans) == ["photo.jpg"]
    assert call(ocr, [photo], scans, kinds=("txt",)).read == 1  # beside it is fine
    with pytest.raises(DataError, match=r"model\.onnx"):
        call(ocr, [photo], tmp_path / "out", reads=[_model(tmp_path / "out" / "photo.txt")])


def _model(path):
    path.parent.mkdir()
    path.symlink_to(path.parent / "model.onnx")
    (path.parent / "model.onnx").write_bytes(b"")
    return path.parent / "model.onnx"


def test_the_whole_of_a_file_does_not_replace_it(ocr, files, tmp_path):
    images = [Image.open(file).convert("RGB") for file in files[:2]]
    images[0].save(tmp_path / "doc.pdf", save_all=True, append_images=images[1:])
    before = (tmp_path / "doc.pdf").read_bytes()
    with pytest.raises(DataError, match=r"doc\.pdf.*is read"):
        call(ocr, [str(tmp_path / "doc.pdf")], tmp_path, kinds=("txt", "pdf"))
    assert (tmp_path / "doc.pdf").read_bytes() == before


def test_results_are_never_pages_of_the_next_call(ocr, files, tmp_path):
    scans = tmp_path / "scans"
    scans.mkdir()
    images = [Image.open(file).convert("RGB") for file in files[:2]]
    images[0].save(scans / "book.tif", save_all=True, append_images=images[1:])
    shutil.copy(files[0], scans / "photo.png")
    suffixes = SUFFIXES | {".pdf"}
    found = find_images([scans], suffixes)
    assert len(found) == 2
    for out, overwrite in ((scans / "text", False), (scans / "text", True), (scans, False)):
        call(ocr, found, out, kinds=("txt", "picture", "pdf", "json"), overwrite=overwrite, settings={"n": overwrite})
        said = []
        assert find_images([scans], suffixes, said.append) == found
        assert "results of an earlier call" in said[0]
    log = scans / "text" / LOG
    rows = log.read_text().splitlines()
    killed = [row for row in rows if '"written"' not in row]  # as if killed before a page was told to be done
    log.write_text("\n".join(killed) + "\n")
    assert find_images([scans], suffixes) == found


def test_earlier_results_are_known_when_started_anew(ocr, files, tmp_path):
    call(ocr, files[:2], tmp_path, kinds=("picture",))
    call(ocr, files[2:3], tmp_path, kinds=("txt",), overwrite=True)
    with pytest.raises(DataError, match="no images"):
        find_images([tmp_path])


def test_a_name_that_is_no_utf_8(ocr, files, tmp_path):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")
    shutil.copy(files[0], name)
    out = tmp_path / "out"
    assert call(ocr, [name], out, kinds=KINDS).read == 1
    assert call(ocr, [name], out, kinds=KINDS).before == 1
    assert Page.from_dict(json.loads((out / "caf_.json").read_text(encoding="utf-8"))).source == name
