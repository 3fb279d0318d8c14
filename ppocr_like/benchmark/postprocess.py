"""How long DBPostProcess takes for a page, and where the time goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ppocr_like.postprocess.db import DBPostProcess
from ppocr_like.postprocess.regions import BoxType, candidates, find_regions, text_contours
from ppocr_like.postprocess.unclip import boxes, grow

WORDS = 267  # the page on which PaddleOCR was timed: 61 ms (quad), 130 ms (poly), of which contours 4 ms
HEIGHT, WIDTH = 1280, 960
THRESH, BOX_THRESH, UNCLIP_RATIO = 0.3, 0.6, 1.5  # what PaddleOCR's recipes set


@dataclass(frozen=True)
class Profile:
    """Times in ms (of the processor, so that other programs do not count) of one map's post-processing: the fastest rounds.

    Args:
        box_type: `quad` or `poly`.
        boxes: how many were found.
        total: all of it, as the program calls it.
        stages: name -> its share, each timed alone, so that their sum differs a little from the total.
    """

    box_type: BoxType
    boxes: int
    total: float
    stages: dict[str, float]


def profiles(rounds: int = 10, probabilities: np.ndarray | None = None) -> list[Profile]:
    """Post-processing of one map, with quads and with polygons, on one core.

    Args:
        rounds: how often each stage is timed.
        probabilities: (H, W) float32 map; None: `page_map()`.
    """
    probabilities = page_map() if probabilities is None else probabilities
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return [_profile(probabilities, box_type, rounds) for box_type in ("quad", "poly")]
    finally:
        cv2.setNumThreads(threads)


def figures(found: list[Profile]) -> dict[str, Any]:
    """Plain data, for `--json`."""
    return {p.box_type: {"boxes": p.boxes, "ms": p.total, **{f"{k}_ms": v for k, v in p.stages.items()}} for p in found}


def table(found: list[Profile]) -> str:
    """For people: one stage a line, ms for each kind of box."""
    rows = [["ms", *(f"{p.box_type} ({p.boxes})" for p in found)]]
    rows += [[stage, *(f"{p.stages[stage]:.2f}" for p in found)] for stage in found[0].stages]
    rows.append(["all, as it is called", *(f"{p.total:.2f}" for p in found)])
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(wide[0]), *(c.rjust(w) for c, w in zip(row[1:], wide[1:], strict=True))]) for row in rows
    )


def _profile(probabilities: np.ndarray, box_type: BoxType, rounds: int) -> Profile:
    post = DBPostProcess(THRESH, BOX_THRESH, unclip_ratio=UNCLIP_RATIO, box_type=box_type)
    source = (float(probabilities.shape[1]), float(probabilities.shape[0]))

    def fastest(work: Callable[[], Any]) -> float:
        spent = []
        for _ in range(rounds):
            start = time.thread_time()
            work()
            spent.append(time.thread_time() - start)
        return min(spent) * 1e3

    contours = text_contours(probabilities, THRESH)
    regions = post.regions(probabilities)
    chosen = regions.outlines.keep(regions.scores >= BOX_THRESH)
    finding, shaping = fastest(lambda: text_contours(probabilities, THRESH)), fastest(lambda: candidates(contours, box_type))
    until_scores = fastest(lambda: find_regions(probabilities, THRESH, box_type=box_type))
    growing = fastest(lambda: grow(chosen, UNCLIP_RATIO))
    after_scores = fastest(lambda: boxes(regions, BOX_THRESH, UNCLIP_RATIO, source))
    stages = {
        "threshold and contours": finding,
        "candidate shapes": shaping,
        "scores": max(until_scores - finding - shaping, 0.0),
        "growing": growing,
        "boxes in the source": max(after_scores - growing, 0.0),
    }
    total = fastest(lambda: post.read(probabilities, source))
    return Profile(box_type, len(post.read(probabilities, source).boxes), total, stages)


def page_map(words: int = WORDS, seed: int = 0) -> np.ndarray:
    """A probability map (1280, 960) float32 as a detector gives it for a typed page: words in lines that slant a little,
    shrunk, soft at their edges, uneven within, and a few faint specks.

    Args:
        words: text regions; up to about 300 have room.
        seed: another page.
    """
    rng = np.random.default_rng(seed)
    page = np.zeros((HEIGHT, WIDTH), np.float32)
    slant = np.tan(np.radians(rng.uniform(0.3, 1.0)))
    left, placed, line = 60.0, 0, 0
    while placed < words:
        width, height = rng.uniform(24, 110), rng.uniform(12, 16)
        if left + width > WIDTH - 50:
            left, line = 60.0 + rng.uniform(0, 10), line + 1
        x, y = np.array([left, left + width]), 40 + 44.0 * line + rng.uniform(-1, 1)
        rise = slant * x
        corners = np.stack([np.concatenate([x, x[::-1]]), np.concatenate([y + rise, y + height + rise[::-1]])], axis=1)
        cv2.fillPoly(page, [np.round(corners).astype(np.int32)], float(rng.uniform(0.95, 1.0)))
        left += width + rng.uniform(9, 16)
        placed += 1
    grain = cv2.resize(rng.normal(0, 0.1, (HEIGHT // 4, WIDTH // 4)).astype(np.float32), (WIDTH, HEIGHT))
    page = cv2.GaussianBlur(page, (0, 0), 1.5) * (1 + grain)
    for x, y in rng.integers(20, (WIDTH - 20, HEIGHT - 20), (40, 2)).tolist():
        cv2.circle(page, (x, y), 2, 0.4, -1)
    return np.clip(page, 0, 1)
