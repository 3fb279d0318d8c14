"""The image door: any bytes give a picture within the limits or a reason, in bounded time and memory; any name an error."""

from __future__ import annotations

import io
import os
import random
import time

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ppocr_like.contracts import Rejected
from ppocr_like.data.base import read_image
from ppocr_like.data.sizes import header_size
from ppocr_like.errors import DataError
from ppocr_like.pipeline.page_sources import find_pages
from ppocr_like.pipeline.preprocess import decoded
from ppocr_like.transforms.decode import DecodeImage

LIMIT_S = 5  # seconds of computing, for one file
LIMIT = 4096  # px: the limit of these decoders, far above the seeds'
DECODERS = [DecodeImage("BGR", max_pixels=LIMIT), DecodeImage("GRAY", max_pixels=LIMIT)]
QUICK, LONG, AT_ONCE = 10_000, 100_000, 50  # files, of each example


def seeds() -> list[bytes]:
    """Small files of every format that is decoded."""
    picture = np.random.default_rng(0).integers(0, 256, (9, 14, 3)).astype(np.uint8)
    endings = (".png", ".jpg", ".webp", ".tif", ".bmp", ".gif", ".avif", ".ppm", ".pam", ".sr")
    made = [np.asarray(cv2.imencode(ending, picture)[1]).tobytes() for ending in endings]
    made += [np.asarray(cv2.imencode(ending, picture[:, :, 0])[1]).tobytes() for ending in (".pgm", ".pbm", ".png")]
    made += [np.asarray(cv2.imencode(ending, picture.astype(np.float32))[1]).tobytes() for ending in (".hdr", ".pfm")]
    clear = Image.fromarray(np.dstack([picture, picture[:, :, 0]]))
    for kind, image in [
        ("PNG", clear),
        ("TIFF", clear),
        ("WEBP", clear),
        ("GIF", clear),
        ("PNG", clear.quantize(8)),
        ("TIFF", clear),
    ]:
        buffer = io.BytesIO()
        image.save(buffer, kind)
        made.append(buffer.getvalue())
    for options in (
        {"num_resolutions": 1},
        {"tile_size": (8, 8)},
        {"precinct_size": (16, 16), "num_resolutions": 2},
        {"no_jp2": True},
    ):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG2000", **options)
        made.append(buffer.getvalue())
    return made


SEEDS = seeds()
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 70000)


def damaged(rng: random.Random) -> bytes:
    """A file with numbers of its header changed, pieces cut out, repeated or put in; now and then bytes that are no file."""
    if rng.random() < 0.02:
        return rng.randbytes(rng.randint(0, 200))
    data = bytearray(rng.choice(SEEDS))
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, min(len(data), 400))
        match rng.randint(0, 4):
            case 0:
                data[at : at + 1] = bytes([rng.randint(0, 255)])
            case 1:
                width = rng.choice((2, 4))
                data[at : at + width] = (rng.choice(NUMBERS) & (1 << 8 * width) - 1).to_bytes(
                    width, rng.choice(("big", "little"))
                )
            case 2:
                del data[at : at + rng.randint(1, 60)]
            case 3:
                data[at:at] = data[at : at + rng.randint(1, 60)]
            case _:
                data[at:at] = rng.randbytes(rng.randint(0, 12))
    return bytes(data)


def look(seed: int) -> None:
    """Files made of one seed, which hypothesis names when one of them is taken amiss."""
    rng = random.Random(seed)
    for number in range(AT_ONCE):
        data = damaged(rng)
        if seconds(data, number) > LIMIT_S:  # once more: other programs and what earlier tests left may have held it up
            assert seconds(data, number) < LIMIT_S, data


def seconds(data: bytes, number: int) -> float:
    """What this thread computes to decode a file, with the decoder of this number, and to read its head."""
    start = time.thread_time()
    try:
        image = DECODERS[number % 2]({"image": data, "img_path": "x"}, np.random.default_rng(0))["image"]
    except Rejected as rejected:
        assert rejected.reason
    else:
        assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image[:, :, 0].size <= 2 * LIMIT
    width, height = header_size(data)
    assert width >= 0 and height >= 0
    return time.thread_time() - start


WHATEVER = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")  # Pillow's, of damaged TIFF files and of sizes that are not decoded
@settings(max_examples=QUICK // AT_ONCE, **WHATEVER)
@given(st.integers(0, 2**32))
def test_damaged_files(seed: int) -> None:
    look(seed)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@settings(max_examples=LONG // AT_ONCE, **WHATEVER)
@given(st.integers(0, 2**64))
def test_many_damaged_files(seed: int) -> None:
    look(seed)


def test_every_seed_is_decoded() -> None:
    for data in SEEDS:
        assert DECODERS[0]({"image": data}, np.random.default_rng(0))["image"].shape == (9, 14, 3)


@pytest.mark.parametrize(
    "name", ["/dev/zero", "/dev/stdin", "nul\0.png", "n" * 300 + ".png", "half\ud800.png", "", ".", "{fifo}"]
)
def test_names_that_are_no_images(name: str, tmp_path) -> None:
    os.mkfifo(tmp_path / "fifo")
    name = name.replace("{fifo}", str(tmp_path / "fifo"))
    start = time.monotonic()
    with pytest.raises(Rejected):
        read_image(name)
    with pytest.raises(DataError):
        decoded(name)
    assert header_size(name) == (0, 0)
    (page,) = find_pages([name])
    with pytest.raises(DataError):
        decoded(str(page.image()))
    assert time.monotonic() - start < 5


def bomb(**changes: int) -> bytes:
    """A JPEG 2000 file of a few hundred bytes that asks for much."""
    data = bytearray(np.asarray(cv2.imencode(".jp2", np.full((64, 64, 3), 255, np.uint8))[1]).tobytes())
    at = data.find(b"\xff\x4f\xff\x51")
    coding = data.find(b"\xff\x52", at)
    for name, value in changes.items():
        for place, length in {
            "size": [(at + 8, 4), (at + 12, 4), (at + 24, 4), (at + 28, 4)],
            "tile": [(at + 24, 4), (at + 28, 4)],
            "layers": [(coding + 6, 2)],
            "block": [(coding + 10, 1), (coding + 11, 1)],
        }[name]:
            data[place : place + length] = value.to_bytes(length, "big")
    return bytes(data)


@pytest.mark.parametrize(
    "changes", [{"size": 9000}, {"size": 200_000}, {"size": 6000}, {"tile": 1}, {"layers": 65535}, {"size": 4000, "block": 0}]
)
def test_jpeg_2000_that_asks_for_minutes(changes: dict[str, int]) -> None:
    start = time.process_time()
    with pytest.raises(Rejected):
        DecodeImage("BGR")({"image": bomb(**changes)}, np.random.default_rng(0))
    assert time.process_time() - start < 1
