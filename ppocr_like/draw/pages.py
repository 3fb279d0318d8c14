"""Detected regions and probabilities on their page, to be looked at in full size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ppocr_like.contracts import TextBox

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
LONGEST, SHORTEST = 2000, 1000  # px of the longer side: larger pictures are made smaller, smaller ones larger (at most twice)
LABEL = (10, 16)  # px: smallest and largest figures of a score
LABEL_SHARE = 0.4  # of the box's height
LOW, DOUBTFUL = 0.6, 0.75  # scores under which a box is red, orange
BLUE, ORANGE, RED = (0, 90, 200), (215, 110, 0), (215, 0, 0)  # RGB
PLATE = (255, 255, 255, 190)
TURBO_RED = 230  # of 255: what lies beyond in the colour map is too dark for text under it
GAP = 2  # px between box and plate
HALO = 0.55  # share of white beside an outline, so that it is seen on a ground of its own colour


def page_scale(width: int, height: int) -> float:
    """How much a picture of these px is enlarged to be looked at."""
    longest = max(width, height, 1)
    return min(1.0, LONGEST / longest) if longest >= SHORTEST else min(2.0, SHORTEST / longest)


def draw_page(image: np.ndarray, boxes: Sequence[TextBox], font: Callable[[int], Font] = ImageFont.load_default) -> np.ndarray:
    """The page with its boxes and their scores: (h, w, 3) uint8 BGR, the longer side at most LONGEST px.

    Args:
        image: (H, W, 3) uint8 BGR.
        boxes: outlines blue, orange under DOUBTFUL, red under LOW; the score (two decimals without the leading 0) beside,
            where it hides least of the other boxes.
        font: gives the font of a size in px.
    """
    scale = page_scale(image.shape[1], image.shape[0])
    picture = _scaled(image, scale)
    thick = 2 if max(picture.shape) > 1400 else 1
    outlines = [np.asarray(box.points, np.float64) * scale for box in boxes]
    fixed = [np.round(points * 8).astype(np.int32).reshape(-1, 1, 2) for points in outlines]  # 1/8 px
    white = cv2.polylines(picture.copy(), fixed, True, (255, 255, 255), thick + 2, cv2.LINE_AA, 3)
    picture = cv2.addWeighted(white, HALO, picture, 1 - HALO, 0)
    for line, box in zip(fixed, boxes, strict=True):
        cv2.polylines(picture, [line], True, _colour(box.score)[::-1], thick, cv2.LINE_AA, 3)
    canvas = Image.fromarray(np.ascontiguousarray(picture[:, :, ::-1]))
    draw = ImageDraw.Draw(canvas, "RGBA")
    taken = np.array([[*points.min(0), *points.max(0)] for points in outlines]).reshape(-1, 4)
    for frame, points, box in zip(taken.copy(), outlines, boxes, strict=True):
        taken = np.vstack([taken, _label(draw, frame, points, box.score, font, taken)])
    return np.ascontiguousarray(np.asarray(canvas)[:, :, ::-1])


def draw_map(image: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The page, grey, under its probabilities: (h, w, 3) uint8 BGR; blue is unlikely, red certain, nothing uncoloured.

    Args:
        image: (H, W, 3) uint8 BGR.
        probabilities: (h', w') in [0, 1], stretched over the page.
    """
    picture = _scaled(image, page_scale(image.shape[1], image.shape[0]))
    height, width = picture.shape[:2]
    values = cv2.resize(np.nan_to_num(probabilities).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    values = np.clip(values, 0.0, 1.0)
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[:, :, None].astype(np.float32)
    faded = 255.0 - (255.0 - gray) * 0.8
    colours = cv2.applyColorMap((TURBO_RED * values).astype(np.uint8), cv2.COLORMAP_TURBO).astype(np.float32)
    weight = (0.55 * np.sqrt(values))[:, :, None]
    return np.clip(faded * (1 - weight) + colours * weight, 0, 255).astype(np.uint8)


def _scaled(image: np.ndarray, scale: float) -> np.ndarray:
    """A new picture."""
    if scale == 1.0:
        return image.copy()
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _colour(score: float) -> tuple[int, int, int]:
    return RED if score < LOW else ORANGE if score < DOUBTFUL else BLUE


def _label(
    draw: ImageDraw.ImageDraw,
    frame: np.ndarray,
    points: np.ndarray,
    score: float,
    font: Callable[[int], Font],
    taken: np.ndarray,
) -> np.ndarray:
    """Writes the score on a plate right of the box, left of it, above or below: where it covers least of `taken`.

    Args:
        frame: (4,) left, top, right, bottom of the box, px.
        points: (P, 2) its outline.
        taken: (K, 4) frames of boxes and plates.

    Returns:
        (4,) the plate.
    """
    height = min(float(np.linalg.norm(points[0] - points[-1])), float(frame[3] - frame[1]))
    size = int(np.clip(LABEL_SHARE * height, *LABEL))
    text = f"{score:.2f}".removeprefix("0")
    _, top, right, bottom = draw.textbbox((0, 0), text, font=font(size))
    plate = np.array([right + 3, bottom - top + 3], np.float64)
    room = np.maximum(np.array(draw.im.size) - plate, 0)
    middle = (frame[1] + frame[3] - plate[1]) / 2
    starts = np.array(
        [
            (frame[2] + GAP, middle),
            (frame[0] - GAP - plate[0], middle),
            (frame[0], frame[1] - GAP - plate[1]),
            (frame[0], frame[3] + GAP),
        ]
    )
    starts = np.clip(starts, 0, room)
    corners = np.hstack([starts, starts + plate])
    width = np.minimum(corners[:, None, 2:], taken[None, :, 2:]) - np.maximum(corners[:, None, :2], taken[None, :, :2])
    hidden = np.prod(np.clip(width, 0, None), axis=2).sum(axis=1)
    best = corners[int(hidden.argmin())]
    draw.rectangle(best.tolist(), fill=PLATE)
    draw.text((best[0] + 2, best[1] + 2 - top), text, fill=_colour(score), font=font(size))
    return best
