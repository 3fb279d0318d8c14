"""What `benchmark` takes its figures with: the data chain, the bare training step, the trainer's own loop."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import cv2
import torch
from torch.utils.flop_counter import FlopCounterMode

from ppocr_like.config import Recipe
from ppocr_like.contracts import Rejected, Request
from ppocr_like.data.base import Dataset
from ppocr_like.data.collate import collate, to_tensors
from ppocr_like.data.loader import Loader
from ppocr_like.engine.run import Hook, Run, StepResult
from ppocr_like.engine.trainer import fit, grouped, targets_of
from ppocr_like.errors import DataError

# Steps that a chain can do without; those of detection also cut pages to one size.
AUGMENTING = frozenset({"RecAug", "BaseDataAugmentation", "RecConAug"})
Batch = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """A batch's size: N x C x H x W."""

    batch: int
    channels: int
    height: int
    width: int

    @classmethod
    def parse(cls, text: str) -> Shape:
        """From "32x3x48x320".

        Raises:
            ValueError: anything else.
        """
        parts = text.lower().split("x")
        if len(parts) != 4 or not all(part.isdecimal() and int(part) > 0 for part in parts):
            raise ValueError(f"{text!r} is no batch shape; write N x C x H x W, for example 32x3x48x320")
        return cls(*(int(part) for part in parts))

    def __str__(self) -> str:
        return f"{self.batch}x{self.channels}x{self.height}x{self.width}"


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


def chain_seconds(dataset: Dataset, requests: Sequence[Request], rounds: int) -> list[float]:
    """Seconds on one core for reading, decoding, augmenting, encoding and resizing, `rounds` times the same requests. A
    round before brings the files into the system's cache."""
    seconds = []
    with one_core():
        for _ in range(rounds + 1):
            start = time.perf_counter()
            for request in requests:
                _fetch(dataset, request)
            seconds.append(time.perf_counter() - start)
    return seconds[1:]


def _fetch(dataset: Dataset, request: Request) -> dict[str, Any] | None:
    try:
        return dataset.fetch(request)
    except Rejected:
        return None  # refused samples cost their time, too; training counts and names them


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


def fixed_batches(dataset: Dataset, requests: Iterable[Request], shape: Shape, count: int) -> list[Batch]:
    """`count` batches of lines drawn onto the canvas of `shape`, with as many lines each as it says.

    Raises:
        DataError: too few usable lines, or images of another number of channels.
    """
    batches: list[Batch] = []
    samples: list[Batch] = []
    for request in requests:
        sample = _fetch(dataset, replace(request, size=(shape.width, shape.height)))
        if sample is not None:
            samples.append(sample)
        if len(samples) == shape.batch:
            batches.append(to_tensors(collate(samples, ())))
            samples = []
        if len(batches) == count:
            break
    if not batches:
        raise DataError(f"fewer than {shape.batch} usable lines for a batch of {shape}", ", ".join(dataset.label_files))
    given = tuple(batches[0]["image"].shape)
    if given != (shape.batch, shape.channels, shape.height, shape.width):
        raise DataError(f"the recipe's transforms make batches of {given}, not {shape}", ", ".join(dataset.label_files))
    return batches


class TimedLoader:
    """A loader that adds up how long its batches were waited for."""

    def __init__(self, inner: Loader) -> None:
        self.inner = inner
        self.waited = 0.0

    def steps(self, epoch: int) -> int:
        return self.inner.steps(epoch)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        stream = self.inner.batches(epoch, start)
        while True:
            begin = time.perf_counter()
            batch = next(stream, None)
            self.waited += time.perf_counter() - begin
            if batch is None:
                return
            yield batch

    def close(self) -> None:
        self.inner.close()


class Watch(Hook):
    """Lets `warm_up` steps go by, times the next `steps` with everything around them, then ends the run.

    `pace` holds (seconds, seconds of it spent waiting for data, samples) of each timed step.
    """

    def __init__(self, warm_up: int, steps: int) -> None:
        self._warm_up, self._steps = warm_up, steps
        self._mark = self._waited = 0.0
        self.pace: list[tuple[float, float, int]] = []

    def after_step(self, run: Run, result: StepResult) -> None:
        now, waited = time.perf_counter(), run.loader.waited
        if self._warm_up > 0:
            self._warm_up -= 1
        else:
            self.pace.append((now - self._mark, waited - self._waited, result.samples))
        self._mark, self._waited = now, waited
        if len(self.pace) == self._steps:
            run.stop_reason = "measured"


def bare_step(run: Run, group: Sequence[Batch]) -> float:
    """Seconds of one optimizer step on batches in memory: forward, loss, backward, update, and nothing else.

    Raises:
        Interrupted: Ctrl-C or SIGTERM came before it.
    """
    run.signals.check()
    begin = time.perf_counter()
    for part in _usable(group):
        batch = run.compute.move(part)
        outputs = _forward(run, batch)
        loss = run.loss({name: value.float() for name, value in outputs.items()}, batch)["loss"]
        run.scaler.scale(loss / len(group)).backward()
    run.optimizer.step(run.schedule_step(), run.scaler)
    run.optimizer.zero_grad()
    if run.compute.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def count_flops(run: Run, group: Sequence[Batch]) -> int:
    """Floating-point operations of one step: three times those of the forward pass (matrix products, convolutions, attention),
    because a product's two gradients cost as much again each. PyTorch's counter itself is wrong for the gradients of
    depthwise convolutions, which it takes for dense ones."""
    total = 0
    for part in _usable(group):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            _forward(run, run.compute.move(part))
        total += 3 * counter.get_total_flops()
    return total


def _usable(group: Sequence[Batch]) -> list[Batch]:
    return [batch for batch in group if batch["info"]]


def _forward(run: Run, batch: Batch) -> dict[str, torch.Tensor]:
    targets = targets_of(run.model, batch)
    with run.compute.autocast():
        return run.model(batch["image"], targets)


def upcoming(run: Run, count: int, after: int = 0) -> Iterator[list[Batch]]:
    """The run's next `count` groups of batches (one optimizer step each), leaving out the first `after`, made in this process.

    Groups without a usable sample are left out, as the trainer does.
    """
    timed: TimedLoader = run.loader
    loader = Loader(timed.inner.dataset, timed.inner.sampler)
    epoch, batch = run.progress.epoch, run.progress.batch + after * run.accumulate
    while count > 0:
        over = batch - loader.steps(epoch)
        if over >= 0:
            epoch, batch = epoch + 1, over
            continue
        for group in grouped(loader.batches(epoch, batch), run.accumulate):
            batch += len(group)
            if any(part["info"] for part in group):
                yield group
                count -= 1
            if count == 0:
                return


def time_loop(run: Run, warm_up: int, steps: int) -> list[tuple[float, float, int]]:
    """Runs the trainer for `warm_up` + `steps` steps from where it stands: (seconds, seconds of it waiting for data, samples)
    of each of the last `steps`."""
    watch = Watch(warm_up, steps)
    run.hooks.append(watch)
    run.stop_reason = ""
    try:
        fit(run)
    finally:
        run.hooks.remove(watch)
    return watch.pace
