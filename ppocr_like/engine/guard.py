"""What a step may spoil, and how it is put right: RNG and running statistics of an unfinished step; signals."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch

from ppocr_like.errors import RankLost


@dataclass(frozen=True)
class Kept:
    """Running statistics and random generators at one moment.

    Args:
        buffers: those of one type each as one tensor.
        cpu, cuda: the generators' states, on the host.
    """

    buffers: list[torch.Tensor]
    cpu: torch.Tensor
    cuda: torch.Tensor | None


class StepGuard:
    """Remembers, before each step, what the forward pass changes besides the gradients.

    When a step fails halfway (a NaN, an image that cannot be read under `strict`, no memory), `undo` puts the generators
    and the running statistics back, so that the state is exactly that of the step before and can be saved.
    """

    def __init__(self, model: torch.nn.Module, device: torch.device) -> None:
        self._buffers: dict[torch.dtype, list[torch.Tensor]] = {}
        for buffer in model.buffers():
            self._buffers.setdefault(buffer.dtype, []).append(buffer)
        self._device = device
        self.kept = self.keep()
        self.open = False  # a step has begun and not ended
        self.spoiled = False  # a weight update was cut off: the state cannot be repaired

    def keep(self) -> Kept:
        """This moment's state. Nobody waits for a device."""
        buffers = [torch.cat([buffer.reshape(-1) for buffer in members]) for members in self._buffers.values()]
        cuda = torch.cuda.get_rng_state(self._device) if self._device.type == "cuda" else None
        return Kept(buffers, torch.get_rng_state(), cuda)

    def begin(self) -> None:
        self.kept = self.keep()
        self.open = True

    @contextmanager
    def update(self) -> Iterator[None]:
        """Around the optimizer's step, which changes the weights in place."""
        self.spoiled = True
        yield
        self.spoiled = False

    def end(self) -> None:
        self.open = False

    def undo(self) -> None:
        """Back to the state before the step, if one is open."""
        if self.open:
            self.back_to(self.kept)

    def back_to(self, kept: Kept) -> None:
        """To what `keep` gave at an earlier moment."""
        with torch.no_grad():
            for flat, members in zip(kept.buffers, self._buffers.values(), strict=True):
                for buffer, part in zip(members, flat.split([buffer.numel() for buffer in members]), strict=True):
                    buffer.copy_(part.view(buffer.shape))
        torch.set_rng_state(kept.cpu)
        if kept.cuda is not None:
            torch.cuda.set_rng_state(kept.cuda, self._device)
        self.open = False


@contextmanager
def kept_rng() -> Iterator[None]:
    """What happens inside leaves PyTorch's generators as they were (a DataLoader draws a seed when it starts)."""
    cpu = torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    try:
        yield
    finally:
        torch.set_rng_state(cpu)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM, raised at a point where the state can be saved. `status` is the shell's exit status."""

    def __init__(self, signum: int) -> None:
        self.signum = signum
        self.status = 128 + signum
        super().__init__(signal.Signals(signum).name)


class Signals:
    """Notes SIGINT and SIGTERM instead of dying; `check` raises where stopping is safe. The second one kills at once.

    A process that ends because another one is gone (RankLost) is deaf to SIGTERM from then on: the launcher sends one within
    moments, and it must not come before the process has closed its files and said why it ends.
    """

    def __init__(self) -> None:
        self.pending = 0
        self._process = os.getpid()

    def __enter__(self) -> Signals:
        self._earlier: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():  # Python sets handlers there only
            for signum in (signal.SIGINT, signal.SIGTERM):
                self._earlier[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        for signum, handler in self._earlier.items():
            deaf = signum == signal.SIGTERM and isinstance(error, RankLost)
            signal.signal(signum, signal.SIG_IGN if deaf else handler)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:  # a worker process, which inherited this handler
            raise SystemExit(128 + signum)
        self.pending = signum
        if os.environ.get("LOCAL_RANK", "0") == "0":  # as `console` has it: one rank on each machine says what concerns all
            _say_within_handler(f"{signal.Signals(signum).name}: stopping after this step and saving; once more stops at once")
        signal.signal(signum, signal.default_int_handler if signum == signal.SIGINT else signal.SIG_DFL)

    def check(self) -> None:
        """Raises Interrupted when a signal came."""
        if self.pending:
            raise Interrupted(self.pending)


def _say_within_handler(text: str) -> None:
    """Past `logging` and `sys.stderr`: the signal may have come in the middle of writing a line there, which cannot be entered
    a second time."""
    with suppress(OSError):  # standard error is closed
        os.write(2, f"warning: [{time.strftime('%H:%M:%S')}] {text}\n".encode())
