"""Print that no line was found on: dark pieces of a light page that look like letters in a row and lie outside every outline.

A rough look without a network: it tells when a detector found far less than there is, as of print in a size it does not know.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ppocr_like.transforms.channels import to_channels

LOOKED_AT = 1600  # px of the longer side at which a page is looked at
SURROUNDINGS = 12  # a px is dark beside the mean of its surroundings, a square of the longer side / SURROUNDINGS
DARKER = 30  # gray levels
LOWEST, HIGHEST = 7, 0.12  # px, share of the longer side: heights of letters
PAPER = 0.6  # share of a page that is as light as its paper; photographs have less
NEAR_PAPER = 30  # gray levels
NEAR, ALIKE = 1.2, 1.7  # heights between letters of one row; ratio of their heights
FEWEST = 12  # letters outside: less may be a stamp or a signature
ROWS = 512  # frames compared with all others at a time
FAR_LESS = 0.5  # share of the letters outside from which a page is told of


def letters(picture: np.ndarray) -> np.ndarray:
    """(N, 4) left, top, right, bottom px of what looks like letters in rows; none of a picture that is no sheet of paper.

    Args:
        picture: (H, W, 3) uint8 BGR.
    """
    scale = min(1.0, LOOKED_AT / max(picture.shape[:2]))
    gray = to_channels(picture, 1)
    if scale < 1:
        gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    paper = float(np.percentile(gray, 75))
    if (np.abs(gray.astype(np.float32) - paper) <= NEAR_PAPER).mean() < PAPER:
        return np.zeros((0, 4))
    longer = max(gray.shape)
    block = max(longer // SURROUNDINGS, 15) | 1
    dark = cv2.adaptiveThreshold(gray, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, block, DARKER)
    _, _, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    left, top, width, height, area = stats[1:].T.astype(np.float64)
    good = (height >= LOWEST) & (height <= HIGHEST * longer) & (width <= 4 * height) & (height <= 6 * width)
    good &= (area >= 0.12 * width * height) & (area >= 2 * height**0.5)
    frames = np.stack([left, top, left + width, top + height], axis=1)[good]
    return frames[_in_rows(frames)] / scale


def unread_print(picture: np.ndarray, outlines: Sequence[np.ndarray]) -> str:
    """A sentence about a page of which far less was found than there is to be seen; "" for every other one.

    Args:
        picture: (H, W, 3) uint8 BGR.
        outlines: (P, 2) px of the lines that were found.
    """
    found = letters(picture)
    outside = found[_outside(found, picture.shape, outlines)]
    if len(outside) < FEWEST or len(outside) < FAR_LESS * len(found):
        return ""
    height = float(np.median(outside[:, 3] - outside[:, 1]))
    return (
        f"{len(outside)} of {len(found)} pieces that look like letters (about {height:.0f} px high) lie outside all "
        f"{len(outlines)} lines found; the detector may not know print like this: give small print with --tile, large print as a "
        "smaller picture, or fine-tune the detector on such pages"
    )


def _outside(frames: np.ndarray, shape: tuple[int, ...], outlines: Sequence[np.ndarray]) -> np.ndarray:
    """(N,) bool: the frame's middle lies in no outline."""
    inside = np.zeros(shape[:2], np.uint8)
    for outline in outlines:  # one by one: outlines that overlap must not cancel out
        cv2.fillPoly(inside, [np.round(np.asarray(outline)).astype(np.int32)], 1)
    middles = ((frames[:, :2] + frames[:, 2:]) / 2).astype(int)
    x, y = np.clip(middles[:, 0], 0, shape[1] - 1), np.clip(middles[:, 1], 0, shape[0] - 1)
    return inside[y, x] == 0


def _in_rows(frames: np.ndarray) -> np.ndarray:
    """(N,) bool: has two neighbours at least, of about its height and level, close on the left or on the right."""
    left, top, right, bottom = frames.T.astype(np.float32)
    height = bottom - top
    count = np.zeros(len(frames), np.int64)
    for start in range(0, len(frames), ROWS):
        i = slice(start, start + ROWS)
        common = np.minimum(bottom[i, None], bottom) - np.maximum(top[i, None], top)
        lower, higher = np.minimum(height[i, None], height), np.maximum(height[i, None], height)
        gap = np.maximum(left[i, None], left) - np.minimum(right[i, None], right)
        near = (gap <= NEAR * lower) & (higher <= ALIKE * lower) & (common >= 0.5 * lower)
        count[i] = near.sum(axis=1) - 1  # itself
    return count >= 2
