"""Panels of horizontal bars, whole or made of parts, with their spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ppocr_like.draw.charts import COLOURS, FAINT, INK, PAPER, ticks

WIDTH, NAMES, VALUES, MARGIN = 960, 250, 130, 16  # px: of the picture, of the names left and the values right of the bars
ROW, BAR, TITLE, AXIS, LEGEND = 22, 14, 30, 24, 22  # px, heights
TONE = (150, 150, 150)  # parts beyond the colours that there are


@dataclass(frozen=True)
class Bar:
    """A bar.

    Args:
        name: stands left of it.
        parts: name of a part -> its length; one part "" for a plain bar.
        low, high: spread of the whole, drawn as a line; None: none.
    """

    name: str
    parts: dict[str, float]
    low: float | None = None
    high: float | None = None

    @property
    def whole(self) -> float:
        return sum(self.parts.values())


@dataclass(frozen=True)
class Panel:
    """Bars under one title on one axis.

    Args:
        title: above them.
        unit: of the axis.
        bars: from top to bottom.
        mark: (value, what it is) where an upright line stands.
    """

    title: str
    unit: str
    bars: Sequence[Bar]
    mark: tuple[float, str] | None = field(default=None)

    @property
    def parts(self) -> list[str]:
        """Names of all parts, in order; none where bars are plain."""
        return [name for name in dict.fromkeys(name for bar in self.bars for name in bar.parts) if name]


def bar_chart(title: str, panels: Sequence[Panel]) -> np.ndarray:
    """(H, W, 3) uint8 RGB: the panels below each other.

    Raises:
        ValueError: no bar at all.
    """
    panels = [panel for panel in panels if panel.bars]
    if not panels:
        raise ValueError(f"nothing to draw in the chart {title!r}")
    legends = [_legend_rows(panel.parts) for panel in panels]
    heights = [
        TITLE + ROW * len(panel.bars) + AXIS + LEGEND * len(legend) + MARGIN
        for panel, legend in zip(panels, legends, strict=True)
    ]
    image = Image.new("RGB", (WIDTH, TITLE + MARGIN + sum(heights)), PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN, MARGIN), title, fill=INK, font=ImageFont.load_default(16))
    top = TITLE + MARGIN
    for panel, legend, height in zip(panels, legends, heights, strict=True):
        _draw_panel(draw, panel, legend, top)
        top += height
    return np.asarray(image)


def _colour(panel: Panel, part: str) -> tuple[int, int, int]:
    place = panel.parts.index(part) if part else 0
    return COLOURS[place] if place < len(COLOURS) else TONE


def _legend_rows(parts: Sequence[str]) -> list[list[str]]:
    """The parts' names in as many rows as they need; those beyond the colours stand under one name."""
    names = list(parts[: len(COLOURS)]) + (["others"] if len(parts) > len(COLOURS) else [])
    font, left = ImageFont.load_default(12), float(WIDTH)
    rows: list[list[str]] = []
    for name in names:
        wide = font.getlength(name) + 34
        if left + wide > WIDTH - MARGIN:
            rows.append([])
            left = float(NAMES)
        rows[-1].append(name)
        left += wide
    return rows


def _draw_panel(draw: ImageDraw.ImageDraw, panel: Panel, legend: list[list[str]], top: int) -> None:
    font, small = ImageFont.load_default(13), ImageFont.load_default(12)
    longest = max([bar.whole for bar in panel.bars] + [bar.high or 0.0 for bar in panel.bars])
    if panel.mark:
        longest = max(longest, panel.mark[0])
    scale = ticks(0.0, longest or 1.0)
    room = WIDTH - NAMES - VALUES

    def x(value: float) -> float:
        return NAMES + value / scale[-1] * room

    draw.text((MARGIN, top + 6), panel.title, fill=INK, font=ImageFont.load_default(15))
    first, last = top + TITLE, top + TITLE + ROW * len(panel.bars)
    for value in scale:
        draw.line([(x(value), first), (x(value), last)], fill=FAINT)
        draw.text((x(value), last + 4), f"{value:,.4g}", fill=INK, font=small, anchor="mt")
    draw.text((x(scale[-1]) + 34, last + 4), panel.unit, fill=INK, font=small, anchor="lt")
    for number, bar in enumerate(panel.bars):
        _draw_bar(draw, panel, bar, first + ROW * number, x, font)
    if panel.mark:
        at = x(panel.mark[0])
        draw.line([(at, first - 2), (at, last)], fill=INK, width=2)
        draw.text((at - 4, first - 4), panel.mark[1], fill=INK, font=small, anchor="rs" if at > NAMES + room / 2 else "ls")
    for row, names in enumerate(legend):
        left = float(NAMES)
        y = last + AXIS + LEGEND * row + LEGEND / 2
        for name in names:
            colour = _colour(panel, name) if name in panel.parts else TONE
            draw.rectangle([left, y - 5, left + 10, y + 5], fill=colour)
            draw.text((left + 15, y), name, fill=INK, font=small, anchor="lm")
            left += small.getlength(name) + 34


def _draw_bar(draw: ImageDraw.ImageDraw, panel: Panel, bar: Bar, top: int, x: Callable[[float], float], font: Any) -> None:
    middle = top + ROW / 2
    name = bar.name
    while font.getlength(name) > NAMES - MARGIN - 10 and len(name) > 4:
        name = name[:-2] + "…"
    draw.text((NAMES - 8, middle), name, fill=INK, font=font, anchor="rm")
    begin = 0.0
    for part, length in bar.parts.items():
        draw.rectangle(
            [x(begin), middle - BAR / 2, max(x(begin), x(begin + length)), middle + BAR / 2], fill=_colour(panel, part)
        )
        begin += length
    right = x(bar.whole)
    if bar.low is not None and bar.high is not None:
        draw.line([(x(bar.low), middle), (x(bar.high), middle)], fill=INK, width=1)
        for end in (bar.low, bar.high):
            draw.line([(x(end), middle - 3), (x(end), middle + 3)], fill=INK, width=1)
        right = max(right, x(bar.high))
    draw.text((right + 6, middle), f"{bar.whole:,.4g}", fill=INK, font=font, anchor="lm")
