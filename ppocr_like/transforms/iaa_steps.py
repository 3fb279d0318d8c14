"""The steps of IaaAugment: mirror, affine map, resize. Each draws from the generator and gives a new view.

A step is `(view, rng) -> (view, matrix)`: the picture after it and the (3, 3) matrix that it puts polygons through.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppocr_like.transforms.view import BLACK, Fill, View, corners, move, scaling, shift

Range = tuple[float, float]
Step = Callable[[View, np.random.Generator], tuple[View, np.ndarray]]


@dataclass(frozen=True)
class Flip:
    """Mirrors with probability `p`."""

    horizontally: bool
    p: float = 1.0

    def __call__(self, view: View, rng: np.random.Generator) -> tuple[View, np.ndarray]:
        return view.mirrored(self.horizontally) if rng.random() < self.p else (view, np.eye(3))


@dataclass(frozen=True)
class Resize:
    """Scales both sides by one number of `size`, cut to whole px (1 at least)."""

    size: Range = (1.0, 1.0)

    def __call__(self, view: View, rng: np.random.Generator) -> tuple[View, np.ndarray]:
        scale = rng.uniform(*self.size)
        width, height = view.size
        return view.resized(max(1, int(width * scale)), max(1, int(height * scale)))


@dataclass(frozen=True)
class Affine:
    """Scales, shears, turns and moves the picture around its middle, with probability `p`.

    Args:
        rotate: degrees, clockwise.
        scale: of x and y, drawn apart unless `keep_ratio`.
        shear: degrees, along x and along y.
        percent: what the picture moves by, along x and y, of its width and height.
        px: the same in whole px, instead.
        fit_output: the canvas grows (or shrinks) to hold the whole picture; what it moves by is then lost. Otherwise the
            canvas stays as it is and what leaves it is cut.
        fill: what is seen beyond the picture's edges.
    """

    rotate: Range = (0.0, 0.0)
    scale: tuple[Range, Range] = ((1.0, 1.0), (1.0, 1.0))
    shear: tuple[Range, Range] = ((0.0, 0.0), (0.0, 0.0))
    percent: tuple[Range, Range] = ((0.0, 0.0), (0.0, 0.0))
    px: tuple[Range, Range] | None = None
    fit_output: bool = False
    keep_ratio: bool = False
    fill: Fill = BLACK
    p: float = 1.0

    def __call__(self, view: View, rng: np.random.Generator) -> tuple[View, np.ndarray]:
        if rng.random() >= self.p:
            return view, np.eye(3)
        width, height = view.size
        core = self._drawn(width, height, rng)
        if not self.fit_output:
            step = shift(width / 2, height / 2) @ core @ shift(-width / 2, -height / 2)
            return view.warped(step, width, height, self.fill), step
        edge = move(corners(width, height), core).astype(np.float64)
        low, high = edge.min(0), edge.max(0)
        # A side that is whole but for rounding must not become a px longer.
        new_width, new_height = (max(1, math.ceil(side - 1e-3)) for side in high - low)
        step = shift(new_width / 2, new_height / 2) @ shift(*(-(low + high) / 2)) @ core
        return view.warped(step, new_width, new_height, self.fill), step

    def _drawn(self, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
        """The (3, 3) map around the origin; the number of draws does not depend on what comes out."""
        angle = math.radians(rng.uniform(*self.rotate))
        scale_x, scale_y = (rng.uniform(*limits) for limits in self.scale)
        shear_x, shear_y = (math.tan(math.radians(rng.uniform(*limits))) for limits in self.shear)
        if self.px is None:
            by = [rng.uniform(*limits) * side for limits, side in zip(self.percent, (width, height), strict=True)]
        else:
            by = [float(rng.integers(int(low), int(high) + 1)) for low, high in self.px]
        cos, sin = math.cos(angle), math.sin(angle)
        turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        lean = np.array([[1.0, shear_x, 0.0], [shear_y, 1.0, 0.0], [0.0, 0.0, 1.0]])
        return shift(*by) @ turn @ lean @ scaling(scale_x, scale_x if self.keep_ratio else scale_y)


def parse(augmenter: Any, place: str) -> Step:
    """A step of `augmenter_args`: {type: Name, args: {...}} or [Name, {...}].

    Raises:
        ValueError: with the place, what was given and what is accepted.
    """
    if isinstance(augmenter, Mapping):
        strange = sorted(map(str, set(augmenter) - {"type", "args"}))
        if strange or "type" not in augmenter:
            raise ValueError(
                f"{place} is {dict(augmenter)!r}; accepted: {{type: Fliplr, args: {{p: 0.5}}}} or [Fliplr, {{p: 0.5}}]"
            )
        name, args = augmenter["type"], augmenter.get("args")
    elif isinstance(augmenter, list | tuple) and len(augmenter) in (1, 2):
        name, args = augmenter[0], augmenter[1] if len(augmenter) == 2 else None
    else:
        raise ValueError(f"{place} is {augmenter!r}; accepted: {{type: Fliplr, args: {{p: 0.5}}}} or [Fliplr, {{p: 0.5}}]")
    if name not in PARSERS:
        raise ValueError(f"{place}: the augmenter is {name!r}; known: {', '.join(PARSERS)}")
    if not isinstance(args, Mapping | None):
        raise ValueError(f"{place} ({name}): args is {args!r}, but a mapping is needed")
    given, known = dict(args or {}), PARSERS[name]
    strange = sorted(map(str, set(given) - set(known.accepted)))
    if strange:
        raise ValueError(f"{place} ({name}): unknown {', '.join(strange)}; accepted: {', '.join(known.accepted)}")
    return known.make(given, f"{place} ({name})")


def number(value: Any, place: str, least: float = -math.inf, most: float = math.inf) -> float:
    """A finite number within bounds.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not least <= value <= most:
        limits = "" if math.isinf(least) and math.isinf(most) else f" from {least:g} to {most:g}"
        raise ValueError(f"{place} is {value!r}; a number{limits} is needed")
    return float(value)


def span(value: Any, place: str, least: float = -math.inf, most: float = math.inf) -> Range:
    """[low, high], or one number that is both.

    Raises:
        ValueError: anything else.
    """
    if not isinstance(value, list | tuple):
        return (number(value, place, least, most),) * 2
    if len(value) != 2:
        raise ValueError(f"{place} is {list(value)!r}; two numbers [low, high] are needed")
    low, high = (number(item, place, least, most) for item in value)
    if low > high:
        raise ValueError(f"{place} is {list(value)!r}; the lower number comes first")
    return low, high


def _axes(value: Any, place: str, missing: float, single: float | None = None, least: float = -math.inf) -> tuple[Range, Range]:
    """Ranges of x and y from a number, [low, high] (both axes) or {x: ..., y: ...}.

    Args:
        missing: the axis' value where a mapping leaves it out.
        single: the y axis' value where one number is given; None: the same number.
    """
    if isinstance(value, Mapping):
        if not set(value) <= {"x", "y"}:
            raise ValueError(f"{place} is {dict(value)!r}; accepted keys: x, y")
        return span(value.get("x", missing), f"{place}.x", least), span(value.get("y", missing), f"{place}.y", least)
    both = span(value, place, least)
    return both, both if single is None or isinstance(value, list | tuple) else (single, single)


def _switch(given: Mapping[str, Any], key: str, place: str) -> bool:
    if not isinstance(given.get(key, False), bool):
        raise ValueError(f"{place}.{key} is {given[key]!r}; true or false is needed")
    return given.get(key, False)


def _fill(value: Any, place: str) -> Fill:
    if isinstance(value, list | tuple) and len(value) in (1, 3):
        return tuple(number(item, place, 0, 255) for item in value)
    return (number(value, place, 0, 255),) * 3


def _make_flip(horizontally: bool) -> Callable[[dict[str, Any], str], Step]:
    return lambda given, place: Flip(horizontally, number(given.get("p", 1.0), f"{place}.p", 0, 1))


def _make_resize(given: dict[str, Any], place: str) -> Step:
    size = given.get("size")
    if size is not None and not (isinstance(size, list | tuple) and len(size) == 2):
        raise ValueError(f"{place}.size is {size!r}; two factors [least, most] are needed")
    return Resize() if size is None else Resize(span(size, f"{place}.size", 1e-3, 100))


def _make_affine(given: dict[str, Any], place: str) -> Step:
    percent, px = given.get("translate_percent"), given.get("translate_px")
    if percent is not None and px is not None:
        raise ValueError(f"{place}: give translate_percent or translate_px, not both")
    scale = given.get("scale")
    shear = given.get("shear")
    return Affine(
        rotate=span(given.get("rotate", 0), f"{place}.rotate"),
        scale=_axes(1.0 if scale is None else scale, f"{place}.scale", 1.0, least=1e-3),
        shear=_axes(0.0 if shear is None else shear, f"{place}.shear", 0.0, single=0.0),
        percent=_axes(0.0 if percent is None else percent, f"{place}.translate_percent", 0.0),
        px=None if px is None else _axes(px, f"{place}.translate_px", 0.0),
        fit_output=_switch(given, "fit_output", place),
        keep_ratio=_switch(given, "keep_ratio", place),
        fill=_fill(given.get("fill", given.get("cval", 0)), f"{place}.fill"),
        p=number(given.get("p", 1.0), f"{place}.p", 0, 1),
    )


@dataclass(frozen=True)
class _Parser:
    accepted: tuple[str, ...]
    make: Callable[[dict[str, Any], str], Step]


_AFFINE = ("rotate", "scale", "shear", "translate_percent", "translate_px", "fit_output", "keep_ratio", "fill", "cval", "p")
PARSERS: Mapping[str, _Parser] = {
    "Fliplr": _Parser(("p",), _make_flip(True)),
    "Flipud": _Parser(("p",), _make_flip(False)),
    "Affine": _Parser(_AFFINE, _make_affine),
    "Resize": _Parser(("size",), _make_resize),
}
