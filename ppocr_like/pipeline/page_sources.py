"""The pages that a person means by naming files: one of an image, several of a file that holds more."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ppocr_like.pipeline.runner import Source


@dataclass(frozen=True)
class PageSource:
    """One page.

    Args:
        path: the file.
        number: of the page in it, from 1; None where the file is one image.
        error: why the file's pages are not known; then this stands for the whole file.
    """

    path: str
    number: int | None = None
    error: str = ""

    @property
    def name(self) -> str:
        """How the page is called: `path`, or `path#3`."""
        return self.path if self.number is None else f"{self.path}#{self.number}"

    def image(self) -> Source:
        """What a model takes.

        Raises:
            DataError: the page cannot be read.
        """
        return self.path


def find_pages(files: Iterable[str]) -> list[PageSource]:
    """The pages of these files, in order."""
    return [PageSource(file) for file in files]


def result_names(pages: Iterable[PageSource]) -> list[str]:
    """For each page a name for its results, unique, the same in every call for the same pages: the file's own without its
    ending, `_p3` for a page of several, a number where that name is taken."""
    names: list[str] = []
    taken: set[str] = set()
    for page in pages:
        stem = re.sub(r"[^\w.-]", "_", Path(page.path).stem) or "page"
        stem += "" if page.number is None else f"_p{page.number}"
        name, number = stem, 1
        while name.lower() in taken:  # file systems may not tell cases apart
            number += 1
            name = f"{stem}_{number}"
        taken.add(name.lower())
        names.append(name)
    return names
