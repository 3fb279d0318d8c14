"""Sizes from headers, against files that Pillow and OpenCV wrote."""

from __future__ import annotations

import io
import subprocess
import sys

import cv2
import numpy as np
import pytest
from det_pages import huge_png
from PIL import Image

from ppocr_like.contracts import Rejected
from ppocr_like.transforms.decode import MAX_PIXELS, DecodeImage
from ppocr_like.transforms.header import read_header

KINDS = {
    **{kind: {} for kind in ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")},
    "JPEG progressive": {"progressive": True},
    "JPEG with Exif": {"exif": True},
    "WEBP lossless": {"lossless": True},
    "WEBP with Exif": {"exif": True},
    "TIFF deflate": {"compression": "tiff_adobe_deflate"},
}


def encoded_size(data: np.ndarray) -> tuple[int, int] | None:
    header = read_header(data)
    return None if header is None else (header.width, header.height)


def encoded(name: str, size: tuple[int, int]) -> np.ndarray:
    options = dict(KINDS[name])
    if options.pop("exif", None):
        exif = Image.Exif()
        exif[0x010E] = "a picture" * 300
        options["exif"] = exif
    buffer = io.BytesIO()
    Image.new("RGB", size, (200, 30, 90)).save(buffer, name.split()[0], **options)
    return np.frombuffer(buffer.getvalue(), np.uint8)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("size", [(37, 300), (1025, 2)])
def test_the_header_tells_the_size(name: str, size: tuple[int, int]) -> None:
    assert encoded_size(encoded(name, size)) == size


@pytest.mark.parametrize("name", KINDS)
def test_a_cut_header_is_no_size_and_no_error(name: str) -> None:
    data = encoded(name, (37, 300))
    for cut in range(0, min(len(data), 400)):
        told = encoded_size(data[:cut])
        assert told is None or told == (37, 300) or cut < 60  # a few cut bytes read as zeros


@pytest.mark.parametrize("ending", [".ppm", ".pgm", ".pbm", ".pam", ".sr", ".hdr", ".pfm", ".jp2", ".avif"])
def test_what_opencv_decodes_is_known(ending: str) -> None:
    shape = (70, 80) if ending in (".pgm", ".pbm") else (70, 80, 3)
    picture = np.zeros(shape, np.float32 if ending in (".hdr", ".pfm") else np.uint8)
    data = np.asarray(cv2.imencode(ending, picture)[1]).reshape(-1)
    assert encoded_size(data) == (80, 70)
    assert DecodeImage("BGR")({"image": data}, np.random.default_rng(0))["image"].shape == (70, 80, 3)
    with pytest.raises(Rejected, match="too large"):
        DecodeImage("BGR", max_pixels=5599)({"image": data}, np.random.default_rng(0))


def test_what_is_not_known_is_not_decoded() -> None:
    data = np.frombuffer(b"no image at all", np.uint8)
    assert encoded_size(data) is None
    with pytest.raises(Rejected, match="no image format"):
        DecodeImage("BGR")({"image": data}, np.random.default_rng(0))


def test_big_tiff() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (31, 17), "red").save(buffer, "TIFF", big_tiff=True)
    data = np.frombuffer(buffer.getvalue(), np.uint8)
    assert data[2] == 43 and encoded_size(data) == (31, 17)


READ = """
import resource
import sys
import numpy as np
from ppocr_like.contracts import Rejected
from ppocr_like.transforms.decode import DecodeImage
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    DecodeImage("BGR")({"image": np.fromfile(sys.argv[1], np.uint8)}, np.random.default_rng(0))
except Rejected as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_thirty_thousand_squared_is_refused_before_memory_is_taken(tmp_path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(huge_png(30_000, 30_000))
    result = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    said, grown = result.stdout.splitlines()
    assert said == f"image too large: 30000 x 30000 px; DecodeImage.max_pixels allows {MAX_PIXELS:,}"
    assert int(grown) < 20_000, "kB; decoded it takes 900 MB and more"


def test_the_limit_is_the_recipe_s() -> None:
    data = encoded("PNG", (40, 30))
    assert DecodeImage("BGR", max_pixels=1200)({"image": data}, np.random.default_rng(0))["image"].shape == (30, 40, 3)
    with pytest.raises(Rejected, match="image too large: 40 x 30 px"):
        DecodeImage("BGR", max_pixels=1199)({"image": data}, np.random.default_rng(0))
    with pytest.raises(ValueError, match="max_pixels is 0"):
        DecodeImage(max_pixels=0)
