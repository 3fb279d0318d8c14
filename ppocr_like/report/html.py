"""What the HTML reports have in common. Everything is inside the file: it asks nothing of the network, and can be sent on."""

from __future__ import annotations

import base64
from html import escape

import cv2
import numpy as np

STYLE = """
:root { color-scheme: light; --line: #d8dee4; --soft: #57606a; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1100px; padding: 16px; font: 16px/1.45 system-ui, sans-serif; }
body { color: #1f2328; background: #fff; }
h1 { font-size: 1.4rem; margin: 0 0 4px; } h2 { font-size: 1.2rem; margin: 32px 0 8px; }
.soft { color: var(--soft); font-size: .9rem; overflow-wrap: anywhere; }
.cards { display: flex; flex-wrap: wrap; gap: 8px; margin: 12px 0; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: 6px 12px; min-width: 96px; }
.card b { display: block; font-size: 1.2rem; } .card span { color: var(--soft); font-size: .8rem; }
.key { display: inline-block; margin: 0 14px 4px 0; font-size: .9rem; white-space: nowrap; }
.key i { display: inline-block; width: 12px; height: 12px; margin-right: 5px; }
.key i { border: 3px solid; border-radius: 3px; vertical-align: -1px; }
details { border: 1px solid var(--line); border-radius: 8px; margin: 10px 0; }
summary { padding: 10px 12px; cursor: pointer; overflow-wrap: anywhere; } summary b { margin-right: 10px; }
.page { position: relative; padding: 0 12px 12px; }
.sheet { position: relative; overflow: hidden; border: 1px solid var(--line); }
.sheet img { display: block; width: 100%; height: auto; }
.sheet svg { position: absolute; inset: 0; width: 100%; height: 100%; }
polygon { fill-opacity: .06; vector-effect: non-scaling-stroke; stroke-width: 2; }
polygon:hover { fill-opacity: .35; }
.wide { overflow-x: auto; margin-top: 10px; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
td, th { text-align: left; padding: 4px 8px; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; } th + th { width: 44%; } td.kind { white-space: nowrap; font-weight: 600; }
.bad { color: #d1001f; }
.case { border-top: 1px solid var(--line); padding: 12px 0; }
.case td { border: 0; } .case td:last-child, .case td.kind { width: 4em; }
img.line { display: block; border: 1px solid var(--line); }
"""


def html_document(title: str, source: str, body: str) -> str:
    """A document that is readable on a phone and on a desk.

    Args:
        title: plain text.
        source: plain text, what it tells of.
        body: HTML.
    """
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}: {escape(source)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1><div class='soft'>{escape(source)}</div>{body}</body></html>\n"
    )


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
