"""KrakenLine: lines as kraken gives them to its networks."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ppocr_like.contracts import Rejected
from ppocr_like.transforms.centre_line import normalised
from ppocr_like.transforms.channels import repeat_gray
from ppocr_like.transforms.kraken_line import KrakenLine

KRAKEN = os.environ.get("PPOCR_LIKE_KRAKEN_PYTHON")
RNG = np.random.default_rng(0)


def line(height: int = 60, width: int = 400, bent: float = 0.0) -> np.ndarray:
    """(height, width, 3) of gray paper with letters on a line that sinks by `bent` px."""
    image = np.full((height, width, 3), 220, np.uint8)
    for place in range(10, width - 20, 22):
        y = int(height * 0.6 + bent * place / width)
        cv2.putText(image, "ab"[place % 2], (place, y), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (30, 40, 60), 2)
    return image


def test_the_line_is_scaled_padded_and_inverted() -> None:
    image = line()
    made = KrakenLine(height=48)({"image": image}, RNG)
    assert made["image"].shape == (1, 48, 320 + 32)
    assert made["image"].dtype == np.float32
    assert made["valid_width"] == 352
    assert made["valid_ratio"] == 1.0
    assert (made["image"][:, :, :16] == 0).all()
    assert (made["image"][:, :, -16:] == 0).all()
    gray = Image.fromarray(image[:, :, ::-1]).convert("L").resize((320, 48), Image.Resampling.LANCZOS)
    assert np.allclose(made["image"][0, :, 16:-16], 1 - np.asarray(gray) / 255, atol=1e-6)


def test_colour_is_rgb() -> None:
    made = KrakenLine(height=60, channels=3, padding=0)({"image": line()}, RNG)["image"]
    assert made.shape == (3, 60, 400)
    gray = repeat_gray(np.ascontiguousarray(line()[:, :, 0]))
    assert len(np.unique(KrakenLine(height=60, channels=3)({"image": gray}, RNG)["image"], axis=0)) == 1
    assert made[0].max() < made[1].max() < made[2].max()  # the ink has least blue, so its inverse has most


def test_a_canvas_is_filled_and_a_long_line_squeezed() -> None:
    filled = KrakenLine(height=48)({"image": line(), "target_size": (512, 48)}, RNG)
    assert filled["image"].shape == (1, 48, 512)
    assert filled["valid_width"] == 352
    assert filled["valid_ratio"] == 352 / 512
    assert (filled["image"][:, :, 352:] == 0).all()
    squeezed = KrakenLine(height=48)({"image": line(), "target_size": (256, 48)}, RNG)
    assert squeezed["image"].shape == (1, 48, 256)
    assert squeezed["valid_width"] == 256


def test_two_levels_are_two_levels() -> None:
    made = KrakenLine(height=60, mode="1", padding=0)({"image": line()}, RNG)["image"]
    assert set(np.unique(made)) == {0.0, 1.0}


def test_boxes_are_straightened() -> None:
    """A line that sinks has its ink in fewer rows after the normaliser."""
    bent = line(bent=20)
    plain = KrakenLine(height=60, padding=0)({"image": bent.copy()}, RNG)["image"][0]
    straight = KrakenLine(height=60, padding=0, linetype="bbox")({"image": bent}, RNG)["image"][0]
    assert straight.shape[0] == 60

    def tilt(picture: np.ndarray) -> float:
        rows = np.arange(60)[:, None] * picture
        third = picture.shape[1] // 3
        left, right = picture[:, :third], picture[:, -third:]
        return abs(rows[:, -third:].sum() / right.sum() - rows[:, :third].sum() / left.sum())

    larger = straight.shape[1] / plain.shape[1]  # the band around the ink is lower than the image
    assert tilt(plain - plain.min()) > 10
    assert tilt(straight - straight.min()) / larger < 3


@pytest.mark.parametrize("level", [0, 90, 255])
def test_an_empty_line_is_scaled_alone(level: int) -> None:
    assert (normalised(np.full((30, 100), level, np.uint8), 48) == level).all()
    assert normalised(np.full((30, 100), level, np.uint8), 48).shape == (48, 160)


def test_bad_images_and_arguments() -> None:
    with pytest.raises(Rejected, match="empty image"):
        KrakenLine()({"image": np.zeros((0, 5, 3), np.uint8)}, RNG)
    with pytest.raises(Rejected, match="too elongated"):
        KrakenLine()({"image": np.zeros((2, 900, 3), np.uint8)}, RNG)
    for arguments, said in (
        ({"height": 0}, "height is 0"),
        ({"padding": -1}, "padding -1"),
        ({"channels": 2}, "channels is 2"),
        ({"mode": "2"}, "mode is '2'"),
        ({"mode": "RGB"}, "RGB has 3"),
        ({"channels": 3, "mode": "L"}, "1 and L have 1"),
        ({"linetype": "box"}, "linetype is 'box'"),
    ):
        with pytest.raises(ValueError, match=said):
            KrakenLine(**arguments)  # type: ignore[arg-type]


SCRIPT = """
import json, logging, sys, warnings
warnings.filterwarnings("ignore"); logging.disable(logging.CRITICAL)
import numpy as np
from PIL import Image
from kraken.lib.dataset import ImageInputTransforms
made = {}
for number, (path, height, channels, boxes) in enumerate(json.load(open(sys.argv[1]))):
    transform = ImageInputTransforms(1, height, 0, channels, (16, 0), boxes)
    made[str(number)] = transform(Image.open(path)).numpy()
np.savez(sys.argv[2], **made)
"""


@pytest.mark.skipif(not KRAKEN, reason="PPOCR_LIKE_KRAKEN_PYTHON is not set; it names a Python that has kraken")
@pytest.mark.thorough
def test_lines_are_krakens(tmp_path: Path) -> None:
    jobs = []
    for number in range(6):
        path = tmp_path / f"{number}.png"
        image = line(41 + 13 * number, 300 + 77 * number, bent=3.0 * number).astype(int)
        image += np.random.default_rng(number).integers(-20, 20, image.shape)  # paper: no two rows have exactly as much ink
        cv2.imwrite(str(path), image.astype(np.uint8))
        jobs += [
            (str(path), height, channels, boxes)
            for height in (48, 120)
            for channels, boxes in ((1, False), (1, True), (3, False))
        ]
    (tmp_path / "jobs.json").write_text(json.dumps(jobs))
    command = [str(KRAKEN), "-c", SCRIPT, str(tmp_path / "jobs.json"), str(tmp_path / "made.npz")]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    made = np.load(tmp_path / "made.npz")
    for number, (path, height, channels, boxes) in enumerate(jobs):
        step = KrakenLine(height, channels, linetype="bbox" if boxes else "baselines")
        ours, theirs = step({"image": cv2.imread(path)}, RNG)["image"], made[str(number)]
        assert ours.shape == theirs.shape, jobs[number]
        away = np.abs(ours - theirs)
        assert away.max() <= (1.1 / 255 if boxes else 1e-6), jobs[number]
