"""How a line looks: paper, ink, camera. Everything drawn from the generator that is handed over."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np

from ppocr_like.contracts import Rejected
from ppocr_like.data.base import read_image
from ppocr_like.errors import DataError
from ppocr_like.synth.settings import SynthSettings
from ppocr_like.transforms.decode import DecodeImage

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
KEPT = 32  # background images held in memory
LARGEST = 2000  # px of a background's longer side as it is held
CONTRAST = 70.0  # least difference of ink and paper, of 255
SLANT = 0.18  # of the height: how far a corner may move in perspective


class Paper:
    """Pieces of paper.

    Args:
        folder: of images; None makes paper up.

    Raises:
        DataError: no such folder, or no image in it.
    """

    def __init__(self, folder: str | None) -> None:
        self.files: list[str] = []
        self._held: OrderedDict[str, np.ndarray] = OrderedDict()
        if folder is not None:
            if not os.path.isdir(folder):
                raise DataError("no such folder of backgrounds", folder)
            self.files = sorted(str(path) for path in Path(folder).rglob("*") if path.suffix.lower() in SUFFIXES)
            if not self.files:
                raise DataError(f"no image here or below (looked for {', '.join(SUFFIXES)})", folder)

    def piece(self, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
        """(height, width, 3) float32 BGR, [0, 255]."""
        if not self.files:
            return _made_up(width, height, rng)
        image = self._open(self.files[int(rng.integers(len(self.files)))])
        scale = max(1.0, width / image.shape[1], height / image.shape[0])
        if scale > 1.0:
            size = (int(np.ceil(image.shape[1] * scale)), int(np.ceil(image.shape[0] * scale)))
            image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        top = int(rng.integers(image.shape[0] - height + 1))
        left = int(rng.integers(image.shape[1] - width + 1))
        return image[top : top + height, left : left + width].astype(np.float32)

    def _open(self, path: str) -> np.ndarray:
        if path in self._held:
            self._held.move_to_end(path)
            return self._held[path]
        try:
            image = DecodeImage("BGR")({"image": read_image(path)}, np.random.default_rng(0))["image"]
        except Rejected as error:
            raise DataError(f"cannot be read as an image of paper ({error.reason}); remove it", path) from error
        scale = LARGEST / max(image.shape[:2])
        if scale < 1.0:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        self._held[path] = image
        while len(self._held) > KEPT:
            self._held.popitem(last=False)
        return image

    def __getstate__(self) -> dict[str, object]:
        """Each process holds its own images."""
        return {"files": self.files, "_held": OrderedDict()}


def look(mask: np.ndarray, px: int, settings: SynthSettings, paper: Paper, rng: np.random.Generator) -> np.ndarray:
    """Ink on paper, seen by a camera.

    Args:
        mask: (H, W) uint8, 255 where ink is.
        px: size of the font.
        settings: shares of what may happen.
        paper: see there.
        rng: the sample's generator.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    height, width = mask.shape
    ink = _bent(mask, px, settings, rng)
    ink = _placed(ink, settings, rng).astype(np.float32) / 255.0
    if rng.random() < settings.uneven:
        ink *= np.clip(_clouds(width, height, 0.6, 1.25, rng), 0.0, 1.0)
    ground = paper.piece(width, height, rng)
    if paper.files:
        tone = ground.mean(axis=(0, 1))
    else:
        tone = _tone(settings, rng)
        ground += tone
    colour = _ink_colour(tone, settings, rng)
    picture = ground + (colour - ground) * ink[:, :, None]
    return _camera(picture, px, settings, rng)


def _made_up(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Unevenness of paper around 0: clouds and fibres."""
    clouds = _clouds(width, height, -12.0, 12.0, rng) * float(rng.random())
    fibres = rng.standard_normal((height, width), np.float32) * float(rng.uniform(0.0, 5.0))
    return np.repeat((clouds + cv2.GaussianBlur(fibres, (3, 3), 0))[:, :, None], 3, axis=2)


def _clouds(width: int, height: int, low: float, high: float, rng: np.random.Generator) -> np.ndarray:
    """(height, width) float32: a smooth field within low and high."""
    coarse = rng.uniform(low, high, (3, max(3, 2 * width // max(height, 1)))).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def _tone(settings: SynthSettings, rng: np.random.Generator) -> np.ndarray:
    """(3,) BGR of the paper."""
    light = float(rng.uniform(20, 110)) if rng.random() < settings.invert else float(rng.uniform(150, 250))
    if rng.random() >= settings.colour:
        return np.full(3, light, np.float32)
    return np.clip(light + rng.uniform(-35, 35, 3), 0, 255).astype(np.float32)


def _ink_colour(tone: np.ndarray, settings: SynthSettings, rng: np.random.Generator) -> np.ndarray:
    """(3,) BGR, far enough from the paper to be read."""
    paper = float(tone.mean())
    if paper > 127:
        light = float(rng.uniform(0, max(1.0, min(110.0, paper - CONTRAST))))
    else:
        light = float(rng.uniform(min(254.0, max(160.0, paper + CONTRAST)), 255))
    if rng.random() >= settings.colour:
        return np.full(3, light, np.float32)
    return np.clip(light + rng.uniform(-60, 60, 3), 0, 255).astype(np.float32)


def _bent(mask: np.ndarray, px: int, settings: SynthSettings, rng: np.random.Generator) -> np.ndarray:
    """The line as a wave of up to an eighth of the font's size."""
    if rng.random() >= settings.curve:
        return mask
    height, width = mask.shape
    x = np.arange(width, dtype=np.float32)
    waves = float(rng.uniform(0.3, 1.5)) * 2 * np.pi / max(width, 1)
    shift = px / 8 * float(rng.random()) * np.sin(waves * x + float(rng.uniform(0, 2 * np.pi)))
    rows = np.arange(height, dtype=np.float32)[:, None] + shift[None].astype(np.float32)
    return cv2.remap(mask, np.broadcast_to(x, (height, width)).copy(), rows, cv2.INTER_LINEAR)


def _placed(mask: np.ndarray, settings: SynthSettings, rng: np.random.Generator) -> np.ndarray:
    """Turned and seen from the side; what leaves the picture is drawn in: a reader's crop holds its line."""
    height, width = mask.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners.copy()
    if rng.random() < settings.perspective:
        moved += rng.uniform(-SLANT * height, SLANT * height, (4, 2)).astype(np.float32)
    if settings.rotation:
        angle = np.deg2rad(float(rng.uniform(-settings.rotation, settings.rotation)))
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
        middle = np.array([width / 2, height / 2], np.float32)
        moved = (moved - middle) @ turn + middle
    if np.abs(moved - corners).max() < 0.5:
        return mask
    low, high = np.minimum(moved.min(axis=0), 0), np.maximum(moved.max(axis=0), [width, height])
    moved = (moved - low) * (np.array([width, height], np.float32) / (high - low))
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    return cv2.warpPerspective(mask, matrix, (width, height), flags=cv2.INTER_LINEAR)


def _camera(picture: np.ndarray, px: int, settings: SynthSettings, rng: np.random.Generator) -> np.ndarray:
    height, width = picture.shape[:2]
    if rng.random() < settings.blur:
        picture = _blurred(picture, px, rng)
    if rng.random() < settings.low_resolution:
        scale = max(float(rng.uniform(0.35, 0.9)), 10.0 / px)  # letters of less than 10 px cannot be read
        if scale < 1.0:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < settings.noise:
        grain = rng.standard_normal((height, width, 1), np.float32) * float(rng.uniform(2, 16))
        picture = picture + grain
    image = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < settings.jpeg:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 85))])
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return image


def _blurred(picture: np.ndarray, px: int, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.7:
        return cv2.GaussianBlur(picture, (0, 0), max(0.3, px * float(rng.uniform(0.005, 0.035))))
    length = max(3, int(px * float(rng.uniform(0.04, 0.12))))
    kernel = np.zeros((length, length), np.float32)
    angle = float(rng.uniform(0, np.pi))
    middle = (length - 1) / 2
    end = (round(middle + middle * np.cos(angle)), round(middle + middle * np.sin(angle)))
    start = (round(middle - middle * np.cos(angle)), round(middle - middle * np.sin(angle)))
    cv2.line(kernel, start, end, 1.0, 1)
    return cv2.filter2D(picture, -1, kernel / kernel.sum())
