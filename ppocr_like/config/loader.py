"""The `loader` node of Train and Eval.

`docs/recipe.md` holds the table of these fields; a test compares the two.
"""

# ruff: noqa: RUF009 (`option` makes a dataclass field)
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ppocr_like.config.typecheck import option
from ppocr_like.contracts import WIDEST_LINE

BATCH, AUTO = "Train.loader.batch_size_per_card", "auto"  # the engine finds the largest batch that fits


@dataclass(frozen=True)
class BucketByWidth:
    """Batches of lines of about the same width, so that a long line needs no fixed canvas."""

    step: int = option(64, "px between the widths of two buckets (after scaling to the recipe's height)", least=1)
    min_width: int | None = option(None, "px of the narrowest canvas; null: `step`", least=1)
    max_width: int = option(1280, "px of the widest canvas; longer lines are squeezed into it", least=1)
    batch_by_area: bool = option(False, "narrow lines come in larger batches, so that every batch costs about the same")
    extra_width: int = option(
        0,
        "px; half of an epoch's training lines, drawn anew each time, get wider canvases by up to so many px in whole steps, so "
        "that the network learns to read beside an empty margin (RapidOCR and PaddleOCR fill each batch up to 320 px or more)",
        least=0,
    )

    def problems(self) -> Iterator[tuple[str, str]]:
        least = self.step if self.min_width is None else self.min_width
        if self.max_width > WIDEST_LINE:
            yield "max_width", f"is {self.max_width}; no line is wider than {WIDEST_LINE:,} px"
        elif least > self.max_width:
            yield "max_width", f"is {self.max_width}, less than the narrowest canvas of {least} px"
        if 0 < self.extra_width < self.step:
            yield "extra_width", f"is {self.extra_width}, less than a step of {self.step} px, so that no canvas would be wider"


@dataclass(frozen=True)
class LoaderConfig:
    """How samples become batches."""

    batch_size_per_card: int = option(
        doc="samples in a batch of one process; in Train also `auto`: the largest power of two that fits the memory", least=1
    )
    auto_memory: float | None = option(
        None, "with `auto`: share of the free memory that a step may use; null: 0.9 of a GPU's, 0.5 on a CPU", above=0
    )
    auto_most: int = option(1024, "with `auto`: the largest batch", least=1)
    drop_last: bool = option(False, "leave out an epoch's last batch when it is not full")
    shuffle: bool = option(False, "a new order in each epoch, from (seed, epoch)")
    num_workers: int = option(0, "processes that read and transform; 0: the main process does it", least=0)
    prefetch: int = option(4, "batches each worker keeps ready", least=1)
    bucket_by_width: BucketByWidth | None = option(
        None, "`{step, min_width, max_width, batch_by_area, extra_width}`; null: the recipe's `image_shape`"
    )
    ratio_in_batch: bool = option(False, "every batch holds the label files in the proportions of `ratio_list`")
