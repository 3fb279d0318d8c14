"""How the lines of a page stand: each by its shape and the word of the classifier; where these do not tell, as the page does."""

from __future__ import annotations

from collections.abc import Sequence

from ppocr_like.transforms.line_cut import UPRIGHT, Crop

DOUBTFUL = 3.0  # longer over shorter side up to which a line's shape may be that of a few characters, however they stand


def ways_to_read(crops: Sequence[Crop], upside_down: Sequence[bool | None]) -> list[list[Crop]]:
    """For each line the ways in which it should be read: one, or several of which the most certain reading holds.

    The page's own quarter (lines across, or up and down) is that of most lines whose shape tells. Lines that the classifier is
    sure of are turned by its word; the others stand as the page does: upside down where it is sure that most of the page's
    lines are.

    Args:
        crops: lines as `cut_quad` gives them: across, or turned by a quarter.
        upside_down: the classifier's word of each; None: it is not sure.
    """
    telling = [crop.turned for crop in crops if _ratio(crop) >= UPRIGHT]
    quarter = 90 if 2 * sum(turned == 90 for turned in telling) > len(telling) else 0
    words = [word for crop, word in zip(crops, upside_down, strict=True) if crop.turned == quarter]
    half = 2 * sum(word is True for word in words) > len(words)
    return [_ways(crop, word, quarter, half) for crop, word in zip(crops, upside_down, strict=True)]


def _ways(crop: Crop, upside_down: bool | None, quarter: int, half: bool) -> list[Crop]:
    if crop.turned == quarter:
        return [crop.rotated(2 * (half if upside_down is None else upside_down))]
    own = crop.rotated(2 * bool(upside_down))
    if _ratio(crop) >= DOUBTFUL:
        return [own]
    return [own, crop.rotated((quarter - crop.turned) // 90 + 2 * half)]


def _ratio(crop: Crop) -> float:
    """Longer over shorter side, before a line was set upright."""
    height, width = crop.image.shape[:2]
    return max(height, width) / max(min(height, width), 1)
