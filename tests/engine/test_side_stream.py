"""Batches on their way to a device: what goes when, on streams that write down what they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from ppocr_like.config import GlobalConfig
from ppocr_like.engine import device as device_module
from ppocr_like.engine.device import Compute, choose_compute, native_bfloat16
from ppocr_like.engine.objective import Objective
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.side_stream import SideStream
from ppocr_like.losses.ctc_loss import CTCLoss


class Streams:
    """In the place of CUDA's."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.told: list[str] = []
        self.here = "computing"
        told = self.told

        class Stream:
            def __init__(self, device: Any = None, name: str = "side") -> None:
                self.name = name

            def wait_stream(self, other: Stream) -> None:
                told.append(f"{self.name} waits for {other.name}")

        @contextmanager
        def within(stream: Stream) -> Iterator[None]:
            before, self.here = self.here, stream.name
            yield
            self.here = before

        patch.setattr(torch.cuda, "Stream", Stream)
        patch.setattr(torch.cuda, "stream", within)
        patch.setattr(torch.cuda, "current_stream", lambda device=None: Stream(name=self.here))
        to = torch.Tensor.to
        patch.setattr(torch.Tensor, "to", lambda tensor, *a, **k: told.append(f"copy on {self.here}, {k}") or to(tensor, *a, **k))
        patch.setattr(torch.Tensor, "record_stream", lambda tensor, stream: told.append(f"kept for {stream.name}"))


def test_copies_go_beside_what_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = Streams(monkeypatch)
    here = torch.device("cpu")
    compute = Compute(here, channels_last=True, side=SideStream(here))
    batch = {"image": torch.rand(2, 3, 4, 6), "label": torch.ones(2, 5), "length": torch.ones(2), "info": ["a", "b"]}
    moved = compute.move(batch, {"length"})
    copy = "copy on side, {'non_blocking': True}"
    assert streams.told == [copy, copy, "computing waits for side", "kept for computing", "kept for computing"]
    assert list(moved) == list(batch) and moved["length"] is batch["length"] and moved["info"] is batch["info"]
    assert moved["image"].is_contiguous(memory_format=torch.channels_last) and torch.equal(moved["image"], batch["image"])


def test_what_is_read_on_the_host_stays_there() -> None:
    """Whichever part reads it; a loss may also be a plain function."""
    network = torch.nn.Sequential(torch.nn.Linear(2, 2))
    network[0].on_host = ("valid_width",)  # type: ignore[assignment]
    compute = Compute(torch.device("meta"))
    objective = Objective(network, CTCLoss(), compute)
    assert objective.on_host == {"length", "valid_width"}
    names = ("image", "length", "valid_width")
    moved = objective.moved({name: torch.zeros(2) for name in names})
    assert [moved[name].device.type for name in names] == ["meta", "cpu", "cpu"]
    assert Objective(torch.nn.Linear(1, 1), lambda outputs, batch: {}, compute).on_host == frozenset()


@pytest.mark.parametrize(("native", "wanted"), [(True, torch.bfloat16), (False, torch.float16)])
def test_bfloat16_where_the_gpu_computes_in_it(monkeypatch: pytest.MonkeyPatch, native: bool, wanted: torch.dtype) -> None:
    """PyTorch says that those before Ampere support it, too: it emulates it there."""
    Streams(monkeypatch)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or native)
    monkeypatch.setattr(device_module, "_device", lambda settings, ranks: torch.device("cuda", 0))
    assert native_bfloat16() == native
    compute = choose_compute(GlobalConfig(epoch_num=1, use_amp=True), Ranks())
    assert (compute.dtype, compute.channels_last, compute.far) == (wanted, True, True)
    assert isinstance(compute.side, SideStream)
