"""The doors: whatever stands in a file, one kind of error comes out."""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path

import numpy as np
import pytest

from ppocr_like import outside
from ppocr_like.errors import DataError
from ppocr_like.outside import (
    FARTHEST,
    MAX_DEPTH,
    XML_DEPTH,
    Malformed,
    load_json,
    load_text,
    load_xml,
    number,
    open_regular,
    outline,
    pairs,
    parse_json,
    parse_xml,
    read_file,
    usable,
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "no valid JSON"),
        ("[1, 2,]", "no valid JSON"),
        ("[" * 2000, "nested deeper"),
        ("[" * 200_000, "nested deeper"),
        ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "nested deeper"),
        ("9" * 5000, "more than 40 digits"),
        ("[-1" + "0" * 400 + "]", "more than 40 digits"),
        ('{"a": ["\\ud800"]}', "half a character"),
        ('{"\\udfff": 1}', "half a character"),
        ('"\ud800"', "half a character"),
        (b'"\xff"', "not UTF-8"),
        ("[" + "," * (1 << 24) + "1]", "more than 16,777,216 values"),
    ],
)
def test_no_json(text: str | bytes, told: str) -> None:
    with pytest.raises(Malformed, match=told):
        parse_json(text)


@pytest.mark.parametrize(
    "value", [[], {"a": [1, 2.5, None, True, "é\n😀"]}, 10**39, "1" * 5000, [[[[[1]]]]] * 100, "[" * 500, {"[" * 300: "{" * 300}]
)
@pytest.mark.parametrize("ascii", [True, False])
def test_what_is_accepted(value: object, ascii: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=ascii)) == value
    assert parse_json(json.dumps(value, ensure_ascii=ascii).encode()) == value


def test_a_fault_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"a": 1,\n"b": }', encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.json, line 2: is no valid JSON.*column 6"):
        load_json(file)
    file.write_bytes(b"one\ntwo \xff\n")
    with pytest.raises(DataError, match=r"a\.json, line 2: is not UTF-8"):
        load_text(file)


def test_only_regular_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    names = ["pipe", "folder", "missing", "a\0b", "x" * 300, "half \ud800"]
    for path in ["/dev/zero", "/dev/stdin", *(tmp_path / name for name in names)]:
        with pytest.raises(OSError, match=r"."):
            read_file(path)
        with pytest.raises(DataError, match="cannot be read"):
            load_text(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = threading.Event()

    def read() -> None:
        with pytest.raises(OSError, match="regular file"):
            open_regular(tmp_path / "pipe")
        done.set()

    threading.Thread(target=read, daemon=True).start()
    assert done.wait(10)


def test_a_file_has_a_limit(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"x" * 1001)
    assert len(read_file(file, 1001)) == 1001
    with pytest.raises(OSError, match="more than"):
        read_file(file, 1000)
    with open(file, "wb") as stream:
        stream.truncate(1 << 40)  # takes no room on the disk
    with pytest.raises(DataError, match="more than 16 MB"):
        load_text(file)


def test_a_name_that_is_no_utf8_is_read(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.txt"
    with open(path, "wb") as stream:
        stream.write(b"here")
    assert load_text(os.fsdecode(path)) == "here"


@pytest.mark.parametrize(
    "points",
    [
        None,
        5,
        "abc",
        {"x": 1},
        [[1, 2, 3]],
        [[1], [2]],
        [[1, "a"], [2, 3]],
        [[1, 2], [3]],
        [[[1, 2]]],
        [1, 2, 3],
        [[10**400, 0], [1, 1]],
    ],
)
def test_no_outline(points: object) -> None:
    for door in (outline, pairs):
        with pytest.raises(Malformed, match="points are"):
            door(points)


@pytest.mark.parametrize(("x", "told"), [(float("nan"), "no number"), (float("inf"), "no number"), (1e308, "farther out")])
def test_a_point_that_lies_nowhere(x: float, told: str) -> None:
    points = [[0, 0], [x, 0], [1, 1]]
    with pytest.raises(Malformed, match=told):
        outline(points)
    assert pairs(points).shape == (3, 2)
    assert usable(np.array([points, [[0, 0], [FARTHEST, 0], [-FARTHEST, 1]]])).tolist() == [False, True]


def test_an_outline() -> None:
    assert outline([[1, 2], [3.5, 4]]).tolist() == [[1, 2], [3.5, 4]]
    assert outline([1, 2, 3, 4, 5, 6]).tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize("value", [None, True, "x", [], {}, float("nan"), 2, -0.1, 10**400, "9" * 400])
def test_no_number(value: object) -> None:
    with pytest.raises(Malformed, match=r"confidence is .*from 0 to 1"):
        number(value, "confidence", 0, 1)


def test_a_number() -> None:
    assert number("0.5", "confidence", 0, 1) == 0.5
    assert number(1, "confidence", 0, 1) == 1.0


# What these read is the program's own, or the system's.
ALLOWED = {
    "outside.py": "the doors",
    "weights/files.py": "the header that safetensors has just made",
    "documents/formats/coco_text.py": "a scratch file of its own",
    "data/apart.py": "cgroups",
    "engine/auto_batch.py": "cgroups",
    "benchmark/machine.py": "/proc",
    "weights/digest.py": "a header that is compared with its digest, whatever it holds",
}
PAST_THE_DOORS = re.compile(
    r"json\.loads?\((?!json\.dumps)|yaml\.(safe_)?load\(|\.read_text\(|ElementTree\.(parse|fromstring)\(|ParserCreate\("
)


def test_nothing_is_read_past_the_doors() -> None:
    package = Path(__file__).parents[1] / "ppocr_like"
    past = {
        path.relative_to(package).as_posix(): found.group()
        for path in package.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "/proc/" not in line and (found := PAST_THE_DOORS.search(line))
    }
    assert set(past) == set(ALLOWED), past


def bomb(count: int) -> bytes:
    """Entities of entities, each ten times the one before."""
    lines = [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, count)]
    return f'<!DOCTYPE a [<!ENTITY a0 "ha">{"".join(lines)}]><a>&a{count - 1};</a>'.encode()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "no valid XML: no element found"),
        (b"<a><b>", "no valid XML: no element found in column 7"),
        (b"<a></b>", "no valid XML: mismatched tag"),
        (b"\x89PNG\r\n\x1a\n", "no valid XML"),
        (b"<a>&x;</a>", "undefined entity"),
        (bomb(10), "declares the entity 'a0'"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "declares the entity 'x'"),
        (b'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><a/>', "declares the entity 'x'"),
        (b'<!DOCTYPE a SYSTEM "http://localhost/a.dtd"><a>&x;</a>', "uses the entity 'x', which stands in another file"),
        (b'<!DOCTYPE a [<!ATTLIST b c CDATA "long">]><a><b/></a>', "declares a value of the attribute 'c'"),
        (b"<a>" * (XML_DEPTH + 1), "nested deeper than 256 elements"),
        (b'<a b="' + b"x" * (18 << 20) + b'"/>', "a tag or a comment of more than 16 MB"),
        (b"<a><!--" + b"x" * (18 << 20) + b"--></a>", "a tag or a comment of more than 16 MB"),
        (b'<?xml version="1.0" encoding="shift_jis"?><a/>', "encoding that cannot be read"),
        (b'<?xml version="1.0" encoding="rot13"?><a/>', "encoding that cannot be read"),
        (b'<?xml version="1.0" encoding="none"?><a/>', "encoding that cannot be read"),
        (b'<?xml version="1.0" encoding="utf-16"?><a/>', "no valid XML: encoding specified in XML declaration is incorrect"),
        (b"<a>\xff</a>", "no valid XML: not well-formed"),
    ],
)
def test_no_xml(data: bytes, told: str) -> None:
    with pytest.raises(Malformed, match=told) as error:
        parse_xml(data)
    assert error.value.line >= 1


def test_xml_has_a_limit_of_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "XML_PARTS", 10)
    parse_xml(b"<a>" + b"<b/>" * 9 + b"</a>")
    with pytest.raises(Malformed, match="holds more than 10 elements"):
        parse_xml(b"<a>" + b'<b c=""/>' * 9 + b"</a>")


def test_an_xml_file_has_a_limit_and_a_place(tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    with open(file, "wb") as stream:
        stream.truncate(1 << 30)  # takes no room on the disk
    with pytest.raises(DataError, match=r"a\.xml: .*more than 256 MB"):
        load_xml(file)
    file.write_bytes(b"<a>\n<b>\n")
    with pytest.raises(DataError, match=r"a\.xml, line 3: is no valid XML"):
        load_xml(file)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "UTF-16BE", "iso-8859-1", "windows-1252", "iso-8859-15"])
def test_encodings_of_xml(encoding: str) -> None:
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    mark = "\ufeff" if encoding == "UTF-16BE" else ""
    text = f'{mark}<?xml version="1.0" encoding="{declared}"?><a b="é">ü<c/>ß</a>'
    root = parse_xml(text.encode(encoding))
    assert (root.get("b"), root.text) == ("é", "üß")


def test_elements_are_told_by_their_names_without_prefix() -> None:
    text = '<p:a xmlns:p="u" xmlns:q="v" q:x="1" y="2">\n<p:b>t<p:c/></p:b><q:b/><b/></p:a>'
    root = parse_xml(text.encode())
    assert (root.tag, root.namespace, root.attributes) == ("a", "u", {"{v}x": "1", "y": "2"})
    assert [(child.tag, child.line) for child in root.children] == [("b", 2), ("{v}b", 2), ("{}b", 2)]
    assert root.first("b", "c") is not None and root.first("c") is None and root.first("b", "b", "b") is None
    assert [child.text for child in root.all("b")] == ["t"]
