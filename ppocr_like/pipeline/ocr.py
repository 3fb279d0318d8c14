"""From a page to its text: detection, lines cut out and set upright, recognition, reading order."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.config import BucketByWidth
from ppocr_like.contracts import TextBox
from ppocr_like.documents.order import reading_order
from ppocr_like.documents.page import Line, Page, majority_turn
from ppocr_like.documents.words import Character
from ppocr_like.errors import DataError, WeightsError
from ppocr_like.pipeline.classes import Classifier
from ppocr_like.pipeline.direction import ways_to_read
from ppocr_like.pipeline.in_order import in_order
from ppocr_like.pipeline.lines import Reading, Recogniser
from ppocr_like.pipeline.narrow import narrowed
from ppocr_like.pipeline.opening import open_model
from ppocr_like.pipeline.page_sources import find_pages
from ppocr_like.pipeline.pages import Detector
from ppocr_like.pipeline.preprocess import plain, source_name
from ppocr_like.pipeline.runner import Source
from ppocr_like.pipeline.tiles import check_tile, find_boxes
from ppocr_like.text import mostly_right_to_left
from ppocr_like.transforms.line_cut import Crop, cut_quad

MIN_CONFIDENCE = 0.5  # PaddleOCR's `drop_score`, RapidOCR's `text_score`
CLS_THRESH = 0.9  # PaddleOCR's and RapidOCR's `cls_thresh`
UPSIDE_DOWN = "180"  # in a class' name
STEP, WIDEST = 64, 3200  # px: canvas widths of lines longer than the recipe's canvas


@dataclass(frozen=True, eq=False)
class PageResult:
    """What became of one image.

    Args:
        source: what was given.
        page: the text; None when the image could not be used, and then `error` says why.
        picture: (H, W, 3) uint8 BGR as decoded, upright.
    """

    source: Source
    page: Page | None = None
    picture: np.ndarray | None = None
    error: str = ""


class OCR:
    """Reads whole pages: `OCR(det, rec)(image) -> Page`.

    Bundles run on ONNX Runtime (no PyTorch is imported); run folders and weights files in PyTorch, with the same results.

    Any number of threads may call one object. On ONNX Runtime it has threads of its own, which read one page more at a time than
    there are threads for the networks; other callers wait, so memory does not grow with their number. A page that is alone is
    searched by all threads, of several pages each by one.

    Args:
        det: detector: bundle, run folder, weights file, or a `Detector`.
        rec: recogniser, in the same way.
        cls: classifier of a line's direction, in the same way: lines that it calls upside down (a class with 180 in its name)
            are turned before they are read. None: no line is.
        det_postprocess: values of the detector's post-processing that differ from its own, e.g. `{"unclip_ratio": 1.8}`.
        cls_thresh: least probability of that class (it must be above).
        min_confidence: lines whose text is less certain go to `Page.left_out`, as do empty ones.
        order: of the lines: `auto` (columns), `rows`, `none`; see `documents.order`.
        batch_size: lines per call of the recogniser; None takes its own.
        threads: of ONNX Runtime; None lets it choose.
        device: for PyTorch.
        narrowest: px of the narrowest canvas that lines are read on; None takes the recogniser's own, 320 for most. Shorter lines
            are padded to it, which costs time.
        tile: px; larger pages are searched in tiles of this size, so that small print is not shrunk away. None: only strips, many
            times longer than wide, are.

    Raises:
        WeightsError: nothing usable there, or a model of the other kind.
        ConfigError: `det_postprocess` has a name or value that the detector's post-processing refuses.
        ValueError: an argument out of range.
    """

    def __init__(
        self,
        det: str | Path | Detector,
        rec: str | Path | Recogniser,
        cls: str | Path | Classifier | None = None,
        *,
        det_postprocess: Mapping[str, Any] | None = None,
        cls_thresh: float = CLS_THRESH,
        min_confidence: float = MIN_CONFIDENCE,
        order: str = "auto",
        batch_size: int | None = None,
        threads: int | None = None,
        device: str = "cpu",
        tile: int | None = None,
        narrowest: int | None = None,
    ) -> None:
        check_tile(tile)
        if not 0.0 <= min_confidence <= 1.0:
            raise ValueError(f"min_confidence {min_confidence}; it must be within 0 and 1")
        if not 0.0 <= cls_thresh <= 1.0:
            raise ValueError(f"cls_thresh {cls_thresh}; it must be within 0 and 1")
        reading_order([], order)  # says at once whether there is such an order
        options: dict[str, Any] = {"threads": threads, "device": device}
        self.opening: Mapping[str, Any] | None = {  # what another process opens the same with; None: a model is an object
            "det": det, "rec": rec, "cls": cls, "det_postprocess": det_postprocess, "cls_thresh": cls_thresh,
            "min_confidence": min_confidence, "order": order, "batch_size": batch_size, "tile": tile, "narrowest": narrowest,
            **options,
        }  # fmt: skip
        if any(not isinstance(model, (str, Path)) for model in (det, rec, cls) if model is not None):
            self.opening = None
        detector = det if isinstance(det, Detector) else open_model(det, **options)
        recogniser = rec if isinstance(rec, Recogniser) else open_model(rec, batch_size=batch_size, **options)
        if not isinstance(detector, Detector):
            raise WeightsError(f"{det} is of model_type {detector.spec.model_type!r}; a detector is needed as `det`")
        if not isinstance(recogniser, Recogniser):
            raise WeightsError(f"{rec} is of model_type {recogniser.spec.model_type!r}; a recogniser is needed as `rec`")
        if det_postprocess:
            detector = detector.with_postprocess(det_postprocess)
        recogniser = with_long_lines(recogniser)
        self.detector, self.recogniser = detector, recogniser if narrowest is None else narrowed(recogniser, narrowest)
        self.classifier = None if cls is None else _direction(cls, options)
        self.cls_thresh = cls_thresh
        self.min_confidence, self.order, self.tile = min_confidence, order, tile
        workers: int | None = getattr(self.recogniser.backend, "workers", None)  # None: in PyTorch
        self.at_once = 1 if workers is None else workers + (workers > 1)
        self._pool = None if workers is None else ThreadPoolExecutor(self.at_once, "page")  # starts when there is work
        self._counting, self._reading = threading.Lock(), 0
        self._beside: Detector | None = None

    def __call__(self, image: Source) -> Page:
        """The text of one image: a path, an encoded image as bytes, a picture of Pillow's, or a BGR or gray uint8 array.

        A PDF or TIFF file of one page is one image, too; `pages` reads those of more.

        Raises:
            DataError: the image cannot be used, or the file holds several pages.
        """
        result = self.read(self._only(image) if isinstance(image, (str, Path)) else image)
        if result.page is None:
            raise DataError(result.error)
        return result.page

    def pages(self, file: str | Path, password: str | None = None) -> Iterator[PageResult]:
        """The pages of a file, one after the other: an image, or a TIFF or PDF of any number. One that cannot be read gives an
        error, and the rest goes on.

        Args:
            file: its path.
            password: of a PDF that needs one.
        """
        pages = find_pages([str(file)], password)
        for page, result in zip(pages, self.stream(pages), strict=True):
            yield replace(result, source=page.path) if page.error else result

    def _only(self, file: str | Path) -> Source:
        """The one page of a file.

        Raises:
            DataError: there are several.
        """
        found = find_pages([str(file)])
        if len(found) > 1:
            raise DataError(f"holds {len(found)} pages; OCR.pages(file) reads each of them", str(file))
        return found[0] if found[0].number is not None or found[0].error else file

    def stream(self, images: Iterable[Source]) -> Iterator[PageResult]:
        """One result for each image, in order; an image that cannot be used yields an error and the rest goes on.

        On ONNX Runtime the next pages are prepared and searched while the lines of this one are read, so a few images more than
        there are threads are taken before the first result is given.
        """
        if self._pool is None:
            yield from map(self._read, images)
        else:
            yield from in_order(self._pool, self._read, images, self.at_once)

    def read(self, image: Source, name: str | None = None) -> PageResult:
        """One image; `name` is what the page is called (default the path)."""
        return self._read(image, name) if self._pool is None else self._pool.submit(self._read, image, name).result()

    @contextmanager
    def _searching(self) -> Iterator[Detector]:
        """What searches a page: it depends on whether others are read now."""
        with self._counting:
            self._reading += 1
            detector = self.detector if self._reading == 1 else self._for_one_of_many()
        try:
            yield detector
        finally:
            with self._counting:
                self._reading -= 1

    def _for_one_of_many(self) -> Detector:
        """The detector whose calls work in one thread each; the detector itself where its backend knows no such thing."""
        backend: Any = self.detector.backend
        if not hasattr(backend, "side_by_side"):
            return self.detector
        own = self.detector
        if self._beside is None or self._beside.spec is not own.spec:
            self._beside = Detector.with_backend(own.spec, backend.side_by_side(), batch_size=own.batch_size)
        return self._beside

    def _read(self, image: Source, name: str | None = None) -> PageResult:
        name = source_name(image) if name is None else name
        with self._searching() as detector:
            try:
                picture, boxes = find_boxes(detector, plain(image, name), self.tile)
            except DataError as error:
                return PageResult(image, error=str(error))
            return self._page(image, name, picture, boxes)

    def _page(self, image: Source, name: str, picture: np.ndarray, boxes: Sequence[TextBox]) -> PageResult:
        lines = self._read_lines(picture, boxes)
        sure = [bool(line.text.strip()) and line.confidence >= self.min_confidence for line in lines]
        turns = [line.turned for line, good in zip(lines, sure, strict=True) if good] or [line.turned for line in lines]
        ordered = self._ordered(lines, majority_turn(turns))
        kept = tuple(line for index, line in ordered if sure[index])
        left_out = tuple(line for index, line in ordered if not sure[index])
        height, width = picture.shape[:2]
        return PageResult(image, Page(name, int(width), int(height), kept, left_out), picture)

    def _read_lines(self, picture: np.ndarray, boxes: Sequence[TextBox]) -> list[Line]:
        """Regions without extent are left out. A line whose own shape does not tell how it stands is read as it does and as the
        page's other lines stand; the more certain reading holds."""
        cut = [(box, crop) for box in boxes if (crop := cut_quad(picture, box.points)) is not None]
        ways = ways_to_read([crop for _, crop in cut], self._verdicts([crop for _, crop in cut]))
        readings = self.recogniser.stream(crop.image for crops in ways for crop in crops)
        lines = []
        for (box, _), crops in zip(cut, ways, strict=True):
            read = [_line(box, crop, next(readings)) for crop in crops]
            lines.append(max(read, key=lambda line: line.confidence))
        return lines

    def _verdicts(self, crops: Sequence[Crop]) -> list[bool | None]:
        """Of each line whether it is upside down; None: the classifier is not sure, or there is none."""
        if self.classifier is None:
            return [None] * len(crops)
        results = [verdict.result for verdict in self.classifier.stream(crop.image for crop in crops)]
        return [UPSIDE_DOWN in r.label if r is not None and r.confidence > self.cls_thresh else None for r in results]

    def _ordered(self, lines: Sequence[Line], turned: int) -> list[tuple[int, Line]]:
        """(index, line with its block) in reading order on a page turned by so many degrees."""
        outlines = [line.points for line in lines]
        right_to_left = mostly_right_to_left(line.text for line in lines)
        places = reading_order(outlines, self.order, right_to_left=right_to_left, turned=turned)
        return [(place.index, replace(lines[place.index], block=place.block)) for place in places]


def _direction(cls: str | Path | Classifier, options: dict[str, Any]) -> Classifier:
    """The classifier of lines' directions.

    Raises:
        WeightsError: another model, or one that knows of no line upside down.
    """
    classifier = cls if isinstance(cls, Classifier) else open_model(cls, **options)
    if not isinstance(classifier, Classifier):
        raise WeightsError(f"{cls} is of model_type {classifier.spec.model_type!r}; a classifier is needed as `cls`")
    labels = [str(label) for label in classifier.spec.postprocess.get("label_list") or ()]
    if not any(UPSIDE_DOWN in label for label in labels):
        raise WeightsError(
            f"{cls} has no class with {UPSIDE_DOWN} in its name ({', '.join(labels) or 'its classes have no names'}); a "
            "classifier of lines' directions is needed as `cls`"
        )
    return classifier


def with_long_lines(recogniser: Recogniser) -> Recogniser:
    """The recogniser with canvas widths that follow the line where its recipe names one width only.

    Such recipes are trained and evaluated on words and short lines; on a page a long line would be squeezed into the canvas.
    PaddleOCR's and RapidOCR's inference widen it, too. A network that takes no other width stays as it is.
    """
    spec = recogniser.spec
    chain = recogniser.preprocess.chain
    if spec.bucket is not None or recogniser.preprocess.line_shape is None or any(getattr(s, "dynamic", False) for s in chain):
        return recogniser
    channels, height, width = recogniser.preprocess.image_shape
    try:
        recogniser.backend(np.zeros((1, channels, height, width + STEP), np.float32))
    except WeightsError:
        return recogniser
    bucket = BucketByWidth(step=STEP, min_width=width, max_width=max(WIDEST, width))
    return Recogniser.with_backend(replace(spec, bucket=bucket), recogniser.backend, batch_size=recogniser.batch_size)


def _line(box: TextBox, crop: Crop, reading: Reading) -> Line:
    if reading.line is None:  # a crop of a decoded picture is an image; only a network's refusal leads here
        return Line(box.points, score=float(box.score), turned=crop.turned)
    line = reading.line
    return Line(
        np.asarray(box.points, np.float64),
        line.text,
        float(line.confidence),
        float(box.score),
        _characters(crop, reading),
        crop.turned,
    )


def _characters(crop: Crop, reading: Reading) -> tuple[Character, ...]:
    """Each character's quadrangle: as high as the line, halfway to its neighbours, as far at the ends.

    CTC knows of a character only where it is most certain; a stretch is a fair guess, no outline of ink. Code points that were
    read as one class share a place and make one Character.
    """
    line = reading.line
    places = reading.places()
    if line is None or len(places) != len(line.text) or not places:
        return ()
    starts = [i for i in range(len(places)) if i == 0 or line.columns[i] != line.columns[i - 1]]
    ends = [*starts[1:], len(places)]
    height, width = crop.image.shape[:2]
    left, right = _stretches(np.array([places[i] for i in starts]), float(width), 0.25 * height)
    sides = np.stack([left, right, right, left], axis=1)
    levels = np.broadcast_to(np.array([0.0, 0.0, height, height]), sides.shape)
    quads = crop.to_page(np.stack([sides, levels], axis=2).reshape(-1, 2)).reshape(-1, 4, 2)
    return tuple(
        Character(line.text[start:end], quad, float(line.confidences[start]))
        for start, end, quad in zip(starts, ends, quads, strict=True)
    )


def _stretches(middles: np.ndarray, width: float, lone: float) -> tuple[np.ndarray, np.ndarray]:
    """Left and right ends, px, of characters read at `middles` (in any order) of a line of `width` px; `lone` to both sides
    of a single one."""
    order = np.argsort(middles, kind="stable")
    ascending = middles[order]
    between = (ascending[1:] + ascending[:-1]) / 2
    reach = 0.5 * float(np.median(np.diff(ascending))) if len(middles) > 1 else lone
    left, right = np.empty(len(middles)), np.empty(len(middles))
    left[order] = [max(0.0, ascending[0] - reach), *between]
    right[order] = [*between, min(width, ascending[-1] + reach)]
    return left, right
