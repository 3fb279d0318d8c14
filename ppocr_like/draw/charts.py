"""Line charts: few series, direct labels, no library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Okabe and Ito's colours, told apart also by readers with a colour deficiency ("Color universal design", 2008).
COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233))
INK, FAINT, PAPER = (40, 40, 40), (215, 215, 215), (255, 255, 255)
LEFT, RIGHT, TOP, BOTTOM = 62, 110, 40, 48  # px around the plot
TICKS = 5


@dataclass(frozen=True)
class Series:
    """A line of a chart: `points` (x, y); a point where y is NaN is left out."""

    name: str
    points: Sequence[tuple[float, float]]


def line_chart(
    title: str, x_label: str, series: Sequence[Series], *, mark: float | None = None, size: tuple[int, int] = (640, 400)
) -> np.ndarray:
    """(H, W, 3) uint8 RGB.

    Args:
        title: stands above the plot.
        x_label: under it.
        series: lines; each is named at its right end.
        mark: x at which a vertical line stands (the chosen value).
        size: (W, H) px.

    Raises:
        ValueError: no point at all.
    """
    points = [(x, y) for line in series for x, y in line.points if math.isfinite(x) and math.isfinite(y)]
    if not points:
        raise ValueError(f"nothing to draw in the chart {title!r}")
    image = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    x_ticks = ticks(min(x for x, _ in points), max(x for x, _ in points))
    y_ticks = ticks(min(y for _, y in points), max(y for _, y in points))
    place = _Scale(x_ticks, y_ticks, size)
    draw.text((LEFT, 10), title, fill=INK, font=ImageFont.load_default(16))
    draw.text((LEFT + (size[0] - LEFT - RIGHT) / 2, size[1] - 8), x_label, fill=INK, font=font, anchor="ms")
    for x in x_ticks:
        at = place.x(x)
        draw.line([(at, TOP), (at, size[1] - BOTTOM)], fill=FAINT)
        draw.text((at, size[1] - BOTTOM + 6), f"{x:.4g}", fill=INK, font=font, anchor="mt")
    for y in y_ticks:
        at = place.y(y)
        draw.line([(LEFT, at), (size[0] - RIGHT, at)], fill=FAINT)
        draw.text((LEFT - 6, at), f"{y:.4g}", fill=INK, font=font, anchor="rm")
    if mark is not None:
        draw.line([(place.x(mark), TOP), (place.x(mark), size[1] - BOTTOM)], fill=INK, width=1)
    ends = []
    for number, line in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        path = [(place.x(x), place.y(y)) for x, y in sorted(line.points) if math.isfinite(x) and math.isfinite(y)]
        if not path:
            continue
        draw.line(path, fill=colour, width=2, joint="curve")
        for x, y in path:
            draw.ellipse([x - 3, y - 3, x + 3, y + 3], fill=colour)
        ends.append((path[-1][1], line.name, colour))
    for y, name, colour in _apart(ends):
        draw.text((size[0] - RIGHT + 8, y), name, fill=colour, font=font, anchor="lm")
    return np.asarray(image)


def ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """About `count` round values (1, 2 or 5 times a power of ten apart) that enclose [low, high]."""
    span = high - low or max(abs(high), 1.0) * 0.1
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(n * power for n in (1, 2, 5, 10) if n * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return [number * step for number in range(first, last + 1)]


class _Scale:
    """Values to px."""

    def __init__(self, x_ticks: list[float], y_ticks: list[float], size: tuple[int, int]) -> None:
        self.x_range, self.y_range, self.size = (x_ticks[0], x_ticks[-1]), (y_ticks[0], y_ticks[-1]), size

    def x(self, value: float) -> float:
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * (self.size[0] - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return self.size[1] - BOTTOM - (value - low) / (high - low) * (self.size[1] - TOP - BOTTOM)


def _apart(ends: list[tuple[float, str, tuple[int, int, int]]], least: float = 15) -> list:
    """Labels pushed down until none covers the one above it."""
    placed: list[tuple[float, str, tuple[int, int, int]]] = []
    for y, name, colour in sorted(ends):
        y = max(y, placed[-1][0] + least) if placed else y
        placed.append((y, name, colour))
    return placed
