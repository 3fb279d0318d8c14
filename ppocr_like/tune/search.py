"""Every setting of a grid, judged on computed maps.

Regions are found once for each threshold, grown once for each ratio and compared with the ground truth once; `box_thresh`
then only chooses among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from ppocr_like.metrics.det_match import Counts, compare
from ppocr_like.postprocess.db import DBPostProcess
from ppocr_like.postprocess.regions import find_regions
from ppocr_like.postprocess.unclip import boxes
from ppocr_like.tune.grid import Grid, Setting
from ppocr_like.tune.maps import KeptMap, MapSet


@dataclass(frozen=True)
class Outcome:
    """What a setting gives on the whole set."""

    setting: Setting
    counts: Counts


def search(maps: Mapping[int | None, MapSet], grid: Grid, post: DBPostProcess, progress: bool = True) -> list[Outcome]:
    """All settings of a grid, in its order.

    Args:
        maps: by side, for each of `grid.sides`.
        grid: see `Grid.around`.
        post: what is not searched: `max_candidates`, `box_type`.
    """
    outcomes = []
    total = sum(len(maps[side].maps) for side in grid.sides)
    with tqdm(total=total, desc="settings", unit="image", leave=False, disable=None if progress else True) as bar:
        for side in grid.sides:
            sums: dict[Setting, Counts] = {}
            for kept in maps[side].maps:
                for setting, counts in _judged(kept, side, grid, post).items():
                    sums[setting] = sums[setting] + counts if setting in sums else maps[side].lost + counts
                bar.update()
            outcomes += [Outcome(setting, counts) for setting, counts in sums.items()]
    return outcomes


def _judged(kept: KeptMap, side: int | None, grid: Grid, post: DBPostProcess) -> dict[Setting, Counts]:
    probabilities = kept.probabilities()
    found: dict[Setting, Counts] = {}
    least = min(grid.box_thresh)
    for thresh, dilation, mode in grid.masks():
        regions = find_regions(
            probabilities, thresh, dilation, max_candidates=post.max_candidates, score_mode=mode, box_type=post.box_type
        )
        for ratio in grid.unclip_ratio:
            grown = boxes(regions, least, ratio, kept.source)
            comparison = compare(kept.truth, grown)
            scores = np.array([box.score for box in grown.boxes])
            for box_thresh in grid.box_thresh:
                setting = Setting(side, thresh, box_thresh, ratio, dilation, mode)
                found[setting] = comparison.counts(scores >= box_thresh)
    return found


def ranked(outcomes: list[Outcome], base: Setting, indicator: str = "hmean") -> list[Outcome]:
    """Best first; of equals the one that changes least of `base`."""

    def changes(setting: Setting) -> tuple:
        others = setting.use_dilation != base.use_dilation, setting.score_mode != base.score_mode
        numbers = abs(setting.thresh - base.thresh) + abs(setting.box_thresh - base.box_thresh)
        return sum(others) + (setting.side != base.side), numbers + abs(setting.unclip_ratio - base.unclip_ratio)

    return sorted(outcomes, key=lambda outcome: (-getattr(outcome.counts, indicator), *changes(outcome.setting)))
