"""Small compiled sets for tests."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ppocr_like.data.arrow_writer import ArrowLine, ArrowWriter


def png(width: int = 40, height: int = 12, colour: bool = False, shade: int = 200) -> bytes:
    """A picture with a dark stroke."""
    picture = np.full((height, width, 3) if colour else (height, width), shade, np.uint8)
    picture[height // 2, 2 : width - 2] = 30
    return cv2.imencode(".png", picture)[1].tobytes()


def some_lines(count: int) -> list[ArrowLine]:
    """Lines of three pages, with texts, languages and splits that differ."""
    return [
        ArrowLine(
            f"line {number} é",
            png(20 + number % 50),
            ("fra",) if number % 2 else ("deu", "lat"),
            ("train", "validation", "test", "")[number % 4],
            f"folder/page{number * 3 // count}.xml",
        )
        for number in range(count)
    ]


def write_arrow(path: Path, lines: list[ArrowLine], kind: str = "baselines") -> str:
    with ArrowWriter(str(path), kind) as writer:
        for line in lines:
            writer.add(line)
        writer.finish()
    return str(path)
