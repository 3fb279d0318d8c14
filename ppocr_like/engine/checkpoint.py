"""`latest.ckpt`: everything a run needs to continue as if it had never stopped; `previous.ckpt`: the one before it.

The file is a `torch.save` of plain data and tensors, so that it loads with `weights_only=True`: no code runs on loading. A
digest in it is compared before anything is used (`weights.digest`).
"""

from __future__ import annotations

import io
import pickle
import random
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ppocr_like.atomic import atomic_write
from ppocr_like.engine.checkpoint_fields import check_fields
from ppocr_like.errors import CheckpointError
from ppocr_like.weights.digest import DamagedFile, check_zip, seal_zip
from ppocr_like.weights.files import say_without_digest

FORMAT = "ppocr_like checkpoint"
VERSION = 1
LATEST = "latest.ckpt"
PREVIOUS = "previous.ckpt"
# What torch's reader is known to raise on truncated, damaged and foreign files.
DAMAGE = (
    RuntimeError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, OverflowError,
    pickle.UnpicklingError, zipfile.BadZipFile, struct.error,
)  # fmt: skip


def save_checkpoint(path: Path, content: dict[str, Any], keep: Path | None = None) -> None:
    """Writes a checkpoint beside `path` and renames it over.

    Args:
        keep: the file that `path` was until now gets this name; None: it is gone.

    Raises:
        CheckpointError: disk full, no permission; the earlier checkpoint is untouched.
    """
    # Serialised in memory first: a full disk then is one clean OSError instead of a failure inside the zip writer.
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "version": VERSION, **content}, buffer)
    seal_zip(buffer)
    atomic_write(path, lambda file: file.write(buffer.getbuffer()), keep=keep)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Reads a checkpoint onto the CPU.

    Raises:
        CheckpointError: missing, damaged, or not a checkpoint of this program; says which of the run's last two is whole.
    """
    if path.suffix in (".safetensors", ".pdparams", ".onnx"):
        raise CheckpointError(f"{path}: holds weights only; start a new run from it with Global.pretrained_model={path}")
    try:
        return _read(path)
    except CheckpointError as error:
        raise CheckpointError(f"{error}{_other_one(path)}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            sealed = check_zip(file) == "checked"
            content = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file; give Global.checkpoints the run folder or its {LATEST}") from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from error
    except DAMAGE as error:
        # torch's own words are left out: they advise loading with weights_only=False, which can run any program.
        what = str(error) if isinstance(error, DamagedFile) else f"{path.stat().st_size} bytes, {type(error).__name__}"
        raise CheckpointError(
            f"{path}: truncated or no checkpoint ({what}); give another copy, or "
            "start a new run from the weights beside it (best_accuracy.safetensors) with Global.pretrained_model"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: holds weights but no training state; start a new run from it with Global.pretrained_model={path}"
        )
    version = content.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise CheckpointError(f"{path}: a checkpoint with wrong entries: version is {version!r}, but an integer is needed")
    if version > VERSION:
        raise CheckpointError(f"{path}: version {version} of the format; this program reads up to {VERSION}: update it")
    check_fields(content, path)
    if not sealed:
        say_without_digest(path)
    return content


def _other_one(path: Path) -> str:
    """Of a checkpoint that cannot be used: whether the run's other one can, and how to go on from it."""
    if path.name not in (LATEST, PREVIOUS):
        return ""
    other = path.with_name(PREVIOUS if path.name == LATEST else LATEST)
    if not other.exists():
        return f". There is no {other.name} beside it"
    try:
        progress = _read(other)["progress"]
    except CheckpointError:
        return f". {other.name} beside it cannot be used either"
    return (
        f". {other.name} beside it is whole (epoch {progress['epoch']}, step {progress['step']}): "
        f"go on from it with -o Global.checkpoints={other}"
    )


def resolve_checkpoint(
    source: str | Path, asked: str = "Global.checkpoints=", weights: str = "weights go into Global.pretrained_model"
) -> Path:
    """The `latest.ckpt` meant by a run folder, a file, or PaddleOCR's prefix style (`output/x/latest`).

    Args:
        asked: what names the source, as the message begins.
        weights: what the message says to those who have weights alone.

    Raises:
        CheckpointError: nothing there; the message lists what was tried.
    """
    given = Path(source)
    tried = [given / LATEST, given, given.with_name(given.name + ".ckpt")]
    for path in tried:
        if path.is_file():
            return path
    raise CheckpointError(
        f"{asked}{source}: no checkpoint there (tried {', '.join(map(str, tried))}). "
        f"It takes a run folder or its {LATEST}; {weights}" + (_other_one(given / LATEST) if (given / PREVIOUS).is_file() else "")
    )


def rng_state() -> dict[str, Any]:
    """The generators a training step may draw from, as plain data and tensors."""
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": (name, torch.from_numpy(np.asarray(keys, dtype=np.int64)), int(position), int(has_gauss), float(cached)),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_rng_state(state: dict[str, Any]) -> None:
    """Puts back what `rng_state` gave. CUDA states are used as far as there are devices."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available():
        for device, cuda_state in enumerate(state["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(cuda_state, device)


def seed_everything(seed: int, rank: int = 0) -> None:
    """Seeds the generators of Python, NumPy and PyTorch; ranks differ, so that their dropout does."""
    random.seed(seed + rank)
    np.random.seed((seed + rank) % 2**32)
    torch.manual_seed(seed + rank)


@dataclass(frozen=True)
class Difference:
    """One recipe key in which a run and its checkpoint differ."""

    path: str
    before: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.path}: {self.before!r} in the checkpoint, {self.now!r} in the recipe"


ABSENT = "absent"


def differences(before: Any, now: Any, path: str = "") -> list[Difference]:
    """Leaves in which two recipe trees differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [*before, *(key for key in now if key not in before)]
        return [
            d for key in keys for d in differences(before.get(key, ABSENT), now.get(key, ABSENT), f"{path}.{key}".lstrip("."))
        ]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return [d for i, pair in enumerate(zip(before, now, strict=True)) for d in differences(*pair, f"{path}.{i}")]
    return [] if before == now else [Difference(path, before, now)]


# What must not change between a checkpoint and its continuation, and what may change only between two epochs.
FIXED = ("Architecture", "Loss", "Optimizer", "Global.accumulate_steps", "Global.paddle_exact")
FIXED_WITHIN_EPOCH = ("Train.dataset", "Train.sampler", "Train.loader", "Global.seed", "Global.max_text_length")
BATCH_SIZES = ("Train.loader.batch_size_per_card", "Train.sampler.first_bs")
FREE = ("Train.loader.num_workers", "Train.loader.use_shared_memory", "Train.loader.prefetch_factor", "Train.loader.pin_memory")
SAID = (
    "Global.epoch_num", "Global.max_minutes", "Global.clock", "Global.max_steps", "Global.num_threads", "Global.processes",
    "Global.use_amp", "Global.amp_dtype", "Global.use_gpu", "Global.scale_loss",
    "Global.use_dynamic_loss_scaling", "Global.amp_custom_black_list", "Global.amp_custom_white_list",
    "Global.use_ema", "Global.ema_decay", "Global.ema_gamma", "Global.ema_decay_type", "Global.ema_filter_no_grad",
    "Global.use_sync_bn", "Global.freeze_bn", "Global.loss_over_ranks",
)  # fmt: skip


def compare_recipes(
    before: dict[str, Any], now: dict[str, Any], within_epoch: bool, source: str, world_before: int = 1, world: int = 1
) -> list[str]:
    """Checks that `now` continues `before`.

    Args:
        world_before, world: numbers of processes. Within an epoch they may differ when the samples of a step do not.

    Returns:
        Messages on changes that are allowed but alter the continuation.

    Raises:
        CheckpointError: another architecture, loss or optimizer; or other data while an epoch is half done.
    """
    found = [d for d in differences(before, now) if not _under(d.path, FREE)]
    fatal = [d for d in found if _under(d.path, FIXED)]
    if fatal:
        raise CheckpointError(
            f"{source} belongs to another recipe:\n  "
            + "\n  ".join(map(str, fatal))
            + f"\nUndo the change to continue that run, or start a new one from its weights: Global.pretrained_model={source}"
        )
    data = [d for d in found if _under(d.path, FIXED_WITHIN_EPOCH)]
    if world != world_before:
        whole = [samples_of_a_step(tree, processes) for tree, processes in ((before, world_before), (now, world))]
        data = [d for d in data if whole[0] != whole[1] or d.path not in BATCH_SIZES]
        if whole[0] != whole[1]:
            data.append(Difference("samples of a step", whole[0], whole[1]))
    if data and within_epoch:
        raise CheckpointError(
            f"{source} was saved within an epoch, and the order of its data has changed"
            + (f" (by {world_before} processes, {world} now)" if world != world_before else "")
            + ":\n  "
            + "\n  ".join(map(str, data))
            + f"\nUndo the change to continue that run, or start a new one from its weights: Global.pretrained_model={source}"
        )
    return [f"resuming with a change, so not exactly as before: {d}" for d in found if _under(d.path, SAID) or d in data]


def samples_of_a_step(recipe: dict[str, Any], world: int) -> tuple[int, ...]:
    """Of all processes together: by the loader's batch size and, where the recipe has one, the sampler's."""
    train = recipe.get("Train") or {}
    sizes = ((train.get(section) or {}).get(key) for section, key in (path.split(".")[1:] for path in BATCH_SIZES))
    return tuple(size * world for size in sizes if isinstance(size, int))


def _under(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(prefix + ".") for prefix in prefixes)
