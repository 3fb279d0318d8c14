"""Networks whose weights are never used: what a check builds to see whether the parts fit."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

# Random fills, torch's functions and tensor methods: about a third of the time that checking a recipe takes.
FILLS = {
    *("uniform_", "normal_", "trunc_normal_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_"),
    *("orthogonal_", "sparse_", "random_", "bernoulli_", "exponential_", "cauchy_", "log_normal_", "geometric_"),
}

MOST_TENSORS = 8_000  # of weights; the shipped recipe with most (three networks) has 537
MOST_WEIGHTS = 2**31  # 8.6 GB as float32


class BlankWeights(TorchFunctionMode):
    """Within it random fills put zeros into a tensor, and draw nothing. A network beyond all machines (depth 2 ** 31) is refused
    before it has taken the memory.

    Raises (within):
        ValueError: more tensors or weights than any network has.
    """

    def __init__(self) -> None:
        super().__init__()
        self._tensors = self._weights = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") not in FILLS:
            return func(*args, **kwargs)
        tensor: Tensor = args[0] if args else kwargs["tensor"]
        self._tensors += 1
        self._weights += tensor.numel()
        if self._tensors > MOST_TENSORS:
            raise ValueError(f"the network has more than {MOST_TENSORS:,} tensors of weights")
        if self._weights > MOST_WEIGHTS:
            raise ValueError(f"the network has more than {MOST_WEIGHTS:,} weights")
        tensor.detach().zero_()
        return tensor
