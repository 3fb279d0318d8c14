"""What the benchmark's sections work with: samples and batches of the recipe, and optimizer steps on them."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import cv2
import torch

from ppocr_like.benchmark.settings import Shape
from ppocr_like.benchmark.timing import Stopwatch
from ppocr_like.config import Recipe
from ppocr_like.contracts import Rejected, Request
from ppocr_like.data.base import Dataset
from ppocr_like.data.collate import collate, to_tensors
from ppocr_like.engine.objective import Batch, Objective
from ppocr_like.engine.precision import LossScaler
from ppocr_like.engine.run import Run
from ppocr_like.errors import DataError

# Steps that a chain can do without; those of detection also cut pages to one size.
AUGMENTING = frozenset({"RecAug", "BaseDataAugmentation", "RecConAug", "SVTRRecAug"})
Size = tuple[int, int] | None  # (width, height) px of a canvas; None where the chain alone decides
LOOKED_AT = 1000  # batches of an epoch that say which canvases there are


@contextmanager
def one_core() -> Iterator[None]:
    """OpenCV and PyTorch keep to the calling thread, as in a worker of the loader."""
    threads, cv_threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        cv2.setNumThreads(cv_threads)


def fetch(dataset: Dataset, request: Request) -> dict[str, Any] | None:
    """A sample; None for one that is refused."""
    try:
        return dataset.fetch(request)
    except Rejected:
        return None  # refused samples cost their time, too; training counts and names them


def fetch_all(dataset: Dataset, requests: Sequence[Request]) -> None:
    """Reading, decoding, augmenting, encoding and resizing of all requests; what comes out is thrown away."""
    for request in requests:
        fetch(dataset, request)


def without_augmentation(recipe: Recipe) -> Recipe | None:
    """The recipe with the augmenting transforms of `Train` taken out; None where it has none that can be left out."""
    tree = copy.deepcopy(recipe.tree)
    section = tree["Train"]["dataset"]
    plain = [node for node in section["transforms"] if not AUGMENTING.intersection(_names(node))]
    if len(plain) == len(section["transforms"]):
        return None
    section["transforms"] = plain
    return Recipe.from_tree(tree)


def _names(node: Any) -> set[str]:
    """The name of a transforms entry in either of its forms."""
    if isinstance(node, dict):
        return {str(node["name"])} if "name" in node else {str(key) for key in node}
    return {str(node)}


def first_requests(plan: Sequence[list[Request]], count: int) -> list[Request]:
    """The first `count` requests of an epoch; fewer where it has not so many."""
    found: list[Request] = []
    for group in plan:
        found += group
        if len(found) >= count:
            break
    return found[:count]


def canvases(plan: Sequence[list[Request]], most: int) -> list[tuple[Size, float]]:
    """The sizes (width, height) px of an epoch's batches and the share of its samples that each has, from narrow to wide.

    Where there are more than `most`, those of most samples.
    """
    samples: Counter[Size] = Counter()
    for number in range(min(len(plan), LOOKED_AT)):
        group = plan[number]
        samples[group[0].size if group else None] += len(group)
    whole = sum(samples.values())
    chosen = [size for size, _ in samples.most_common(most)]
    return [(size, samples[size] / whole) for size in sorted(chosen, key=lambda size: size or (0, 0))]


def batch_of(dataset: Dataset, plan: Sequence[list[Request]], size: Size) -> Batch | None:
    """A full batch of the epoch's first usable samples of a canvas; what is refused is made up for by the batches behind.

    None where no sample of it can be used.
    """
    groups = (plan[number] for number in range(min(len(plan), LOOKED_AT)))
    same = [group for group in groups if group and group[0].size == size]
    wanted = max((len(group) for group in same), default=0)
    samples: list[Batch] = []
    for request in (request for group in same for request in group):
        if len(samples) == wanted:
            break
        if (sample := fetch(dataset, request)) is not None:
            samples.append(sample)
    return to_tensors(collate(samples, ())) if samples else None


def fixed_batch(dataset: Dataset, requests: Iterable[Request], shape: Shape) -> Batch:
    """A batch of lines drawn onto the canvas of `shape`, with as many lines as it says.

    Raises:
        DataError: too few usable lines, or images of another number of channels.
    """
    samples: list[Batch] = []
    for request in requests:
        sample = fetch(dataset, replace(request, size=(shape.width, shape.height)))
        if sample is not None:
            samples.append(sample)
        if len(samples) == shape.batch:
            break
    place = ", ".join(dataset.label_files)
    if len(samples) < shape.batch:
        raise DataError(f"fewer than {shape.batch} usable lines for a batch of {shape}", place)
    batch = to_tensors(collate(samples, ()))
    if Shape.of(batch) != shape:
        raise DataError(f"the recipe's transforms make batches of {tuple(batch['image'].shape)}, not {shape}", place)
    return batch


def optimizer_step(
    run: Run, group: Sequence[Batch], objective: Objective | None = None, scaler: LossScaler | None = None
) -> dict[str, float]:
    """One optimizer step on batches in memory: seconds of `copy` (to the device), `forward`, `loss`, `backward`, `optimizer`.

    Args:
        objective, scaler: of another precision than the run's.

    Raises:
        Interrupted: Ctrl-C or SIGTERM came before it.
    """
    run.machine.signals.check()
    objective, scaler = objective or run.objective, scaler or run.parts.scaler
    watch = Stopwatch(objective.compute.device)
    group = usable(group)
    for part in group:
        batch = objective.moved(part)
        watch.mark("copy")
        outputs = objective.forward(batch)
        watch.mark("forward")
        loss = objective.losses(outputs, batch)["loss"]
        watch.mark("loss")
        scaler.scale(loss / len(group)).backward()
        watch.mark("backward")
    run.parts.optimizer.step(run.schedule_step(), scaler if scaler.is_enabled() else None)
    run.parts.optimizer.zero_grad()
    watch.mark("optimizer")
    return watch.seconds()


def usable(group: Sequence[Batch]) -> list[Batch]:
    return [batch for batch in group if batch["info"]]
