"""What synthetic lines are made of."""

# ruff: noqa: RUF009 (`option` makes a dataclass field)
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ppocr_like.config.typecheck import option


@dataclass(frozen=True)
class SynthSettings:
    """`option`'s text is the key's documentation. Shares are probabilities in [0, 1]."""

    corpus: list[str] = option(doc="text files, UTF-8: a line is a text, or running text from which pieces are cut")
    fonts: list[str] = option(doc="font files and folders of them (ttf, otf, ttc)")
    backgrounds: str | None = option(None, "folder of images of paper from which pieces are cut; null: paper is made up")

    length: list[int] = option([1, 60], "characters of a line, fewest and most; longer texts are cut between words")
    height: list[int] = option([18, 64], "size of the font in px, least and most")
    margin: list[float] = option([0.0, 0.35], "free space around the text, in font sizes, least and most")

    boost: str = option("", "characters that should come more often, such as those that a model misreads")
    boost_ratio: float = option(0.0, "share of lines that hold one of `boost` (1 to 10 is 0.1)", least=0)
    random_ratio: float = option(0.0, "share of lines of random characters of the corpus: plates, codes", least=0)

    invert: float = option(0.08, "share of lines in light ink on dark ground", least=0)
    colour: float = option(0.4, "share of lines with coloured paper or ink; the others are gray", least=0)
    uneven: float = option(0.3, "share of lines whose ink fades in places", least=0)
    bold: float = option(0.1, "share of lines printed bolder than the font is", least=0)
    underline: float = option(0.03, "share of lines with a rule under the text", least=0)
    neighbours: float = option(0.15, "share of lines with the feet and heads of the lines above and below", least=0)
    perspective: float = option(0.3, "share of lines seen from the side", least=0)
    rotation: float = option(1.5, "degrees by which a line may be turned to either side", least=0)
    curve: float = option(0.15, "share of lines on bent paper", least=0)
    blur: float = option(0.35, "share of lines out of focus or moved", least=0)
    low_resolution: float = option(0.25, "share of lines that were made smaller and larger again", least=0)
    noise: float = option(0.35, "share of lines with grain", least=0)
    jpeg: float = option(0.3, "share of lines with JPEG's marks", least=0)

    def problems(self) -> Iterator[tuple[str, str]]:
        for name, least in (("length", 1), ("height", 6), ("margin", 0)):
            ends = getattr(self, name)
            if len(ends) != 2 or not least <= ends[0] <= ends[1]:
                yield name, f"is {ends}; two numbers are needed, the first at least {least}, the second not less"
        for name in (*_SHARES, "boost_ratio", "random_ratio"):
            if getattr(self, name) > 1:
                yield name, f"is {getattr(self, name)}; a share is at most 1"
        if self.boost_ratio + self.random_ratio > 1:
            yield "boost_ratio", "and random_ratio are more than 1 together"
        if self.boost_ratio and not self.boost:
            yield "boost", "is empty, but boost_ratio asks for such characters"
        if not self.corpus:
            yield "corpus", "is empty; give a text file"
        if not self.fonts:
            yield "fonts", "is empty; give a font file or a folder of them"


_SHARES = (
    "invert",
    "colour",
    "uneven",
    "bold",
    "underline",
    "neighbours",
    "perspective",
    "curve",
    "blur",
    "low_resolution",
    "noise",
    "jpeg",
)
