"""A page as a tree of regions with their lines, as the XML formats write it, and names that XML allows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ppocr_like.documents.page import Line, Page
from ppocr_like.documents.regions import Region

_NO_NAME = re.compile(r"[^\w.-]")  # a subset of what XML allows, which is enough for what people call things
_BEGINS = re.compile(r"[^\W\d]")


@dataclass(eq=False)
class Part:
    """A region with what is directly in it.

    Args:
        region: None: lines that are in no region of the page.
        lines: in the page's order.
        parts: the regions within it.
    """

    region: Region | None
    lines: list[Line] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    def all_lines(self) -> Iterator[Line]:
        """Its lines, those of the regions within it first."""
        for part in self.parts:
            yield from part.all_lines()
        yield from self.lines


def arranged(page: Page) -> list[Part]:
    """The outermost parts of a page: its regions; of a page without regions its text blocks.

    Lines that are in none of the regions stand behind the region of the line before them, one part for each block.
    """
    if not page.regions:
        return [Part(None, lines) for lines in page.blocks()]
    top: list[Part] = []
    known: dict[str, Part] = {}
    outermost: dict[str, Part] = {}
    for region in page.regions:
        part = Part(region)
        (known[region.inside].parts if region.inside in known else top).append(part)
        outermost[region.id] = outermost.get(region.inside, part) if region.inside in known else part
        known[region.id] = part
    last: Part | None = None
    for line in page.lines:
        name = next((name for name in reversed(line.regions) if name in known), None)
        if name is not None:
            known[name].lines.append(line)
            last = outermost[name]
        elif last is not None and last.region is None and last.lines[0].block == line.block:
            last.lines.append(line)
        else:
            part = Part(None, [line])
            top.insert(next((place + 1 for place, other in enumerate(top) if other is last), 0), part)
            last = part
    return top


class Names:
    """Gives ids that XML allows, each once: the one that is wanted, where that is possible."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}  # name: how many were asked for

    def give(self, wanted: str, otherwise: str) -> str:
        """Args:
        wanted: "": none is.
        otherwise: taken for an empty one.
        """
        stem = _NO_NAME.sub("_", wanted) or otherwise
        return self.unused(stem if _BEGINS.match(stem) else f"_{stem}")

    def unused(self, stem: str) -> str:
        """The name itself where it is not taken, else with a number behind it."""
        name = stem
        while name in self._taken:
            self._taken[stem] += 1
            name = f"{stem}_{self._taken[stem]}"
        self._taken[name] = 1
        return name
