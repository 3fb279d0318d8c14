"""A font that can show what was read."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from ppocr_like.errors import DataError

# Names of files with wide coverage that systems bring along, the widest first.
NAMES = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "Arial Unicode.ttf",
    "LiberationSans-Regular.ttf",
    "segoeui.ttf",
    "arial.ttf",
    "Arial.ttf",
)
FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.fonts",
    "~/.local/share/fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "~/Library/Fonts",
    "C:/Windows/Fonts",
)
LOOKED_AT = 1000  # characters, evenly spread over those wanted: drawing the 18,000 of a large dictionary takes seconds
_UNASSIGNED = "\U0010fffe"  # no font has it: it is drawn as the font's sign for a missing glyph

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class FontFile:
    """A font at any size, and what it lacks.

    Args:
        path: TrueType or OpenType file; None for the small one inside Pillow (Latin only).

    Raises:
        DataError: the file is no font.
    """

    def __init__(self, path: str | Path | None) -> None:
        self.path = None if path is None else Path(path)
        self._sizes: dict[int, Font] = {}
        self._missing: dict[str, bool] = {}
        self.size(20)  # says at once whether the file is a font
        # Glyph by glyph: the other layout engine draws a circle to a lone combining mark, whether the font has the mark or not.
        self._plain = self.size(20) if path is None else ImageFont.truetype(str(path), 20, layout_engine=ImageFont.Layout.BASIC)
        self._notdef = _drawn(self._plain, _UNASSIGNED)

    @property
    def name(self) -> str:
        return str(self.path) if self.path else "Pillow's own font"

    def size(self, px: int) -> Font:
        """The font at a size in px."""
        if px not in self._sizes:
            try:
                self._sizes[px] = ImageFont.load_default(px) if self.path is None else ImageFont.truetype(str(self.path), px)
            except OSError as error:
                raise DataError(f"cannot be used as a font ({error})", self.name) from error
        return self._sizes[px]

    def lacks(self, character: str) -> bool:
        """Whether a character would be drawn as a missing glyph."""
        if character not in self._missing:
            self._missing[character] = not character.isspace() and _drawn(self._plain, character) == self._notdef
        return self._missing[character]


def choose_font(characters: Iterable[str], path: str | Path | None = None) -> FontFile:
    """`path`, or of the fonts found on this machine the one that lacks fewest of `characters`.

    Raises:
        DataError: `path` is no font.
    """
    if path is not None:
        return FontFile(path)
    wanted = sorted({c for entry in characters for c in entry})
    wanted = wanted[:: -(-len(wanted) // LOOKED_AT) or 1]
    fonts = [FontFile(found) for found in _installed()] + [FontFile(None)]
    return min(fonts, key=lambda font: sum(font.lacks(c) for c in wanted))


@lru_cache(maxsize=1)
def _installed() -> tuple[Path, ...]:
    found: dict[str, Path] = {}
    matplotlib = importlib.util.find_spec("matplotlib")
    folders = [Path(f).expanduser() for f in FOLDERS]
    if matplotlib is not None and matplotlib.origin:
        folders.insert(0, Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf")
    for folder in folders:
        for parent, _, names in os.walk(folder):
            for name in NAMES:
                if name in names:
                    found.setdefault(name, Path(parent) / name)
    return tuple(found[name] for name in NAMES if name in found)


def _drawn(font: Font, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)
