"""The optimizers of PaddleOCR and Paddle, and those of kraken, which are PyTorch's: the arguments are dataclass fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from ppocr_like.contracts import ParamAttr
from ppocr_like.optim import kernels
from ppocr_like.optim.base import Optimizer, Settings, active, one_penalty, own_penalty
from ppocr_like.optim.checks import bad, number
from ppocr_like.optim.regularizers import L2, Regularizer
from ppocr_like.registry import OPTIMIZERS, REGULARIZERS, Part

Groups = list[dict[str, Any]]
DEFAULT_DECAY = 0.01  # paddle.optimizer.AdamW's weight_decay and paddle.optimizer.Lamb's lamb_weight_decay


def _share(value: float, path: str) -> float:
    """A factor that keeps part of an average: at least 0, below 1."""
    share = number(value, path)
    if share >= 1:
        raise bad(path, f"must be below 1, got {value!r}")
    return share


@dataclass(kw_only=True, eq=False, repr=False)
class CoupledOptimizer(Optimizer):
    """An optimizer whose weight decay is part of the gradient: a parameter's own penalty replaces the global one.

    Args:
        weight_decay: short for `regularizer: {name: L2, factor: ...}`.
        regularizer: penalty of every parameter that has none of its own.
        others: see `Optimizer`.
    """

    weight_decay: float | None = None
    regularizer: Regularizer | None = None

    parts: ClassVar = (Part("regularizer", REGULARIZERS),)

    def __post_init__(self) -> None:
        self.regularizer = one_penalty(self.regularizer, self.weight_decay)
        super().__post_init__()

    def settings(self, name: str, parameter: nn.Parameter, attr: ParamAttr, decay: float | None) -> Settings:
        own = L2(decay) if decay is not None else own_penalty(attr)
        return Settings(coupled=active(self.regularizer if own is None else own))


@dataclass(kw_only=True, eq=False, repr=False)
class DecoupledOptimizer(Optimizer):
    """An optimizer whose weight decay is no part of the gradient (Loshchilov and Hutter 2019).

    A penalty that a module asks for its parameter (ParamAttr) is added to the gradient on top of the decay and does not
    replace it; an L2 of 0 does not exempt. Exempt by the last two arguments, or with `param_groups`.

    Args:
        weight_decay: decoupled decay, 0.01 when None.
        regularizer: an L2 here is another way to write `weight_decay`; under CosineL2 the decay follows its curve.
        no_weight_decay_name: substrings of parameter names, separated by spaces, that have no decay.
        one_dim_param_no_weight_decay: no decay for biases, norm weights and other vectors.
        others: see `Optimizer`.
    """

    weight_decay: float | None = None
    regularizer: Regularizer | None = None
    no_weight_decay_name: str | None = None
    one_dim_param_no_weight_decay: bool = False

    parts: ClassVar = (Part("regularizer", REGULARIZERS),)
    kernel_l2 = False

    def __post_init__(self) -> None:
        self.regularizer = one_penalty(self.regularizer, self.weight_decay) or L2(DEFAULT_DECAY)
        if self.regularizer.norm != 2:
            raise bad("regularizer", f"{type(self).__name__} takes only L2 and CosineL2, got {self.regularizer!r}; or use Adam")
        super().__post_init__()

    def settings(self, name: str, parameter: nn.Parameter, attr: ParamAttr, decay: float | None) -> Settings:
        rule = self.regularizer if decay is None else L2(decay)
        named = any(part in name for part in (self.no_weight_decay_name or "").split())
        if decay is None and (named or (self.one_dim_param_no_weight_decay and parameter.dim() == 1)):
            rule = None
        return Settings(coupled=active(own_penalty(attr)), decay=active(rule))


@dataclass(kw_only=True, eq=False, repr=False)
class Moments(Optimizer):
    """The arguments of Adam's family.

    Args:
        beta1, beta2: what stays of the averages of gradient and squared gradient in a step; at least 0, below 1.
        epsilon: added to the root of the squared average.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        self.betas = (_share(self.beta1, "beta1"), _share(self.beta2, "beta2"))
        self.epsilon = number(self.epsilon, "epsilon", above=True)
        super().__post_init__()


@OPTIMIZERS.register()
@dataclass(kw_only=True, eq=False, repr=False)
class Adam(Moments, CoupledOptimizer):
    """Adam (Kingma and Ba 2015) with coupled penalties, as `paddle.optimizer.Adam`."""

    def build(self, groups: Groups, fused: bool | None) -> torch.optim.Optimizer:
        return kernels.Adam(groups, lr=0.0, betas=self.betas, eps=self.epsilon, fused=fused)


@OPTIMIZERS.register()
@dataclass(kw_only=True, eq=False, repr=False)
class AdamW(Moments, DecoupledOptimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), as `paddle.optimizer.AdamW`."""

    def build(self, groups: Groups, fused: bool | None) -> torch.optim.Optimizer:
        return kernels.AdamW(groups, lr=0.0, betas=self.betas, eps=self.epsilon, weight_decay=0.0, fused=fused)


@OPTIMIZERS.register()
@dataclass(kw_only=True, eq=False, repr=False)
class Lamb(Moments, DecoupledOptimizer):
    """Adam for big batches, its update as long as the weights are (You and others 2020), as `paddle.optimizer.Lamb`.

    u = m / (sqrt(v) + epsilon) + decay * w with Adam's corrected averages; w -= rate * |w| / |u| * u, norms per parameter.
    Parameters without decay take u as it is, unless `always_adapt`.

    Args:
        lamb_weight_decay: Paddle's name for `weight_decay`; give one.
        always_adapt: parameters without decay have their update scaled too.
        others: see `AdamW`.
    """

    epsilon: float = 1e-6
    lamb_weight_decay: float | None = None
    always_adapt: bool = False

    def __post_init__(self) -> None:
        if self.lamb_weight_decay is not None:
            if self.weight_decay is not None or self.regularizer is not None:
                raise bad("lamb_weight_decay", "and weight_decay or regularizer are both set; give one: they mean the same")
            self.weight_decay = number(self.lamb_weight_decay, "lamb_weight_decay")
        super().__post_init__()

    def build(self, groups: Groups, fused: bool | None) -> torch.optim.Optimizer:
        return kernels.Lamb(groups, self.betas, self.epsilon, self.always_adapt)


@OPTIMIZERS.register()
@dataclass(kw_only=True, eq=False, repr=False)
class Momentum(CoupledOptimizer):
    """SGD with momentum and coupled penalties, as `paddle.optimizer.Momentum`: v = momentum * v + g; w -= rate * v.

    Args:
        momentum: at least 0, below 1.
        others: see `CoupledOptimizer`.
    """

    momentum: float

    def __post_init__(self) -> None:
        self.momentum = _share(self.momentum, "momentum")
        super().__post_init__()

    def build(self, groups: Groups, fused: bool | None) -> torch.optim.Optimizer:
        return kernels.SGD(groups, lr=0.0, momentum=self.momentum, fused=fused)


@OPTIMIZERS.register()
@dataclass(kw_only=True, eq=False, repr=False)
class SGD(CoupledOptimizer):
    """Gradient descent, as `torch.optim.SGD` (not in PaddleOCR's registry): Momentum, but without momentum unless one is given.

    Args:
        momentum: at least 0, below 1.
        others: see `CoupledOptimizer`.
    """

    momentum: float = 0.0

    def __post_init__(self) -> None:
        self.momentum = _share(self.momentum, "momentum")
        super().__post_init__()

    def build(self, groups: Groups, fused: bool | None) -> torch.optim.Optimizer:
        return kernels.SGD(groups, lr=0.0, momentum=self.momentum, fused=fused)


@OPTIMIZERS.register()
@dataclass(kw_only=True, eq=False, repr=False)
class RMSProp(CoupledOptimizer):
    """Gradients over the root of their average square (Hinton 2012), as `paddle.optimizer.RMSProp`.

    v = rho * v + (1 - rho) * g^2; u = momentum * u + rate * g / sqrt(v + epsilon); w -= u. Other than torch's, epsilon stands
    under the root and the rate within the momentum.

    Args:
        momentum, rho: at least 0, below 1.
        epsilon: above 0.
        others: see `CoupledOptimizer`.
    """

    momentum: float = 0.0
    rho: float = 0.95
    epsilon: float = 1e-6

    kernel_l2 = False

    def __post_init__(self) -> None:
        self.momentum, self.rho = _share(self.momentum, "momentum"), _share(self.rho, "rho")
        self.epsilon = number(self.epsilon, "epsilon", above=True)
        super().__post_init__()

    def build(self, groups: Groups, fused: bool | None) -> torch.optim.Optimizer:
        return kernels.RMSProp(groups, self.momentum, self.rho, self.epsilon)


@OPTIMIZERS.register()
@dataclass(kw_only=True, eq=False, repr=False)
class RMSprop(CoupledOptimizer):
    """Gradients over the root of their average square (Hinton 2012), as `torch.optim.RMSprop`; Paddle's formula is `RMSProp`.

    v = alpha * v + (1 - alpha) * g^2; u = momentum * u + g / (sqrt(v) + epsilon); w -= rate * u.

    Args:
        momentum, alpha: at least 0, below 1.
        epsilon: above 0.
        others: see `CoupledOptimizer`.
    """

    momentum: float = 0.0
    alpha: float = 0.99
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        self.momentum, self.alpha = _share(self.momentum, "momentum"), _share(self.alpha, "alpha")
        self.epsilon = number(self.epsilon, "epsilon", above=True)
        super().__post_init__()

    def build(self, groups: Groups, fused: bool | None) -> torch.optim.Optimizer:
        return kernels.RMSprop(groups, lr=0.0, alpha=self.alpha, eps=self.epsilon, momentum=self.momentum, foreach=True)


@OPTIMIZERS.register()
@dataclass(kw_only=True, eq=False, repr=False)
class Adadelta(CoupledOptimizer):
    """Steps in the unit of the weights (Zeiler 2012), as `paddle.optimizer.Adadelta`.

    v = rho * v + (1 - rho) * g^2; d = sqrt((a + epsilon) / (v + epsilon)) * g; a = rho * a + (1 - rho) * d^2; w -= rate * d.

    Args:
        rho: at least 0, below 1.
        epsilon: above 0.
        others: see `CoupledOptimizer`.
    """

    epsilon: float = 1e-8
    rho: float = 0.95

    def __post_init__(self) -> None:
        self.epsilon, self.rho = number(self.epsilon, "epsilon", above=True), _share(self.rho, "rho")
        super().__post_init__()

    def build(self, groups: Groups, fused: bool | None) -> torch.optim.Optimizer:
        return torch.optim.Adadelta(groups, lr=0.0, rho=self.rho, eps=self.epsilon, foreach=True)
