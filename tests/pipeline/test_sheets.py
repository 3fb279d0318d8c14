"""The paper of searchable PDF files: sizes, pages and images as they are."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ppocr_like.documents.formats.pdf import join_pdf, write_pdf
from ppocr_like.documents.page import Line, Page
from ppocr_like.pipeline.page_sources import find_pages
from ppocr_like.pipeline.sheets import page_dpi, sheet_of

pypdf = pytest.importorskip("pypdf")
pdfium = pytest.importorskip("pypdfium2")
pytest.importorskip("img2pdf")


def page_of(picture, name="p"):
    """A word that fills the ink of the picture."""
    ink = np.argwhere(np.asarray(picture).min(axis=2) < 128)
    (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0) + 1
    quad = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)
    if bottom - top > right - left:  # it runs downwards
        quad = np.roll(quad, -1, axis=0)
    height, width = picture.shape[:2]
    return Page(name, width, height, (Line(quad, "word", 0.9),)), quad


def image_file(path, mode="RGB", size=(600, 800), **options):
    image = Image.new("L", size, 255)
    ImageDraw.Draw(image).rectangle((120, 300, 380, 350), fill=0)
    image.convert(mode).save(path, **options)
    return path


def searchable(path):
    (source,) = find_pages([str(path)])
    loaded = source.image()
    if isinstance(loaded, str):
        loaded = np.asarray(Image.open(path).convert("RGB"))
    page, quad = page_of(loaded)
    return write_pdf(page, loaded, sheet_of(source)), quad, loaded


def rendered_text_box(data, width):
    """(left, top, right, bottom) px of the shown page at which the text is found."""
    sheet = pdfium.PdfDocument(data)[0]
    text = sheet.get_textpage()
    assert text.get_text_range().strip() == "word"
    boxes = np.array([text.get_charbox(i) for i in range(4)])  # left, bottom, right, top in points of the paper
    return boxes[:, 0].min(), boxes[:, 1].min(), boxes[:, 2].max(), boxes[:, 3].max()


@pytest.mark.parametrize(
    ("name", "mode", "options", "filter_name"),
    [
        ("scan.jpg", "RGB", {"quality": 30}, "/DCTDecode"),
        ("scan.png", "L", {}, "/FlateDecode"),
        ("scan.tif", "1", {"compression": "group4"}, "/CCITTFaxDecode"),
    ],
)
def test_an_image_keeps_its_bytes_and_its_size(tmp_path, name, mode, options, filter_name):
    path = image_file(tmp_path / name, mode, dpi=(150, 150), **options)
    data, _, loaded = searchable(path)
    assert len(data) < path.stat().st_size + 6000
    paper = pypdf.PdfReader(io.BytesIO(data)).pages[0]
    assert (float(paper.mediabox.width), float(paper.mediabox.height)) == pytest.approx((600 * 72 / 150, 800 * 72 / 150), abs=0.1)
    (image,) = [x.get_object() for x in paper["/Resources"]["/XObject"].values()]
    assert filter_name in str(image["/Filter"])
    if name.endswith("jpg"):
        assert image.get_object()._data in path.read_bytes()
    shown = pdfium.PdfDocument(data)[0].render(scale=150 / 72).to_numpy()[:, :, :3]
    assert np.abs(shown.astype(float) - loaded).mean() < 3
    left, bottom, right, top = (value * 150 / 72 for value in rendered_text_box(data, 600))
    assert abs(left - 120) < 6 and abs(right - 381) < 6 and 800 - 351 - 6 < bottom < top < 800 - 300 + 6


@pytest.mark.parametrize(("dpi", "believed"), [((204, 98), (204, 98)), ((20, 20), None), ((9600, 9600), None), (None, None)])
def test_a_resolution_that_cannot_be_is_not_believed(tmp_path, dpi, believed):
    path = image_file(tmp_path / "x.tif", "1", compression="group4", **({"dpi": dpi} if dpi else {}))
    (source,) = find_pages([str(path)])
    sheet = sheet_of(source)
    assert sheet.assumed == (believed is None)
    assert sheet.dpi == pytest.approx(believed or (300, 300), rel=1e-3)
    paper = pypdf.PdfReader(io.BytesIO(sheet.file)).pages[0]
    assert float(paper.mediabox.width) == pytest.approx(600 * 72 / sheet.dpi[0], rel=1e-3)


def test_the_dpi_of_a_page_are_those_at_which_it_is_read(tmp_path):
    def dpi(path):
        (source,) = find_pages([str(path)])
        return page_dpi(source)

    exif = Image.Exif()
    exif[274] = 6  # shown turned by a quarter
    assert dpi(image_file(tmp_path / "a.jpg", dpi=(300, 150), exif=exif)) == (150, 300)
    assert dpi(image_file(tmp_path / "b.png")) is None and dpi(image_file(tmp_path / "c.png", dpi=(20, 20))) is None
    for points, expected in ((600, 200), (3600, 100)):  # a poster is rendered smaller
        writer = pypdf.PdfWriter()
        writer.add_blank_page(points, 100)
        writer.write(tmp_path / "d.pdf")
        (source,) = find_pages([str(tmp_path / "d.pdf")])
        assert page_dpi(source) == (expected, expected)
        assert source.image().shape[1] == pytest.approx(points / 72 * expected, abs=1)


def test_a_transparent_or_unknown_picture_becomes_a_new_one(tmp_path):
    path = tmp_path / "x.png"
    Image.new("RGBA", (300, 600), (0, 0, 0, 0)).save(path, dpi=(100, 100))
    (source,) = find_pages([str(path)])
    assert sheet_of(source).file is None
    data = write_pdf(Page("x", 300, 600), np.full((600, 300, 3), 200, np.uint8), sheet_of(source))
    paper = pypdf.PdfReader(io.BytesIO(data)).pages[0]
    assert (float(paper.mediabox.width), float(paper.mediabox.height)) == pytest.approx((216, 432), abs=0.1)
    (image,) = [x.get_object() for x in paper["/Resources"]["/XObject"].values()]
    assert image["/ColorSpace"] == "/DeviceGray"


def own_pdf(path, rotate, crop, unbalanced=False):
    """A page of 400 x 600 points with a black bar, drawn as a vector."""
    writer = pypdf.PdfWriter()
    paper = writer.add_blank_page(400, 600)
    stream = pypdf.generic.StreamObject()
    stream.set_data(b"q 0.5 0 0 0.5 7 9 cm q " * unbalanced + b"0 g 100 200 90 20 re f")
    paper[pypdf.generic.NameObject("/Contents")] = writer._add_object(stream)
    if crop:
        paper.cropbox = pypdf.generic.RectangleObject((50, 60, 350, 500))
    if rotate:
        paper.rotate(rotate)
    writer.write(path)
    return path


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [False, True])
@pytest.mark.parametrize("unbalanced", [False, True])
def test_a_pdfs_own_page_stays_with_the_text_over_its_place(tmp_path, rotate, crop, unbalanced):
    path = own_pdf(tmp_path / "own.pdf", rotate, crop, unbalanced)
    data, _, loaded = searchable(path)
    paper = pypdf.PdfReader(io.BytesIO(data)).pages[0]
    assert "/XObject" not in paper["/Resources"]  # no picture of the page
    before, after = (pdfium.PdfDocument(x)[0] for x in (path, data))
    assert before.get_size() == after.get_size()
    assert np.array_equal(*(sheet.render(scale=1).to_numpy() for sheet in (before, after)))
    box = np.array(rendered_text_box(data, loaded.shape[1]))
    bar = np.array([57, 109, 102, 119] if unbalanced else [100, 200, 190, 220], float)
    # over the bar, whichever way the paper is turned
    assert abs(box - bar)[[0, 2]].max() < 3 and bar[1] < box[1] <= box[3] < bar[3], (box, bar)


def test_what_pages_share_stands_once_in_the_whole(tmp_path):
    big = tmp_path / "big.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 300), np.uint8)).save(big)
    (source,) = find_pages([str(big)])
    one = write_pdf(Page("x", 300, 300), np.zeros((300, 300, 3), np.uint8), sheet_of(source))
    whole = join_pdf([one, one, one])
    assert len(pypdf.PdfReader(io.BytesIO(whole)).pages) == 3 and len(whole) < 1.5 * len(one)


def test_a_damaged_pdf_gets_a_picture(tmp_path, caplog):
    from ppocr_like.documents.formats.pdf import Sheet

    data = write_pdf(Page("x.pdf#1", 200, 300), np.zeros((300, 200, 3), np.uint8), Sheet(b"no pdf", 1, (200, 200)))
    assert "its own page cannot be kept" in caplog.text
    assert pdfium.PdfDocument(data)[0].get_size() == pytest.approx((72, 108), abs=0.1)
