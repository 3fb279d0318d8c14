"""Batches from worker processes."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing import get_start_method
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, get_worker_info

from ppocr_like.config.loader import LoaderConfig
from ppocr_like.contracts import Rejected, RejectedSample, Request
from ppocr_like.data.base import Dataset, step_error
from ppocr_like.data.collate import by_image_size, collate, to_tensors
from ppocr_like.data.samplers import Batches, PlainSampler, Sampler, SizeSampler, WidthBucketSampler, shard
from ppocr_like.data.spelling import rejected_sample
from ppocr_like.data.workers import end_workers, start_worker, take_over_signals, told_as_death, usable_workers
from ppocr_like.errors import DataError, StepFailed, TrainingError
from ppocr_like.memory import release_freed_memory
from ppocr_like.transforms.base import Sample

logger = logging.getLogger("ppocr_like")
Batch = dict[str, Any]
_RELEASE_EVERY = 50  # batches, after which a worker gives the memory back that its system library keeps for it
_SHARED = 1 << 16  # bytes from which an array comes out of a worker through shared memory


class _Failure:
    """A DataError on its way out of a worker: torch would rebuild the exception from its message and lose the place."""

    def __init__(self, error: DataError) -> None:
        self.arguments = (error.args[0], error.file, error.line)

    def error(self) -> DataError:
        message, file, line = self.arguments
        error = DataError(message)
        error.file, error.line = file, line
        return error


class _Fetcher:
    """What runs in a worker: requests in, one collated batch out.

    `by_size`: as many batches as there are different image shapes.
    """

    def __init__(self, dataset: Dataset, by_size: bool = False) -> None:
        self.dataset = dataset
        self.by_size = by_size
        self._made = 0

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, request: Request) -> list[Batch] | _Failure:
        return self.__getitems__([request])

    def __getitems__(self, requests: Sequence[Request]) -> list[Batch] | _Failure:
        try:
            return self._batches(requests)
        except DataError as error:
            return _Failure(error)

    def _batches(self, requests: Sequence[Request]) -> list[Batch]:
        samples: list[Sample] = []
        rejected: list[RejectedSample] = []
        for request in requests:
            try:
                samples.append(self.dataset.fetch(request))
            except Rejected as error:
                sample = rejected_sample(self.dataset, request, error)
                if self.dataset.strict:
                    raise strict_error(sample) from error
                rejected.append(sample)
            except StepFailed as error:
                raise step_error(self.dataset, request, error) from error
            except (DataError, MemoryError):
                raise
            except Exception as error:
                info = self.dataset.request_info(request)
                raise RuntimeError(f"{info.place}: {info.path}: {type(error).__name__}: {error}") from error
        groups = by_image_size(samples) if self.by_size and samples else [samples]
        batches = [
            to_tensors(collate(group, () if number else rejected), _SHARED) for number, group in enumerate(groups)
        ]  # what was rejected travels with the first
        if get_worker_info() is None:
            return batches
        self._made += 1
        if self._made % _RELEASE_EVERY == 0:
            release_freed_memory()  # see `start_worker`
        return [_in_shared_memory(batch) for batch in batches]


def _in_shared_memory(batch: Batch) -> Batch:
    """A worker's batch with its tensors where the main process can map them.

    Left to the queue, that happens in a thread of its own, and a failure there (/dev/shm is full) would be lost: the main
    process would wait for ever. Here the batch is sent through the pipe instead, as arrays, which `Loader` reports.
    """
    try:
        return {name: value.share_memory_() if isinstance(value, torch.Tensor) else value for name, value in batch.items()}
    except RuntimeError:
        return {name: value.numpy().copy() if isinstance(value, torch.Tensor) else value for name, value in batch.items()}


def strict_error(sample: RejectedSample) -> DataError:
    """What `strict: true` raises for a sample that cannot be used."""
    what = f"{sample.reason}: {sample.detail}" if sample.detail else sample.reason
    named = "" if not sample.info.path or sample.info.path in what else f" ({sample.info.path})"
    return DataError(f"{what}{named}; mend or remove the line, or set strict: false", sample.info.file, sample.info.line)


class _Feed:
    """The batch sampler of the DataLoader; what it iterates is set before each epoch."""

    def __init__(self) -> None:
        self.batches: Sequence[list[Request]] = ()

    def __iter__(self) -> Iterator[list[Request]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


def _same(batch: Any) -> Any:
    """Workers collate in the fetcher already."""
    return batch


class Loader:
    """Batches of one data set for one rank.

    Workers receive requests only and live from the first batch to `close()`; their number never changes a batch.

    Args:
        dataset: gives samples.
        sampler: plans epochs.
        num_workers: processes; 0 prepares batches in this one.
        prefetch: batches that each worker prepares ahead.
        rank, world: this process and how many there are.
        pin_memory: hand out page-locked tensors (for copies to a GPU).
        by_size: a planned batch is handed out in parts where its images differ in shape, so that no image is padded for its
            neighbours (evaluation of pages). `batches` then gives more than `steps` of them.
    """

    def __init__(
        self,
        dataset: Dataset,
        sampler: Sampler,
        *,
        by_size: bool = False,
        num_workers: int = 0,
        prefetch: int = 2,
        rank: int = 0,
        world: int = 1,
        pin_memory: bool = False,
    ) -> None:
        self.dataset, self.sampler = dataset, sampler
        self.num_workers, self.prefetch, self.pin_memory = num_workers, prefetch, pin_memory
        self.rank, self.world, self.by_size = rank, world, by_size
        self._feed = _Feed()
        self._loader: DataLoader | None = None
        self._planned: tuple[int, Batches] | None = None
        self._digest: tuple[int, str] | None = None
        self._pass = 0
        self._piped = False

    def plan(self, epoch: int) -> Batches:
        """This rank's batches of an epoch, as requests."""
        if self._planned is None or self._planned[0] != epoch:
            self._planned = (epoch, shard(self.sampler.epoch(epoch), self.rank, self.world))
        return self._planned[1]

    def steps(self, epoch: int) -> int:
        """Number of batches of an epoch; equal on all ranks."""
        return len(self.plan(epoch))

    def order(self, epoch: int) -> str:
        """A digest of the epoch's global batches, whatever this rank's share of them is."""
        if self._digest is None or self._digest[0] != epoch:
            self._digest = (epoch, self.plan(epoch).digest())
        return self._digest[1]

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The epoch's batches from number `start` on; the ones before are not loaded. Starting again ends an earlier pass.

        Raises:
            DataError: a sample that cannot be used, under `strict`; a label file changed under way.
            TrainingError: a worker process died.
        """
        plan = self.plan(epoch)
        if not 0 <= start <= len(plan):
            raise ValueError(f"batch {start} of {len(plan)}")
        self._pass += 1
        return self._iterate(plan[start:], self._pass)

    def _iterate(self, plan: Batches, number: int) -> Iterator[Batch]:
        stream: Iterator[Any] = iter(())
        for number_of_batch in range(len(plan)):
            if number != self._pass:
                raise RuntimeError("the loader was started again; this pass has ended")
            try:
                if not number_of_batch:
                    with told_as_death(self._processes(), self.num_workers):
                        stream = self._start(plan)
                with told_as_death(self._processes(), self.num_workers):
                    made = next(stream)
            except TrainingError:
                self.close()
                raise
            if isinstance(made, _Failure):
                raise made.error()
            for batch in made:
                self._watch_memory(batch)
                yield to_tensors(batch)

    def _start(self, plan: Batches) -> Iterator[Any]:
        """What the DataLoader gives for the batches of a plan; the first call starts the workers."""
        if self._loader is None:
            self._loader = self._make()
        self._feed.batches = plan
        stream = iter(self._loader)
        if self.num_workers:
            take_over_signals()
        return stream

    def _processes(self) -> list[Any]:
        """The workers; none before they were started."""
        return list(getattr(getattr(self._loader, "_iterator", None), "_workers", ()))

    def _watch_memory(self, batch: Batch) -> None:
        """Says once that batches come through a pipe because shared memory has no room for them."""
        if self._piped or not self.num_workers:
            return
        self._piped = any(isinstance(value, np.ndarray) and value.nbytes >= _SHARED for value in batch.values())
        if self._piped:
            logger.warning(
                "shared memory (/dev/shm) is full: batches come through a pipe, which is slower; give the container more "
                "(docker: --shm-size), or set loader.num_workers (now %d) or batch_size_per_card lower",
                self.num_workers,
            )

    def _make(self) -> DataLoader:
        working = self.num_workers > 0
        return DataLoader(
            _Fetcher(self.dataset, self.by_size),  # type: ignore[arg-type]  # it has the two methods that DataLoader calls
            batch_sampler=self._feed,
            num_workers=self.num_workers,
            collate_fn=_same,
            worker_init_fn=partial(start_worker, os.getpid() if get_start_method() == "fork" else None),
            persistent_workers=working,
            prefetch_factor=self.prefetch if working else None,
            pin_memory=self.pin_memory,
            generator=torch.Generator(),  # otherwise each pass would draw from the model's own random state
        )

    def close(self) -> None:
        """Ends the workers. A later pass starts new ones."""
        loader, self._loader = self._loader, None
        workers = getattr(loader, "_iterator", None)
        if workers is not None and self.num_workers:
            # torch ends them when the iterator is collected; the traceback of an error may keep it alive for long.
            end_workers(workers)

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def build_loader(
    dataset: Dataset,
    loader_config: LoaderConfig,
    *,
    seed: int,
    train: bool,
    rank: int = 0,
    world: int = 1,
    cache_dir: str | Path | None = None,
    pin_memory: bool = False,
    progress: bool = True,
    sampler: Callable[[Dataset, int], Sampler] | None = None,
) -> Loader:
    """The loader of a recipe's section.

    Args:
        dataset: built from the same section.
        loader_config: the checked `loader:` node.
        seed: of the orders.
        train: evaluation keeps every sample, whatever `drop_last` says.
        rank, world: this process and how many there are; a global batch has `batch_size_per_card` x `world` requests.
        cache_dir: where line offsets and image sizes are kept; None keeps them in memory.
        pin_memory: see `Loader`.
        progress: a bar on a terminal while images are measured.
        sampler: makes the recipe's own sampler of the data set and the number of ranks (`Builder.sampler`).

    Raises:
        DataError: no batch can be made.
    """
    if cache_dir is not None:
        dataset.use_cache(cache_dir)
    if loader_config.drop_last and not train:
        logger.warning("Eval.loader.drop_last would leave samples out of the evaluation; every sample is evaluated")
    if loader_config.bucket_by_width is not None and loader_config.bucket_by_width.extra_width and not train:
        logger.warning("Eval.loader.bucket_by_width.extra_width is for training; lines are evaluated in canvases of their own")
    by_size = not train and loader_config.bucket_by_width is None and bool(dataset.resize_steps())
    if sampler is not None:
        planner = sampler(dataset, world)
        planner.keep_ratio = loader_config.ratio_in_batch
    else:
        planner = _sampler(dataset, loader_config, seed, train, world, progress)
    loader = Loader(
        dataset,
        planner,
        by_size=by_size,
        num_workers=usable_workers(loader_config.num_workers),
        prefetch=loader_config.prefetch,
        rank=rank,
        world=world,
        pin_memory=pin_memory,
    )
    if loader.steps(0) == 0:
        drawn = len(dataset.epoch_indices(0))
        hint = " (drop_last leaves out batches that are not full)" if loader_config.drop_last and train else ""
        raise DataError(
            f"no batch can be made: {drawn} samples, {loader_config.batch_size_per_card} x {world} in a batch{hint}; "
            "lower batch_size_per_card, or set drop_last: false",
            ", ".join(dataset.label_files),
        )
    return loader


def _sampler(dataset: Dataset, config: LoaderConfig, seed: int, train: bool, world: int, progress: bool) -> Sampler:
    size = config.batch_size_per_card * world
    drop_last = config.drop_last and train
    bucket = config.bucket_by_width
    if bucket is None and not train and config.batch_size_per_card > 1 and dataset.resize_steps():
        resized = dataset.resized(dataset.sizes(progress))
        if resized is not None:
            return SizeSampler(dataset, size, resized)
    if bucket is None:
        return PlainSampler(dataset, size, seed, shuffle=config.shuffle, drop_last=drop_last, keep_ratio=config.ratio_in_batch)
    canvas = dataset.canvas()
    if canvas is None:
        raise DataError(
            "bucket_by_width needs a resize step with image_shape among the transforms; none is there",
            ", ".join(dataset.label_files),
        )
    return WidthBucketSampler(
        dataset,
        size,
        seed,
        shuffle=config.shuffle,
        drop_last=drop_last,
        canvas=canvas[1:],
        step=bucket.step,
        min_width=bucket.min_width,
        max_width=bucket.max_width,
        by_area=bucket.batch_by_area,
        extra=bucket.extra_width if train else 0,
        keep_ratio=config.ratio_in_batch,
        world=world,
        progress=progress,
    )
