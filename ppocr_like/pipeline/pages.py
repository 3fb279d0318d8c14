"""Text regions from page and scene images: the detector, what it finds in an image, and how that is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import ImageFont

from ppocr_like.atomic import write_bytes
from ppocr_like.contracts import PageBoxes, TextBox
from ppocr_like.documents.results import PICTURES, PictureLog
from ppocr_like.draw.fonts import FontFile
from ppocr_like.draw.pages import draw_map, draw_page
from ppocr_like.errors import ConfigError, DataError, Problem
from ppocr_like.pipeline.ink import unread_print
from ppocr_like.pipeline.page_sources import free_name
from ppocr_like.pipeline.preprocess import Prepared, source_name
from ppocr_like.pipeline.runner import Runner, Source
from ppocr_like.printable import one_line
from ppocr_like.tasks import RUNNERS

SAME_LINE = 10  # px: boxes whose upper edges are closer stand in one line (PaddleOCR's `sorted_boxes`)
QUALITY = 90  # of the JPEG pictures


@dataclass(frozen=True, eq=False)
class FoundBoxes:
    """What became of one image.

    Args:
        source: what was given.
        page: the regions, px of the image as it is shown (upright by its Exif orientation); None when the image could not be
            used, and then `error` says why.
        prepared: decoded picture and network input.
        map: (h, w) float32, probability of text at each px of the network input.
    """

    source: Source
    page: PageBoxes | None = None
    prepared: Prepared | None = None
    map: np.ndarray | None = None
    error: str = ""


@RUNNERS.register("det")
class Detector(Runner[PageBoxes, FoundBoxes]):
    """Finds text regions: `Detector(bundle)(images) -> list[PageBoxes]`; see `Runner`.

    Thresholds are those of the bundle's `inference.yml` (`PostProcess`), read when it is opened, or see `with_postprocess`.
    """

    what = "detector"
    default_batch = 1  # pages fill a CPU one by one; more only takes memory
    has_maps = True

    def with_postprocess(self, changes: Mapping[str, Any]) -> Detector:
        """The same network with other values of its post-processing, e.g. `{"unclip_ratio": 1.8}`.

        Raises:
            ConfigError: a name that it does not know, or a value that it refuses.
        """
        spec = replace(self.spec, postprocess={**self.spec.postprocess, **changes})
        return type(self).with_backend(spec, self.backend, batch_size=self.batch_size)

    def probabilities(self, picture: np.ndarray) -> np.ndarray:
        """(h, w) float32, the probability of text at each px of the network's input, of one picture (H, W, 3) uint8 BGR.

        Raises:
            DataError: a picture that a transform cannot use.
            WeightsError: a size that the network cannot take.
        """
        return self.outputs([self.preprocess(picture)])[self.spec.output][0, 0]

    def in_map(self, probabilities: np.ndarray, source: tuple[int, int], pieces: int = 1) -> PageBoxes:
        """The regions of a map (h, w) that may be larger than what the network sees at once.

        Args:
            probabilities: of the whole image.
            source: (width, height) px of the image.
            pieces: how many images' maps it is made of: so many times the candidates of one are looked at.
        """
        detector, most = self, getattr(self.postprocess, "max_candidates", None)
        if most is not None and pieces > 1:
            detector = self.with_postprocess({"max_candidates": most * pieces})
        height, width = probabilities.shape
        shape = [source[1], source[0], height / source[1], width / source[0]]
        (page,) = detector.postprocess({self.spec.output: probabilities[None, None]}, {"shape": np.array([shape])})
        return page

    def results(self, folder: Path, font: str | Path | None, max_pages: int | None, heat_map: bool) -> PageResults:
        return PageResults(folder, font, max_pages, heat_map)

    def _batch(self, sources: list[Source], prepared: list[Prepared]) -> list[FoundBoxes]:
        shapes = []
        for one in prepared:
            if one.shape is None:
                raise ConfigError(
                    [Problem("Eval.dataset.transforms", "has no DetResizeForTest, which tells the size of the source image")]
                )
            shapes.append(one.shape)
        outputs = self.outputs(prepared)
        pages = self.postprocess(outputs, {"shape": np.stack(shapes)})
        maps = outputs[self.spec.output][:, 0]
        return [FoundBoxes(*one) for one in zip(sources, pages, prepared, maps, strict=True)]

    def _failed(self, source: Source, error: str) -> FoundBoxes:
        return FoundBoxes(source, error=error)

    def _result(self, outcome: FoundBoxes) -> PageBoxes:
        assert outcome.page is not None
        return outcome.page


class PageResults:
    """Rows, records and pictures of findings (see `runner.Results`).

    Pictures are `<image>.jpg`, heat maps `<image>_map.jpg`; of images of one name the later ones get a number.

    Args:
        folder: for the pictures.
        font: font file for the scores; None takes Pillow's own.
        max_pages: most pages drawn; 0 for none, None for all.
        heat_map: draw the probabilities over the page too.

    Raises:
        DataError: `font` is no font.
    """

    def __init__(self, folder: Path, font: str | Path | None, max_pages: int | None, heat_map: bool) -> None:
        self.folder, self.max_pages, self.heat_map = folder, max_pages, heat_map
        self.font = FontFile(font)
        self._log = PictureLog(folder)
        self.files: list[Path] = []
        self._drawn = self._left_out = self._seen = 0
        self._names: list[str] = []
        self._notes: list[str] = []

    def pictures(self, images: Sequence[str]) -> list[str]:
        """Names are settled here, before anything is written."""
        taken: set[str] = set()
        self._names = [_free_name(image, taken) for image in images]
        return [] if self.max_pages == 0 else [file for name in self._names for file in self._files(name)]

    def _files(self, name: str) -> list[str]:
        return [f"{name}.jpg", *([f"{name}_map.jpg"] if self.heat_map else [])]

    def row(self, finding: FoundBoxes) -> str:
        """`path<TAB>[{"transcription": "", "points": [[x, y], ...], "score": s}, ...]`."""
        regions = [{"transcription": "", **_plain(box)} for box in in_reading_order(finding)]
        return f"{one_line(source_name(finding.source))}\t{json.dumps(regions, ensure_ascii=False)}"

    def said(self, finding: FoundBoxes) -> str:
        boxes = in_reading_order(finding)
        scores = f"\tscores {min(b.score for b in boxes):.2f} to {max(b.score for b in boxes):.2f}" if boxes else ""
        return f"{one_line(source_name(finding.source))}\t{len(boxes)} boxes{scores}"

    def record(self, finding: FoundBoxes) -> dict[str, Any]:
        """Size of the image, boxes with scores, names of the pictures that `draw` makes next."""
        if finding.page is None or finding.prepared is None:
            return {"image": source_name(finding.source), "error": finding.error}
        height, width = finding.prepared.picture.shape[:2]
        unread = unread_print(finding.prepared.picture, [np.asarray(box.points) for box in finding.page.boxes])
        self._notes += [one_line(f"{source_name(finding.source)}: {unread}")] if unread else []
        boxes = [_plain(box) for box in in_reading_order(finding)]
        record = {"image": source_name(finding.source), "width": int(width), "height": int(height), "boxes": boxes}
        drawn = self.max_pages is None or self._drawn < self.max_pages
        return record | ({PICTURES: self._files(self._names[self._seen])} if drawn else {})

    def draw(self, finding: FoundBoxes) -> None:
        """Images come in the order in which `pictures` got them."""
        name = self._names[self._seen]
        self._seen += 1
        if finding.page is None or finding.prepared is None:
            return
        if self.max_pages is not None and self._drawn >= self.max_pages:
            self._left_out += 1
            return
        self._drawn += 1
        self._log.announce(self._files(name))
        self._write(f"{name}.jpg", draw_page(finding.prepared.picture, finding.page.boxes, self._font))
        if self.heat_map and finding.map is not None:
            self._write(f"{name}_map.jpg", draw_map(finding.prepared.picture, finding.map))

    def finish(self) -> list[str]:
        return self._notes + ([f"not drawn (--max-pages): {self._left_out}"] if self._left_out else [])

    def _font(self, px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        return self.font.size(px)

    def _write(self, name: str, picture: np.ndarray) -> None:
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        if not done:
            raise DataError(f"{name}: a picture of {picture.shape[1]} x {picture.shape[0]} px cannot be written")
        path = self.folder / name
        write_bytes(path, data.tobytes(), sync=False)
        self.files.append(path)


def _free_name(image: str, taken: set[str]) -> str:
    """A name for the pictures of an image: its own without its ending, and a number where that is taken; now it is, too."""
    number = 0
    while True:
        name, number = free_name(image, f"_{number + 1}" if number else "", set(taken)), number + 1
        if not {name.lower(), f"{name}_map".lower()} & taken:
            taken |= {name.lower(), f"{name}_map".lower()}
            return name


def in_reading_order(finding: FoundBoxes) -> list[TextBox]:
    """The boxes from the top down, those of one line from the left: a help for the eye, columns are not known here."""
    boxes = sorted(finding.page.boxes if finding.page else (), key=lambda box: (_corner(box)[1], _corner(box)[0]))
    lines: list[list[TextBox]] = []
    for box in boxes:
        if lines and _corner(box)[1] - _corner(lines[-1][-1])[1] < SAME_LINE:
            lines[-1].append(box)
        else:
            lines.append([box])
    return [box for line in lines for box in sorted(line, key=lambda box: _corner(box)[0])]


def _corner(box: TextBox) -> tuple[float, float]:
    """(x, y) of the upper left of the box's frame."""
    left, top = np.asarray(box.points).min(axis=0).tolist()
    return left, top


def _plain(box: TextBox) -> dict[str, Any]:
    points = np.asarray(box.points)
    plain = points.tolist() if np.issubdtype(points.dtype, np.integer) else [[round(v, 1) for v in p] for p in points.tolist()]
    return {"points": plain, "score": round(float(box.score), 4)}
