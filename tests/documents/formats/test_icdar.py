"""ICDAR's text files in their forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppocr_like.documents.formats.icdar import Icdar
from ppocr_like.errors import DataError

from .helpers import contents, picture, rectangle

SQUARE = rectangle(1, 2, 31, 22)


def read(folder: Path, files: dict[str, str | bytes], **more):
    for name, text in files.items():
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    reader = Icdar(folder, **more)
    return [(b.text, b.ignored, b.points.tolist()) for page, _ in reader for b in page.lines], reader


def test_four_points_with_bom_commas_and_hashes(tmp_path: Path) -> None:
    for name in ("img_1.jpg", "img_2.PNG"):
        picture(tmp_path / "img" / name)
    quad = "1,2,31,2,31,22,1,22"
    text = f"\ufeff{quad},Hello, world\r\n{quad},###\r\n\r\n{quad},1,000\r\n{quad},a\tb"
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "gt_img_1.txt").write_text(text, encoding="utf-8", newline="")
    (tmp_path / "gt" / "gt_img_2.txt").write_text("1,2,31,2,31,22,1,22,\n", encoding="utf-8")
    (tmp_path / "gt" / "gt_img_3.txt").write_text("", encoding="utf-8")
    reader = Icdar(tmp_path / "gt", tmp_path / "img")
    assert contents(list(reader)) == [
        (
            "img_1.jpg",
            [("Hello, world", False, SQUARE), ("###", True, SQUARE), ("1,000", False, SQUARE), ("a\tb", False, SQUARE)],
        ),
        ("img_2.PNG", [("", False, SQUARE)]),
        ("img_3.jpg", []),
    ]
    assert reader.form == "quad" and (reader.done, reader.total) == (3, 3)


@pytest.mark.parametrize(
    "text",
    [
        '1, 2, 31, 22, "Tired, \\"ness\\""\n1, 2, 31, 22, "###"\n',
        '1 2 31 22 "Tired, \\"ness\\""\n1 2 31 22 "###"\n',
        '31,22,1,2,Tired, "ness"\n1,2,31,22,###\n',
    ],
)
def test_left_top_right_bottom(tmp_path: Path, text: str) -> None:
    boxes, reader = read(tmp_path, {"gt_100.txt": text})
    assert reader.form == "ltrb"
    assert boxes == [('Tired, "ness"', False, SQUARE), ("###", True, SQUARE)]


def test_left_top_right_bottom_with_texts_of_many_commas(tmp_path: Path) -> None:
    boxes, reader = read(tmp_path, {"a.txt": "1,2,31,22,a,b,c,d,e,f\n1,2,31,22,12\n"})
    assert reader.form == "ltrb" and [text for text, _, _ in boxes] == ["a,b,c,d,e,f", "12"]


def test_polygons(tmp_path: Path) -> None:
    ten = "0,0,10,0,20,2,20,12,10,10"
    text = f"{ten},curved, text\n{ten},0,10,42\n{ten},####round\n{ten},#######\n{ten}\n"
    boxes, reader = read(tmp_path, {"gt_1.txt": text})
    assert reader.form == "polygon"
    assert [(t, i, len(p)) for t, i, p in boxes] == [
        ("curved, text", False, 5),
        ("42", False, 6),
        ("round", False, 5),
        ("###", True, 5),
        ("", False, 5),
    ]


def test_numbers_as_texts_do_not_change_the_form(tmp_path: Path) -> None:
    quad = "1,2,31,2,31,22,1,22"
    boxes, reader = read(tmp_path, {"gt_1.txt": f"{quad},12\n{quad},1,000\n{quad},7\n{quad},abc\n"})
    assert reader.form == "quad" and [text for text, _, _ in boxes] == ["12", "1,000", "7", "abc"]


def test_detection_labels_without_text(tmp_path: Path) -> None:
    boxes, reader = read(tmp_path, {"gt_1.txt": "1,2,31,2,31,22,1,22\n" * 3})
    assert reader.form == "quad" and boxes == [("", False, SQUARE)] * 3


def test_a_column_for_the_script(tmp_path: Path) -> None:
    boxes, _ = read(tmp_path, {"gt_1.txt": "1,2,31,2,31,22,1,22,Latin,a,b\n1,2,31,2,31,22,1,22,None,###\n"}, extra_columns=1)
    assert [(text, ignored) for text, ignored, _ in boxes] == [("a,b", False), ("###", True)]


@pytest.mark.parametrize("bad", ["1,2,31,2,31,22,1,oops,x", "hello", "1,2,31,2,nan,22,1,22,x"])
def test_a_broken_line_is_named_or_counted(tmp_path: Path, bad: str) -> None:
    good = "1,2,31,2,31,22,1,22,x"
    files = {"gt_1.txt": f"{good}\n{good}\n{good}", "gt_2.txt": f"{good}\n\n{bad}\n{good}"}
    with pytest.raises(DataError, match=r"gt_2\.txt, line 3: .*--skip-bad"):
        read(tmp_path, files)
    boxes, reader = read(tmp_path, files, skip_bad=True)
    assert len(boxes) == 5 and reader.left_out.counts == {"broken record": 1}


def test_another_encoding(tmp_path: Path) -> None:
    data = "1,2,31,2,31,22,1,22,abc\n1,2,31,2,31,22,1,22,é\n".encode("cp1252")
    with pytest.raises(DataError, match=r"gt_1\.txt, line 2: is not utf-8.*--encoding"):
        read(tmp_path, {"gt_1.txt": data})
    boxes, _ = read(tmp_path, {"gt_1.txt": data}, encoding="cp1252")
    assert [text for text, _, _ in boxes] == ["abc", "é"]
    boxes, reader = read(tmp_path, {"gt_1.txt": data}, skip_bad=True)
    assert boxes == [] and reader.left_out.counts == {"file in another encoding": 1}
    with pytest.raises(ValueError, match="does not know"):
        Icdar(tmp_path, encoding="klingon")


def test_boxes_without_area_are_counted(tmp_path: Path) -> None:
    boxes, reader = read(tmp_path, {"gt_1.txt": "1,2,1,2,1,22,1,22,x\n1,2,31,2,31,22,1,22,y\n"})
    assert [text for text, _, _ in boxes] == ["y"]
    assert reader.left_out.counts == {"box without area": 1} and "line 1" in reader.left_out.first["box without area"]


def test_folders_that_do_not_serve(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot list"):
        list(Icdar(tmp_path / "gone"))
    with pytest.raises(DataError, match=r"no \.txt"):
        list(Icdar(tmp_path))
    with pytest.raises(ValueError, match="known"):
        Icdar(tmp_path, form="circle")


QUAD = "1,2,31,2,31,22,1,22"


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (["Arabic,###", "Latin,Hello, world", "Arabic,\u0633\u0644\u0627\u0645"], "'Arabic', 'Latin'"),
        (["Mixed,x"], "'Mixed'"),
        (['0,"text"', '1,"###"'], "'0', '1'"),
        (["en,one", "en,two", "en,three, four"], "'en'"),
    ],
)
@pytest.mark.parametrize("corners", [QUAD, "1,2,31,22"])
def test_a_column_before_the_text_is_noticed(tmp_path: Path, lines: list[str], shown: str, corners: str) -> None:
    files = {f"gt_{n}.txt": f"{corners},{line}\n" for n, line in enumerate(lines)}
    with pytest.raises(DataError) as caught:
        read(tmp_path, files)
    assert shown in str(caught.value) and "--extra-columns 1" in str(caught.value)
    boxes, _ = read(tmp_path, files, extra_columns=1)
    assert not any("," in text and text.split(",")[0] in shown for text, _, _ in boxes)
    kept, _ = read(tmp_path, files, extra_columns=0)
    assert kept[0][0].startswith(lines[0].split(",")[0])


def test_texts_with_commas_are_no_columns(tmp_path: Path) -> None:
    boxes, _ = read(tmp_path, {"gt_1.txt": "".join(f"{QUAD},{t}\n" for t in ("Hello, world", "1,000", "one", "Latin", "###"))})
    assert [text for text, _, _ in boxes] == ["Hello, world", "1,000", "one", "Latin", "###"]


def test_texts_in_quotes(tmp_path: Path) -> None:
    texts = ['"###"', '"a, ""b"""', 'say "x"', '"x" y "z"']
    files = {"gt_1.txt": "".join(f"{QUAD},{text}\n" for text in texts)}
    boxes, reader = read(tmp_path, files)
    assert [(text, ignored) for text, ignored, _ in boxes] == [
        ("###", True),
        ('a, "b"', False),
        ('say "x"', False),
        ('"x" y "z"', False),
    ]
    assert sum(reader.left_out.notes.values()) == 2
    assert [text for text, _, _ in read(tmp_path, files, keep_quotes=True)[0]] == texts


def test_bow_ties_are_put_in_order_where_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "gt_1.txt").write_text("1,2,31,2,1,22,31,22,flat\n1,2,31,2,2,22,35,22,slanted\n", encoding="utf-8")
    reader = Icdar(tmp_path)
    ((page, _),) = reader
    assert len(page.lines) == 1 and any("--order-corners" in note for note in reader.left_out.notes)
    reader = Icdar(tmp_path)
    reader.order_corners = True
    ((page, _),) = reader
    assert [b.points.tolist() for b in page.lines] == [SQUARE, [[1, 2], [31, 2], [35, 22], [2, 22]]]
