"""torch's optimizers without torch's compiler, and updates that torch lacks or defines otherwise: Paddle's RMSProp, and Lamb.

Each works on whole lists of tensors.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def _bare(method: Any) -> Any:
    """A method of torch's optimizers as written. Decorated, it imports torch's compiler at its first call, compiled or not:
    two processor seconds and 70 MB at the start of every run."""
    return getattr(method, "__wrapped__", method)


class Uncompiled(torch.optim.Optimizer):
    """Base: an optimizer that is never compiled; what it computes and keeps is torch's."""

    add_param_group = _bare(torch.optim.Optimizer.add_param_group)
    state_dict = _bare(torch.optim.Optimizer.state_dict)
    load_state_dict = _bare(torch.optim.Optimizer.load_state_dict)
    zero_grad = _bare(torch.optim.Optimizer.zero_grad)


class Adam(Uncompiled, torch.optim.Adam):
    """torch's."""

    step = torch.no_grad()(_bare(torch.optim.Adam.step))


class AdamW(Uncompiled, torch.optim.AdamW):
    """torch's."""

    step = torch.no_grad()(_bare(torch.optim.AdamW.step))


class SGD(Uncompiled, torch.optim.SGD):
    """torch's."""

    step = torch.no_grad()(_bare(torch.optim.SGD.step))


class RMSprop(Uncompiled, torch.optim.RMSprop):
    """torch's."""

    step = torch.no_grad()(_bare(torch.optim.RMSprop.step))


class ListOptimizer(Uncompiled):
    """Base: `update` gets a group's parameters that have gradients."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            weights = [p for p in group["params"] if p.grad is not None]
            if weights:
                self.update(group, weights, [p.grad for p in weights])

    def update(self, group: dict[str, Any], weights: list[Tensor], gradients: list[Tensor]) -> None:
        """Changes `weights` in place."""
        raise NotImplementedError

    def averages(self, key: str, weights: list[Tensor]) -> list[Tensor]:
        """The state `key` of each weight, of its shape; zeros at first."""
        for weight in weights:
            if key not in self.state[weight]:
                self.state[weight][key] = torch.zeros_like(weight)
        return [self.state[weight][key] for weight in weights]


class RMSProp(ListOptimizer):
    """paddle.optimizer.RMSProp, not centred: v = rho v + (1 - rho) g^2; u = momentum u + lr g / sqrt(v + epsilon); w -= u."""

    def __init__(self, params: Any, momentum: float, rho: float, epsilon: float) -> None:
        super().__init__(params, {"lr": 0.0, "momentum": momentum, "rho": rho, "epsilon": epsilon})

    def update(self, group: dict[str, Any], weights: list[Tensor], gradients: list[Tensor]) -> None:
        squares = self.averages("square_avg", weights)
        torch._foreach_mul_(squares, group["rho"])
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - group["rho"])
        roots = torch._foreach_add(squares, group["epsilon"])
        torch._foreach_sqrt_(roots)
        if not group["momentum"]:
            torch._foreach_addcdiv_(weights, gradients, roots, -group["lr"])
            return
        moves = self.averages("momentum_buffer", weights)
        torch._foreach_mul_(moves, group["momentum"])
        torch._foreach_addcdiv_(moves, gradients, roots, group["lr"])
        torch._foreach_sub_(weights, moves)


class Lamb(ListOptimizer):
    """LAMB (You et al. 2020, algorithm 2) as paddle.optimizer.Lamb computes it: with Adam's bias correction, no bounds on the
    norms, and a ratio of 1 where a norm is 0 and, unless `always_adapt`, in groups without weight decay."""

    def __init__(self, params: Any, betas: tuple[float, float], epsilon: float, always_adapt: bool) -> None:
        settings = {"lr": 0.0, "weight_decay": 0.0, "betas": betas, "epsilon": epsilon, "always_adapt": always_adapt}
        super().__init__(params, settings)

    def update(self, group: dict[str, Any], weights: list[Tensor], gradients: list[Tensor]) -> None:
        beta1, beta2 = group["betas"]
        means, squares = self.averages("exp_avg", weights), self.averages("exp_avg_sq", weights)
        torch._foreach_lerp_(means, gradients, 1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - beta2)

        steps = self._count(weights)
        roots = torch._foreach_div(squares, [1 - beta2**step for step in steps])
        torch._foreach_sqrt_(roots)
        torch._foreach_add_(roots, group["epsilon"])
        updates = torch._foreach_div(means, [1 - beta1**step for step in steps])
        torch._foreach_div_(updates, roots)
        if group["weight_decay"]:
            torch._foreach_add_(updates, weights, alpha=group["weight_decay"])

        if group["weight_decay"] or group["always_adapt"]:
            lengths, strides = (torch.stack(torch._foreach_norm(tensors)) for tensors in (weights, updates))
            ratios = torch.where((lengths > 0) & (strides > 0), lengths / strides, 1.0)
            torch._foreach_mul_(updates, list(ratios.unbind()))
        torch._foreach_add_(weights, updates, alpha=-group["lr"])

    def _count(self, weights: list[Tensor]) -> list[int]:
        """How many steps each weight has made, this one included; weights without gradient skip steps."""
        for weight in weights:
            self.state[weight]["step"] = self.state[weight].get("step", 0) + 1
        return [self.state[weight]["step"] for weight in weights]
