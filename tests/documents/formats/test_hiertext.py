"""HierText's ground truth: one JSON object inside gzip."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ppocr_like.convert.crops import OCRS_FILTER
from ppocr_like.documents.formats.hiertext import HierText
from ppocr_like.documents.formats.reader import COVERAGE
from ppocr_like.errors import DataError

from .helpers import contents, hiertext_image, images, rectangle, word, write_gz


def line(text: str, words: list[dict], *corners: float, **more) -> dict:
    return {**word(text, *corners, **more), "words": words}


def ground_truth(path: Path) -> Path:
    first = hiertext_image(
        "aa",
        [
            line("ab cd", [word("ab", 0, 0, 40, 20), word("cd", 60, 0, 100, 20, legible=False)], 0, 0, 100, 20),
            line("", [], 0, 40, 100, 60, legible=False),
        ],
    )
    second = hiertext_image("bb", [])
    second["paragraphs"] = [{"vertices": rectangle(5, 5, 50, 50), "legible": False, "lines": []}]
    return write_gz(path, {"info": {"date": "x", "list": [1, {"a": "}"}]}, "annotations": [first, second], "more": [3]})


def test_lines(tmp_path: Path) -> None:
    reader = HierText(ground_truth(tmp_path / "a.jsonl.gz"), tmp_path / "img", coverage=True)
    pages = list(reader)
    assert contents(pages) == [
        ("aa.jpg", [("ab cd", False, rectangle(0, 0, 100, 20)), ("", True, rectangle(0, 40, 100, 60))]),
        ("bb.jpg", [("", True, rectangle(5, 5, 50, 50))]),
    ]
    ((name, value),) = pages[0][0].lines[0].tags
    assert name == COVERAGE and float(value) == pytest.approx(0.8) and pages[0][0].lines[1].tags == ()
    assert pages[1][1].endswith("record 2 (bb)")
    assert 0 < reader.done <= reader.total


@pytest.mark.parametrize(
    ("illegible", "expected"),
    [
        ("ignore", [("ab", False), ("cd", True), ("", True)]),
        ("drop", [("ab", False)]),
        ("keep", [("ab", False), ("cd", False), ("", False)]),
    ],
)
def test_words(tmp_path: Path, illegible: str, expected: list) -> None:
    reader = HierText(ground_truth(tmp_path / "a.gz"), tmp_path, "word", illegible)
    assert [(b.text, b.ignored) for b in next(iter(reader))[0].lines] == expected
    assert reader.left_out.counts["illegible"] == (2 if illegible == "drop" else 0)


def test_one_object_per_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(hiertext_image(name, [])) for name in "abc") + "\n")
    assert images(HierText(path, tmp_path)) == ["a.jpg", "b.jpg", "c.jpg"]


def test_unusable_outlines_are_counted(tmp_path: Path) -> None:
    lines = [line("x", [], 3, 3, 3, 30), {**line("y", [], 0, 0, 9, 9), "vertices": [[0, 0], [9, 0], [0, 9]]}]
    reader = HierText(write_gz(tmp_path / "a.gz", {"annotations": [hiertext_image("a", lines)]}), tmp_path)
    ((page, _),) = reader
    assert reader.left_out.counts == {"box without area": 1} and "record 1 (a)" in reader.left_out.first["box without area"]
    assert [len(box.points) for box in page.lines] == [4] and sum(reader.left_out.notes.values()) == 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda r: r.pop("paragraphs"), "has no 'paragraphs'"),
        (lambda r: r.update(image_id="../x"), "image_id is '../x'"),
        (lambda r: r["paragraphs"][0].update(lines=[{"vertices": [[1, "a"]]}]), "list of pairs"),
        (lambda r: r["paragraphs"].append(7), "not as HierText"),
    ],
)
def test_a_strange_record_is_named_or_counted(tmp_path: Path, spoil, message: str) -> None:
    records = [hiertext_image(name, []) for name in "abc"]
    spoil(records[1])
    path = write_gz(tmp_path / "a.gz", {"annotations": records})
    with pytest.raises(DataError, match="record 2") as caught:
        list(HierText(path, tmp_path))
    assert message in str(caught.value) and str(path) in str(caught.value)
    reader = HierText(path, tmp_path, skip_bad=True)
    assert images(reader) == ["a.jpg", "c.jpg"]
    assert reader.left_out.counts == {"broken record": 1}


def test_another_json_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no annotations"):
        list(HierText(write_gz(tmp_path / "a.gz", {"images": [1]}), tmp_path))
    cut = tmp_path / "cut.gz"
    cut.write_bytes(ground_truth(tmp_path / "a.gz").read_bytes()[:-30])
    with pytest.raises(DataError, match="cut short"):
        list(HierText(cut, tmp_path, skip_bad=True))


def test_the_filters_of_ocrs(tmp_path: Path) -> None:
    """Legible, not vertical, 10 px and more, not higher than wide, covered by its words to 80 %."""
    lines = [
        line("good", [word("good", 0, 0, 80, 10)], 0, 0, 100, 10),
        line("illegible", [], 0, 0, 100, 10, legible=False),
        line("vertical", [], 0, 0, 100, 10, vertical=True),
        line("narrow", [], 0, 0, 9.5, 10),
        line("low", [], 0, 0, 100, 9.5),
        line("high", [], 0, 0, 50, 51),
        line("gaps", [word("a", 0, 0, 40, 10), word("b", 30, 0, 79, 10)], 0, 0, 100, 10),
        line("", [], 0, 0, 100, 10),
    ]
    ((page, _),) = HierText(write_gz(tmp_path / "a.gz", {"annotations": [hiertext_image("a", lines)]}), tmp_path, coverage=True)
    assert [OCRS_FILTER.reason(box) for box in page.lines] == [
        "",
        "illegible or ignored",
        "vertical line",
        "narrower than 10 px",
        "lower than 10 px",
        "width / height below 1",
        "words cover less than 0.8 of the line",
        "no text",
    ]


@pytest.mark.parametrize("wrong", [{"level": "page"}, {"illegible": "x"}])
def test_arguments(tmp_path: Path, wrong: dict) -> None:
    with pytest.raises(ValueError, match="known"):
        HierText("a", "b", **wrong)
