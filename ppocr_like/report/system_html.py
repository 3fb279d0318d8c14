"""An end-to-end evaluation as one HTML file for a browser: the worst pages first, with what went wrong drawn on them.

Everything is inside the file: it asks nothing of the network, and it can be sent to somebody.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np

from ppocr_like.metrics.page_text import FALSE, IGNORED, MERGED, MISSED, RIGHT, SPLIT, WRONG
from ppocr_like.report.judged import JudgedPage, SystemEvaluation

SHOWN = 40  # pages with a picture, in each set
LONGEST, QUALITY = 1400, 72  # px of a picture's longer side; JPEG
COLOURS = {RIGHT: "#1a7f37", WRONG: "#c75000", MISSED: "#d1001f", FALSE: "#8b2fc9", MERGED: "#0b62d6", SPLIT: "#00838f"}
MEANING = {
    RIGHT: "found, text right",
    WRONG: "found, text wrong",
    MISSED: "not found",
    FALSE: "read where nothing is",
    MERGED: "read together with others",
    SPLIT: "read in pieces",
}
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
"""


def html_report(evaluations: Sequence[SystemEvaluation], source: str, shown: int = SHOWN) -> str:
    """The document.

    Args:
        evaluations: one part for each.
        source: the recipe's name.
        shown: pages of each set that get a picture, the worst.
    """
    parts = [_set(evaluation, shown) for evaluation in evaluations]
    keys = "".join(f'<span class="key"><i style="border-color:{COLOURS[kind]}"></i>{MEANING[kind]}</span>' for kind in COLOURS)
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>Pages read: {escape(source)}</title><style>{STYLE}</style></head><body>"
        f"<h1>Pages read, end to end</h1><div class='soft'>{escape(source)}</div>"
        f"<p>{keys}</p>{''.join(parts)}</body></html>\n"
    )


def _set(evaluation: SystemEvaluation, shown: int) -> str:
    numbers = evaluation.numbers()
    cards = "".join(
        f"<div class='card'><b>{value}</b><span>{what}</span></div>"
        for value, what in (
            (f"{100 * numbers['cer']:.1f} %", "character errors of the pages"),
            (f"{numbers['hmean_exact']:.3f}", "hmean, text equal"),
            (f"{numbers['hmean_text']:.3f}", "hmean, text alike"),
            (f"{numbers['hmean']:.3f}", "hmean, places only"),
            (f"{numbers['n']:.0f}", "pages"),
            (f"{numbers['lines']:.0f}", "lines"),
            (f"{numbers['seconds']:.2f} s", "per page"),
        )
    )
    worst = sorted(evaluation.pages, key=lambda page: page.judgement.counts.errors, reverse=True)
    pages = "".join(_page(page, first=i == 0, picture=i < shown) for i, page in enumerate(worst))
    note = f"<p class='soft'>Most errors first; pictures of the first {shown}.</p>" if len(worst) > shown else ""
    return f"<h2>{escape(evaluation.name)}</h2><div class='cards'>{cards}</div>{note}{pages}"


def _page(page: JudgedPage, *, first: bool, picture: bool) -> str:
    numbers = page.judgement.counts.numbers()
    head = (
        f"<b>{100 * numbers['cer']:.1f} %</b> {escape(Path(page.path).name)} "
        f"<span class='soft'>{page.judgement.counts.errors} errors; hmean {numbers['hmean_exact']:.2f} text equal, "
        f"{numbers['hmean']:.2f} places; {page.seconds:.2f} s</span>"
    )
    inside = f"<p class='bad'>{escape(page.error)}</p>" if page.error else _sheet(page) if picture else ""
    return f"<details{' open' if first else ''}><summary>{head}</summary><div class='page'>{inside}{_table(page)}</div></details>"


def _sheet(page: JudgedPage) -> str:
    """The picture with outlines over it; their texts show on a touch or under the pointer."""
    image = cv2.imdecode(np.fromfile(page.path, np.uint8), cv2.IMREAD_COLOR)
    if image is None or page.page is None:
        return "<p class='bad'>the picture cannot be shown</p>"
    height, width = image.shape[:2]
    scale = min(1.0, LONGEST / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    source = base64.b64encode(data.tobytes()).decode()
    shapes = "".join(_shapes(page))
    return (
        f"<div class='sheet'><img alt='' width='{size[0]}' height='{size[1]}' src='data:image/jpeg;base64,{source}'>"
        f"<svg viewBox='0 0 {width} {height}' preserveAspectRatio='none'>{shapes}</svg></div>"
    )


def _shapes(page: JudgedPage) -> Iterator[str]:
    judgement, lines = page.judgement, page.page.lines if page.page is not None else ()
    partner = {other: one for one, other in judgement.pairs.items()}
    for i, (outline, kind) in enumerate(zip(page.truth.outlines, judgement.truth, strict=True)):
        if i not in judgement.pairs and kind != IGNORED:
            yield _shape(outline, kind, f"{MEANING[kind]}: {page.truth.texts[i]}", dashed=True)
    for j, (line, kind) in enumerate(zip(lines, judgement.found, strict=True)):
        if kind != IGNORED:
            wanted = f" | it says: {page.truth.texts[partner[j]]}" if kind == WRONG else ""
            yield _shape(line.points, kind, f"{MEANING[kind]}: {line.text}{wanted}")


def _shape(outline: np.ndarray, kind: str, title: str, dashed: bool = False) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in np.asarray(outline))
    dashes = " stroke-dasharray='6 4'" if dashed else ""
    colour = COLOURS[kind]
    return f"<polygon points='{points}' stroke='{colour}' fill='{colour}'{dashes}><title>{escape(title)}</title></polygon>"


def _table(page: JudgedPage) -> str:
    """Every line that is not right: what it says, what was read."""
    judgement, lines = page.judgement, page.page.lines if page.page is not None else ()
    rows = []
    for i, (text, kind) in enumerate(zip(page.truth.texts, judgement.truth, strict=True)):
        if kind not in (RIGHT, IGNORED):
            read = lines[judgement.pairs[i]].text if i in judgement.pairs else ""
            rows.append((kind, text, read))
    rows += [(kind, "", line.text) for line, kind in zip(lines, judgement.found, strict=True) if kind in (FALSE, MERGED, SPLIT)]
    if not rows:
        return ""
    body = "".join(
        f"<tr><td class='kind' style='color:{COLOURS[kind]}'>{kind}</td><td>{escape(wanted)}</td><td>{escape(read)}</td></tr>"
        for kind, wanted, read in rows
    )
    return f"<div class='wide'><table><tr><th></th><th>it says</th><th>read</th></tr>{body}</table></div>"
