"""What is searched: values of DBPostProcess and the length of the resized image's side."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, get_args

from ppocr_like.config.yaml_io import parse
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.postprocess.db import DBPostProcess
from ppocr_like.postprocess.regions import ScoreMode

SIDE = "side"  # name of `DetResizeForTest.limit_side_len` in a grid


@dataclass(frozen=True)
class Setting:
    """One point of the grid; names as DBPostProcess', and `side`: `limit_side_len` in px, None where the
    recipe sets no such limit."""

    side: int | None
    thresh: float
    box_thresh: float
    unclip_ratio: float
    use_dilation: bool
    score_mode: ScoreMode

    @classmethod
    def of(cls, post: DBPostProcess, side: int | None) -> Setting:
        """The recipe's own."""
        return cls(side, post.thresh, post.box_thresh, post.unclip_ratio, post.use_dilation, post.score_mode)

    def text(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in asdict(self).items() if value is not None)


@dataclass(frozen=True)
class Grid:
    """Values to try. A tuple that is empty means the recipe's own value; this is tried in any case."""

    thresh: tuple[float, ...] = (0.2, 0.3, 0.4, 0.5)
    box_thresh: tuple[float, ...] = (0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
    unclip_ratio: tuple[float, ...] = (1.2, 1.4, 1.5, 1.6, 1.8, 2.0, 2.3)
    use_dilation: tuple[bool, ...] = (False, True)
    score_mode: tuple[ScoreMode, ...] = ("fast", "slow")
    side: tuple[int, ...] = field(default=())

    def around(self, base: Setting) -> Grid:
        """The grid with the recipe's own values in it, each axis sorted."""
        axes = {name: tuple(sorted({*values, getattr(base, name)})) for name, values in self._numbers().items()}
        modes = tuple(dict.fromkeys((*self.score_mode, base.score_mode)))
        sides = () if base.side is None else tuple(sorted({*self.side, base.side}))
        return replace(self, **axes, score_mode=modes, side=sides)

    def _numbers(self) -> dict[str, tuple]:
        return {name: getattr(self, name) for name in ("thresh", "box_thresh", "unclip_ratio", "use_dilation")}

    @property
    def sides(self) -> tuple[int | None, ...]:
        return self.side or (None,)

    def masks(self) -> Iterator[tuple[float, bool, ScoreMode]]:
        """Everything that regions depend on, for one map."""
        return itertools.product(self.thresh, self.use_dilation, self.score_mode)

    def __len__(self) -> int:
        lengths = (len(v) for v in (*self._numbers().values(), self.score_mode, self.sides))
        total = 1
        for length in lengths:
            total *= length
        return total


def named_values(items: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Name -> values, from `name=value,value` items; values as in YAML.

    Raises:
        ConfigError: every item of another form.
    """
    parts = [(item, *item.partition("=")) for item in items]
    wrong = [Problem(item, "write NAME=VALUE,VALUE") for item, name, _, text in parts if not name or not text]
    if wrong:
        raise ConfigError(wrong, "--grid")
    return {name: tuple(parse(value, item)[0] for value in text.split(",")) for item, name, _, text in parts}


def parse_grid(items: Sequence[str]) -> Grid:
    """A grid from `name=value,value` items; names that are not given keep their default values.

    Raises:
        ConfigError: every item that cannot be used.
    """
    problems: list[Problem] = []
    fields = Grid.__dataclass_fields__
    values = named_values(items)
    for name, given in values.items():
        if name not in fields:
            problems.append(Problem(name, f"cannot be tried; write NAME=VALUE,VALUE with one of {', '.join(fields)}"))
            continue
        wrong = [value for value in given if not _fits(name, value)]
        if wrong:
            problems.append(Problem(name, f"{wrong[0]!r} is no value for {name}"))
    if problems:
        raise ConfigError(problems, "--grid")
    return Grid(**values)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines, each column as wide as its widest cell."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _fits(name: str, value: Any) -> bool:
    if name == "score_mode":
        return value in get_args(ScoreMode)
    if name == "use_dilation":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if name == SIDE:
        return isinstance(value, int) and value >= 32
    return value >= 0 if name == "unclip_ratio" else 0 <= value <= 1
