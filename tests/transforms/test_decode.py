"""DecodeImage on real files of every odd kind."""

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from ppocr_like.contracts import Rejected
from ppocr_like.transforms.decode import DecodeImage
from ppocr_like.transforms.rec_aug import RecAug
from ppocr_like.transforms.rec_resize import RecResizeImg

Y, X = np.mgrid[0:40, 0:120]
RGB = np.stack([X * 2, Y * 6, 255 - X * 2], -1).astype(np.uint8)
PICTURE = Image.fromarray(RGB)


def encoded(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def decode(data, **arguments):
    return DecodeImage(**{"img_mode": "BGR", **arguments})({"image": np.frombuffer(data, np.uint8)}, rng())["image"]


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def check(data, rgb, tolerance=0):
    image = decode(data)
    assert image.dtype == np.uint8
    assert image.shape == rgb.shape
    assert np.abs(image[:, :, ::-1].astype(int) - rgb).max() <= tolerance


def test_colour_files():
    check(encoded(PICTURE, "PNG"), RGB)
    check(encoded(PICTURE, "BMP"), RGB)
    check(encoded(PICTURE, "WEBP", lossless=True), RGB)
    check(encoded(PICTURE, "JPEG", quality=95, subsampling=0), RGB, tolerance=6)


def test_modes():
    data = encoded(PICTURE, "PNG")
    assert np.array_equal(decode(data, img_mode="RGB"), RGB)
    assert np.array_equal(decode(data, img_mode="RGB", channel_first=True), RGB.transpose(2, 0, 1))
    gray = decode(data, img_mode="GRAY")
    assert gray.shape == RGB.shape
    assert np.abs(gray[:, :, 0].astype(int) - cv2.cvtColor(RGB, cv2.COLOR_RGB2GRAY)).max() <= 1
    with pytest.raises(ValueError, match=r"'bgr'.*RGB, BGR, GRAY"):
        DecodeImage(img_mode="bgr")


def test_gray_file_shares_its_channels_and_cannot_be_written():
    image = decode(encoded(PICTURE.convert("L"), "PNG"))
    assert image.shape == (40, 120, 3)
    assert image.strides[2] == 0
    assert np.array_equal(image[:, :, 2], np.asarray(PICTURE.convert("L")))
    with pytest.raises(ValueError, match="read-only"):
        image[0, 0, 0] = 1
    # To cv2 it is a picture like any other.
    assert np.array_equal(cv2.resize(image, (60, 20)), cv2.resize(np.ascontiguousarray(image), (60, 20)))


def test_cmyk_jpeg_becomes_bgr():
    check(encoded(PICTURE.convert("CMYK"), "JPEG", quality=98, subsampling=0), RGB, tolerance=8)


def test_alpha_is_dropped():
    check(encoded(PICTURE.convert("RGBA"), "PNG"), RGB)
    gray = PICTURE.convert("L")
    check(encoded(gray.convert("LA"), "PNG"), np.asarray(gray.convert("RGB")))


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP"])
def test_palette(kind):
    flat = PICTURE.quantize(16)
    check(encoded(flat, kind), np.asarray(flat.convert("RGB")))


def test_one_bit():
    flat = PICTURE.convert("1")
    check(encoded(flat, "PNG"), np.asarray(flat.convert("RGB")))


@pytest.mark.parametrize("extension", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_are_scaled_not_clipped(extension, channels):
    deep = (np.arange(40 * 120).reshape(40, 120) * 13).astype(np.uint16)
    deep = deep if channels == 1 else np.stack([deep, deep // 2, deep // 3], -1)
    _, data = cv2.imencode(extension, deep)
    image = decode(data.tobytes())
    want = (deep if channels == 3 else deep[:, :, None]).astype(np.float64) / 257
    assert np.abs(image - want).max() <= 1.01  # levels: truncation, or a colour engine's rounding


def test_exif_orientation():
    for gray in (False, True):
        picture = PICTURE.convert("L") if gray else PICTURE
        exif = Image.Exif()
        exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
        data = encoded(picture, "JPEG", quality=98, subsampling=0, exif=exif)
        turned = decode(data)
        assert turned.shape == (120, 40, 3)
        upright = decode(data, ignore_orientation=True)
        assert upright.shape == (40, 120, 3)
        assert np.array_equal(np.rot90(upright, -1), turned)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("part", [0.3, 0.9, 0.99])
def test_truncated_is_rejected(kind, part):
    data = encoded(Image.fromarray(rng().integers(0, 255, (60, 90, 3), dtype=np.uint8)), kind)
    decode(data)
    with pytest.raises(Rejected) as caught:
        decode(data[: int(len(data) * part)])
    assert caught.value.reason == "unreadable image"


def test_truncated_jpeg_with_a_whole_thumbnail_is_rejected():
    data = encoded(PICTURE, "JPEG")
    thumbnail = encoded(PICTURE.resize((12, 4)), "JPEG")
    body = b"Exif\0\0" + thumbnail
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]
    assert decode(data).shape == RGB.shape
    with pytest.raises(Rejected, match="no end marker"):
        decode(data[:-40])


def test_jpeg_with_bytes_after_its_end_is_read():
    assert decode(encoded(PICTURE, "JPEG") + b"\0" * 7).shape == RGB.shape


@pytest.mark.parametrize("data", [b"", b"x", b"not an image at all", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_no_image_is_rejected(data):
    with pytest.raises(Rejected) as caught:
        decode(data)
    assert caught.value.reason == "unreadable image"
    assert caught.value.detail


@pytest.mark.parametrize(("width", "height"), [(1, 37), (1, 20000), (20000, 1), (1, 1), (19, 19)])
def test_thin_pictures_go_through_the_chain(width, height, tmp_path):
    path = tmp_path / "thin.png"
    cv2.imwrite(str(path), np.full((height, width, 3), 200, np.uint8))
    for seed in range(20):
        sample = {"image": np.fromfile(path, np.uint8)}
        for step in (DecodeImage("BGR"), AUGMENT, RecResizeImg([3, 48, 320])):
            sample = step(sample, rng(seed))
        assert sample["image"].shape == (3, 48, 320)
        assert np.isfinite(sample["image"]).all()
        assert 0 < sample["valid_ratio"] <= 1


AUGMENT = RecAug()


def test_picture_passes_through():
    image = RGB.copy()
    assert DecodeImage("BGR")({"image": image}, rng())["image"] is image
    gray = DecodeImage("BGR")({"image": RGB[:, :, 0].copy()}, rng())["image"]
    assert gray.shape == (40, 120, 3)
