"""Label files from pages: whole or not at all, split by image, readable by the data set that trains on them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ppocr_like.contracts import Request
from ppocr_like.convert import write as writing
from ppocr_like.convert.crops import OCRS_FILTER
from ppocr_like.convert.target import Splitter, Target
from ppocr_like.convert.write import convert_det, convert_rec, relabel
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.documents.page import Line, Page
from ppocr_like.errors import DataError
from ppocr_like.transforms.decode import DecodeImage
from tests.documents.formats.helpers import Given, box, page, picture, rectangle, rows


def pages(folder: Path, count: int = 3, missing: tuple[int, ...] = ()) -> list[tuple[Page, str]]:
    found = []
    for n in range(count):
        path = folder / "img" / f"p{n}.png"
        if n not in missing:
            picture(path, value=40 + n)
        boxes = [box(f"text {n}", 10, 10, 90, 30), box("x", 10, 50, 60, 70, ignored=True), box("tab\there", 5, 75, 95, 95.25)]
        found.append(page(path, boxes, f"source, record {n + 1}"))
    return found


def test_detection_labels(tmp_path: Path) -> None:
    made = convert_det(Given(pages(tmp_path, missing=(1,))), Target(tmp_path / "train.txt"), progress=False)
    assert (made.images, made.lines, made.boxes, made.ignored) == ([2], [2], 6, 2)
    (first, boxes), _ = rows(tmp_path / "train.txt")
    assert first == "img/p0.png"
    assert json.loads(boxes) == [
        {"transcription": "text 0", "points": rectangle(10, 10, 90, 30)},
        {"transcription": "###", "points": rectangle(10, 50, 60, 70)},
        {"transcription": "tab\there", "points": [[5, 75], [95, 75], [95, 95.2], [5, 95.2]]},
    ]
    assert made.left_out.counts == {"missing image": 1}
    text = made.text()
    assert "2 lines" in text and "of which 2 are ignored" in text and "p1.png" in text and "source, record 2" in text


def test_what_is_written_is_what_the_data_set_reads(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    convert_det(Given(pages(tmp_path)), Target(tmp_path / "labels" / "a.txt", data_dir=tmp_path), progress=False)
    data = SimpleDataSet(str(tmp_path), str(tmp_path / "labels" / "a.txt"), [DecodeImage("BGR")])
    assert len(data) == 3
    sample = data.fetch(Request(2, 0))
    assert sample["image"].shape == (100, 200, 3) and json.loads(sample["label"])[0]["transcription"] == "text 2"


def test_recognition_crops(tmp_path: Path) -> None:
    given = pages(tmp_path)
    damaged = Path(given[1][0].source)
    damaged.write_bytes(damaged.read_bytes()[:100])
    target = Target(tmp_path / "rec" / "train.txt", data_dir=tmp_path, crop_format=".png")
    made = convert_rec(Given(given), target, progress=False, threads=2)
    found = rows(tmp_path / "rec" / "train.txt")
    assert found == [
        ["rec/train_crops/p0/0000.png", "text 0"],
        ["rec/train_crops/p0/0002.png", "tab here"],
        ["rec/train_crops/p2/0000.png", "text 2"],
        ["rec/train_crops/p2/0002.png", "tab here"],
    ]
    assert made.left_out.counts == {"illegible or ignored": 3, "unreadable image": 1} and made.images == [2]
    data = SimpleDataSet(str(tmp_path), str(tmp_path / "rec" / "train.txt"), [DecodeImage("BGR")])
    whole = DecodeImage("BGR")({"image": Path(given[0][0].source).read_bytes()}, np.random.default_rng(0))["image"]
    crop = data.fetch(Request(0, 0))["image"]
    assert crop.shape == (20, 80, 3) and (crop == whole[10:30, 10:90]).all()


def test_filters_and_boxes_outside(tmp_path: Path) -> None:
    ((first, _), *_) = pages(tmp_path)
    whole = page(
        Path(first.source), [box("good", 10, 10, 90, 30), box("low", 10, 10, 90, 15), box("out", 500, 10, 590, 30)], "here"
    )
    made = convert_rec(Given([whole]), Target(tmp_path / "a.txt"), OCRS_FILTER, progress=False)
    assert made.left_out.counts == {"lower than 10 px": 1, "box outside the image": 1}
    assert [text for _, text in rows(tmp_path / "a.txt")] == ["good"]
    empty = page(Path(first.source), [box("x", 0, 0, 50, 20, ignored=True)], "record 2")
    made = convert_rec(Given([whole, empty]), Target(tmp_path / "b.txt"), progress=False)
    assert made.left_out.counts["image without usable lines"] == 1 and made.images == [1]


def test_pages_of_one_name_keep_their_crops_apart(tmp_path: Path) -> None:
    given = [page(picture(tmp_path / part / "a.png"), [box(part, 0, 0, 50, 20)], part) for part in ("x", "y")]
    convert_rec(Given(given), Target(tmp_path / "l.txt"), progress=False)
    assert rows(tmp_path / "l.txt") == [["l_crops/a/0000.jpg", "x"], ["l_crops/a~2/0000.jpg", "y"]]


def test_the_split_is_by_image_and_repeats(tmp_path: Path) -> None:
    given = [page(picture(tmp_path / f"{n}.png"), [box("a", 0, 0, 50, 20), box("b", 0, 30, 50, 50)], "") for n in range(20)]
    target = Target(tmp_path / "train.txt", val_share=0.2, overwrite=True)
    made = convert_rec(Given(given), target, progress=False)
    parts = [[row[0].split("/")[1] for row in rows(path)] for path in (tmp_path / "train.txt", tmp_path / "val.txt")]
    assert made.images == [16, 4] and made.lines == [32, 8]
    assert len(parts[1]) == 8 and not set(parts[0]) & set(parts[1])
    before = (tmp_path / "val.txt").read_bytes()
    convert_rec(Given(given), target, progress=False)
    assert (tmp_path / "val.txt").read_bytes() == before


@pytest.mark.parametrize("share", [0.05, 0.1, 0.15, 0.3, 0.5])
def test_the_share_is_kept_at_every_length(share: float) -> None:
    split = Splitter(share)
    taken = np.cumsum([split(n) for n in range(400)])
    wanted = np.arange(1, 401) * share
    assert np.abs(taken - wanted).max() <= 1 and taken[-1] == round(400 * share)


def test_max_images(tmp_path: Path) -> None:
    target = Target(tmp_path / "a.txt", max_images=2)
    made = convert_det(Given(pages(tmp_path, 5, missing=(0,))), target, progress=False)
    assert made.images == [2] and [row[0] for row in rows(tmp_path / "a.txt")] == ["img/p1.png", "img/p2.png"]


def test_empty_pages(tmp_path: Path) -> None:
    given = [page(picture(tmp_path / "a.png"), [], "r1"), page(picture(tmp_path / "b.png"), [box("x", 0, 0, 9, 9)], "r2")]
    convert_det(Given(given), Target(tmp_path / "all.txt"), keep_empty=True, progress=False)
    assert rows(tmp_path / "all.txt")[0] == ["a.png", "[]"]
    made = convert_det(Given(given), Target(tmp_path / "some.txt"), progress=False)
    assert made.images == [1] and made.left_out.counts["image without boxes"] == 1


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    class Breaks(Given):
        def __iter__(self):
            yield self.pages[0]
            raise DataError("broken here", "source", 2)

    for old in (None, "old\n"):
        path = tmp_path / "train.txt"
        if old:
            path.write_text(old)
        target = Target(path, overwrite=True, val_share=0.5)
        for run in (convert_det, convert_rec):
            with pytest.raises(DataError, match="broken here"):
                run(Breaks(pages(tmp_path)), target, progress=False)
            assert (path.read_text() if path.exists() else None) == old
            assert [p.name for p in tmp_path.iterdir() if p.suffix == ".part" or p.name == "val.txt"] == []


def test_an_interrupted_conversion_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(lines: list[Line]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "write_label", stop)
    with pytest.raises(KeyboardInterrupt):
        convert_det(Given(pages(tmp_path)), Target(tmp_path / "a.txt"), progress=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["img"]


def test_what_exists_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text("mine")
    with pytest.raises(DataError, match=r"val\.txt: exists already.*--force"):
        convert_det(Given(pages(tmp_path)), Target(tmp_path / "a.txt", val_share=0.5), progress=False)
    assert not (tmp_path / "a.txt").exists()
    with pytest.raises(DataError, match="--val-out"):
        convert_det(Given(pages(tmp_path)), Target(tmp_path / "val.txt", val_share=0.5, overwrite=True), progress=False)


def test_no_image_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing to write: 3 x missing image \(first: source, record 1.*check --images"):
        convert_det(Given(pages(tmp_path, missing=(0, 1, 2))), Target(tmp_path / "a.txt"), progress=False)
    assert not (tmp_path / "a.txt").exists()


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        convert_det(Given(pages(tmp_path)), Target(tmp_path / "file" / "a.txt", data_dir=tmp_path), progress=False)
    target = Target(tmp_path / "a.txt", crops=tmp_path / "file" / "crops")
    with pytest.raises(DataError, match=r"file/crops/.crops: cannot be written"):
        convert_rec(Given(pages(tmp_path)), target, progress=False)
    assert not (tmp_path / "a.txt").exists()


def test_crops_that_are_there(tmp_path: Path) -> None:
    crops = [(picture(tmp_path / f"c{n}.png"), f"text {n}", f"l{n}") for n in range(4)]
    crops += [(tmp_path / "gone.png", "x", "l9"), (crops[0][0], "###", "l10")]
    made = relabel(crops, Target(tmp_path / "a.txt", val_share=0.5))
    assert made.lines == [2, 2] and made.left_out.counts == {"missing image": 1, "no text": 1}
    with pytest.raises(DataError, match="none of its crops"):
        relabel(crops[4:], Target(tmp_path / "b.txt"))


@pytest.mark.parametrize("wrong", [{"val_share": 0.6}, {"crop_format": ".gif"}, {"quality": 0}])
def test_targets_are_checked(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Target(Path("a"), **wrong)
