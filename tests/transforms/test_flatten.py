"""Transparent pictures look as on paper, whatever the format, and through every door."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from ppocr_like.pipeline.page_sources import find_pages
from ppocr_like.pipeline.preprocess import as_bgr, decoded
from ppocr_like.transforms.decode import DecodeImage
from ppocr_like.transforms.flatten import flattened


def letters(mode="RGBA"):
    """Black letters on nothing."""
    image = Image.new("RGBA", (90, 30), (0, 0, 0, 0))
    ImageDraw.Draw(image).text((10, 8), "HELLO", fill=(0, 0, 0, 255))
    return image if mode == "RGBA" else image.convert(mode)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def deep(suffix):
    """16 bits in each channel."""
    values = np.asarray(letters()).astype(np.uint16) * 257
    return np.asarray(cv2.imencode(suffix, values)[1]).tobytes()


FILES = {
    "png": lambda: encoded(letters(), "PNG"),
    "png gray": lambda: encoded(letters("LA"), "PNG"),
    "png palette": lambda: encoded(letters().quantize(8), "PNG"),
    "png 16 bits": lambda: deep(".png"),
    "tiff": lambda: encoded(letters(), "TIFF"),
    "tiff gray": lambda: encoded(letters("LA"), "TIFF"),
    "tiff 16 bits": lambda: deep(".tif"),
    "webp": lambda: encoded(letters(), "WEBP", lossless=True),
    "webp lossy": lambda: encoded(letters(), "WEBP", quality=90),
    "gif": lambda: encoded(letters(), "GIF"),
    "avif": lambda: encoded(letters(), "AVIF"),
    "jp2": lambda: encoded(letters(), "JPEG2000"),
}


def decode(data, **arguments):
    return DecodeImage(**{"img_mode": "BGR", **arguments})({"image": data}, np.random.default_rng(0))["image"]


@pytest.mark.parametrize("name", FILES)
def test_what_is_transparent_is_white(name, tmp_path):
    data = FILES[name]()
    image = decode(data)
    assert image.shape == (30, 90, 3) and image.dtype == np.uint8
    assert image[0, 0].min() > 245 and image.min() < 60 and image.mean() > 200
    (tmp_path / "x").write_bytes(data)
    assert np.array_equal(decoded(tmp_path / "x"), image)


@pytest.mark.parametrize(
    ("options", "clear"),
    [
        ({"transparency": 5}, Image.new("L", (9, 9), 5)),
        ({"transparency": (1, 2, 3)}, Image.new("RGB", (9, 9), (1, 2, 3))),
        ({"transparency": 300}, Image.fromarray(np.full((9, 9), 300, np.uint16))),
    ],
)
def test_a_colour_that_means_nothing(options, clear):
    assert decode(encoded(clear, "PNG", **options)).min() == 255


def test_half_transparent_and_other_paper():
    data = encoded(Image.new("RGBA", (4, 4), (0, 0, 0, 128)), "PNG")
    assert abs(int(decode(data)[0, 0, 0]) - 127) <= 1
    assert abs(int(decode(data, paper=100)[0, 0, 0]) - 50) <= 1
    clear = encoded(letters(), "PNG")
    assert decode(clear, paper=[250, 0, 10])[0, 0].tolist() == [10, 0, 250]
    assert decode(clear, img_mode="RGB", paper=[250, 0, 10])[0, 0].tolist() == [250, 0, 10]
    assert decode(clear, img_mode="GRAY").shape == (30, 90, 3)
    for wrong in (256, [1, 2], -1, [0, 0, 300]):
        with pytest.raises(ValueError, match="paper is"):
            DecodeImage(paper=wrong)


def test_the_same_picture_in_a_file_of_several_pages_and_as_an_array(tmp_path):
    letters().save(tmp_path / "two.tif", save_all=True, append_images=[letters("LA")])
    pages = [page.image() for page in find_pages([str(tmp_path / "two.tif")])]
    single = decode(FILES["png"]())
    assert all(np.array_equal(page, single) for page in pages)
    array = np.asarray(letters())[:, :, [2, 1, 0, 3]]
    assert np.array_equal(as_bgr(np.ascontiguousarray(array), "x"), single)
    assert np.array_equal(flattened(letters()), single)


def test_an_opaque_alpha_channel_changes_nothing():
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    rgba = np.dstack([rgb, np.full((20, 30), 255, np.uint8)])
    assert np.array_equal(decode(encoded(Image.fromarray(rgba), "PNG"), img_mode="RGB"), rgb)


def test_orientation_is_obeyed_with_alpha_too():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(letters(), "PNG", exif=exif)
    assert decode(data).shape == (90, 30, 3)
    assert decode(data, ignore_orientation=True).shape == (30, 90, 3)
