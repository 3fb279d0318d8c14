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


class BlankWeights(TorchFunctionMode):
    """Within it random fills put zeros into a tensor, and draw nothing."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") not in FILLS:
            return func(*args, **kwargs)
        tensor: Tensor = args[0] if args else kwargs["tensor"]
        tensor.detach().zero_()
        return tensor
