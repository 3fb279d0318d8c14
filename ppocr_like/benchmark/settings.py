"""What can be asked of the benchmark: known without torch, so that the command line can judge its arguments at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# What `--only` takes, in the order in which it is measured.
SECTIONS = {
    "chain": "each transform of the training chain, on one core",
    "loader": "the loader with several numbers of workers",
    "step": "forward, loss, backward and optimizer, float32 and bfloat16, by canvas width",
    "loop": "the real loop against the same batches from memory, and against bare steps",
    "evaluation": "network, post-processing and metric on batches of the deciding evaluation set",
    "postprocess": "boxes from a synthetic page's map, stage by stage (detection)",
    "runtime": "latency of the exported network in ONNX Runtime, and of PyTorch, by size and batch",
}


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

    @classmethod
    def of(cls, batch: dict[str, Any]) -> Shape:
        return cls(*batch["image"].shape)

    def __str__(self) -> str:
        return f"{self.batch}x{self.channels}x{self.height}x{self.width}"


@dataclass(frozen=True)
class Settings:
    """What is measured, and how long.

    Args:
        shape: canvas of the chain and batch of the steps; None takes the recipe's own batches.
        chain_samples: samples through the data chain in a round.
        rounds: how often each figure is taken, in turns.
        steps: training steps in a round of the loop.
        widths: how many of the recipe's canvas widths are measured.
        workers: numbers of worker processes; None: the recipe's, 0, 1 and as many as there are cores.
        loader_seconds: how long each number of workers runs in a round.
        eval_batches: batches of the evaluation.
        runtime_sizes: widths (lines) or sides (pages), px, that ONNX Runtime gets, each with each of `runtime_batches`.
        only: names of the sections; empty: all.
        profile: where a profiler's trace goes; None: none is taken.
    """

    shape: Shape | None = None
    chain_samples: int = 200
    rounds: int = 5
    steps: int = 6
    widths: int = 4
    workers: Sequence[int] | None = None
    loader_seconds: float = 1.5
    eval_batches: int = 8
    runtime_sizes: Sequence[int] = ()
    runtime_batches: Sequence[int] = (1, 8)
    only: Sequence[str] = ()
    profile: str | None = None

    @classmethod
    def quick(cls) -> dict[str, Any]:
        """Arguments for a look of half a minute or so; the figures are rough."""
        return {
            "chain_samples": 50,
            "rounds": 2,
            "steps": 3,
            "widths": 1,
            "loader_seconds": 0.7,
            "eval_batches": 2,
            "runtime_batches": (1,),
        }
