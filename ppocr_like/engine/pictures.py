"""Pictures of predictions: the image, the label and what was read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ppocr_like.contracts import SampleInfo

WIDTH, LINE, FONT = 800, 26, 18  # px
RIGHT, WRONG = (0, 110, 0), (180, 0, 0)


def prediction_picture(info: SampleInfo, result: Any) -> np.ndarray | None:
    """(H, 800, 3) uint8 RGB: the image as it lies on the disk, below it the label and the prediction with its confidence.

    None for a result without text and for an image that cannot be read.
    """
    text = getattr(result, "text", None)
    if text is None:
        return None
    try:
        raw = np.frombuffer(Path(info.path).read_bytes(), np.uint8)
    except OSError:
        return None
    image = cv2.imdecode(raw, cv2.IMREAD_COLOR) if raw.size else None
    if image is None:
        return None
    height, width = image.shape[:2]
    scale = min(WIDTH / width, 96 / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas = Image.new("RGB", (WIDTH, size[1] + 2 * LINE + 6), "white")
    canvas.paste(Image.fromarray(np.ascontiguousarray(small[:, :, ::-1])), (0, 0))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(FONT)
    draw.text((4, size[1] + 2), info.text, fill="black", font=font)
    draw.text((4, size[1] + 2 + LINE), f"{text}   {result.confidence:.3f}", fill=RIGHT if text == info.text else WRONG, font=font)
    return np.asarray(canvas)


def prediction_pictures(set_name: str, lines: Sequence[tuple[SampleInfo, Any]]) -> dict[str, np.ndarray]:
    """Pictures by tag `predictions/<set>/<number>`."""
    made = ((number, prediction_picture(info, result)) for number, (info, result) in enumerate(lines))
    return {f"predictions/{set_name}/{number}": picture for number, picture in made if picture is not None}
