"""Files of several pages."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ppocr_like.errors import DataError
from ppocr_like.pipeline.inputs import find_images
from ppocr_like.pipeline.page_sources import find_pages

PAGES = [Image.fromarray(np.full((30, 40 + 10 * n, 3), [200, 100, 10 * n], np.uint8)) for n in range(3)]


def tiff(path, pages):
    first, *rest = [page.copy() for page in pages]  # Pillow leaves settings of earlier saves in its images
    first.save(path, save_all=True, append_images=rest)
    return str(path)


def test_pages_of_a_tiff(tmp_path):
    path = tiff(tmp_path / "scan.tif", PAGES)
    pages = find_pages([path])
    assert [page.name for page in pages] == [f"{path}#{n}" for n in (1, 2, 3)]
    image = pages[2].image()
    assert image.shape == (30, 60, 3) and image[0, 0].tolist() == [20, 100, 200]  # BGR


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "RGBA", "I;16"])
def test_pages_of_other_kinds(tmp_path, mode):
    if mode == "I;16":
        page = Image.fromarray(np.full((30, 40), 257 * 120, np.uint16))
    else:
        page = PAGES[0].convert(mode)
    pages = find_pages([tiff(tmp_path / "scan.tiff", [page, page])])
    image = pages[1].image()
    assert image.shape == (30, 40, 3) and image.dtype == np.uint8
    if mode == "I;16":
        assert (image == 120).all()


def test_one_page_is_an_image(tmp_path):
    path = tiff(tmp_path / "scan.tif", PAGES[:1])
    (page,) = find_pages([path])
    assert (page.name, page.image()) == (path, path)


def test_pages_of_a_pdf(tmp_path):
    pytest.importorskip("pypdfium2")
    PAGES[0].save(tmp_path / "a.pdf", save_all=True, append_images=PAGES[1:], resolution=100)
    pages = find_pages([str(tmp_path / "a.pdf")])
    assert len(pages) == 3
    image = pages[1].image()
    assert abs(image.shape[0] - 60) <= 1 and abs(image.shape[1] - 100) <= 1  # 100 dpi in, 200 dpi out
    assert np.abs(image[30, 50].astype(int) - [10, 100, 200]).max() < 12


def test_files_that_are_none(tmp_path):
    pytest.importorskip("pypdfium2")
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4 nothing more")
    (tmp_path / "b.tif").write_bytes(b"no tiff")
    data = Path(tiff(tmp_path / "scan.tif", PAGES)).read_bytes()
    (tmp_path / "cut.tif").write_bytes(data[: len(data) // 2])
    pdf, text, gone, *cut = find_pages([str(tmp_path / name) for name in ("a.pdf", "b.tif", "gone.pdf", "cut.tif")])
    assert "no usable PDF" in pdf.error
    assert text.image() == text.path and gone.image() == gone.path  # the decoder says what is wrong
    assert cut
    with pytest.raises(DataError, match=r"cut\.tif"):
        for page in cut:
            if page.error:
                raise DataError(page.error)
            page.image()


def test_patterns(tmp_path):
    for name in ("a1.png", "a2.png", "a10.png", "b.png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "c[1].png").write_bytes(b"")
    found = [path.rsplit("/", 1)[1] for path in find_images([f"{tmp_path}/a*.png"])]
    assert found == ["a1.png", "a2.png", "a10.png"]
    assert find_images([str(tmp_path / "c[1].png")]) == [str(tmp_path / "c[1].png")]
    with pytest.raises(DataError, match="no file fits"):
        find_images([f"{tmp_path}/z*.png"])


def pdf(path, pages=PAGES):
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return str(path)


def locked(tmp_path, password):
    pypdf = pytest.importorskip("pypdf")
    writer = pypdf.PdfWriter(clone_from=pdf(tmp_path / "open.pdf"))
    writer.encrypt(password, algorithm="RC4-128")
    writer.write(tmp_path / "locked.pdf")
    return str(tmp_path / "locked.pdf")


def test_a_pdf_with_a_password(tmp_path):
    pytest.importorskip("pypdfium2")
    path = locked(tmp_path, "sesame é")
    (page,) = find_pages([path])
    assert "needs a password" in page.error and "--password" in page.error
    (page,) = find_pages([path], "wrong")
    assert "another password" in page.error
    pages = find_pages([path], "sesame é")
    assert len(pages) == 3 and pages[2].image().shape[2] == 3
    assert "sesame" not in repr(pages[0]) + pages[0].name
    assert len(find_pages([str(tmp_path / "open.pdf")], "sesame é")) == 3  # one that needs none


NO_PAGES = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj
trailer<</Root 1 0 R>>
"""


def test_messages_are_those_of_the_file_itself(tmp_path):
    pytest.importorskip("pypdfium2")
    pypdf = pytest.importorskip("pypdf")
    pypdf.PdfWriter().write(tmp_path / "none.pdf")
    (tmp_path / "text.pdf").write_bytes(b"no PDF at all")
    good, other = pdf(tmp_path / "good.pdf"), locked(tmp_path, "x")
    for before in ([], [good], [other]):  # pdfium keeps the last error of all files
        for name, says in (("none.pdf", "it has no pages"), ("text.pdf", "damaged")):
            page = find_pages([*before, str(tmp_path / name)])[-1]
            assert says in page.error and "Success" not in page.error and "password" not in page.error.lower()


def test_a_pdf_that_lies_about_its_pages(tmp_path):
    pytest.importorskip("pypdfium2")
    one = NO_PAGES.replace(b"/Kids[]/Count 0", b"/Kids[3 0 R]/Count 1000000")
    one = one.replace(b"trailer", b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer")
    (tmp_path / "lies.pdf").write_bytes(one)
    (tmp_path / "nothing.pdf").write_bytes(NO_PAGES.replace(b"/Count 0", b"/Count 1000000"))
    pages = find_pages([str(tmp_path / "lies.pdf")])
    assert [page.number for page in pages] == [1, 2] and pages[0].image().size and "1,000,000 pages" in pages[1].error
    (page,) = find_pages([str(tmp_path / "nothing.pdf")])
    assert page.error and page.number is None


def test_a_damaged_page_at_the_end_takes_no_other_along(tmp_path):
    path = tiff(tmp_path / "scan.tif", PAGES)
    data = bytearray(Path(path).read_bytes())
    order, at = "little" if data[:2] == b"II" else "big", 4
    for _ in range(2):  # to where the last directory's place stands
        table = int.from_bytes(data[at : at + 4], order)
        at = table + 2 + 12 * int.from_bytes(data[table : table + 2], order)
    for place in (len(data) + 1000, len(data) - 3):
        data[at : at + 4] = place.to_bytes(4, order)
        Path(path).write_bytes(bytes(data))
        pages = find_pages([path])
        assert [page.number for page in pages] == [1, 2, 3] and "page 3" in pages[2].error
        assert pages[1].image().shape == (30, 50, 3)
        with pytest.raises(DataError, match="page 3"):
            pages[2].image()


def test_gifs_are_images_and_what_is_skipped_is_said(tmp_path):
    PAGES[0].save(tmp_path / "a.gif")
    for name in ("b.docx", "c.docx", "d.xcf", ".hidden.docx"):
        (tmp_path / name).write_bytes(b"")
    said = []
    assert find_images([tmp_path], say=said.append) == [str(tmp_path / "a.gif")]
    assert "3 files" in said[0] and "2 .docx" in said[0] and "1 .xcf" in said[0]
