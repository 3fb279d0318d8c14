"""Lines of XML pages as samples: what is read, cut, left out and said."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ppocr_like.contracts import Rejected, Request
from ppocr_like.data.lines.page_rows import (
    BAD_IMAGE,
    NO_BASELINE,
    NO_IMAGE,
    OTHER_SIZE,
    UNREADABLE_XML,
)
from ppocr_like.data.lines.xml_set import XMLDataSet
from ppocr_like.data.lmdb_set import LMDBDataSet
from ppocr_like.data.pack import pack_set
from ppocr_like.documents import Line
from ppocr_like.errors import ConfigError, DataError
from ppocr_like.transforms.decode import DecodeImage
from ppocr_like.transforms.line_cut import cut_line

from .pages import HEIGHT, WIDTH, archive, changed, drawn, line, page_of, with_lines, write_page, write_xml


def made(manifest: str | None = None, kept: Path | None = None, **keys: object) -> XMLDataSet:
    dataset = XMLDataSet(manifest, **keys)  # type: ignore[arg-type]
    if kept is not None:
        dataset.use_cache(kept)
    return dataset


def picture(dataset: XMLDataSet, index: int) -> np.ndarray:
    return dataset.fetch(Request(index, 0))["image"]


def reasons(dataset: XMLDataSet) -> list[tuple[str, str]]:
    return [(row.id, row.reason) for row in dataset.left_out()]


def shift(*down: int) -> np.ndarray:
    return np.array([[0, y] for y in down])


def listed(folder: Path, *names: str) -> str:
    (folder / "list.txt").write_text("".join(f"{name}\n" for name in names))
    return str(folder / "list.txt")


def test_lines_are_cut_as_the_cutter_cuts_them_and_know_their_places(tmp_path: Path) -> None:
    dataset = made(archive(tmp_path), mode="eval")
    assert [dataset.info(n).text for n in range(4)] == ["p0 line 0", "p0 line 1", "p0 line 2", "p1 line 0"]
    info = dataset.info(4)
    assert info.place == f"{tmp_path}/p1.xml, line 2 (l2)" and info.path == f"{tmp_path}/p1.xml#2"
    page = cv2.imread(str(tmp_path / "p1.png"))
    truth = line(1, "")
    assert np.array_equal(picture(dataset, 4), cut_line(page, truth.baseline, truth.points).image)
    assert dataset.sizes(progress=False).tolist() == [list(picture(dataset, n).shape[1::-1]) for n in range(len(dataset))]
    assert [text for piece in dataset.label_texts() for text in piece.texts] == [dataset.info(n).text for n in range(12)]
    with pytest.raises(Rejected, match="missing image"):
        dataset.read_image("elsewhere.xml#1")


@pytest.mark.parametrize("img_mode", ["BGR", "RGB", "GRAY"])
def test_the_chains_own_decoding_makes_the_pages(tmp_path: Path, img_mode: str) -> None:
    manifest = archive(tmp_path, 1)
    dataset = made(manifest, transforms=[DecodeImage(img_mode)])
    plain = picture(made(manifest), 0)
    wanted = {"BGR": plain, "RGB": plain[:, :, ::-1], "GRAY": cv2.cvtColor(plain, cv2.COLOR_BGR2GRAY)[:, :, None]}[img_mode]
    found = picture(dataset, 0)
    assert np.abs(found.astype(int) - wanted).max() <= 2  # gray is made before the cut, or after it
    assert np.array_equal(dataset.picture(dataset.info(0).path), found[:, :, ::-1] if img_mode == "RGB" else found)


def test_an_image_stands_for_its_page(tmp_path: Path) -> None:
    for place in ("", "page", "alto"):
        stem = f"folio{place}"
        page = write_page(tmp_path, stem, [f"in {place}"])
        if place:
            (tmp_path / f"{stem}.xml").unlink()
            write_xml(tmp_path / place / f"{stem}.xml", page, place)
    write_page(tmp_path, "bare", ["x"])
    (tmp_path / "bare.xml").unlink()
    dataset = made(listed(tmp_path, "folio.png", "foliopage.png", "folioalto.png", "bare.png", "folio.xml"))
    assert [dataset.info(n).text for n in range(len(dataset))] == ["in ", "in page", "in alto"]
    assert [picture(dataset, n).shape for n in range(3)] == [picture(dataset, 0).shape] * 3
    assert [(row.file, row.reason) for row in dataset.left_out()] == [(f"{tmp_path}/bare.png", "no XML beside the image")]


def test_the_image_of_an_xml_may_have_another_ending_or_lie_in_the_folder_above(tmp_path: Path) -> None:
    page = write_page(tmp_path, "a", ["one"])
    write_xml(tmp_path / "page" / "a.xml", replace(page, source="export/of/another.TIF"))
    (tmp_path / "a.png").rename(tmp_path / "a.PNG")
    assert picture(made(listed(tmp_path, "page/a.xml")), 0).shape == picture(made(listed(tmp_path, "a.xml")), 0).shape


@pytest.mark.parametrize(
    ("linetype", "kept"), [("auto", ["l1", "l2", "l3"]), ("baselines", ["l1", "l3"]), ("bbox", ["l1", "l2", "l3"])]
)
def test_linetypes(tmp_path: Path, linetype: str, kept: list[str]) -> None:
    page = page_of(["straight", "no baseline", "no outline"], "a.png")
    first, second, third = page.lines
    slanted = replace(first, baseline=first.baseline + shift(0, 6), points=first.points + shift(0, 6, 6, 0))
    there_and_back = np.concatenate([third.baseline, third.baseline[-2::-1]])
    page = with_lines(page, slanted, replace(second, baseline=None), replace(third, points=there_and_back))
    cv2.imwrite(str(tmp_path / "a.png"), drawn(page_of(["straight", "no baseline", "no outline"])))
    write_xml(tmp_path / "a.xml", page, "alto")
    dataset = made(listed(tmp_path, "a.xml"), linetype=linetype, max_left_out=1.0)
    kept = ["l1", "l3"] if linetype == "baselines" else ["l1", "l2", "l3"]
    assert [dataset.info(n).id for n in range(len(dataset))] == kept
    if linetype == "baselines":
        assert reasons(dataset) == [("l2", NO_BASELINE)]
    if linetype == "bbox":
        left, top, right, bottom = map(int, slanted.frame)
        box = cv2.imread(str(tmp_path / "a.png"))[top : bottom + 1, left : right + 1]
        assert np.array_equal(picture(dataset, 0), box)


def test_an_outline_that_would_cut_the_letters_off_is_not_used_and_that_is_said(tmp_path: Path) -> None:
    page = page_of(["one", "two", "three"], "a.png")
    stub = replace(page.lines[1], points=page.lines[1].points * [1, 0] + shift(79, 79, 82, 82))
    cv2.imwrite(str(tmp_path / "a.png"), drawn(page))
    write_xml(tmp_path / "a.xml", with_lines(page, page.lines[0], stub, page.lines[2]))
    dataset = made(listed(tmp_path, "a.xml"))
    assert picture(dataset, 1).shape[0] > 30  # lines are 40 px apart
    assert dataset.notes() == [
        f"{tmp_path}/list.txt: 1 lines have outlines far lower than lines are apart, which would cut letters off: their "
        "baselines alone are used"
    ]


@pytest.mark.parametrize(("heights", "stubs"), [((24, 24, 24), 0), ((24, 5, 24), 1), ((5,) * 6, 6)])
def test_lines_far_apart_are_no_reason_to_doubt_their_outlines(tmp_path: Path, heights: tuple[int, ...], stubs: int) -> None:
    lines = []
    for number, height in enumerate(heights):
        base = 100 + 110 * number
        points = np.array([[20, base - height], [250, base - height], [250, base], [20, base]])
        lines.append(Line(points, "x", id=f"l{number}", baseline=np.array([[20, base], [250, base]])))
    page = replace(page_of([], "a.png", (300, 800)), lines=tuple(lines), regions=())
    cv2.imwrite(str(tmp_path / "a.png"), np.full((800, 300, 3), 200, np.uint8))
    write_xml(tmp_path / "a.xml", page, "alto")
    dataset = made(listed(tmp_path, "a.xml"))
    assert sum(size > 100 for size in dataset.sizes(progress=False)[:, 1].tolist()) == stubs


def test_direction_type_language_and_split_of_the_file(tmp_path: Path) -> None:
    page = page_of(["one", "two"], "a.png")
    first = replace(page.lines[0], base_dir="rtl", language="heb", split="test", tags=(("type", "heading"),))
    cv2.imwrite(str(tmp_path / "a.png"), drawn(page))
    write_xml(tmp_path / "a.xml", with_lines(page, first, page.lines[1]))
    manifest = listed(tmp_path, "a.xml")
    dataset = made(manifest)
    assert [(dataset.info(n).base_dir, dataset.info(n).line_type) for n in range(2)] == [("rtl", "heading"), ("", "")]
    assert dataset.fetch(Request(0, 0))["base_dir"] == "rtl" and "base_dir" not in dataset.fetch(Request(1, 0))
    assert next(iter(dataset.label_texts())).base_dirs == ["rtl", ""]
    pack_set(dataset, str(tmp_path / "lmdb"), {}, workers=1, progress=False)
    packed = LMDBDataSet(str(tmp_path / "lmdb"), [], mode="eval")
    assert [packed.info(n).base_dir for n in range(2)] == ["rtl", ""] and packed.info(0).text == "one"
    for keys in ({"only": {"languages": ["heb"]}}, {"split": "test"}, {"without": {"line_types": "default"}}):
        chosen = made(manifest, **keys)
        assert [chosen.info(n).id for n in range(len(chosen))] == ["l1"]
    assert len(made(manifest, only={"region_types": "text"})) == 2


def test_what_is_wrong_with_images_is_said_of_each_line(tmp_path: Path) -> None:
    for name in ("gone", "other", "broken", "good"):
        write_page(tmp_path, name, [f"{name} one", f"{name} two"])
    (tmp_path / "gone.png").unlink()
    cv2.imwrite(str(tmp_path / "other.png"), np.zeros((HEIGHT, WIDTH + 40, 3), np.uint8))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    dataset = made(listed(tmp_path, "gone.xml", "other.xml", "broken.xml", "good.xml"), kept=tmp_path / "cache")
    assert len(dataset) == 2
    rows = list(dataset.left_out())
    assert [(row.reason, row.id) for row in rows] == [
        (reason, name) for reason in (NO_IMAGE, OTHER_SIZE, BAD_IMAGE) for name in ("l1", "l2")
    ]
    assert rows[0].detail == f"{tmp_path}/gone.png"
    assert rows[2].detail == f"{tmp_path}/other.png has 340 x 200 px, the XML 300 x 200"
    assert dataset.lost_share() == 0.75
    write_page(tmp_path, "gone", ["gone one", "gone two"])  # it is there again: the next start finds it
    assert len(made(str(tmp_path / "list.txt"), kept=tmp_path / "cache")) == 4
    cv2.imwrite(str(tmp_path / "other.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    assert len(made(str(tmp_path / "list.txt"), kept=tmp_path / "cache")) == 6


@pytest.mark.parametrize("scale", [0.5, 1.5, 3.0])
def test_an_image_of_another_size_and_the_same_shape_is_scaled_to_and_said(tmp_path: Path, scale: float) -> None:
    page = write_page(tmp_path, "a", ["one"])
    size = round(WIDTH * scale), round(HEIGHT * scale) + (scale != 1.5)  # rounding may leave a px
    cv2.imwrite(str(tmp_path / "a.png"), cv2.resize(drawn(page), size))
    dataset = made(listed(tmp_path, "a.xml"))
    plain = picture(made(str(tmp_path / "list.txt")), 0)
    height, width = picture(dataset, 0).shape[:2]
    assert abs(width - 231 * scale) <= 3 * scale and abs(height - 25 * scale) <= 3 * scale + 2
    assert "1 pages have images of another size and the same shape" in dataset.notes()[0]
    assert plain.shape == (height, width, 3)


@pytest.mark.parametrize("of", ["shown", "stored"])
def test_a_turned_photo_is_read_as_the_xml_sees_it(tmp_path: Path, of: str) -> None:
    page = page_of(["turned photo"], "a.jpg")
    upright = drawn(page)
    stored = upright if of == "stored" else np.ascontiguousarray(np.rot90(upright))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter clockwise
    Image.fromarray(stored[:, :, ::-1]).save(tmp_path / "a.jpg", quality=100, subsampling=0, exif=exif)
    write_xml(tmp_path / "a.xml", page)
    dataset = made(listed(tmp_path, "a.xml"))
    wanted = cut_line(upright, page.lines[0].baseline, page.lines[0].points).image
    assert np.abs(picture(dataset, 0).astype(int) - wanted).mean() < 3
    assert ["as it is stored" in note for note in dataset.notes()] == ([True] if of == "stored" else [])


def test_xml_that_cannot_be_read_is_left_out_and_counted(tmp_path: Path) -> None:
    archive(tmp_path, 3)
    (tmp_path / "p1.xml").write_text("<PcGts>")
    dataset = made(str(tmp_path / "all.txt"))
    assert len(dataset) == 6
    (row,) = dataset.left_out()
    assert (row.file, row.reason) == (f"{tmp_path}/p1.xml", UNREADABLE_XML) and "line" in row.detail
    assert dataset.lost_share() == pytest.approx(1 / 3)
    for number in (0, 2):
        (tmp_path / f"p{number}.xml").write_text("no xml")
    with pytest.raises(DataError, match=r"not one of 3 pages can be read \(the first: .*p0\.xml"):
        len(made(str(tmp_path / "all.txt")))
    with pytest.raises(DataError, match="ALTO XML; PAGE is asked for"):
        write_page(tmp_path, "q", ["x"], "alto")
        len(made(listed(tmp_path, "q.xml"), format="page"))


def test_two_lines_of_one_id_are_two_lines(tmp_path: Path) -> None:
    write_page(tmp_path, "a", ["one", "two"])
    changed(tmp_path / "a.xml", 'id="l2"', 'id="l1"')
    dataset = made(listed(tmp_path, "a.xml"))
    assert [(dataset.info(n).id, dataset.info(n).text) for n in range(2)] == [("l1", "one"), ("l1_2", "two")]
    assert not np.array_equal(picture(dataset, 0)[:20], picture(dataset, 1)[:20])


@pytest.mark.parametrize(
    ("text", "kept"), [("x" * 10_000, True), (" \t\u00a0 ", False), ("\u0301", True), ("a\ufffdb", True), ("", False)]
)
def test_odd_texts(tmp_path: Path, text: str, kept: bool) -> None:
    page = page_of(["one", "two"], "a.png")
    cv2.imwrite(str(tmp_path / "a.png"), drawn(page))
    write_xml(tmp_path / "a.xml", with_lines(page, replace(page.lines[0], text=text), page.lines[1]))
    dataset = made(listed(tmp_path, "a.xml"))
    assert [dataset.info(n).text for n in range(len(dataset))] == ([text, "two"] if kept else ["two"])
    assert reasons(dataset) == ([] if kept else [("l1", "no text")])


def test_lines_without_a_place_say_why(tmp_path: Path) -> None:
    page = page_of(["one", "two"], "a.png")
    dot = Line(np.array([[5, 5], [6, 5], [5, 5]]), "dot", id="dot", baseline=np.array([[5, 5], [6, 5]]))
    cv2.imwrite(str(tmp_path / "a.png"), drawn(page))
    write_xml(tmp_path / "a.xml", with_lines(page, *page.lines, dot))
    text = (tmp_path / "a.xml").read_text()
    for y in (62, 80, 86):  # of the second line
        text = text.replace(f",{y} ", f",{y + 5000} ").replace(f',{y}"', f',{y + 5000}"')
    (tmp_path / "a.xml").write_text(text)
    dataset = made(listed(tmp_path, "a.xml"))
    assert reasons(dataset) == [("l2", "line outside the page"), ("dot", "line without a place")]
    assert next(row.detail for row in dataset.left_out()) == "its outline has no point on the page"


@pytest.mark.parametrize("kind", ["page", "alto"])
def test_a_line_without_outline_and_baseline_is_not_lost_silently(kind: str, tmp_path: Path) -> None:
    write_page(tmp_path, "a", ["one", "two", "three"], kind)
    text = (tmp_path / "a.xml").read_text()
    begin = text.index("<TextLine", text.index("<TextLine") + 1)
    end = text.index("</TextLine>", begin)
    bare = re.sub(
        r'<(Coords|Baseline|Shape|Polygon)[^>]*/>|</?Shape>|(HPOS|VPOS|WIDTH|HEIGHT|BASELINE)="[^"]*"', "", text[begin:end]
    )
    (tmp_path / "a.xml").write_text(text[:begin] + bare + text[end:])
    dataset = made(listed(tmp_path, "a.xml"))
    assert [dataset.info(n).text for n in range(len(dataset))] == ["one", "three"]
    (row,) = dataset.left_out()
    assert (row.id, row.reason) == ("l2", "line without a place") and "it has neither outline nor baseline" in row.detail
    assert dataset.lost_share() == pytest.approx(1 / 3)


def test_a_region_with_a_text_and_no_lines_is_told(tmp_path: Path) -> None:
    write_page(tmp_path, "a", ["one"])
    region = '<TextRegion id="r9"><Coords points="1,1 9,1 9,9"/><TextEquiv><Unicode>lost</Unicode></TextEquiv></TextRegion>'
    changed(tmp_path / "a.xml", " </Page>", f"{region} </Page>")
    dataset = made(listed(tmp_path, "a.xml"))
    assert len(dataset) == 1 and any("1 texts have no line" in note for note in dataset.notes())


def test_a_spawned_worker_maps_the_arrays(tmp_path: Path) -> None:
    dataset = made(archive(tmp_path), kept=tmp_path / "cache")
    before = [picture(dataset, n) for n in range(len(dataset))]
    packed = pickle.dumps(dataset)
    assert len(packed) < 20_000
    again = pickle.loads(packed)
    assert all(np.array_equal(picture(again, n), before[n]) for n in range(len(dataset)))


def test_a_changed_page_is_read_again(tmp_path: Path) -> None:
    manifest = archive(tmp_path, 2)
    assert made(manifest, kept=tmp_path / "cache").info(0).text == "p0 line 0"
    before = sorted(path.name for path in (tmp_path / "cache").glob("*.npy"))
    write_page(tmp_path, "p0", ["another text", "p0 line 1"])
    assert made(manifest, kept=tmp_path / "cache").info(0).text == "another text"
    after = sorted(path.name for path in (tmp_path / "cache").glob("*.npy"))
    assert len(after) == len(before) and after != before  # the older arrays are gone


def test_an_image_that_changes_while_in_use_is_rejected(tmp_path: Path) -> None:
    dataset = made(archive(tmp_path, 2), cache="none")
    assert len(dataset) == 6
    cv2.imwrite(str(tmp_path / "p0.png"), np.zeros((HEIGHT + 1, WIDTH, 3), np.uint8))
    with pytest.raises(Rejected, match=r"image changed while in use: .* had 300 x 200 px"):
        picture(dataset, 0)


def test_mistakes_in_the_keys(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cache_gb: is 0"):
        made(archive(tmp_path), cache_gb=0)
