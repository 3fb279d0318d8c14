"""`Global.compile`: the network through torch.compile."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from ppocr_like.config.globals import Compile
from ppocr_like.errors import TrainingError

logger = logging.getLogger("ppocr_like")


def compile_model(model: nn.Module, settings: Compile, device: torch.device) -> None:
    """Has the model, or its named parts, compiled at their first batch. Modules are compiled in place: names of parameters stay.

    Raises:
        TrainingError: a part that the model does not have, or a compiler that is missing or does not work.
    """
    parts = [model]
    if settings.parts is not None:
        named = dict(model.named_children())
        missing = [name for name in settings.parts if name not in named]
        if missing:
            raise TrainingError(f"Global.compile.parts names {', '.join(missing)}; this network has {', '.join(named)}")
        parts = [named[name] for name in settings.parts]
    if settings.backend == "inductor":
        try_compiler(device)
    for part in parts:
        part.compile(mode=settings.mode, dynamic=settings.dynamic, backend=settings.backend, fullgraph=settings.fullgraph)
    logger.info(
        "torch.compile (%s, mode %s): the first batches of training and of evaluation take minutes",
        settings.backend,
        settings.mode or "default",
    )


def try_compiler(device: torch.device) -> None:
    """Compiles a line of arithmetic, so that a missing compiler shows before the data is read.

    Raises:
        TrainingError: what torch said, and what to do.
    """

    def line(x: torch.Tensor) -> torch.Tensor:
        return x * 2 + 1

    try:
        torch.compile(line)(torch.ones(8, device=device))
    except Exception as error:  # whatever a broken tool chain raises
        what = "a C++ compiler (apt install g++, and Python's headers)" if device.type == "cpu" else "Triton and a C compiler"
        reason = next((text for text in str(error).splitlines() if text.strip()), type(error).__name__)
        raise TrainingError(
            f"Global.compile: torch.compile does not work on this machine ({reason}). It needs {what}; "
            "or set Global.compile=false"
        ) from error


@contextmanager
def compile_told() -> Iterator[None]:
    """Around the network's work: what to do when torch.compile cannot take the network.

    Raises:
        TrainingError: in the place of the compiler's own error.
    """
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise
        reason = next((text for text in str(error).splitlines() if text.strip()), type(error).__name__)
        raise TrainingError(
            f"torch.compile cannot compile this network ({reason}); set Global.compile=false, or "
            "Global.compile='{dynamic: false}' where it failed at the second size of images"
        ) from error
