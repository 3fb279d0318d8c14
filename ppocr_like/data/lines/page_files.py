"""Which XML file and which image are a page: found from either."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ppocr_like.data.lines.lines import LeftOut
from ppocr_like.data.lines.sources import Entry
from ppocr_like.data.missing import ENDINGS

NO_XML = "no XML beside the image"
IMAGES = (*ENDINGS, ".jp2", ".gif", ".pbm", ".pgm", ".ppm")
FOLDERS = ("page", "alto")  # where Transkribus and others put XML, in the folder of the images


class PageFile(NamedTuple):
    """A page.

    Args:
        xml: its file.
        image: that a list names; "": the XML tells which it is.
    """

    xml: str
    image: str = ""


def page_files(entries: Sequence[Entry], format: str) -> tuple[list[PageFile], list[LeftOut]]:
    """(the pages that files stand for, images without XML). An image and its own XML are one page."""
    found: dict[str, PageFile] = {}
    lost = []
    for path, place in entries:
        if os.path.splitext(path)[1].lower() not in IMAGES:
            found.setdefault(path, PageFile(path))
            continue
        xml = next((name for name in _xml_names(path, format) if os.path.isfile(name)), None)
        if xml is None:
            lost.append(LeftOut(path, "", NO_XML, f"named in {place}", 0))
        else:
            found[xml] = PageFile(xml, path)
    return list(found.values()), lost


def _xml_names(image: str, format: str) -> Iterator[str]:
    """Where the XML of an image may lie, the likeliest first; of a format that is asked for its own folder before the other."""
    folder, name = os.path.split(image)
    stem = os.path.splitext(name)[0]
    places = ["", *sorted(FOLDERS, key=lambda place: place != format)]
    for place in places:
        for ending in (".xml", ".XML"):
            yield os.path.join(folder, place, stem + ending)
            yield os.path.join(folder, place, name + ending)


def image_of(page: PageFile, named: str) -> str | None:
    """The image of a page, None where none is found.

    Args:
        named: the path that its XML tells; "": it tells none.
    """
    if page.image:
        return page.image
    return next((name for name in _image_names(page.xml, named) if os.path.isfile(name)), None)


def _image_names(xml: str, named: str) -> Iterator[str]:
    """Where the image of an XML may lie: where it says, else beside it, or in the folder above (`page/folio.xml`)."""
    if named:
        yield named
    folder, name = os.path.split(xml)
    stem = os.path.splitext(name)[0]
    for place in (folder, os.path.join(folder, os.pardir)):
        if named:
            yield os.path.join(place, os.path.basename(named))
        for begin in (stem, *([os.path.splitext(os.path.basename(named))[0]] if named else [])):
            for ending in IMAGES:
                yield os.path.join(place, begin + ending)
                yield os.path.join(place, begin + ending.upper())
