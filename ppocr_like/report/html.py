"""What the HTML reports have in common. Everything is inside the file: it asks nothing of the network, and can be sent on."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import jinja2
import numpy as np

# Whatever a template is given is text, unless the template itself says otherwise: texts of pages may hold HTML.
_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("ppocr_like.report"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def html_document(template: str, title: str, source: str, **values: Any) -> str:
    """A document.

    Args:
        template: file in `templates/`, which extends `document.html`.
        source: what the document tells of.
        values: what the template names besides.
    """
    return _TEMPLATES.get_template(template).render(title=title, source=source, **values)


def embedded(image: np.ndarray, longest: int, quality: int, high: int = 1) -> tuple[str, tuple[int, int]]:
    """(data URI of a JPEG, (width, height) px) of an image (H, W, 3) uint8 BGR, made smaller to `longest` px at most, else larger
    until it is `high` px high."""
    height, width = image.shape[:2]
    scale = min(max(1.0, high / height), longest / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    shown = cv2.resize(image, size, interpolation=way) if scale != 1 else image
    done, data = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, quality])
    content = base64.b64encode(data.tobytes()).decode() if done else ""
    return f"data:image/jpeg;base64,{content}", size
