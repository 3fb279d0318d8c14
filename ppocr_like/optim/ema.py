"""Averages of a model's weights over its training steps, as PaddleOCR's `Global.use_ema` (ppocr.utils.ema.ModelEMA)."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ppocr_like.errors import CheckpointError

DecayType = Literal["threshold", "exponential", "normal"]


class WeightAverage:
    """A running average of a model's parameters and running statistics, in which a step counts the less the older it is.

    With decays d_1 ... d_t, step i has the share (1 - d_i) * d_(i+1) * ... * d_t of all of them together, c_t. The average
    itself is kept, a_t = a_(t-1) + (1 - d_t) / c_t * (w_t - a_(t-1)) with c_t = d_t * c_(t-1) + 1 - d_t and c_0 = 0, so it is
    right from the first step on and can take the weights' place as it is. PaddleOCR keeps c_t * a_t and divides it by
    1 - d_t ** t, which is c_t only where d is constant, and under "exponential" by nothing; `paddle_exact` does the same.

    Integer buffers (counters) are not averaged.

    Args:
        model: the network; until the first step the average is what it holds now.
        decay: at least 0, below 1.
        gamma: steps in which "exponential" comes to 63 % of `decay`.
        decay_type: d_t is decay under "normal", min(decay, t / (9 + t)) under "threshold", decay * (1 - exp(-t / gamma)) under
            "exponential".
        filter_no_grad: parameters that do not require gradients now (a frozen teacher's) are left out and stay the model's.
        leave_out: names of tensors that never change (a frozen sub-model's) and need no average.

    Raises:
        ValueError: `decay`, `gamma` or `decay_type` out of range.
    """

    def __init__(
        self,
        model: nn.Module,
        decay: float = 0.9998,
        gamma: float = 2000.0,
        decay_type: DecayType = "threshold",
        filter_no_grad: bool = False,
        paddle_exact: bool = False,
        leave_out: Collection[str] = (),
    ) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"ema_decay is {decay}, but at least 0 and less than 1 is needed")
        if not gamma > 0:
            raise ValueError(f"ema_gamma is {gamma}, but more than 0 is needed")
        if decay_type not in ("threshold", "exponential", "normal"):
            raise ValueError(f"ema_decay_type is {decay_type!r}; accepted: threshold, exponential, normal")
        self.decay, self.gamma, self.decay_type, self.paddle_exact = decay, gamma, decay_type, paddle_exact
        self.steps = 0
        self.divisor = 0.0  # c_t
        self._swapped = False
        # `keep_vars` gives the model's own tensors; one that stands under two names is averaged once.
        trained = {id(p) for p in model.parameters() if p.requires_grad or not filter_no_grad}
        frozen = {id(p) for p in model.parameters()} - trained
        state = model.state_dict(keep_vars=True)
        self._names = {n: id(t) for n, t in state.items() if t.is_floating_point() and id(t) not in frozen and n not in leave_out}
        self._live: dict[int, Tensor] = {id(state[name]): state[name] for name in self._names}
        self._averages = [tensor.detach().clone() for tensor in self._live.values()]  # in the strides of the weights

    def next_decay(self) -> float:
        """d of the step to come."""
        step = self.steps + 1
        if self.decay_type == "threshold":
            return min(self.decay, step / (9 + step))
        if self.decay_type == "exponential":
            return self.decay * (1 - math.exp(-step / self.gamma))
        return self.decay

    @torch.no_grad()
    def update(self, skip: Tensor | None = None) -> None:
        """Takes in the model's weights as they are after a step.

        Args:
            skip: a scalar on their device; where it is not 0, the averages stay.
        """
        before_step = self._averages
        if skip is not None:
            self._averages = list(torch._foreach_mul(before_step, 1.0))  # copies
        self._take_in()
        if skip is not None:
            for average, taken in zip(before_step, self._averages, strict=True):
                torch.where(skip > 0, average, taken, out=average)
            self._averages = before_step

    def _take_in(self) -> None:
        decay, before = self.next_decay(), self.divisor
        self.steps += 1
        self.divisor = decay * before + (1 - decay)
        if self.paddle_exact:
            self.divisor = 1.0 if self.decay_type == "exponential" else 1 - decay**self.steps
        live = [tensor.detach() for tensor in self._live.values()]
        if not self.paddle_exact:  # in this form an average of equal weights is equal to the last bit
            torch._foreach_lerp_(self._averages, live, (1 - decay) / self.divisor)
            return
        torch._foreach_mul_(self._averages, decay * before / self.divisor)
        torch._foreach_add_(self._averages, live, alpha=(1 - decay) / self.divisor)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model holds the averages within the block and its own weights again after it. Nothing is copied: they change
        places. A block within a block changes nothing."""
        if self._swapped:
            yield
            return
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for i, tensor in enumerate(self._live.values()):
            tensor.data, self._averages[i] = self._averages[i], tensor.data
        self._swapped = not self._swapped

    def state(self) -> dict[str, Any]:
        """Plain data and the averages by parameter name (the tensors themselves, no copies)."""
        by_id = dict(zip(self._live, self._averages, strict=True))
        averages = {name: by_id[tensor] for name, tensor in self._names.items()}
        return {"steps": self.steps, "divisor": self.divisor, "averages": averages}

    @torch.no_grad()
    def load(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` gave.

        Raises:
            CheckpointError: the averages are of another network, or of other parameters of it; nothing is changed then.
        """
        saved = state["averages"]
        wrong = [n for n in self._names if n not in saved or saved[n].shape != self._live[self._names[n]].shape]
        wrong += [name for name in saved if name not in self._names]
        if wrong:
            raise CheckpointError(
                f"the checkpoint's averaged weights do not fit the network: {len(wrong)} of {len(self._names)}, first "
                f"{', '.join(wrong[:3])}; leave Global.ema_filter_no_grad as it was"
            )
        self.steps, self.divisor = state["steps"], state["divisor"]
        by_id = {self._names[name]: value for name, value in saved.items()}
        for average, tensor in zip(self._averages, self._live, strict=True):
            average.copy_(by_id[tensor])
