"""The test report: its JSON against an example by hand, its text against kraken's layout, its page for a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppocr_like.contracts import Origin, Rejections, SampleInfo, TextLine
from ppocr_like.data.base import Dataset
from ppocr_like.data.lines.path_set import PathDataSet
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.engine.evaluator import Evaluation
from ppocr_like.errors import OcrError
from ppocr_like.metrics.analysis import Analysis
from ppocr_like.metrics.line_rules import LineRules
from ppocr_like.report.line_report import line_report, set_report, write_line_report
from ppocr_like.report.line_report_html import carried, line_report_html, visible
from ppocr_like.report.line_report_text import line_report_text

EVERY = LineRules(ignore_space=False)


def line(text: str, confidence: float = 0.9) -> TextLine:
    return TextLine(text, confidence if text else 0.0, tuple(range(len(text))), (confidence,) * len(text))


def analysed(*pairs: tuple[str, str], rules: LineRules = EVERY, page: str = "p{}", types: bool = False) -> Analysis:
    analysis = Analysis(rules)
    for index, (wanted, got) in enumerate(pairs):
        origin = Origin("data/test.txt", page.format(index), ("heading", "")[index % 2] if types else "")
        analysis.add(SampleInfo(index, "data/test.txt", index + 1, f"img/{index}.png", wanted), line(got), origin)
    return analysis


def evaluation(analysis: Analysis, dataset: Dataset | None = None) -> Evaluation:
    return Evaluation("eval", {"cer": 0.0}, 1, Rejections(), "acc", analysis=analysis, dataset=dataset)


def tree(*pairs: tuple[str, str], **options: object) -> dict[str, object]:
    return line_report([evaluation(analysed(*pairs, **options))], "output/run", "recipe.yml")  # type: ignore[arg-type]


HAND = (("ab cd", "ab cx"), ("Abc", "abc"), ("xy", "xyz"), ("cafe\u0301 no", "cafe no"))


def test_json_by_hand() -> None:
    one = set_report(analysed(*HAND))
    assert (one["lines"], one["characters"], one["errors"], one["words"], one["word_errors"]) == (4, 18, 4, 6, 4)
    assert (one["insertions"], one["deletions"], one["substitutions"]) == (1, 1, 2)
    assert one["cer"] == 4 / 18 and one["accuracy"] == 1 - 4 / 18 and one["word_accuracy"] == 1 - 4 / 6
    assert one["case_insensitive"] == {"errors": 3, "characters": 18, "cer": 3 / 18, "accuracy": 1 - 3 / 18}
    assert one["every_character"] is None and one["by_line_type"] == [] and one["rejected"] == {}
    scripts = {row.pop("script"): row for row in one["by_script"]}
    latin = {"count": 15, "deletions": 0, "substitutions": 2, "insertions": 1, "missed": 2, "accuracy": 1 - 2 / 15}
    assert scripts["Latin"] == latin
    assert scripts["Common"]["count"] == 2 and scripts["Common"]["missed"] == 0
    assert (scripts["Inherited"]["deletions"], scripts["Inherited"]["accuracy"]) == (1, 0.0)
    assert [row["name"] for row in one["by_page"]] == ["p0", "p1", "p2", "p3"]
    assert one["by_source"][0]["name"] == "data/test.txt" and one["by_source"][0]["errors"] == 4
    assert one["pages"]["mean_cer"] == pytest.approx((1 / 5 + 1 / 3 + 1 / 2 + 1 / 8) / 4)
    assert {(row["correct"], row["generated"]) for row in one["confusions"]} == {
        ("d", "x"),
        ("A", "a"),
        ("", "z"),
        ("\u0301", ""),
    }
    acute = next(row for row in one["confusions"] if row["correct"] == "\u0301")
    assert acute["correct_shown"] == "COMBINING ACUTE ACCENT" and acute["generated_shown"] == ""
    assert one["by_character"][0]["missed"] == 1 and sum(row["count"] for row in one["by_character"]) == 18
    worst = one["worst"][1]  # of two equally wrong ones the earlier is the first
    assert (worst["reference"], worst["prediction"], worst["line"], worst["page"]) == ("xy", "xyz", 3, "p2")
    assert worst["diff"] == [["equal", "xy", "xy"], ["insert", "", "z"]]
    assert one["calibration"]["characters"]["n"] == 18
    json.dumps(one)


def test_text_begins_as_krakens_report() -> None:
    rows = line_report_text(tree(*HAND, ("a <b", "a&<"))).splitlines()
    layout = [
        r"=== report output/run, eval ===",
        "",
        r"22\tCharacters",
        r"6\tErrors",
        r"72\.73%\tCharacter Accuracy",
        r"77\.27%\tCharacter Accuracy \(Case-insensitive\)",
        r"25\.00%\tWord Accuracy",
        "",
        r"1\tInsertions",
        r"2\tDeletions",
        r"3\tSubstitutions",
        "",
        r"Count\tMissed\t%Right",
        r"17\t3\t82\.35%\tLatin",
        r"4\t1\t75\.00%\tCommon",
        r"1\t1\t0\.00%\tInherited",
        "",
        r"Errors\tCorrect-Generated",
    ]
    for row, wanted in zip(rows, layout, strict=False):
        assert re.fullmatch(wanted, row), (row, wanted)
    confusions = rows[len(layout) : rows.index("", len(layout))]
    assert "1\t{  } - { z }" in confusions and "1\t{ SPACE } - { & }" in confusions  # "&" as it is: text is no HTML
    assert "1\t{ COMBINING ACUTE ACCENT } - {  }" in confusions


def test_accuracy_below_zero_says_so() -> None:
    report = tree(("a", "xyz"))
    assert "-200.00%\tCharacter Accuracy (below 0: there are more errors than characters)" in line_report_text(report)
    assert "more errors than characters" in line_report_html(report, {})


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        ((), ["0\tCharacters", "n/a\tCharacter Accuracy", "No interval"]),
        ((("abc", "abc"), ("d", "d")), ["0\tErrors", "100.00%\tCharacter Accuracy", "2 of 2\tlines without an error"]),
        ((("abc", ""), ("d", "")), ["4\tDeletions", "0.00%\tCharacter Accuracy", "0 of 2\tlines"]),
    ],
    ids=["empty set", "all right", "empty predictions"],
)
def test_ends_of_the_range(pairs: tuple[tuple[str, str], ...], told: list[str]) -> None:
    report = tree(*pairs)
    text, page = line_report_text(report), line_report_html(report, {})
    assert all(part in text for part in told), text
    assert ("The worst lines" in page) == ("abc" in text and "4\tDeletions" in text)


def test_one_page_has_no_interval_and_says_why() -> None:
    report = tree(("abc", "abd"), ("d", "d"), page="the page")
    for told in (line_report_text(report), line_report_html(report, {})):
        assert "No interval: there is one page only" in told


def test_line_types() -> None:
    report = tree(("abc", "abd"), ("d", "d"), ("e", "e"), types=True)
    one = report["sets"]["eval"]  # type: ignore[index]
    assert [(row["name"], row["lines"]) for row in one["by_line_type"]] == [("heading", 2), ("", 1)]
    assert "heading" in line_report_html(report, {}) and "\t(none)" in line_report_text(report)


def test_texts_of_strangers_are_text() -> None:
    evil = "<script>alert('&')</script>"
    analysis = analysed((evil, "<b>\x1b[2J\u202e"), page=evil + "{}")
    analysis.reject(SampleInfo(5, evil, 1, evil, evil), Origin(evil, evil, evil), evil)
    report = line_report([evaluation(analysis)], evil, evil)
    page = line_report_html(report, {})
    assert "<script" not in page and "<b>\x1b" not in page and page.count("&lt;script&gt;") > 3
    assert "\x1b" not in page and "\u202e" not in page and "RIGHT-TO-LEFT OVERRIDE" in page
    text = line_report_text(report)
    assert "\x1b" not in text and "\u202e" not in text


def test_marks_and_spaces_can_be_seen() -> None:
    assert visible("\u0301") == "\u25cc\u0301" and visible(" ") == "␣" and visible("e\u0301") == "e\u0301"
    assert visible("\u00a0") == "⟨NO-BREAK SPACE⟩" and visible("") == "" and carried("\u0363a") == "\u25cc\u0363a"
    page = line_report_html(tree(("cafe\u0301 a b", "cafe a  b")), {})
    assert "<span class='wanted'>\u25cc\u0301</span>" in page and "<span class='got'>␣</span>" in page


def test_right_to_left_lines_are_shown_whole_too() -> None:
    page = line_report_html(tree(("שלום 12 עולם", "שלם 12 עולם"), ("abc", "abd")), {})
    assert page.count("<div class='diff' dir='auto'>") == 2
    assert "<div dir='auto'>שלום 12 עולם</div><div class='soft' dir='auto'>שלם 12 עולם</div>" in page
    assert "<div dir='auto'>abc</div>" not in page


def test_lines_that_are_no_part_of_the_set_are_told(tmp_path: Path) -> None:
    for name in ("a_1", "a_2", "b_1"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((30, 90, 3), 200, np.uint8))
    for name in ("a_1", "b_1"):
        (tmp_path / f"{name}.gt.txt").write_text("abc\n")
    dataset = PathDataSet(files=str(tmp_path / "*.png"), mode="eval")
    analysis = Analysis(EVERY)
    for index in range(len(dataset)):
        found = dataset.info(index)
        analysis.add(found, line("ab"), dataset.origin(found))
    report = line_report([evaluation(analysis, dataset)], "model", "recipe.yml")
    one = report["sets"]["eval"]
    assert one["lines"] == 2 and sum(one["left_out"].values()) == 1
    assert [Path(row["name"]).name for row in one["by_page"]] == ["a", "b"]
    reason = next(iter(one["left_out"]))
    assert f"1\tlines of the files that are left out and count nowhere: {reason}" in line_report_text(report)
    page = line_report_html(report, {"eval": dataset})
    assert f"1 line of the files is left out and counts nowhere: {reason}." in page and page.count("src='data:image") == 2
    assert f"{tmp_path / 'a_1.gt.txt'}, line 1: {tmp_path / 'a_1.png'}" in page


def test_characters_that_the_network_does_not_know_are_told() -> None:
    one = evaluation(analysed(("a\u0303b", "ab")))
    part = {"count": 1, "first": ["l.txt, line 1"]}
    one.labels = {"lines": 1, "characters": 3, "unknown_characters": 1, "unknown": {"\u0303": part}}
    report = line_report([one], "model", "recipe.yml")
    told = "1 of 3 characters are not in the network"
    assert told in line_report_text(report) and told in line_report_html(report, {})
    assert "COMBINING TILDE (1)." in line_report_text(report) and report["sets"]["eval"]["labels"] == one.labels


def test_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "img").mkdir()
    for index in range(2):
        cv2.imwrite(str(tmp_path / f"img/{index}.png"), np.full((30, 90, 3), 200, np.uint8))
    (tmp_path / "l.txt").write_text("img/0.png\tabc\nimg/1.png\tb\nimg/none.png\tc\n", encoding="utf-8")
    dataset = SimpleDataSet(str(tmp_path), str(tmp_path / "l.txt"), mode="eval")
    analysis = Analysis(EVERY)
    for index in range(3):
        found = dataset.info(index)
        analysis.add(found, line("x"), dataset.origin(found))
    folder = tmp_path / "out" / "report"
    write_line_report([evaluation(analysis, dataset)], folder, "model", "recipe.yml")
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json", "report.txt"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("src='data:image/jpeg;base64,") == 2  # of the picture that is not there none
    assert not re.search(r"(src|href)=.?(https?:|//)", page)
    written = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert written["sets"]["eval"]["errors"] == 5 and written["model"] == "model"
    (tmp_path / "file").write_text("")
    with pytest.raises(OcrError, match="--report"):
        write_line_report([evaluation(analysis)], tmp_path / "file" / "r", "model", "recipe.yml")
