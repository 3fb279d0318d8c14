"""PathDataSet: which text belongs to an image, how it is read, and what is said of images without one."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from ppocr_like.contracts import Rejected, Request
from ppocr_like.data.lines import path_texts
from ppocr_like.data.lines.lines import LeftOut
from ppocr_like.data.lines.path_set import PathDataSet
from ppocr_like.data.lines.path_texts import read_texts, text_path
from ppocr_like.errors import ConfigError, DataError
from ppocr_like.transforms.decode import DecodeImage
from tests.data.arrow_lines import png


def pair(folder: Path, image: str, text: bytes | str | None, name: str = "") -> str:
    (folder / image).parent.mkdir(parents=True, exist_ok=True)
    (folder / image).write_bytes(png(30))
    if text is not None:
        raw = text.encode() if isinstance(text, str) else text
        (folder / (name or f"{image.split('.')[0]}.gt.txt")).write_bytes(raw)
    return str(folder / image)


def texts(dataset: PathDataSet) -> list[str]:
    found = [dataset.info(index).text for index in range(len(dataset))]
    assert [text for piece in dataset.label_texts() for text in piece.texts] == found
    return found


@pytest.mark.parametrize(
    ("image", "text"),
    [
        ("a/0001.png", "a/0001.gt.txt"),
        ("a/0001.bin.nrm.png", "a/0001.gt.txt"),
        ("a.b/line", "a.b/line.gt.txt"),
        ("a.b/.hidden.jpg", "a.b/.hidden.gt.txt"),
        ("page 1.5, line 3.png", "page 1.gt.txt"),
        ("é.tif", "é.gt.txt"),
    ],
)
def test_all_extensions_are_cut(image: str, text: str) -> None:
    assert Path(text_path(image)) == Path(text)


@pytest.mark.parametrize("name", ["a..png", ".x.y.png", "x.png.", "..png", "a.b.", "line", "l.tar.gz", "...", ".a", "a b.c"])
def test_odd_names_are_cut_as_pathlib_cuts_them(name: str) -> None:
    path = PurePath(name)
    while path.suffix:
        path = path.with_suffix("")
    assert text_path(f"folder/{name}") == f"folder/{path}.gt.txt"


def test_many_texts_are_read_in_processes_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same lines, whoever reads them; the next start opens no text, and an edited one is read again."""
    given = ["first", None, b"\xff", " ", "fünf\n", "", "seven"]
    images = [pair(tmp_path, f"{number}.png", text) for number, text in enumerate(given)]
    alone = read_texts("lines", images, None)
    monkeypatch.setattr(path_texts, "_CHUNK", 2)
    monkeypatch.setattr(path_texts, "_MANY", 3)
    monkeypatch.setattr(path_texts, "cores", lambda: 2)
    for texts in (read_texts("lines", images, tmp_path / "cache"), read_texts("lines", images, None)):
        assert texts.texts(range(len(images))) == ["first", "", "", " ", "fünf", "", "seven"]
        assert texts.texts([6, 0]) == ["seven", "first"] and texts.rows.tolist() == alone.rows.tolist()
    assert alone.rows["fault"].tolist() == [0, 1, 3, 0, 0, 0, 0]
    assert alone.rows["blank"].tolist() == [False, False, False, True, False, True, False]
    with monkeypatch.context() as patch:
        patch.setattr(path_texts, "read_file", None)
        kept = read_texts("lines", images, tmp_path / "cache")
    assert kept.texts(range(len(images))) == alone.texts(range(len(images))) and kept.rows.tolist() == alone.rows.tolist()
    (tmp_path / "0.gt.txt").write_text("another")
    again = read_texts("lines", images, tmp_path / "cache")
    assert again.texts([0, 6]) == ["another", "seven"] and again.key != kept.key
    assert len(list((tmp_path / "cache").iterdir())) == 2  # what was kept of the earlier state is gone


def test_headers_alone_are_read_for_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [pair(tmp_path, f"{number}.png", "text") for number in range(3)]
    dataset = PathDataSet(files=str(tmp_path / "*.png"), transforms=[DecodeImage("BGR")], mode="eval")
    monkeypatch.setattr("ppocr_like.data.lines.path_set.read_image", None)
    assert dataset.sizes(progress=False).tolist() == [[30, 12]] * 3 and dataset.image_paths(1, 3) == [[i] for i in images[1:]]


def test_pairs_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    pair(tmp_path, "2.png", "second\r\n")
    pair(tmp_path, "1.bin.png", "first\n")
    pair(tmp_path, "1.nrm.png", None)
    pair(tmp_path, "3.jpg", "not wanted\n")
    dataset = PathDataSet(files=str(tmp_path / "*.png"), transforms=[DecodeImage("BGR")], mode="eval")
    assert texts(dataset) == ["first", "first", "second"]
    assert dataset.info(2).place == f"{tmp_path / '2.gt.txt'}, line 1"
    assert dataset.origin(dataset.info(2)).page == str(tmp_path)  # names that are numbers alone: all are of one page
    sample = dataset.fetch(Request(2, 0))
    assert sample["image"].shape == (12, 30, 3) and sample["info"].text == "second"
    assert dataset.sizes(progress=False).tolist() == [[30, 12]] * 3


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("\r\n\n  a\tb  \n\n", "  a\tb  "),
        ("a\r\nb\rc\n", "a\nb\nc"),
        ("\ufeffa", "a"),
        ("e\u0301\u2028", "e\u0301\u2028"),
        ("\u0301\ufffd", "\u0301\ufffd"),
        ("x" * 10_000, "x" * 10_000),
    ],
)
def test_line_ends_alone_are_stripped(tmp_path: Path, raw: str, text: str) -> None:
    assert texts(PathDataSet(files=pair(tmp_path, "1.png", raw))) == [text]


def test_what_has_no_text_is_left_out_with_its_reason(tmp_path: Path) -> None:
    good = pair(tmp_path, "1.png", "good")
    missing, plain = pair(tmp_path, "2.png", None), pair(tmp_path, "3.png", "wrong name", "3.txt")
    latin, wide = pair(tmp_path, "4.png", "caf\xe9".encode("latin-1")), pair(tmp_path, "5.png", "wide".encode("utf-16"))
    blank, huge = pair(tmp_path, "6.png", " \n"), pair(tmp_path, "7.png", b"x" * (1 << 20 | 1))
    dataset = PathDataSet(files=[good, missing, plain, latin, wide, blank, huge, str(tmp_path / "1.gt.txt")])
    assert texts(dataset) == ["good"]
    gone = f"{tmp_path / '3.gt.txt'} is missing; {tmp_path / '3.txt'} is there: texts end in .gt.txt"
    assert list(dataset.left_out()) == [
        LeftOut(missing, "1", "image without a .gt.txt", f"{tmp_path / '2.gt.txt'} is missing"),
        LeftOut(plain, "1", "image without a .gt.txt", gone),
        LeftOut(latin, "1", "text not in UTF-8", str(tmp_path / "4.gt.txt")),
        LeftOut(wide, "1", "text not in UTF-8", str(tmp_path / "5.gt.txt")),
        LeftOut(str(tmp_path / "6.gt.txt"), "1", "no text"),
        LeftOut(huge, "1", "text that cannot be read", str(tmp_path / "7.gt.txt")),
    ]
    notes = dataset.notes()
    assert "1 of the files named is a text" in notes[0]
    assert "1 images have a .txt and no .gt.txt beside them" in notes[1] and "3.txt); texts must end in .gt.txt" in notes[1]
    assert dataset.lost_share() == pytest.approx(5 / 6)
    assert texts(PathDataSet(files=[good, blank], empty="keep")) == ["good", " "]


def test_nothing_usable_is_said(tmp_path: Path) -> None:
    path = pair(tmp_path, "1.png", "text", "1.txt")
    with pytest.raises(DataError, match=r"not one line is left to use: 1 image without a \.gt\.txt"):
        len(PathDataSet(files=path))
    with pytest.raises(ConfigError, match="no file is called so"):
        PathDataSet(files=str(tmp_path / "*.tif"))


def test_a_broken_image_is_rejected(tmp_path: Path) -> None:
    path = pair(tmp_path, "1.png", "text")
    Path(path).write_bytes(b"no picture")
    with pytest.raises(Rejected, match="unreadable image"):
        PathDataSet(files=path, transforms=[DecodeImage("BGR")]).fetch(Request(0, 0))


def test_a_partition_divides_images_and_folders(tmp_path: Path) -> None:
    for number in range(20):
        pair(tmp_path, f"box{number % 4}/{number}.png", f"{number}")
    for by, train in (("page", 15), ("line", 15), ("folder", 15)):
        keys = {"files": str(tmp_path / "**/*.png"), "partition": 0.75, "partition_by": by}
        parts = [PathDataSet(**keys, mode=mode) for mode in ("train", "eval")]
        assert [len(part) for part in parts] == [train, 20 - train]
        assert not set(texts(parts[0])) & set(texts(parts[1]))
    assert len({int(text) % 4 for text in texts(parts[1])}) == 1
