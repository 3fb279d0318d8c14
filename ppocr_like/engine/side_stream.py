"""Copies to a CUDA device beside what it computes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch


class SideStream:
    """A stream of its own for batches on their way to a device.

    The host does not wait for a step (`engine.late`), so it hands over the next batch while the device is still at work on this
    one; on a stream of its own the copy then goes on beside that work, where it comes from page-locked memory (`Loader`).
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)

    @contextmanager
    def copying(self) -> Iterator[None]:
        """What is copied within goes through this stream."""
        with torch.cuda.stream(self._stream):
            yield

    def arrive(self, tensors: Iterable[torch.Tensor]) -> None:
        """What is computed from now on waits for the copies; their memory is not given to another copy before it is done with
        them."""
        current = torch.cuda.current_stream(self._device)
        current.wait_stream(self._stream)
        for tensor in tensors:
            tensor.record_stream(current)
