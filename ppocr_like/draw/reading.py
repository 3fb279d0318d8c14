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
    """A line to be drawn.

    Args:
        points: (P, 2) px of the page; a quadrangle begins at its top left.
        text: what was read.
        confidence: [0, 1].
        turned: degrees counter-clockwise by which it was turned to be read: 0, 90 (it runs down), 180, 270 (it runs up).
        stacked: its characters stand upright one below the other.
    """

    points: np.ndarray
    text: str
    confidence: float
    turned: int = 0
    stacked: bool = False


def draw_reading(image: np.ndarray, lines: Sequence[Shown], font: Callable[[int], Font]) -> np.ndarray:
    """The page with outlines, and right of it a white one with each text where it was read: (h, 2 w, 3) uint8 BGR.

    Outlines and texts are orange under DOUBTFUL, red under LOW. A text is as high as its line, smaller where the line is too
    short for it, and runs as the line does.

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
    canvas = Image.fromarray(cv2.cvtColor(right, cv2.COLOR_BGR2RGB))
    for points, line in zip(outlines, lines, strict=True):
        _write(canvas, points, line, font)
    both: np.ndarray = cv2.hconcat([left, cv2.cvtColor(np.asarray(canvas), cv2.COLOR_RGB2BGR)])
    both[:, size[0] - 1] = RULE
    return both


def _write(canvas: Image.Image, points: np.ndarray, line: Shown, font: Callable[[int], Font]) -> None:
    if not line.text.strip():
        return
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    length, across = _extent(points, line.turned)
    colour = _colour(line.confidence, INK)
    if line.stacked:
        size = _font_size(TEXT_SHARE * across, length / len(line.text))
        draw, step = ImageDraw.Draw(canvas), length / len(line.text)
        for number, character in enumerate(line.text):
            draw.text(((left + right) / 2, top + (number + 0.5) * step), character, fill=colour, font=font(size), anchor="mm")
        return
    wide = font(SAMPLE).getlength(line.text) / SAMPLE
    size = _font_size(TEXT_SHARE * across, length / max(wide, 1e-6))
    if line.turned == 0:
        ImageDraw.Draw(canvas).text((left, (top + bottom) / 2), line.text, fill=colour, font=font(size), anchor="lm")
        return
    mask = Image.new("L", (max(1, round(wide * size)), 2 * size))
    ImageDraw.Draw(mask).text((0, size), line.text, fill=255, font=font(size), anchor="lm")
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(np.asarray(mask), -(line.turned // 90))))
    x, y = (left + right - turned.width) / 2, (top + bottom - turned.height) / 2  # the middle of the line
    if line.turned == 90:
        y = top
    elif line.turned == 180:
        x = right - turned.width
    else:
        y = bottom - turned.height
    canvas.paste(colour, (round(x), round(y)), turned)


def _extent(points: np.ndarray, turned: int) -> tuple[float, float]:
    """(length, height) px of a line along and across its text, whatever its slope."""
    if len(points) == 4:
        sides = np.linalg.norm(points - np.roll(points, -1, axis=0), axis=1)
        size = float(max(sides[0], sides[2])), float(max(sides[1], sides[3]))
    else:
        width, height = np.ptp(points, axis=0).tolist()
        size = width, height
    return size if turned in (0, 180) else size[::-1]


def _font_size(*limits: float) -> int:
    return int(np.clip(min(limits), SMALLEST, LARGEST))


def _colour(confidence: float, certain: tuple[int, int, int]) -> tuple[int, int, int]:
    return RED if confidence < LOW else ORANGE if confidence < DOUBTFUL else certain
