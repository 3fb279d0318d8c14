"""A set of lines whose sources are small text files: a line each, `type|region|language|split|text`."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ppocr_like.data.lines.line_set import LineSet, line_keys
from ppocr_like.data.lines.lines import SPLITS, LeftOut, Lines, Marks, Names, Told, joined_key, stable_name
from ppocr_like.data.lines.sources import Source

NO_PICTURE = "no picture"


class TextLines(Lines):
    def __init__(self, source: Source) -> None:
        self.key = joined_key(source.name, [entry.path for entry in source.entries])
        self.rows: list[Told] = []
        self.lost: list[LeftOut] = []
        names = Names(())
        page, line_type, regions, language, split, fault, blank = [], [], [], [], [], [], []
        for number, (path, _) in enumerate(source.entries):
            if path.endswith("bad"):
                self.lost.append(LeftOut(path, "", "broken file", "", 0))
                continue
            for place, row in enumerate(Path(path).read_text().splitlines(), start=1):
                kind, region, tongue, part, text = row.split("|")
                self.rows.append(Told(path, place, f"l{place}", f"{path}#{place}", text, kind, "rtl" if tongue == "heb" else ""))
                page.append(number)
                line_type.append(names.number((kind,)))
                regions.append(names.number(tuple(region.split())))
                language.append(names.number((tongue,)))
                split.append(SPLITS.index(part))
                fault.append(int(text == NO_PICTURE))
                blank.append(not text.strip())
        columns = [np.array(column, np.int32) for column in (page, line_type, regions, language, split, fault)]
        page_, line_type_, regions_, language_, split_, fault_ = columns
        paths = [entry.path for entry in source.entries]
        self.marks = Marks(
            page_,
            [stable_name(path) for path in paths],
            [os.path.dirname(path) for path in paths],
            names.table(),
            line_type_,
            regions_,
            language_,
            split_,
            ("", "missing image"),
            fault_,
            np.array(blank, bool),
        )

    def told(self, position: int) -> Told:
        return self.rows[position]

    def image(self, path: str) -> np.ndarray | None:
        return np.zeros((8, 8 * int(path.rsplit("#", 1)[1]), 3), np.uint8) if any(row.path == path for row in self.rows) else None


class TextSet(LineSet):
    def __init__(
        self, manifests=None, files=None, only=None, without=None, mode: str = "train", ratio_list=1.0, transforms=(), **keys
    ) -> None:
        super().__init__(line_keys("TextSet", manifests, files, only, without, **keys), ratio_list, transforms, 1, False, 0, mode)

    def open_lines(self, source: Source) -> Lines:
        return TextLines(source)


def archive(root: Path, pages: int = 10, lines: int = 4) -> Path:
    """`pages` files of `lines` lines in two folders, and the manifest of them all."""
    for number in range(pages):
        place = root / f"box{number % 2}" / f"page{number}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        rows = [f"default|text|eng|train|page {number} line {line}" for line in range(lines)]
        place.write_text("\n".join(rows) + "\n")
    manifest = root / "all.txt"
    manifest.write_text("# pages\n\n" + "".join(f"box{n % 2}/page{n}.txt\n" for n in range(pages)))
    return manifest
