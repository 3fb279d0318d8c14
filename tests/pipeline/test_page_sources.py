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
