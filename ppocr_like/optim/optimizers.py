"""Adam, AdamW, Momentum, SGD with PaddleOCR's arguments and meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ppocr_like.contracts import ParamAttr
from ppocr_like.optim.base import NamedParameters, Optimizer, Settings, active, coupled_penalty, own_penalty
from ppocr_like.optim.checks import bad, number
from ppocr_like.optim.regularizers import L2, Regularizer
from ppocr_like.optim.schedules import Schedule
from ppocr_like.registry import OPTIMIZERS


def _beta(value: float, path: str) -> float:
    beta = number(value, path)
    if beta >= 1:
        raise bad(path, f"must be below 1, got {value!r}")
    return beta


class CoupledOptimizer(Optimizer):
    """An optimizer whose weight decay is part of the gradient: a parameter's own penalty replaces the global one."""

    penalty: Regularizer | None

    def settings(self, name: str, parameter: nn.Parameter, attr: ParamAttr, decay: float | None) -> Settings:
        if decay is not None:
            return Settings(coupled=active(L2(decay)))
        own = own_penalty(attr)
        return Settings(coupled=active(self.penalty if own is None else own))


@OPTIMIZERS.register()
class Adam(CoupledOptimizer):
    """Adam (Kingma and Ba 2015) with coupled penalties, as `paddle.optimizer.Adam`.

    Args:
        weight_decay: short for `regularizer: {name: L2, factor: ...}`.
        regularizer: penalty of every parameter that has none of its own.
        others: see `Optimizer`.
    """

    def __init__(
        self,
        named_parameters: NamedParameters,
        param_attrs: Mapping[str, ParamAttr],
        schedule: Schedule,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float | None = None,
        regularizer: Regularizer | None = None,
        clip_norm: float | None = None,
        clip_norm_global: float | None = None,
        param_groups: Sequence[Mapping[str, Any]] | None = None,
        freeze: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.betas = (_beta(beta1, "beta1"), _beta(beta2, "beta2"))
        self.epsilon = number(epsilon, "epsilon", above=True)
        self.penalty = coupled_penalty(regularizer, weight_decay)
        super().__init__(named_parameters, param_attrs, schedule, clip_norm, clip_norm_global, param_groups, freeze)

    def build(self, groups: list[dict[str, Any]], fused: bool) -> torch.optim.Optimizer:
        return torch.optim.Adam(groups, lr=0.0, betas=self.betas, eps=self.epsilon, fused=fused or None)


@OPTIMIZERS.register()
class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), as `paddle.optimizer.AdamW`.

    A penalty that a module asks for its parameter (ParamAttr) is added to the gradient on top of the decay and does not
    replace it; an L2 of 0 does not exempt. Exempt by the two arguments below, or with `param_groups`.

    Args:
        weight_decay: decoupled decay, 0.01 when None.
        regularizer: an L2 here is another way to write `weight_decay`.
        no_weight_decay_name: substrings of parameter names, separated by spaces, that have no decay.
        one_dim_param_no_weight_decay: no decay for biases, norm weights and other vectors.
        others: see `Optimizer`.
    """

    kernel_l2 = False

    def __init__(
        self,
        named_parameters: NamedParameters,
        param_attrs: Mapping[str, ParamAttr],
        schedule: Schedule,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float | None = None,
        regularizer: Regularizer | None = None,
        no_weight_decay_name: str | None = None,
        one_dim_param_no_weight_decay: bool = False,
        clip_norm: float | None = None,
        clip_norm_global: float | None = None,
        param_groups: Sequence[Mapping[str, Any]] | None = None,
        freeze: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.betas = (_beta(beta1, "beta1"), _beta(beta2, "beta2"))
        self.epsilon = number(epsilon, "epsilon", above=True)
        if regularizer is not None:
            if not isinstance(regularizer, L2):
                raise bad("regularizer", f"AdamW takes only L2 (its weight decay), got {regularizer!r}; or use Adam")
            if weight_decay is not None:
                raise bad("weight_decay", "and Optimizer.regularizer are both set; give one (both are AdamW's weight decay)")
            weight_decay = regularizer.factor
        self.weight_decay = 0.01 if weight_decay is None else number(weight_decay, "weight_decay")
        self.exempt_names = tuple((no_weight_decay_name or "").split())
        self.exempt_vectors = one_dim_param_no_weight_decay
        super().__init__(named_parameters, param_attrs, schedule, clip_norm, clip_norm_global, param_groups, freeze)

    def settings(self, name: str, parameter: nn.Parameter, attr: ParamAttr, decay: float | None) -> Settings:
        if decay is None:
            exempt = any(part in name for part in self.exempt_names) or (self.exempt_vectors and parameter.dim() == 1)
            decay = 0.0 if exempt else self.weight_decay
        return Settings(coupled=active(own_penalty(attr)), decay=decay)

    def build(self, groups: list[dict[str, Any]], fused: bool) -> torch.optim.Optimizer:
        for group, settings in zip(groups, self._grouped, strict=True):
            group["weight_decay"] = settings.decay
        return torch.optim.AdamW(groups, lr=0.0, betas=self.betas, eps=self.epsilon, fused=fused or None)


@OPTIMIZERS.register()
class Momentum(CoupledOptimizer):
    """SGD with momentum and coupled penalties, as `paddle.optimizer.Momentum`: v = momentum * v + g; w -= rate * v.

    Args:
        momentum: at least 0, below 1.
        weight_decay: short for `regularizer: {name: L2, factor: ...}`.
        regularizer: penalty of every parameter that has none of its own.
        others: see `Optimizer`.
    """

    def __init__(
        self,
        named_parameters: NamedParameters,
        param_attrs: Mapping[str, ParamAttr],
        schedule: Schedule,
        momentum: float,
        weight_decay: float | None = None,
        regularizer: Regularizer | None = None,
        clip_norm: float | None = None,
        clip_norm_global: float | None = None,
        param_groups: Sequence[Mapping[str, Any]] | None = None,
        freeze: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.momentum = _beta(momentum, "momentum")
        self.penalty = coupled_penalty(regularizer, weight_decay)
        super().__init__(named_parameters, param_attrs, schedule, clip_norm, clip_norm_global, param_groups, freeze)

    def build(self, groups: list[dict[str, Any]], fused: bool) -> torch.optim.Optimizer:
        return torch.optim.SGD(groups, lr=0.0, momentum=self.momentum, fused=fused or None)


@OPTIMIZERS.register()
class SGD(Momentum):
    """Plain gradient descent: Momentum without momentum (not in PaddleOCR's registry)."""

    def __init__(
        self,
        named_parameters: NamedParameters,
        param_attrs: Mapping[str, ParamAttr],
        schedule: Schedule,
        weight_decay: float | None = None,
        regularizer: Regularizer | None = None,
        clip_norm: float | None = None,
        clip_norm_global: float | None = None,
        param_groups: Sequence[Mapping[str, Any]] | None = None,
        freeze: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(
            named_parameters,
            param_attrs,
            schedule,
            0.0,
            weight_decay,
            regularizer,
            clip_norm,
            clip_norm_global,
            param_groups,
            freeze,
        )
