"""The picture in which a person sees what was read on a page: upright, however the page was scanned."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ppocr_like.documents.page import Page, turned_points
from ppocr_like.draw.reading import Font, Shown, draw_reading


def review_picture(page: Page, picture: np.ndarray, font: Callable[[int], Font]) -> np.ndarray:
    """The page turned as it is read, with outlines, and right of it its text: uint8 BGR.

    Args:
        page: what was read, also the lines left out.
        picture: (H, W, 3) uint8 BGR, in px of the page.
        font: gives the font of a size in px.
    """
    turned = page.turned
    upright = np.ascontiguousarray(np.rot90(picture, turned // 90))
    shown = []
    for line in (*page.lines, *page.left_out):
        points = turned_points(line.points, turned, page.width, page.height)
        if len(points) == 4:
            points = np.roll(points, -(turned // 90), axis=0)
        own = (line.turned - turned) % 360
        shown.append(Shown(points, line.text, line.confidence, own, line.vertical_script and own == 90))
    return draw_reading(upright, shown, font)
