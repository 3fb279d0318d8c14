"""How fast pages are read, beside what their networks alone take: the same pages and lines, without padding, one after another.

What is between the two is decoding, cutting, post-processing, sorting, writing, padding and waiting. Without torch.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ppocr_like.data.apart import cores
from ppocr_like.documents.page import Page
from ppocr_like.errors import DataError, WeightsError
from ppocr_like.outside import load_json
from ppocr_like.pipeline.inputs import SUFFIXES, find_images
from ppocr_like.pipeline.ocr import OCR
from ppocr_like.pipeline.page_sources import PDF, PageSource, find_pages, result_names
from ppocr_like.pipeline.preprocess import Prepared, plain
from ppocr_like.pipeline.read_pages import DEFAULT_KINDS, read_pages
from ppocr_like.transforms.line_cut import cut_quad


@dataclass(frozen=True)
class ReadingSpeed:
    """What was measured; times in seconds.

    Args:
        pages, lines: that were read.
        threads, workers: of ONNX Runtime, and processes.
        wall: from the first page to the last file.
        processor: time that all threads and processes of ours had meanwhile.
        detector, recogniser: processor time of the networks alone, in one thread, on the pages and lines without padding.
        padded: width of the recogniser's canvases over that of the lines on them.
    """

    pages: int
    lines: int
    threads: int
    workers: int
    wall: float
    processor: float
    detector: float
    recogniser: float
    padded: float

    @property
    def networks(self) -> float:
        return self.detector + self.recogniser

    def table(self) -> str:
        """For people."""
        at_once = max(self.threads, self.workers)
        best = self.networks / at_once
        rows = [
            ("read", f"{self.pages} pages, {self.lines} lines; {self.workers} processes, {self.threads} threads each"),
            ("time", f"{self.wall:.1f} s, {60 * self.pages / self.wall:.1f} pages a minute"),
            ("processor time", f"{self.processor:.1f} s, {self.processor / self.pages:.3f} s a page"),
            ("networks alone", f"{self.networks:.1f} s (detector {self.detector:.1f}, recogniser {self.recogniser:.1f})"),
            ("canvases", f"{self.padded:.2f} times as wide as the lines on them"),
            ("processor time over networks", f"{self.processor / self.networks:.2f}"),
            ("time over networks", f"{self.wall / best:.2f} (networks on {at_once} processors at best: {best:.1f} s)"),
        ]
        return "\n".join(f"{name:30} {told}" for name, told in rows)


def measure_reading(
    det: str | Path,
    rec: str | Path,
    files: Iterable[str],
    *,
    threads: int | None = None,
    workers: int = 1,
    narrowest: int | None = None,
    kinds: Sequence[str] = DEFAULT_KINDS,
) -> ReadingSpeed:
    """Reads pages as `tools/infer.py` does, into a folder that goes away, and runs the two networks alone.

    Args:
        det, rec: bundles, or other models on ONNX Runtime.
        files: images, folders, PDF and TIFF files.
        threads: of ONNX Runtime; None: as many as there are processors, or one for each of several processes.
        workers: processes.
        narrowest: see `OCR`.
        kinds: the files that are written of each page.

    Raises:
        DataError: no page could be read.
        WeightsError: a model that does not run on ONNX Runtime.
    """
    threads = threads or (cores() if workers == 1 else 1)
    ocr = OCR(det, rec, threads=threads, narrowest=narrowest)
    if not hasattr(ocr.detector.backend, "alone") or not hasattr(ocr.recogniser.backend, "alone"):
        raise WeightsError("the time of networks alone is taken on ONNX Runtime; give bundles (tools/export.py)")
    images = find_images(files, SUFFIXES | set(PDF))
    pages = find_pages(images)
    with tempfile.TemporaryDirectory() as folder:
        ocr.read(pages[0])  # the first call takes longer
        before, begin = _processor_time(), time.perf_counter()
        summary = read_pages(ocr, images, folder, kinds=sorted({*kinds, "json"}), workers=workers, progress=False)
        wall, processor = time.perf_counter() - begin, _processor_time() - before
        if not summary.read:
            raise DataError(f"no page could be read: {summary.failed[0] if summary.failed else 'there is none'}")
        detector, recogniser, padded = _networks_alone(OCR(det, rec, threads=1, narrowest=narrowest), pages, Path(folder))
    return ReadingSpeed(summary.read, summary.lines, threads, workers, wall, processor, detector, recogniser, padded)


def _processor_time() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _networks_alone(ocr: OCR, pages: Sequence[PageSource], folder: Path) -> tuple[float, float, float]:
    """(seconds of the detector, of the recogniser, width of the canvases over that of their lines) of pages that were read."""
    detector = recogniser = 0.0
    canvases = lines = 0
    for source, name in zip(pages, result_names(pages), strict=True):
        path = folder / f"{name}.json"
        if not path.is_file():
            continue
        prepared = ocr.detector.preprocess(plain(source, source.name))
        detector += _seconds(ocr.detector.backend, prepared.tensor)
        for line in _lines(ocr, prepared.picture, Page.from_dict(load_json(path))):
            width = max(1, round(line.valid_ratio * line.tensor.shape[2]))
            canvases, lines = canvases + line.tensor.shape[2], lines + width
            try:
                recogniser += _seconds(ocr.recogniser.backend, line.tensor[:, :, :width])
            except WeightsError:  # narrower than the network can be
                recogniser += _seconds(ocr.recogniser.backend, line.tensor)
    return detector, recogniser, canvases / max(lines, 1)


def _lines(ocr: OCR, picture: np.ndarray, page: Page) -> Iterator[Prepared]:
    for line in (*page.lines, *page.left_out):
        crop = cut_quad(picture, line.points)
        if crop is not None:
            yield ocr.recogniser.preprocess(crop.image)


def _seconds(network: object, tensor: np.ndarray) -> float:
    """Of one call with one image, in the thread that calls."""
    images = np.ascontiguousarray(tensor[None])
    begin = time.thread_time()
    network.alone(images)  # type: ignore[attr-defined]
    return time.thread_time() - begin
