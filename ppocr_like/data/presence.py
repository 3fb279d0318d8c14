"""Notices when a data set vanishes while it is in use: a folder removed or renamed, a disk unmounted, a share that is gone."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np

from ppocr_like.errors import DataError


def spread(count: int, most: int) -> list[int]:
    """At most so many of the numbers 0 to count - 1, evenly spread."""
    return [int(number) for number in np.unique(np.linspace(0, count - 1, min(most, count)).astype(np.int64))]


class Presence:
    """Some images of a data set, spread evenly over it, of which it is known whether they were there at the start.

    An image that cannot be read is usually that image's own fault, and counted. When images that were there at the start are
    gone as well, the data set itself is going: every further sample would be rejected, and the run would "train" on nothing.

    Args:
        paths: the images to look at; a few dozen, because they are looked at for every image that cannot be read.
        label_file, place: of the data set, for the message.
    """

    def __init__(self, paths: Iterable[str], label_file: str, place: str) -> None:
        self.label_file, self.place = label_file, place
        self.there = [path for path in dict.fromkeys(paths) if os.path.exists(path)]

    def check(self) -> None:
        """Raises DataError when images that were there at the start are gone."""
        gone = [path for path in self.there if not os.path.exists(path)]
        if gone:
            what = "is gone itself" if not os.path.isdir(self.place) else "is there"
            raise DataError(
                f"the data set vanished while it was in use: of {len(self.there)} images that were there at the start "
                f"{len(gone)} are gone (the first: {gone[0]}); the folder {self.place} {what}. Put the data back (is a disk or "
                "share unmounted?) and continue the run",
                self.label_file,
            )
