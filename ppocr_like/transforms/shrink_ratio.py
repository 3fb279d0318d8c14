"""What DB's two target maps share: the outlines, the shrink ratio of an epoch, and the distance that it means."""

from __future__ import annotations

import numpy as np

from ppocr_like.transforms.base import Sample

RATIO_GAIN = 0.2  # what the ratio has grown by after `total_epoch` epochs: PP-OCRv4's schedule, 0.4 -> 0.6


class ShrinkRatio:
    """The ratio that both target maps of a recipe use, constant or growing from epoch to epoch.

    Args:
        base: ratio at epoch 0, in (0, 1); the smaller, the thinner the kernel and the wider the border.
        total_epoch: epochs in which the ratio grows by 0.2; None keeps it.

    Raises:
        ValueError: a ratio outside (0, 1), or fewer than one epoch.
    """

    def __init__(self, base: float, total_epoch: int | None) -> None:
        if not 0 < base < 1:
            raise ValueError(f"shrink_ratio is {base}; it must lie between 0 and 1")
        if total_epoch is not None and total_epoch < 1:
            raise ValueError(f"total_epoch is {total_epoch}; it must be at least 1")
        self.base = base
        self.total_epoch = total_epoch

    def of(self, sample: Sample) -> float:
        """The ratio at the sample's `epoch`; the base ratio where the sample does not say one."""
        epoch = sample.get("epoch")
        if self.total_epoch is None or epoch is None:
            return self.base
        return self.base + RATIO_GAIN * epoch / float(self.total_epoch)

    def note(self, epochs: int) -> str:
        """What a run of so many epochs should be told: at a ratio of 1 no region is left to learn. "" where it stays below."""
        if self.total_epoch is None or self.of({"epoch": epochs}) < 1:
            return ""
        first = next(epoch for epoch in range(epochs + 1) if self.of({"epoch": epoch}) >= 1)
        return (
            f"the shrink ratio grows from {self.base:g} by {RATIO_GAIN} in {self.total_epoch} epochs and is 1 in epoch {first} "
            f"of {epochs}: from there on every region counts as ignored; lower shrink_ratio, or raise total_epoch"
        )


def outlines(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """The sample's `polys` as (N, P, 2) float32, and a copy of its `ignore_tags` as (N,) bool."""
    polys = np.asarray(sample["polys"], np.float32)
    return polys if polys.ndim == 3 else polys.reshape(0, 4, 2), np.array(sample["ignore_tags"], bool)


def extents(polys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Areas in px² and perimeters in px of outlines (N, P, 2), float64 (N,) each."""
    points = polys.astype(np.float64)
    following = np.roll(points, -1, axis=1)
    areas = np.abs((points[..., 0] * following[..., 1] - following[..., 0] * points[..., 1]).sum(axis=1)) / 2
    steps = following - points
    return areas, np.sqrt((steps * steps).sum(axis=2)).sum(axis=1)


def offset_distance(area: float, perimeter: float, ratio: float) -> float:
    """px between an outline and its kernel: area * (1 - ratio²) / perimeter.

    Source: Liao et al., Real-time Scene Text Detection with Differentiable Binarization, equation 10.
    """
    return area * (1 - ratio**2) / perimeter
