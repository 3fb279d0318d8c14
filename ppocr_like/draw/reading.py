"""A page beside what was read on it, to be checked at a glance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ppocr_like.draw.pages import page_scale

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
LOW, DOUBTFUL = 0.5, 0.8  # confidences under which a text is red, orange
INK, ORANGE, RED = (17, 17, 17), (190, 95, 0), (205, 0, 0)  # RGB
BLUE, FRAME, RULE = (0, 90, 200), (214, 224, 238), (190, 190, 190)
SMALLEST, LARGEST = 8, 48  # px, font sizes
TEXT_SHARE = 0.78  # of a line's height
HALO = 0.55  # share of white beside an outline
SAMPLE = 100  # px: the font size at which texts are measured


@dataclass(frozen=True, eq=False)
class Shown:
    """A line to be drawn: `points` (P, 2) px of the page, its text, its confidence in [0, 1]."""

    points: np.ndarray
    text: str
    confidence: float


def draw_reading(image: np.ndarray, lines: Sequence[Shown], font: Callable[[int], Font]) -> np.ndarray:
    """The page with outlines, and right of it a white one with each text where it was read: (h, 2 w, 3) uint8 BGR.

    Outlines and texts are orange under DOUBTFUL, red under LOW. A text is as high as its line, smaller where the line is too
    narrow for it; vertical text is written across, from its upper end on.

    Args:
        image: (H, W, 3) uint8 BGR.
        lines: what was read.
        font: gives the font of a size in px.
    """
    scale = page_scale(image.shape[1], image.shape[0])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    left = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC) if scale != 1 else image.copy()
    right = np.full_like(left, 255)
    thick = 2 if max(size) > 1400 else 1
    outlines = [np.asarray(line.points, np.float64) * scale for line in lines]
    fixed = [np.round(points * 8).astype(np.int32).reshape(-1, 1, 2) for points in outlines]  # 1/8 px
    white = cv2.polylines(left.copy(), fixed, True, (255, 255, 255), thick + 2, cv2.LINE_AA, 3)
    left = cv2.addWeighted(white, HALO, left, 1 - HALO, 0)
    for outline, line in zip(fixed, lines, strict=True):
        colour = _colour(line.confidence, BLUE)
        cv2.polylines(left, [outline], True, colour[::-1], thick, cv2.LINE_AA, 3)
        cv2.polylines(right, [outline], True, FRAME[::-1], 1, cv2.LINE_AA, 3)
    canvas = Image.fromarray(np.ascontiguousarray(right[:, :, ::-1]))
    draw = ImageDraw.Draw(canvas)
    for points, line in zip(outlines, lines, strict=True):
        _write(draw, points, line, font)
    both = np.hstack([left, np.asarray(canvas)[:, :, ::-1]])
    both[:, size[0] - 1] = RULE
    return np.ascontiguousarray(both)


def _write(draw: ImageDraw.ImageDraw, points: np.ndarray, line: Shown, font: Callable[[int], Font]) -> None:
    if not line.text.strip():
        return
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    sides = np.linalg.norm(points - np.roll(points, -1, axis=0), axis=1)
    across = float(min(sides[:2])) if len(points) == 4 else float(bottom - top)  # the line's own height, whatever its slope
    length = float(max(sides[:2])) if len(points) == 4 else float(right - left)
    wide = font(SAMPLE).getlength(line.text) / SAMPLE
    size = int(np.clip(min(TEXT_SHARE * across, length / max(wide, 1e-6)), SMALLEST, LARGEST))
    level = (top + bottom) / 2 if right - left >= bottom - top else top + size / 2
    draw.text((float(left), float(level)), line.text, fill=_colour(line.confidence, INK), font=font(size), anchor="lm")


def _colour(confidence: float, certain: tuple[int, int, int]) -> tuple[int, int, int]:
    return RED if confidence < LOW else ORANGE if confidence < DOUBTFUL else certain
