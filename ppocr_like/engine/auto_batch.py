"""`Train.loader.batch_size_per_card: auto`: the largest power of two whose training step fits the memory, by trying it."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ppocr_like.config import Builder, LoaderConfig, Recipe
from ppocr_like.config.loader import AUTO
from ppocr_like.config.loader import BATCH as KEY
from ppocr_like.contracts import Rejected
from ppocr_like.data.collate import collate, to_tensors
from ppocr_like.data.loader import Loader, build_loader
from ppocr_like.engine.checkpoint import load_checkpoint, resolve_checkpoint
from ppocr_like.engine.device import Compute, choose_compute, resident_bytes, set_threads
from ppocr_like.engine.objective import Objective
from ppocr_like.engine.ranks import Ranks
from ppocr_like.errors import TrainingError
from ppocr_like.memory import release_freed_memory
from ppocr_like.modeling.recompute import recompute_blocks

logger = logging.getLogger("ppocr_like")

SAMPLES = 8  # real ones in a trial batch; they are repeated to fill it
GPU_SHARE, CPU_SHARE = 0.9, 0.5


def settle_batch_size(recipe: Recipe, ranks: Ranks, cache: Path, resume_from: Path | None = None) -> Recipe:
    """The recipe with a number where it says `auto`: the checkpoint's on a resume, else what a trial finds, equal on all ranks.

    Args:
        cache: where line offsets and image sizes are kept.
        resume_from: the checkpoint where that is not `Global.checkpoints`.

    Raises:
        TrainingError: not even one sample fits.
    """
    if recipe.get(KEY) != AUTO:
        return recipe
    source = resume_from or recipe.globals.checkpoints
    if source:
        with ranks.together():
            before = Recipe.from_tree(load_checkpoint(resolve_checkpoint(str(source)))["recipe"])
        size, said = int(before.get(KEY)), "as in the checkpoint"
    else:
        with ranks.together():
            found = _Trial(recipe, ranks, cache).search()
        size = min(ranks.gather(found.size))
        said = f"{found.used / 2**20:.0f} MB of the {found.budget / 2**20:.0f} MB that a step may use"
    settled = recipe.changed(KEY, size)
    settled.note(f"{KEY}: auto is {size} ({said})")
    return settled


@dataclass(frozen=True)
class Found:
    """The size, and bytes: what its step used, and what it may use."""

    size: int
    used: int
    budget: int


class _Trial:
    """Training steps of rising batches on a network that is thrown away."""

    def __init__(self, recipe: Recipe, ranks: Ranks, cache: Path) -> None:
        settings = recipe.globals
        self.ranks, self.cache = ranks, cache
        self.compute: Compute = choose_compute(settings, ranks)
        set_threads(settings.num_threads)
        self.builder = Builder(recipe)
        self.builder.check_files("Train")
        self.config: LoaderConfig = self.builder.loader("Train")
        self.seed = settings.seed
        self.model = self.compute.place(self.builder.model()).train()
        if settings.gradient_checkpointing:
            recompute_blocks(self.model, self.compute.operators)
        self.objective = Objective(self.model, self.builder.loss(), self.compute)
        self.optimizer = self.builder.optimizer(self.model, settings.epochs, 1000, ranks.world)
        self.scaler = self.compute.scaler(settings)
        self.dataset = self.builder.dataset("Train")

    def search(self) -> Found:
        """Doubles the batch while its step fits.

        On a GPU the step itself decides. On a CPU a size is tried only when twice the memory of the one before would fit: a
        machine that swaps, or ends the process, cannot be asked.
        """
        budget, best, size = self._budget(), None, 1
        most = min(self.config.auto_most, max(1, len(self.dataset.epoch_indices(1)) // self.ranks.world))
        while size <= most:
            used = self._used(size)
            if used is None or used > budget:
                break
            best = Found(size, used, budget)
            if self.compute.device.type == "cpu" and 2 * used > budget:
                break
            size *= 2
        self._forget()
        if best is None:
            raise TrainingError(f"{KEY}: auto: a step of one sample needs more than {budget / 2**20:.0f} MB; take smaller images")
        return best

    def _budget(self) -> int:
        """Bytes that a step may use."""
        if self.compute.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.compute.device)
            free += torch.cuda.memory_reserved(self.compute.device)
            return int(free * (self.config.auto_memory or GPU_SHARE))
        return int(available_bytes() * (self.config.auto_memory or CPU_SHARE) / self.ranks.world)

    def _used(self, size: int) -> int | None:
        """Bytes by which a training step of the epoch's largest batch grows the process; None when there are too few."""
        batch = self._batch(size)
        waiting = sum(value.nbytes for value in batch.values() if isinstance(value, torch.Tensor))
        waiting *= self.config.num_workers * self.config.prefetch
        device = self.compute.device
        if device.type != "cuda":
            with _PeakMemory() as peak:
                self._step(batch)
            return peak.grown + waiting
        torch.cuda.reset_peak_memory_stats(device)
        try:
            self._step(batch)
        except torch.OutOfMemoryError:
            return None
        finally:
            self.optimizer.zero_grad()
            torch.cuda.empty_cache()
        return torch.cuda.max_memory_reserved(device)

    def _batch(self, size: int) -> dict[str, Any]:
        """The batch with the most pixels of an epoch with this size: some real samples, repeated."""
        loader = self._loader(size)
        plan = loader.plan(1)
        counts = [int(plan.bounds[number + 1] - plan.bounds[number]) // self.ranks.world for number in range(len(plan))]
        areas = [1] * len(plan) if plan.sizes is None else [int(width) * int(height) for width, height in plan.sizes]
        number = max(range(len(plan)), key=lambda n: counts[n] * areas[n])
        samples = []
        for request in (request for batch in (plan[number], *plan) for request in batch if request.size == plan[number][0].size):
            try:
                samples.append(self.dataset.fetch(request))
            except Rejected:
                continue
            if len(samples) == min(SAMPLES, counts[number]):
                break
        if not samples:
            raise TrainingError(f"{KEY}: auto: no sample of the training set could be used; see tools/check.py --data")
        times = max(1, -(-max(1, counts[number]) // len(samples)))
        return to_tensors(collate((samples * times)[: max(1, counts[number])], ()))

    def _loader(self, size: int) -> Loader:
        config = replace(self.config, batch_size_per_card=size, num_workers=0, drop_last=False)
        return build_loader(
            self.dataset, config, seed=self.seed, train=True, world=self.ranks.world, cache_dir=self.cache, progress=False
        )

    def _step(self, batch: dict[str, Any]) -> None:
        batch = self.objective.moved(batch)
        losses, _ = self.objective.train(batch)
        self.scaler.scale(losses["loss"]).backward()
        self.optimizer.torch_optimizer.step()
        self.optimizer.zero_grad()

    def _forget(self) -> None:
        del self.model, self.objective, self.optimizer
        if self.compute.device.type == "cuda":
            torch.cuda.empty_cache()
        else:
            release_freed_memory()


class _PeakMemory:
    """How far the resident memory of this process rises within it."""

    def __enter__(self) -> _PeakMemory:
        release_freed_memory()
        self._start = self._peak = resident_bytes()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._ended.is_set():
            self._peak = max(self._peak, resident_bytes())
            time.sleep(0.002)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._peak = max(self._peak, resident_bytes())

    @property
    def grown(self) -> int:
        return self._peak - self._start


def available_bytes() -> int:
    """Memory that this process may still take: the system's, or its container's where that is less."""
    found = []
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        found.append(int(text.partition("MemAvailable:")[2].split()[0]) * 1024)
        group = Path("/sys/fs/cgroup")
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        if limit != "max":
            found.append(int(limit) - int((group / "memory.current").read_text(encoding="ascii")))
    except (OSError, IndexError, ValueError):
        pass
    if not found:
        raise TrainingError(f"{KEY}: auto: this system does not say how much memory is free; write a number")
    return max(0, min(found))
