"""Lines of text from images: the recogniser, what it gives for an image, and how that is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.contracts import TextLine
from ppocr_like.draw.fonts import choose_font
from ppocr_like.pipeline.picture import PageWriter
from ppocr_like.pipeline.preprocess import Prepared, source_name
from ppocr_like.pipeline.runner import HELD, WINDOW, Runner, Source
from ppocr_like.postprocess.probabilities import together
from ppocr_like.printable import one_line
from ppocr_like.tasks import RUNNERS


@dataclass(frozen=True, eq=False)
class Reading:
    """What became of one image.

    Args:
        source: what was given.
        line: the text; None when the image could not be read, and then `error` says why.
        prepared: decoded picture and network input.
    """

    source: Source
    line: TextLine | None = None
    prepared: Prepared | None = None
    error: str = ""

    def places(self) -> list[float]:
        """For each character its x in px of the source image (the middle of the output step it was read at)."""
        if self.line is None or self.prepared is None or not self.line.steps:
            return []
        width = self.prepared.picture.shape[1]
        scale = width / (self.line.steps * self.prepared.valid_ratio)
        return [min((column + 0.5) * scale, float(width)) for column in self.line.columns]


@dataclass(frozen=True, eq=False)
class _Unread(Reading):
    """One whose text is not decoded yet: `scores` (T, C) of the network, of which the first `steps` are no padding."""

    scores: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    steps: int = 0


@RUNNERS.register("rec")
class Recogniser(Runner[TextLine, Reading]):
    """Recognises line images: `Recogniser(bundle)(images) -> list[TextLine]`; see `Runner`."""

    what = "recogniser"
    default_batch = 16

    def outputs(self, prepared: Sequence[Prepared]) -> dict[str, np.ndarray]:
        """The network's answer to images of one size; some read how much of its canvas each line fills."""
        read = getattr(self.backend, "reads", ())
        if not {"valid_ratio", "valid_width"} & {*read}:
            return super().outputs(prepared)
        ratios = np.array([one.valid_ratio for one in prepared], np.float32)
        known = {"valid_ratio": ratios, "valid_width": np.rint(ratios * prepared[0].tensor.shape[2]).astype(np.int64)}
        backend: Any = self.backend
        return backend(np.stack([one.tensor for one in prepared]), {name: known[name] for name in read if name in known})

    def results(self, folder: Path, font: str | Path | None, max_pages: int | None, heat_map: bool) -> LineResults:
        return LineResults(folder, self.spec.charset, font, max_pages)

    def _window(self, window: list[tuple[Source, Prepared | str]]) -> Iterator[Reading]:
        """As its parent's. Lines that are read together faster than alone wait for all batches of the window."""
        readings = list(super()._window(window))
        unread = [number for number, one in enumerate(readings) if isinstance(one, _Unread)]
        unread.sort(key=lambda number: len(readings[number].scores))  # type: ignore[attr-defined]
        most = getattr(self.postprocess, "together", 1)
        for start in range(0, len(unread), most):
            part = unread[start : start + most]
            for number, reading in zip(part, self._together([readings[n] for n in part]), strict=True):  # type: ignore[misc]
                readings[number] = reading
        yield from readings

    def _together(self, unread: Sequence[_Unread]) -> list[Reading]:
        """Decodes lines of different lengths."""
        scores = together([one.scores for one in unread])
        lines = self.postprocess({self.spec.output: scores, "lengths": np.array([one.steps for one in unread])}, {})
        return [
            Reading(one.source, replace(line, steps=len(one.scores)), one.prepared)
            for one, line in zip(unread, lines, strict=True)
        ]

    def _batch(self, sources: list[Source], prepared: list[Prepared]) -> list[Reading]:
        outputs = self.outputs(prepared)
        scores = outputs.get(self.spec.output)
        if scores is not None and getattr(self.postprocess, "together", 1) > 1 and scores[0].nbytes * WINDOW <= HELD:
            steps = outputs.get("lengths", np.full(len(scores), scores.shape[1])).reshape(-1).tolist()
            parts = zip(sources, prepared, scores, steps, strict=True)
            return [_Unread(source, None, one, "", row, int(own)) for source, one, row, own in parts]
        lines = self.postprocess(outputs, {})
        return [Reading(*one) for one in zip(sources, lines, prepared, strict=True)]

    def _failed(self, source: Source, error: str) -> Reading:
        return Reading(source, error=error)

    def _result(self, outcome: Reading) -> TextLine:
        assert outcome.line is not None
        return outcome.line


class LineResults:
    """Rows, records and pictures of readings (see `runner.Results`).

    Args:
        folder: for the pictures.
        charset: of the recogniser, to choose a font that has its characters.
        font: font file; None finds one.
        max_pages: most pictures; 0 for none, None for all.

    Raises:
        DataError: `font` is no font.
    """

    def __init__(self, folder: Path, charset: Charset | None, font: str | Path | None, max_pages: int | None) -> None:
        characters = charset.keys if charset is not None else ()
        self.pages = None if max_pages == 0 else PageWriter(folder, choose_font(characters, font), max_pages)
        self.files: list[Path] = []

    def pictures(self, images: Sequence[str]) -> list[str]:
        return [] if self.pages is None else self.pages.names(len(images))

    def row(self, reading: Reading) -> str:
        """Path, text, confidence."""
        assert reading.line is not None
        return f"{one_line(source_name(reading.source))}\t{_one_line(reading.line.text)}\t{reading.line.confidence:.4f}"

    def said(self, reading: Reading) -> str:
        return self.row(reading)

    def record(self, reading: Reading) -> dict[str, Any]:
        """Text, confidence, each character with its place."""
        if reading.line is None or reading.prepared is None:
            return {"image": source_name(reading.source), "error": reading.error}
        height, width = reading.prepared.picture.shape[:2]
        line = reading.line
        characters = [
            {"text": character, "x": round(x, 1), "confidence": round(confidence, 4)}
            for character, x, confidence in zip(line.text, reading.places(), line.confidences, strict=True)
        ]
        return {
            "image": source_name(reading.source),
            "width": int(width),
            "height": int(height),
            "text": line.text,
            "confidence": round(float(line.confidence), 4),
            "characters": characters,
        }

    def draw(self, reading: Reading) -> None:
        if self.pages is not None:
            self.pages.add(reading)

    def finish(self) -> list[str]:
        if self.pages is None:
            return []
        self.pages.flush()
        self.files += self.pages.pages
        notes = []
        if self.pages.missing:
            shown = ", ".join(f"{c} (U+{ord(c):04X})" for c in sorted(self.pages.missing)[:12])
            notes.append(f"{self.pages.font.name} has no glyph for {shown}: boxes in the picture; choose another one with --font")
        if self.pages.left_out:
            notes.append(f"{self.pages.left_out} images are not in the pictures (--max-pages)")
        return notes


def _one_line(text: str) -> str:
    """Without the tabs and line breaks that separate fields and lines (a dictionary may hold them; the JSON keeps them)."""
    return "".join(" " if c in "\t\n\r" else c for c in text)
