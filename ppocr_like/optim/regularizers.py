"""Weight penalties whose gradient is added to the loss's (PaddleOCR's `Optimizer.regularizer` and ParamAttr)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from ppocr_like.optim.checks import count, number
from ppocr_like.registry import REGULARIZERS


class Regularizer(ABC):
    """`coefficient(step)` times the weight (`norm` 2) or times its sign (`norm` 1) is added to the gradient."""

    norm: int
    total_steps = 0  # of the run, for those that follow its length

    @abstractmethod
    def coefficient(self, step: int) -> float:
        """The factor in optimizer step `step`; 0 is no penalty."""


class ConstantRegularizer(Regularizer):
    """A penalty whose factor stays.

    Args:
        factor: at least 0; 0 switches the penalty off.
    """

    def __init__(self, factor: float = 0.0) -> None:
        self.factor = number(factor, "regularizer.factor")

    def coefficient(self, step: int) -> float:
        return self.factor

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConstantRegularizer) and (self.norm, self.factor) == (other.norm, other.factor)

    def __hash__(self) -> int:
        return hash((self.norm, self.factor))

    def __repr__(self) -> str:
        return f"L{self.norm}({self.factor:g})"


@REGULARIZERS.register("L2Decay")
@REGULARIZERS.register()
class L2(ConstantRegularizer):
    """factor * w."""

    norm = 2


@REGULARIZERS.register("L1Decay")
@REGULARIZERS.register()
class L1(ConstantRegularizer):
    """factor * sign(w)."""

    norm = 1


@REGULARIZERS.register("CosineL2Decay")
@REGULARIZERS.register()
class CosineL2(Regularizer):
    """L2 whose factor stays at `factor` for the warm-up, then falls along half a cosine to `end_factor` at the run's end.

    PaddleOCR's CosineL2Decay works under Adam and raises under Momentum and AdamW; here it works under every optimizer, and
    is the decoupled decay under AdamW and Lamb.
    """

    norm = 2

    def __init__(
        self, epochs: int, steps_per_epoch: int, factor: float = 5e-5, end_factor: float = 0.0, warmup_epoch: float = 0
    ) -> None:
        self.factor = number(factor, "regularizer.factor")
        self.end_factor = number(end_factor, "regularizer.end_factor")
        self.total_steps = count(epochs, "regularizer.epochs") * count(steps_per_epoch, "regularizer.steps_per_epoch")
        self.warmup_steps = round(number(warmup_epoch, "regularizer.warmup_epoch") * steps_per_epoch)

    def coefficient(self, step: int) -> float:
        if step <= self.warmup_steps:
            return self.factor
        phase = min((step - self.warmup_steps) / max(self.total_steps - self.warmup_steps, 1), 1.0)
        return self.end_factor + (self.factor - self.end_factor) * (1 + math.cos(math.pi * phase)) / 2

    def __repr__(self) -> str:
        return f"CosineL2({self.factor:g} to {self.end_factor:g})"
