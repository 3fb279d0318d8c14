"""XMLDataSet: the lines of ALTO and PAGE XML pages, cut out of the pages' images."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Literal

import numpy as np

from ppocr_like.contracts import Rejected
from ppocr_like.data.lines.line_cache import LineCache
from ppocr_like.data.lines.line_set import LineSet, line_keys
from ppocr_like.data.lines.lines import Lines, Marks, Told, stable_name
from ppocr_like.data.lines.page_files import FOLDERS, page_files
from ppocr_like.data.lines.page_index import PageIndex, PageOf
from ppocr_like.data.lines.page_pictures import PagePictures, page_decoder
from ppocr_like.data.lines.page_rows import SCALED, STUBS, TURNED, UNREAD, UNTYPED, Reading, given
from ppocr_like.data.lines.partition import By
from ppocr_like.data.lines.sources import Source
from ppocr_like.documents.regions import DIRECTIONS
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.registry import DATASETS
from ppocr_like.text import BaseDir
from ppocr_like.transforms.base import Transform
from ppocr_like.transforms.line_cut import cut_line

_GB = 2**30
_PAGES = 2**28  # bytes of decoded pages that are kept beside cut lines
_SAID = {
    UNREAD: "{} texts have no line, and are not read: regions with a text alone, further pages of a file",
    SCALED: "{} pages have images of another size and the same shape: their coordinates are scaled",
    TURNED: "{} pages have coordinates of the image as it is stored, not as its Exif orientation shows it: it is read so",
    STUBS: "{} lines have outlines far lower than lines are apart, which would cut letters off: their baselines alone are used",
}


@DATASETS.register()
class XMLDataSet(LineSet):
    """Reads pages of ALTO and PAGE XML, cuts their lines out of the images, and runs the recipe's transforms on them.

    A file that `manifests` or `files` name is a page's XML or its image, whose XML is then looked for beside it or in `page/`,
    `alto/`. All XML is read once, when lines are first asked for. The chain's decoding step decodes the pages, and gets the cut
    lines as they are.

    Args:
        manifests: lists of files, one path in a line, from the folder of the list or from the current one; # begins a comment.
        files: patterns of files (`archive/**/*.xml`).
        transforms: the chain, built.
        format: "xml": each file tells which it is; "alto", "page": it must be one.
        linetype: "auto": along the baseline, of lines without one along the outline; "baselines": lines without one are left
            out; "bbox": the upright box around the line.
        only, without: mappings with `line_types`, `region_types`, `languages`: lines must have one of the names, or none.
            A line without a type has the type "default".
        split: only lines that the files mark for "train", "validation" or "test".
        partition: training's share of the lines; evaluation, with the same keys, takes the others.
        partition_by: what is never divided: "page", "folder", "line".
        partition_seed: of the draw, whatever the run's seed is.
        empty: "skip": lines without text are left out; "keep".
        max_left_out: greatest share of the wanted lines that may be lost before a run stops.
        fill: what is outside a line's outline: "paper", the median colour along it, or "black".
        topline: the text hangs from its baseline; null: the baseline runs through its middle.
        cache: "lines": cut lines are kept in the run folder; "pages": decoded pages are kept in each worker; "none".
        cache_gb: most GB (2**30 bytes) of what is kept: of a source's lines, or of the pages of all workers of a process.
        ratio_list: for each manifest, and for all patterns together last (or one for all), the share drawn in each epoch.
        ext_op_transform_idx: how many transforms run on the further samples that a transform asks for.
        strict: stop at a sample that cannot be used, with its file and line; otherwise it is counted.
        seed: of the draws and of each sample's generator.
        mode: "train" draws anew each epoch; "eval" takes all lines in order.

    Raises:
        ConfigError: keys that contradict each other; manifests that name nothing.
        DataError (when first asked for a sample): no page can be read; not one line is left.
    """

    def __init__(
        self,
        manifests: str | list[str] | None = None,
        files: str | list[str] | None = None,
        transforms: Sequence[Transform] = (),
        format: Literal["xml", "alto", "page"] = "xml",
        linetype: Literal["auto", "baselines", "bbox"] = "auto",
        only: dict | None = None,
        without: dict | None = None,
        split: Literal["train", "validation", "test"] | None = None,
        partition: float | None = None,
        partition_by: By = "page",
        partition_seed: int = 0,
        empty: Literal["skip", "keep"] = "skip",
        max_left_out: float = 0.05,
        fill: Literal["paper", "black"] = "paper",
        topline: bool | None = False,
        cache: Literal["lines", "pages", "none"] = "lines",
        cache_gb: float = 8.0,
        ratio_list: float | list[float] = 1.0,
        ext_op_transform_idx: int = 1,
        strict: bool = False,
        seed: int = 0,
        mode: str = "train",
    ) -> None:
        keys = line_keys(
            type(self).__name__,
            manifests,
            files,
            only,
            without,
            split=split,
            partition=partition,
            partition_by=partition_by,
            partition_seed=partition_seed,
            empty=empty,
            max_left_out=max_left_out,
        )
        super().__init__(keys, ratio_list, transforms, ext_op_transform_idx, strict, seed, mode)
        if not cache_gb > 0:
            raise ConfigError([Problem("cache_gb", f"is {cache_gb:g}; more than 0 is needed")], type(self).__name__)
        self.fill, self.cache, self.cache_gb = fill, cache, cache_gb
        exif = not page_decoder(self.transforms).ignore_orientation
        self.reading = Reading(format, linetype, exif, topline)

    def cut_as(self) -> str:
        return "bbox" if self.reading.linetype == "bbox" else "baselines"

    def open_lines(self, source: Source) -> Lines:
        pages, lost = page_files(source.entries, self.reading.format)
        index = PageIndex(source.name, pages, self.reading, self.cache_dir)
        decoders = [page_decoder(self.transforms, as_stored) for as_stored in (False, True)]
        pictures = PagePictures(decoders[0], decoders[1], 1 if self.cache == "none" else _PAGES)
        lines = PageLines(index, pictures, self.fill)
        lines.lost = [*lost, *index.lost]
        if self.cache == "pages":
            lines.pages_kept = int(self.cache_gb * _GB)
        if self.cache == "lines" and self.cache_dir is not None:
            step = decoders[0]
            digest = repr((self.fill, self.reading, step.img_mode, step.max_pixels, step.paper, step.drop_alpha))
            lines.cache = LineCache(self.cache_dir, index.state, digest, int(self.cache_gb * _GB))
            lines.cache.remove_older()
        return lines


class PageLines(Lines):
    """The lines of the pages of a `PageIndex`.

    Args:
        pictures: of the pages.
        fill: outside of the outlines.
    """

    def __init__(self, index: PageIndex, pictures: PagePictures, fill: str) -> None:
        self.index, self.pictures, self.fill = index, pictures, fill
        self.key = index.state
        self.notes = [f"{index.name}: {_SAID[kind].format(f'{count:,}')}" for kind, count in sorted(index.said.items()) if count]
        self.cache: LineCache | None = None
        self.pages_kept: int | None = None  # bytes, of all workers
        self.marks = _marks(index)
        self._chosen: np.ndarray | None = None

    def told(self, position: int) -> Told:
        line = self.index.line(position)
        xml = self.index.page(line.page).xml
        kind = "" if line.line_type == UNTYPED else line.line_type
        base_dir = DIRECTIONS[line.base_dir]
        return Told(xml, line.number + 1, line.id, f"{xml}#{line.number + 1}", line.text, kind, base_dir)

    def texts(self, positions: Sequence[int]) -> list[str]:
        return self.index.texts(positions)

    def base_dirs(self, positions: Sequence[int]) -> list[BaseDir] | None:
        found = self.index.lines["base_dir"][np.asarray(positions, np.int64)]
        return [DIRECTIONS[number] for number in found.tolist()] if found.any() else None

    def detail(self, position: int) -> str:
        return self.index.detail(position)

    def sizes(self, positions: np.ndarray) -> np.ndarray:
        rows = self.index.lines[positions]
        return np.stack([rows["width"], rows["height"]], axis=1)

    def choose(self, positions: np.ndarray) -> None:
        self._chosen = positions

    def image(self, path: str) -> np.ndarray | None:
        xml, _, number = path.rpartition("#")
        page_number = self.index.find(xml)
        if page_number is None:
            return None
        page = self.index.page(page_number)
        position = page.first + int(number) - 1
        if self.cache is None:
            return self._cut(position, page)
        picture = self.cache.get(position)
        if picture is not None:
            return picture
        if self.cache.full or self.cache.failed:
            return self._cut(position, page)
        made = self._all_of(page, position)
        self.cache.put(made.items())
        return made[position] if position in made else self._cut(position, page)

    def _all_of(self, page: PageOf, position: int) -> dict[int, np.ndarray]:
        """The pictures of a page's lines that will be asked for; those that cannot be cut are left out."""
        wanted = np.arange(page.first, page.stop) if self._chosen is None else self._chosen
        begin, end = np.searchsorted(wanted, [page.first, page.stop])
        made = {}
        for other in wanted[begin:end].tolist():
            try:
                made[other] = self._cut(other, page)
            except Rejected:
                if other == position:
                    raise
        return made

    def _cut(self, position: int, page: PageOf) -> np.ndarray:
        if self.pages_kept is not None:
            loading = sys.modules.get("torch.utils.data")  # a process without it is no worker
            worker = loading.get_worker_info() if loading is not None else None
            self.pictures.most = self.pages_kept // (worker.num_workers if worker is not None else 1)
        baseline, outline = self.index.points(position)
        whole = self.pictures.get(page)
        topline = self.index.reading.topline
        distance = page.distance or None
        return cut_line(whole, given(baseline), given(outline), topline=topline, fill=self.fill, distance=distance).image


def _marks(index: PageIndex) -> Marks:
    """The index's columns, with the pages' names."""
    pages = [index.page(number).xml for number in range(len(index.pages))]
    lines = index.lines
    keys, folders = [stable_name(page) for page in pages], [_folder(page) for page in pages]
    return Marks(
        lines["page"],
        keys,
        folders,
        index.names,
        lines["line_type"],
        lines["regions"],
        lines["language"],
        lines["split"],
        index.reasons,
        lines["fault"],
        lines["blank"],
    )


def _folder(xml: str) -> str:
    """The folder of a page's image: that of the XML, or the one above `page/` and `alto/`."""
    folder = os.path.dirname(os.path.abspath(xml))
    return os.path.dirname(folder) if os.path.basename(folder) in FOLDERS else folder
