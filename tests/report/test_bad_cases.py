"""From results to what a person should look at and correct."""

import contextlib
import io
import json
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ppocr_like.components import load_components
from ppocr_like.convert.ppocrlabel import PPOCRLabel
from ppocr_like.documents import Line, Page
from ppocr_like.documents.predictions import read_predictions
from ppocr_like.errors import DataError
from ppocr_like.evaluation.judged import JudgedPage, SystemEvaluation
from ppocr_like.metrics.page_text import judge_page
from ppocr_like.pipeline.infer import infer
from ppocr_like.pipeline.ocr import OCR
from ppocr_like.pipeline.opening import open_model
from ppocr_like.pipeline.read_pages import read_pages
from ppocr_like.report.bad_cases import bad_cases_html, find_bad_cases, page_picture
from ppocr_like.report.corrections import write_corrections
from ppocr_like.report.eval_report import wrong_lines

load_components(["tests.ink_net"])
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def results(ink_run, ink_bundle, tiny_bundle, tmp_path_factory):
    """A folder of results of three pages, the third the second page of a TIFF file."""
    folder = tmp_path_factory.mktemp("results")
    pages = [Image.open(path).convert("RGB") for path in ink_run.images[:2]]
    pages[0].save(folder / "two.tif", save_all=True, append_images=pages[1:])
    files = [str(ink_run.images[2]), str(folder / "two.tif")]
    read_pages(OCR(ink_bundle, tiny_bundle, min_confidence=0.3), files, folder / "out", kinds=["json"], progress=False)
    return folder / "out"


def line(text, confidence, top=0):
    return Line(np.array([[0, top], [50, top], [50, top + 20], [0, top + 20]], float), text, confidence)


def test_results_come_back_as_pages(results, ink_run):
    pages = read_predictions(results)
    assert [page.source.rsplit("/", 1)[1] for page in pages] == ["page2.png", "two.tif#1", "two.tif#2"]
    assert sum(len(page.lines) + len(page.left_out) for page in pages) > 5
    assert page_picture(pages[2]).shape == cv2.imread(str(ink_run.images[1])).shape


def test_lines_that_were_read_alone(tiny_run, tiny_bundle, tmp_path):
    infer(open_model(tiny_bundle), [str(path) for path in tiny_run.images], tmp_path, max_pages=0)
    pages = read_predictions(tmp_path)
    assert len(pages) == len(tiny_run.images) and all(len(page.lines) + len(page.left_out) == 1 for page in pages)
    html = bad_cases_html(find_bad_cases(pages), "lines")
    assert html.count("data:image/jpeg") == len(pages)


def test_the_least_certain_come_first(results):
    cases = find_bad_cases(read_predictions(results))
    confidences = [case.confidence for case in cases]
    assert confidences == sorted(confidences) and len(cases) > 5
    html = bad_cases_html(cases, "results", shown=4)
    assert html.count("data:image/jpeg") == 4 and f"The worst 4 of {len(cases)} lines." in html
    assert not re.findall(r"(?:src|href)=['\"](?!data:)", html) and "http" not in html


def test_small_lines_are_shown_large_enough_to_be_read(tmp_path):
    cv2.imwrite(str(tmp_path / "p.png"), np.full((200, 400, 3), 200, np.uint8))
    lines = [Line(np.array([[0, t], [w, t], [w, t + h], [0, t + h]], float), "x", 0.5) for t, w, h in
             ((0, 300, 9), (40, 390, 16), (80, 30, 12), (100, 200, 90))]  # fmt: skip
    cases = find_bad_cases([Page(str(tmp_path / "p.png"), 400, 200, tuple(lines))])
    html = bad_cases_html(cases, "p")
    heights = [int(found) for found in re.findall(r"class='line' alt='' width='\d+' height='(\d+)'", html)]
    assert sorted(heights) == [48, 48, 48, 90] and "All 4 lines, the worst first." in html


def test_the_report_of_an_evaluation_tells_what_lines_say(tiny_run, tmp_path):
    """Lines that were read wrong beside their labels; right ones are not shown."""
    path = str(tiny_run.images[0])
    lines = [
        {"path": path, "file": "l", "line": 1, "reference": "right  text", "prediction": "right text", "confidence": 0.2},
        {"path": path, "file": "l", "line": 2, "reference": "12.50", "prediction": "12.80", "confidence": 0.99},
        {"path": path, "file": "l", "line": 3, "reference": "<b>", "prediction": "", "confidence": 0.0},
    ]
    file = tmp_path / "lines.json"
    file.write_text(json.dumps({"eval": {"metrics": {}, "lines": lines}}))
    cases = wrong_lines(file)
    assert [(case.truth, case.line.text) for case in cases] == [("<b>", ""), ("12.50", "12.80")]
    html = bad_cases_html(cases, "lines.json")
    assert html.count("data:image/jpeg") == 2 and "&lt;b&gt;" in html and "it says" in html
    del lines[1]["confidence"], lines[2]["prediction"]
    file.write_text(json.dumps({"eval": {"metrics": {}, "lines": lines}}))
    with pytest.raises(
        DataError, match=r"a detector alone.*lines\.json, eval, lines 3|lines\.json, eval, lines 3.*a detector alone"
    ):
        wrong_lines(file)
    file.write_text("[]")
    with pytest.raises(DataError, match="no report"):
        wrong_lines(file)


def test_the_report_of_whole_pages(tmp_path):
    cv2.imwrite(str(tmp_path / "p.png"), np.full((200, 100, 3), 200, np.uint8))
    truth = Page(str(tmp_path / "p.png"), lines=(line("same", 0), line("12.50", 0, 40), line("missed", 0, 80)))
    read = Page(str(tmp_path / "p.png"), 100, 200, (line("same", 0.9), line("12.80", 0.9, 40), line("ghost", 0.9, 150)))
    judged = JudgedPage(truth, read, judge_page(truth.lines, read.lines), 0.1)
    file = tmp_path / "pages.json"
    file.write_text(json.dumps({"test": SystemEvaluation("test", [judged]).report()}))
    cases = wrong_lines(file)
    told = {(case.truth, case.line.text, case.kind) for case in cases}
    assert told == {("missed", "", "missed"), ("", "ghost", "false"), ("12.50", "12.80", "wrong text")}
    assert bad_cases_html(cases, "pages.json").count("data:image/jpeg") == 3


def test_two_models_disagree():
    one = Page("p.png", 100, 200, (line("same", 0.9), line("12.50", 0.99, 40), line("only first", 0.9, 80)))
    two = Page("p.png", 100, 200, (line("same", 0.4), line("12.80", 0.95, 40)), (line("only second", 0.2, 150),))
    cases = find_bad_cases([one], [two])
    assert [(case.line and case.line.text, case.other and case.other.text) for case in cases] == [
        (None, "only second"),
        ("only first", None),
        ("12.50", "12.80"),
        ("same", "same"),
    ]
    assert cases[2].disagreement == pytest.approx(0.2)
    assert "not found" in bad_cases_html(cases, "p")
    with pytest.raises(DataError, match="no page in common"):
        find_bad_cases([one], [Page("q.png", 1, 1)])


def test_a_folder_for_ppocrlabel_and_back(results, tmp_path, ink_run):
    pages = read_predictions(results)
    made = write_corrections(pages, str(tmp_path / "correct"))
    assert (made.pages, made.gone) == (3, ())
    with pytest.raises(DataError, match="perhaps with corrections"):
        write_corrections(pages, str(tmp_path / "correct"))
    back = list(PPOCRLabel(tmp_path / "correct"))
    assert sum(len(page.lines) for page, _ in back) == made.lines
    worst = min(pages, key=lambda page: min(x.confidence for x in (*page.lines, *page.left_out)))
    assert np.allclose(cv2.imread(str(back[0][0].source)), page_picture(worst))
    wanted = [np.rint(x.points).tolist() for x in (*worst.lines, *worst.left_out)]
    assert [np.asarray(box.points).tolist() for box in back[0][0].lines] == wanted
    assert all(name in (tmp_path / "correct" / "Label.txt").read_text() for name in ("correct/page2.png", "correct/two_p2.png"))


def test_only_pages_with_a_doubtful_line(tmp_path):
    pages = []
    for name, confidence in (("sure", 0.99), ("doubt", 0.5), ("gone", 0.1)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((200, 100, 3), 200, np.uint8))
        pages.append(Page(str(tmp_path / f"{name}.png"), 100, 200, (line("x", confidence), line("", 0.99, 40))))
    (tmp_path / "gone.png").unlink()
    made = write_corrections(pages, str(tmp_path / "out"), below=0.8)
    assert (made.pages, made.sure, len(made.gone)) == (1, 1, 1)
    name, label = (tmp_path / "out" / "Label.txt").read_text(encoding="utf-8").rstrip("\n").split("\t")
    assert name == "out/doubt.png" and [box["transcription"] for box in json.loads(label)] == ["x", "待识别"]
    with pytest.raises(DataError, match="nothing to correct"):
        write_corrections(pages, str(tmp_path / "other"), below=0.05)
    assert not (tmp_path / "other" / "Label.txt").exists()


def test_pages_of_a_pdf_with_a_password(tmp_path):
    pypdf = pytest.importorskip("pypdf")
    pytest.importorskip("pypdfium2")
    writer = pypdf.PdfWriter()
    writer.add_blank_page(72, 36)  # 200 x 100 px
    writer.encrypt("sesame", algorithm="RC4-128")
    writer.write(tmp_path / "locked.pdf")
    page = Page(f"{tmp_path}/locked.pdf#1", 200, 100, (line("word", 0.4),))
    cases = find_bad_cases([page])
    assert "needs a password: give it with --password" in bad_cases_html(cases, "x")
    assert bad_cases_html(cases, "x", password="sesame").count("data:image/jpeg") == 1
    with pytest.raises(DataError, match=r"nothing to correct: no image can be used .*needs a password"):
        write_corrections([page], str(tmp_path / "out"))
    assert write_corrections([page], str(tmp_path / "out"), password="sesame").gone == ()
    assert cv2.imread(str(tmp_path / "out" / "locked_p1.png")).shape == (100, 200, 3)
    with pytest.raises(DataError, match="is 200 x 100 px now, and was 100 x 100"):
        page_picture(replace(page, width=100), "sesame")


def test_password_is_one_option_of_all_tools(monkeypatch):
    texts = []
    for tool in ("infer.py", "bad_cases.py", "convert_data.py"):
        monkeypatch.setattr(sys, "argv", [tool, "--help", "--from-predictions" if tool == "convert_data.py" else "-h"])
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown), pytest.raises(SystemExit):
            runpy.run_path(str(ROOT / "tools" / tool), run_name="__main__")
        (entry,) = re.findall(r"--password PASSWORD\s+(.*)", shown.getvalue())
        texts.append(entry)
    assert len(set(texts)) == 1


def test_folders_without_texts(tmp_path, results):
    with pytest.raises(DataError, match=r"no results of tools/infer\.py"):
        read_predictions(tmp_path)
    (tmp_path / "predictions.json").write_text('[{"image": "a.png", "boxes": []}]')
    with pytest.raises(DataError, match="a detector alone"):
        read_predictions(tmp_path)
    shutil.copytree(results, tmp_path / "cut")
    (tmp_path / "cut" / "page2.json").write_text("{")
    with pytest.raises(DataError, match=r"page2\.json, line 1: is no valid JSON"):
        read_predictions(tmp_path / "cut")


def test_the_two_commands(results, tmp_path):
    def call(*command):
        return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)

    out = tmp_path / "bad.html"
    done = call("tools/bad_cases.py", str(results), "--against", str(results), "--out", str(out))
    assert done.returncode == 0 and out.stat().st_size > 5000, done.stderr
    done = call("tools/convert_data.py", "--from-predictions", str(results), "--out", str(tmp_path / "correct"))
    assert done.returncode == 0 and "3 pages" in done.stdout, done.stderr
    (tmp_path / "correct" / "fileState.txt").write_text(f"{tmp_path}/correct/page2.png\t1\n")
    done = call("tools/convert_data.py", "ppocrlabel", str(tmp_path / "correct"), "--confirmed", "--task", "rec",
                "--out", str(tmp_path / "corrected.txt"))  # fmt: skip
    assert done.returncode == 0 and (tmp_path / "corrected.txt").read_text().count("\t") >= 1, done.stderr
