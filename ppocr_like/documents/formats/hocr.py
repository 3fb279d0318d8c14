"""hOCR 1.2: HTML with places and confidences in the `title` of each element."""

from __future__ import annotations

import os
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from ppocr_like.documents.formats.xml import PROGRAM, box, document, possible, whole
from ppocr_like.documents.page import Line, Page, frame_of, turned_points

DOCTYPE = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
)
CAPABILITIES = "ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf"


def write_hocr(page: Page, picture: np.ndarray) -> bytes:
    """`ocr_page` > `ocr_carea` (a block) > `ocr_par` > `ocr_line` > `ocrx_word` with `bbox`, `baseline`, `textangle`, `x_wconf`.

    `ocr-langs` and `scan_res` (whole px per inch) stand there where the page's languages and dpi are known.

    A block is one paragraph: programs that read hOCR look for lines within paragraphs alone (OCRmyPDF's parser, hOCR-to-ALTO).
    """
    root = Element("html", {"xmlns": "http://www.w3.org/1999/xhtml"})
    head = SubElement(root, "head")
    SubElement(head, "title").text = possible(os.path.basename(page.source))
    languages = (("ocr-langs", possible(" ".join(page.languages))),) if page.languages else ()
    for name, content in (("ocr-system", PROGRAM), ("ocr-capabilities", CAPABILITIES), *languages):
        SubElement(head, "meta", {"name": name, "content": content})
    image = possible(page.source).replace('"', "%22").replace(";", "%3B")  # what the title's own syntax is made of
    title = f'image "{image}"; bbox 0 0 {page.width} {page.height}; ppageno 0'
    if page.dpi is not None:
        title += "; scan_res {} {}".format(*map(round, page.dpi))
    sheet = SubElement(SubElement(root, "body"), "div", {"class": "ocr_page", "id": "page_1", "title": title})
    for number, lines in enumerate(page.blocks(), 1):
        frame = _bbox(np.concatenate([line.points for line in lines]), page)
        block = SubElement(sheet, "div", {"class": "ocr_carea", "id": f"block_1_{number}", "title": frame})
        paragraph = SubElement(block, "p", {"class": "ocr_par", "id": f"par_1_{number}", "title": frame})
        for index, line in enumerate(lines, 1):
            _line(paragraph, f"1_{number}_{index}", line, page)
    return document(root, DOCTYPE)


def _line(block: Element, name: str, line: Line, page: Page) -> None:
    title = f"{_bbox(line.points, page)}{_baseline(line, page)}; x_wconf {_percent(line.confidence)}"
    element = SubElement(block, "span", {"class": "ocr_line", "id": f"line_{name}", "title": title})
    for number, word in enumerate(line.words(), 1):
        place = f"{_bbox(word.points, page)}; x_wconf {_percent(word.confidence)}"
        span = SubElement(element, "span", {"class": "ocrx_word", "id": f"word_{name}_{number}", "title": place})
        span.text = possible(word.text)


def _bbox(points: np.ndarray, page: Page) -> str:
    return "bbox {} {} {} {}".format(*box(points, page))


def _baseline(line: Line, page: Page) -> str:
    """`textangle` of a turned line, and its baseline from its first to its last point: slope and offset (whole px, as programs
    expect) from the lower left of the bbox as the text stands."""
    angle = f"; textangle {360 - line.turned}" if line.turned else ""
    baseline = turned_points(line.baseline_points(), line.turned, page.width, page.height)
    (x0, y0), (x1, y1) = baseline[0], baseline[-1]
    if x1 <= x0:
        return angle
    left, _, _, bottom = frame_of(turned_points(np.array(whole(line.points, page)), line.turned, page.width, page.height))
    slope = (y1 - y0) / (x1 - x0)
    return f"{angle}; baseline {slope:.4f} {round(y0 + slope * (left - x0) - bottom)}"


def _percent(confidence: float) -> int:
    return round(100 * min(max(confidence, 0.0), 1.0))
