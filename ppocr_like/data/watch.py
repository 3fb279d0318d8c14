"""A bar with the time left, for whoever waits while a data set is read through."""

from __future__ import annotations

from collections.abc import Iterator

from tqdm import tqdm

from ppocr_like.data.loader import Batch, Loader


def watched(loader: Loader, title: str) -> Iterator[Batch]:
    """The batches of the loader's first epoch. The first of several processes shows a bar on a terminal, nothing in a file.

    Raises:
        DataError, TrainingError: see `Loader.batches`.
    """
    count = -(-len(loader.dataset) // loader.world)
    with tqdm(total=count, desc=title, unit="sample", leave=False, disable=None if loader.rank == 0 else True) as bar:
        for batch in loader.batches(0):
            yield batch
            bar.update(len(batch["info"]) + len(batch["rejected"]))
