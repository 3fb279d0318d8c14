"""What `tools/infer.py` does: images in, text, JSON and pictures out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.config import Recipe
from ppocr_like.errors import DataError
from ppocr_like.pipeline.fonts import choose_font
from ppocr_like.pipeline.onnx_backend import MODEL
from ppocr_like.pipeline.picture import PageWriter
from ppocr_like.pipeline.recogniser import Reading, Recogniser
from ppocr_like.pipeline.spec import FILE

TEXT, JSON = "predictions.txt", "predictions.json"


@dataclass
class Summary:
    """What came of a call.

    Args:
        read: lines recognised.
        failed: what went wrong with the other images, by name.
        files: written.
        notes: things worth saying: characters without a glyph, pages left out.
    """

    read: int = 0
    failed: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def open_recogniser(model: str | Path, recipe: Recipe | None = None, *, batch_size: int = 16, device: str = "cpu") -> Recogniser:
    """A bundle folder on ONNX Runtime; anything else (run folder, weights, prefix) in PyTorch, which is imported only then.

    Args:
        model: what the user names.
        recipe: for weights that do not carry theirs; wins over the one they carry.
        batch_size: lines per call of the network.
        device: for PyTorch.

    Raises:
        WeightsError: nothing usable there.
    """
    folder = Path(model).expanduser()
    if folder.name in (MODEL, FILE) and folder.is_file():
        folder = folder.parent
    if (folder / FILE).is_file() or (folder / MODEL).is_file():
        return Recogniser(folder, batch_size=batch_size)
    from ppocr_like.pipeline.torch_backend import torch_recogniser

    return torch_recogniser(model, recipe, batch_size=batch_size, device=device)


def infer(
    recogniser: Recogniser,
    images: Iterable[str],
    out: str | Path,
    *,
    text_name: str = TEXT,
    font: str | Path | None = None,
    max_pages: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Summary:
    """Recognises images and writes `predictions.txt` (path, text, confidence, by tabs), `predictions.json` (characters with
    their places and confidences) and pictures of the results to `out`. An image that cannot be used is named in the summary;
    the rest goes on.

    Args:
        recogniser: see `open_recogniser`.
        images: paths.
        out: folder, made when missing.
        text_name: another name for the text file.
        font: font file for the pictures; None finds one.
        max_pages: most pictures; 0 for none, None for all.
        say: gets each line of the text file as it comes.

    Raises:
        DataError: `out` cannot be written, or `font` is no font.
    """
    folder = Path(out).expanduser()
    summary = Summary()
    pages = None if max_pages == 0 else PageWriter(folder, choose_font(recogniser.spec.charset.labels[1:], font), max_pages)
    results = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / text_name, "w", encoding="utf-8", newline="\n") as file:
            for reading in recogniser.stream(images):
                results.append(_record(reading))
                if reading.line is None:
                    summary.failed.append(reading.error)
                else:
                    summary.read += 1
                    row = f"{reading.source}\t{_one_line(reading.line.text)}\t{reading.line.confidence:.4f}"
                    file.write(row + "\n")
                    say(row)
                if pages is not None:
                    pages.add(reading)
        (folder / JSON).write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        summary.files += [folder / text_name, folder / JSON]
        if pages is not None:
            pages.flush()
    except OSError as error:
        raise DataError(
            f"cannot write the results ({error.strerror or error}); choose another folder with --out", str(folder)
        ) from error
    if pages is not None:
        summary.files += pages.pages
        summary.notes += _notes(pages)
    return summary


def _record(reading: Reading) -> dict[str, Any]:
    if reading.line is None or reading.prepared is None:
        return {"image": str(reading.source), "error": reading.error}
    height, width = reading.prepared.picture.shape[:2]
    line = reading.line
    characters = [
        {"text": character, "x": round(x, 1), "confidence": round(confidence, 4)}
        for character, x, confidence in zip(line.text, reading.places(), line.confidences, strict=True)
    ]
    return {
        "image": str(reading.source),
        "width": int(width),
        "height": int(height),
        "text": line.text,
        "confidence": round(float(np.float64(line.confidence)), 4),
        "characters": characters,
    }


def _one_line(text: str) -> str:
    """Without the tabs and line breaks that separate fields and lines (a dictionary may hold them; the JSON keeps them)."""
    return "".join(" " if c in "\t\n\r" else c for c in text)


def _notes(pages: PageWriter) -> list[str]:
    notes = []
    if pages.missing:
        shown = ", ".join(f"{c} (U+{ord(c):04X})" for c in sorted(pages.missing)[:12])
        notes.append(f"{pages.font.name} has no glyph for {shown}: boxes in the picture; choose another one with --font")
    if pages.left_out:
        notes.append(f"{pages.left_out} images are not in the pictures (--max-pages)")
    return notes
