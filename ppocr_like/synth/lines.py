"""A text becomes a line image: what is written and how large is planned first, how it looks is drawn after."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from ppocr_like.draw.fonts import FontFile
from ppocr_like.errors import DataError
from ppocr_like.synth.look import Paper, look
from ppocr_like.synth.settings import SynthSettings
from ppocr_like.synth.texts import Corpus
from ppocr_like.text import LTR, RTL, Base, base_of, is_right_to_left

SUFFIXES = (".ttf", ".otf", ".ttc")
FONTS_TRIED = 12  # for a text; then another text is drawn
TEXTS_TRIED = 50
WIDEST = 8000  # px


@dataclass(frozen=True)
class Plan:
    """What a line says, and its size.

    Args:
        text: in logical order.
        font: number among the maker's fonts.
        px: size of the font.
        ink: (left, top, right, bottom) px of the text's ink, from the point where drawing begins.
        margins: (left, top, right, bottom) px around it.
    """

    text: str
    font: int
    px: int
    ink: tuple[int, int, int, int]
    margins: tuple[int, int, int, int]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) px of the image."""
        left, top, right, bottom = self.ink
        return right - left + self.margins[0] + self.margins[2], bottom - top + self.margins[1] + self.margins[3]


class LineMaker:
    """Makes lines: `plan(rng)`, then `draw(plan, rng)`. The same generators give the same lines.

    Args:
        settings: see there.
        allowed: characters that texts may hold; None: all.

    Raises:
        DataError: nothing usable among corpus, fonts or backgrounds; right-to-left text, and Pillow without its text layout.
    """

    def __init__(self, settings: SynthSettings, allowed: Collection[str] | None = None, base: Base = "letters") -> None:
        self.settings = settings
        self.base = base
        self.corpus = Corpus(settings.corpus, settings.length, allowed, settings.boost)
        self.fonts = [FontFile(path) for path in _font_files(settings.fonts)]
        self.paper = Paper(settings.backgrounds)
        self._sized = lru_cache(maxsize=256)(self._open)
        _check_layout(self.corpus.characters)
        self._check_fonts()

    def _check_fonts(self) -> None:
        """Says at once where no font has a character, instead of never drawing it."""
        lacking = [c for c in self.corpus.characters if all(font.lacks(c) for font in self.fonts)]
        if len(lacking) > 0.5 * len(self.corpus.characters):
            shown = " ".join(lacking[:20])
            raise DataError(
                f"most characters of the corpus are in none of the fonts ({shown} ...); give others", self.settings.fonts[0]
            )

    def plan(self, rng: np.random.Generator) -> Plan:
        """Text, font and size.

        Raises:
            DataError: no font has all characters of the texts that were drawn.
        """
        settings = self.settings
        for _ in range(TEXTS_TRIED):
            text = self._text(rng)
            font = self._font_for(text, rng)
            if font is None:
                continue
            px = int(rng.integers(settings.height[0], settings.height[1] + 1))
            left, top, right, bottom = (int(v) for v in self._sized(font, px).getbbox(text, direction=self._running(text)))
            low, high = settings.margin
            margins = [round(px * share) for share in rng.uniform(low, high, 4)]
            if 0 < right - left <= WIDEST and bottom > top:
                return Plan(text, font, px, (left, top, right, bottom), (margins[0], margins[1], margins[2], margins[3]))
        raise DataError(f"in {TEXTS_TRIED} draws no text of which a font has all characters; give other fonts", settings.fonts[0])

    def draw(self, plan: Plan, rng: np.random.Generator) -> np.ndarray:
        """(H, W, 3) uint8 BGR of `plan.size`."""
        settings = self.settings
        width, height = plan.size
        font = self._sized(plan.font, plan.px)
        canvas = Image.new("L", (width, height), 0)
        pen = ImageDraw.Draw(canvas)
        x, y = plan.margins[0] - plan.ink[0], plan.margins[1] - plan.ink[1]
        stroke = max(1, plan.px // 40) if rng.random() < settings.bold and plan.px >= 20 else 0
        pen.text((x, y), plan.text, fill=255, font=font, stroke_width=stroke, direction=self._running(plan.text))
        if rng.random() < settings.underline:
            level = plan.margins[1] + plan.ink[3] - plan.ink[1] + plan.px * float(rng.uniform(0.02, 0.12))
            pen.line((plan.margins[0], level, width - plan.margins[2], level), fill=255, width=max(1, plan.px // 18))
        if rng.random() < settings.neighbours:
            pitch = plan.px * float(rng.uniform(1.05, 1.5))
            for step in (-1, 1):
                place, other = (x + int(rng.integers(-width // 4 - 1, 2)), y + step * pitch), _turned_over(plan.text)
                pen.text(place, other, fill=255, font=font, direction=self._running(other))
        return look(np.asarray(canvas), plan.px, settings, self.paper, rng)

    def _running(self, text: str) -> str | None:
        """For Pillow: the side on which a line begins, by the rule that labels are read by (Pillow's own: the first letter's)."""
        return {RTL: "rtl", LTR: "ltr", None: None}[base_of(text, self.base)]

    def _text(self, rng: np.random.Generator) -> str:
        kind = rng.random()
        if kind < self.settings.boost_ratio:
            return self.corpus.draw_boosted(rng)
        if kind < self.settings.boost_ratio + self.settings.random_ratio:
            return self.corpus.draw_random(rng)
        return self.corpus.draw(rng)

    def _font_for(self, text: str, rng: np.random.Generator) -> int | None:
        wanted = sorted(set(text))
        for number in rng.permutation(len(self.fonts))[:FONTS_TRIED].tolist():
            if not any(self.fonts[number].lacks(character) for character in wanted):
                return int(number)
        return None

    def _open(self, font: int, px: int) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(str(self.fonts[font].path), px)

    def __getstate__(self) -> dict[str, object]:
        """Open fonts do not travel to worker processes."""
        return {key: value for key, value in self.__dict__.items() if key != "_sized"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._sized = lru_cache(maxsize=256)(self._open)


def encode(image: np.ndarray, suffix: str = ".png") -> bytes:
    """The image as a file's content.

    Raises:
        ValueError: OpenCV refuses it.
    """
    done, data = cv2.imencode(suffix, image)
    if not done:
        raise ValueError(f"an image of {image.shape} cannot be written as {suffix}")
    return data.tobytes()


def _turned_over(text: str) -> str:
    """Another text of the same characters, for the lines above and below."""
    return " ".join(word[::-1] for word in reversed(text.split(" ")))


def _font_files(places: Collection[str]) -> list[str]:
    """Raises DataError: nothing there, or a place without fonts."""
    found: list[str] = []
    for place in places:
        if os.path.isdir(place):
            inside = sorted(str(path) for path in Path(place).rglob("*") if path.suffix.lower() in SUFFIXES)
            if not inside:
                raise DataError(f"no font here or below (looked for {', '.join(SUFFIXES)})", place)
            found += inside
        elif os.path.isfile(place):
            found.append(place)
        else:
            raise DataError("no such font file or folder", place)
    return found


def _check_layout(characters: str) -> None:
    """Right-to-left letters come out in the wrong order, and Indic ones unjoined, without Raqm."""
    if features.check("raqm") and features.check("fribidi"):
        return
    needed = [c for c in characters if is_right_to_left(c) or unicodedata.category(c) == "Mc"]
    if needed:
        raise DataError(
            f"Pillow is here without Raqm and FriBiDi, which set text with {' '.join(needed[:10])} right; install a Pillow wheel "
            "and libfribidi"
        )
