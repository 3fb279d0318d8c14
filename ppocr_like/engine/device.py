"""Device, precision and threads: one code path for float32, bfloat16 and float16."""

from __future__ import annotations

import logging
import mmap
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from ppocr_like.config import GlobalConfig
from ppocr_like.contracts import SampleInfo
from ppocr_like.data.apart import usual_threads
from ppocr_like.engine.low_precision import SLOWER, bfloat16_cost
from ppocr_like.engine.precision import FIRST_SCALE, LossScaler, OperatorLists
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.side_stream import SideStream
from ppocr_like.errors import TrainingError
from ppocr_like.memory import keep_freed_memory
from ppocr_like.modeling.depthwise import DepthwiseConv2d

logger = logging.getLogger("ppocr_like")

Module = TypeVar("Module", bound=torch.nn.Module)

DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}


@dataclass(frozen=True)
class Compute:
    """Where and how the maths runs.

    Args:
        device: where model and batches live.
        dtype: precision inside autocast; float32 switches autocast off.
        channels_last: memory format of images and convolution weights.
        lists: operators whose precision the recipe chooses; None without any.
        side: the stream on which batches come to a CUDA device; None: they come on the one that computes.
    """

    device: torch.device
    dtype: torch.dtype = torch.float32
    channels_last: bool = False
    lists: OperatorLists | None = None
    side: SideStream | None = None

    def autocast(self) -> AbstractContextManager[Any]:
        """The context of the forward pass."""
        if self.dtype is torch.float32:
            return nullcontext()
        return _both(torch.autocast(self.device.type, dtype=self.dtype), self.operators())

    def operators(self) -> AbstractContextManager[Any]:
        """The part of `autocast` that the recipe's operator lists are."""
        return nullcontext() if self.lists is None else self.lists

    def scaler(self, settings: GlobalConfig) -> LossScaler:
        """The loss scaler of `scale_loss` and `use_dynamic_loss_scaling`; it does nothing unless the precision is float16."""
        scale, dynamic = settings.scale_loss, settings.use_dynamic_loss_scaling
        if settings.paddle_exact:
            scale, dynamic = scale or 1.0, bool(dynamic)
        dynamic = scale is None if dynamic is None else dynamic
        return LossScaler(self.device.type, scale or FIRST_SCALE, dynamic, enabled=self.dtype is torch.float16)

    def place(self, model: Module) -> Module:
        """Moves a model to the device and its memory format, and tells its modules what the operator lists say."""
        for module in model.modules():
            if isinstance(module, DepthwiseConv2d):
                module.listed = self.lists.depthwise if self.lists is not None else None
        if self.channels_last:
            return model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return model.to(self.device)

    @property
    def far(self) -> bool:
        """Whether the device works while the host goes on, so that to fetch a number from it is to wait for it."""
        return self.device.type != "cpu"

    def move(self, batch: dict[str, Any], on_host: Collection[str] = ()) -> dict[str, Any]:
        """The batch with its tensors on the device; 4-d floating ones (images) in the memory format.

        Args:
            on_host: entries that stay where they are.
        """
        with self.side.copying() if self.side is not None else nullcontext():
            tensors = {name: value for name, value in batch.items() if isinstance(value, torch.Tensor) and name not in on_host}
            moved = {name: self._there(value) for name, value in tensors.items()}
        if self.side is not None:
            self.side.arrive(moved.values())
        return {**batch, **moved}

    def _there(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor on the device; the host waits for nothing, and the channels are put last there."""
        tensor = tensor.to(self.device, non_blocking=True)
        return tensor.contiguous(memory_format=torch.channels_last) if self.channels_last and tensor.ndim == 4 else tensor


@contextmanager
def _both(cast: AbstractContextManager[Any], lists: AbstractContextManager[Any]) -> Iterator[None]:
    with cast, lists:
        yield


def choose_compute(settings: GlobalConfig, ranks: Ranks) -> Compute:
    """Device and precision from the recipe's Global keys (`device`, PaddleOCR's `use_gpu`, `use_amp`, `amp_dtype`).

    Raises:
        TrainingError: a device that this machine does not have.
    """
    device = _device(settings, ranks)
    dtype = DTYPES[settings.amp_dtype or _low_precision(device)] if settings.use_amp else torch.float32
    if settings.amp_dtype == "float32" and settings.use_amp:
        logger.warning("Global.use_amp has no effect with Global.amp_dtype: float32; set it to bfloat16 or float16")
    if device.type == "cpu":
        keep_freed_memory()
    if settings.use_amp and settings.amp_level == "O2":
        logger.info("Global.amp_level O2 runs as O1: the weights themselves stay float32")
    lists = None
    if dtype is not torch.float32 and (settings.amp_custom_black_list or settings.amp_custom_white_list):
        lists = OperatorLists(settings.amp_custom_black_list, settings.amp_custom_white_list, device.type, dtype)
    side = SideStream(device) if device.type == "cuda" else None
    return Compute(device, dtype, settings.channels_last, lists, side)


def _low_precision(device: torch.device) -> str:
    """bfloat16 needs no loss scaling and keeps float32's range; GPUs before Ampere do not have it, and many processors only
    emulate it, where float32 is faster."""
    if device.type == "cpu" and (cost := bfloat16_cost()) > SLOWER:
        logger.warning(
            "Global.use_amp: this processor only emulates bfloat16 (a test takes %.1f times as long as in float32), so float32 "
            "is used; Global.amp_dtype=bfloat16 insists",
            cost,
        )
        return "float32"
    return "float16" if device.type == "cuda" and not native_bfloat16() else "bfloat16"


def native_bfloat16() -> bool:
    """Whether this GPU computes in bfloat16 itself: those before Ampere only emulate it, where float16 is faster."""
    return torch.cuda.is_bf16_supported(including_emulation=False)


def _device(settings: GlobalConfig, ranks: Ranks) -> torch.device:
    wanted = settings.device if settings.use_gpu is None else "cuda" if settings.use_gpu else "cpu"
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    key = "Global.device" if settings.use_gpu is None else "Global.use_gpu"
    if wanted.startswith("cuda"):
        index = int(wanted.partition(":")[2] or ranks.local_rank)
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if index >= count:
            raise TrainingError(
                f"{key} asks for {wanted}, but PyTorch sees {count} CUDA devices; set Global.device=cpu to run without"
            )
        torch.cuda.set_device(index)
        return torch.device("cuda", index)
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise TrainingError(f"{key} asks for mps, which PyTorch cannot use here; set Global.device=cpu")
    return torch.device(wanted)


def set_threads(wanted: int | None) -> int:
    """Sets the threads of PyTorch's operators (None: OMP_NUM_THREADS, else every core this process may use)."""
    if wanted is None:
        wanted = usual_threads()
    torch.set_num_threads(wanted)
    return wanted


@contextmanager
def determinism(wanted: bool | str) -> Iterator[None]:
    """`Global.deterministic`: within it PyTorch takes operators that repeat their results alone, or warns of others."""
    if not wanted:
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it, cuBLAS refuses in this mode
    before, warned = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=wanted == "warn")
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned)


@contextmanager
def network_told(images: torch.Tensor, infos: Sequence[SampleInfo], section: str, where: str = "") -> Iterator[None]:
    """Around the network's and the loss' work on a batch, where no other process waits within: what does not fit is said.

    Args:
        where: YAML path of what decides about the images' size.

    Raises:
        TrainingError: in the place of a ValueError or RuntimeError, with the batch's size and its first sample.
    """
    try:
        yield
    except (ValueError, RuntimeError) as error:
        logger.debug("the network's own error", exc_info=True)
        size, first = " x ".join(map(str, images.shape)), infos[0]
        raise TrainingError(
            f"network or loss cannot take a batch of {size} ({where or f'{section}.dataset.transforms'} decides the size; "
            f"the first sample: {first.place}: {first.path}): {error}. Global.debug=true shows where"
        ) from error


@contextmanager
def memory_told(images: torch.Tensor, infos: Sequence[SampleInfo], section: str) -> Iterator[None]:
    """Around the network's work on a batch: what to do when memory does not suffice for it.

    Raises:
        TrainingError: in the place of PyTorch's own error, with the batch's size and its first image.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError; on a CPU there is only the message
        known = isinstance(error, MemoryError | torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)
        if not known:
            raise
        size = " x ".join(map(str, images.shape))
        raise TrainingError(
            f"memory does not suffice for a batch of {size} (the first image: {infos[0].path}); lower "
            f"{section}.loader.batch_size_per_card, or the size that the transforms give ({str(error).splitlines()[0]})"
        ) from error


def memory_text(device: torch.device) -> str:
    """Resident memory of this process and, on a GPU, the peak that PyTorch allocated: "812 MB" or "812 MB + 3120 MB GPU"."""
    text = f"{resident_bytes() / 2**20:.0f} MB"
    if device.type == "cuda":
        text += f" + {torch.cuda.max_memory_allocated(device) / 2**20:.0f} MB GPU"
    return text


def resident_bytes() -> int:
    """Resident set of this process, 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * mmap.PAGESIZE
    except OSError:
        return 0
