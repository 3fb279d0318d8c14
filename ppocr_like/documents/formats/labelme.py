"""labelme: a folder of JSON files, one per image, with polygons and rectangles.

Source: the files that github.com/wkentaro/labelme writes (`shapes`, `imagePath`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ppocr_like.documents.formats.paddle import IGNORED_TEXTS
from ppocr_like.documents.formats.reader import MISSHAPEN, Reader, files_of, upright
from ppocr_like.documents.page import Line, Page
from ppocr_like.outside import load_json

TEXT_FROM = ("label", "description")
MOST_BYTES = 1 << 28  # of one file: the image stands inside as text
_WINDOWS = re.compile(r"[A-Za-z]:|//")  # a drive, or a machine's name
_AREAS = ("polygon", "rectangle", "rotation")


class Labelme(Reader):
    """Pages of a folder of labelme files.

    Polygons, rectangles and rotated rectangles are boxes; other shapes (points, lines, circles, masks) are counted. A shape is
    ignored when its text is `###` or `*`, or its flag `difficult`, `ignore` or `illegible` is set.

    Args:
        source: folder of the `.json` files.
        images: folder that `imagePath` is relative to; None: each file's own. There only the name counts, as labelme's
            relative path may lead anywhere.
        text_from: where the text stands: the shape's "label" or its "description".
        skip_bad: see `Reader`.
    """

    unit = "file"

    def __init__(
        self, source: str | Path, images: str | Path | None = None, text_from: str = "label", skip_bad: bool = False
    ) -> None:
        super().__init__(skip_bad)
        if text_from not in TEXT_FROM:
            raise ValueError(f"text_from is {text_from!r}; known: {', '.join(TEXT_FROM)}")
        self.source = Path(source)
        self.images = Path(images) if images is not None else None
        self.text_from = text_from

    def __iter__(self) -> Iterator[tuple[Page, str]]:
        files = files_of(self.source, ".json", "labelme has one per image")
        for file, record in self.each(files, partial(load_json, limit=MOST_BYTES)):
            try:
                yield self._page(record, file), str(file)
            except MISSHAPEN as error:
                what = f"has no {error}" if isinstance(error, KeyError) else str(error)
                self.bad(f"is not as labelme writes it: {what}", file)

    def _page(self, record: Any, file: Path) -> Page:
        name = record["imagePath"]
        if not isinstance(name, str) or not name:
            raise ValueError(f"imagePath is {name!r}")
        image = self._image(name.replace("\\", "/"), file)  # written under Windows
        boxes = []
        for number, shape in enumerate(record["shapes"], start=1):
            try:
                box = self._box(shape, f"{file}, shape {number}")
            except MISSHAPEN as error:
                raise ValueError(f"shape {number}: {f'no {error}' if isinstance(error, KeyError) else error}") from error
            if box is not None:
                boxes.append(box)
        return Page(str(image), lines=tuple(boxes))

    def _image(self, name: str, file: Path) -> Path:
        """Where the image lies. A path of another machine (`C:/scans/a.jpg`) or to nowhere means the image beside the file."""
        last = name.rsplit("/", 1)[-1]
        if self.images is not None:
            return self.images / last
        whole, beside = file.parent / name, file.parent / last
        if _WINDOWS.match(name) or (not os.path.exists(whole) and os.path.exists(beside)):
            return beside
        return whole

    def _box(self, shape: Any, place: str) -> Line | None:
        kind = shape.get("shape_type") or "polygon"
        if kind not in _AREAS:
            self.left_out.add(f"shape of type {kind}", place)
            return None
        points = shape["points"]
        if kind == "rectangle" and len(points) == 2:
            (x0, y0), (x1, y1) = points
            points = upright(x0, y0, x1, y1)
        outline = self.polygon(points, place)
        if outline is None:
            return None
        text = str(shape.get(self.text_from) or "")
        flags = shape.get("flags") or {}
        ignored = text in IGNORED_TEXTS or any(flags.get(name) is True for name in ("difficult", "ignore", "illegible"))
        return Line(outline, text, ignored=ignored)
