"""What an optimizer is here: PaddleOCR's order of operations on torch's kernels.

One step: set the rates (schedule x multipliers), clip the gradients, add the coupled penalties, update.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ppocr_like.contracts import ParamAttr
from ppocr_like.errors import CheckpointError, TrainingError
from ppocr_like.optim.checks import bad, number
from ppocr_like.optim.freeze import Freezer, but_the_head
from ppocr_like.optim.patterns import first_match, read_rules
from ppocr_like.optim.regularizers import L1, L2, Regularizer
from ppocr_like.optim.schedules import Schedule

log = logging.getLogger("ppocr_like")
FUSED_ON: tuple[str, ...] = ("cpu", "cuda")  # devices on which torch's one-pass kernels are used
NamedParameters = Sequence[tuple[str, nn.Parameter]]


@dataclass(frozen=True)
class Settings:
    """What one parameter is trained with.

    Args:
        lr_mult: factor on the schedule's rate.
        coupled: penalty added to the gradient after clipping, None for none.
        decay: decoupled weight decay (AdamW, Lamb), None for none.
    """

    lr_mult: float = 1.0
    coupled: Regularizer | None = None
    decay: Regularizer | None = None


@dataclass(eq=False, repr=False)
class Optimizer(ABC):
    """Base of the registered optimizers; they differ in their arguments, which are fields, in `settings` and in `build`.

    Args:
        named_parameters: (name, parameter) pairs, all of the model's, each once.
        param_attrs: settings a module asks for, by parameter name; names not in it have the defaults.
        schedule: rate per step.
        clip_norm: largest L2 norm of one parameter's gradient. Wins over `clip_norm_global`, as in PaddleOCR.
        clip_norm_global: largest L2 norm of all gradients together.
        param_groups: [{pattern, lr_mult, weight_decay}]; the first pattern that matches a name holds (`optim.patterns`).
            `lr_mult` multiplies the parameter's own; `weight_decay` replaces its decay.
        freeze: [{pattern, samples}], see `optim.freeze`.
        freeze_backbone: training samples during which all but the head keeps still; short for rules of `freeze`.

    Raises:
        ConfigError: numbers out of range, patterns without a match.
    """

    named_parameters: NamedParameters
    param_attrs: Mapping[str, ParamAttr]
    schedule: Schedule
    _: KW_ONLY
    clip_norm: float | None = None
    clip_norm_global: float | None = None
    param_groups: Sequence[Mapping[str, Any]] | None = None
    freeze: Sequence[Mapping[str, Any]] | None = None
    freeze_backbone: int = 0

    kernel_l2 = True  # the kernel's `weight_decay` is the coupled L2

    def __post_init__(self) -> None:
        self.names = [name for name, _ in self.named_parameters]
        self.parameters = [parameter for _, parameter in self.named_parameters]
        if not self.names:
            raise bad("", "the model has no parameters to train")
        unknown = sorted(set(self.param_attrs) - set(self.names))
        if unknown:
            raise KeyError(f"param_attrs names parameters that the model does not have: {', '.join(unknown[:5])}")
        for key in ("clip_norm", "clip_norm_global"):
            if getattr(self, key) is not None:
                setattr(self, key, number(getattr(self, key), key, above=True))
        if self.clip_norm is not None and self.clip_norm_global is not None:
            log.warning("Optimizer: clip_norm and clip_norm_global are both set; clip_norm holds, as in PaddleOCR")
        self.freezer = Freezer([*(self.freeze or ()), *but_the_head(self.freeze_backbone, self.names)], self.names)
        settings = self._all_settings()
        self._grouped: dict[Settings, list[nn.Parameter]] = {}
        for name, parameter in self.named_parameters:
            self._grouped.setdefault(settings[name], []).append(parameter)
        fused = all(p.device.type in FUSED_ON and p.is_floating_point() for p in self.parameters)
        self.torch_optimizer = self.build([{"params": members} for members in self._grouped.values()], fused or None)
        self._check_states = False

    @abstractmethod
    def settings(self, name: str, parameter: nn.Parameter, attr: ParamAttr, decay: float | None) -> Settings:
        """Settings of one parameter; `decay` is the weight_decay of its group in the recipe, None when it says none."""

    @abstractmethod
    def build(self, groups: list[dict[str, Any]], fused: bool | None) -> torch.optim.Optimizer:
        """The torch optimizer over the groups. `fused`: torch's one-pass kernel can be used where the algorithm has one."""

    def set_length(self, steps: int) -> None:
        """The run has so many steps: schedule and decays that follow its length are laid over them.

        Raises:
            ConfigError: the schedule needs a longer run.
        """
        self.schedule.set_length(steps)
        for settings in self._grouped:
            for part in (settings.coupled, settings.decay):
                if part is not None:
                    part.total_steps = steps

    def lr(self, step: int) -> float:
        """The schedule's rate at a step, before multipliers."""
        return self.schedule.value(step)

    @property
    def skips(self) -> bool:
        """Whether `step` takes `skip`."""
        return bool(getattr(self.torch_optimizer, "_step_supports_amp_scaling", False))

    def step(
        self, step: int, scaler: torch.amp.GradScaler | None = None, skip: Tensor | None = None
    ) -> dict[str, float | Tensor]:
        """Updates the parameters from their gradients.

        Args:
            step: number of this optimizer step, 0 first.
            scaler: the loss scaler of float16 training; unscaled, used and updated here.
            skip: a scalar on the parameters' device; where it is 1.0, nothing changes. Nothing is fetched from there, then: the
                norm stays there, too, and who gave `skip` has looked whether it is finite.

        Returns:
            `lr` (before multipliers) and, where clipping computed it, `grad_norm` (over all gradients, before clipping;
            not finite in a step that the scaler skips).

        Raises:
            TrainingError: without scaler, gradients that are not finite, found where a norm is computed; nothing is changed then.
        """
        rate = self.lr(step)
        if scaler is not None:
            scaler.unscale_(self.torch_optimizer)
        self._align_layouts()
        norm = self._clip(require_finite=scaler is None) if skip is None else self._clip_there()
        for group, (settings, members) in zip(self.torch_optimizer.param_groups, self._grouped.items(), strict=True):
            group["lr"] = rate * settings.lr_mult
            if settings.decay is not None:
                group["weight_decay"] = settings.decay.coefficient(step)
            self._penalise(group, settings, members, step)
        if skip is not None:
            self._step_unless(skip)
        elif scaler is None:
            self.torch_optimizer.step()
        else:
            scaler.step(self.torch_optimizer)
            scaler.update()
        return {"lr": rate} if norm is None else {"lr": rate, "grad_norm": norm}

    def _step_unless(self, skip: Tensor) -> None:
        """The kernels look at the scalar, as they do at a loss scaler's."""
        state = self.torch_optimizer.state
        if isinstance(self.torch_optimizer, torch.optim.SGD):  # it would keep an average that a first step left out never filled
            for group in self.torch_optimizer.param_groups:
                for parameter in group["params"] if group["momentum"] else ():
                    if parameter.grad is not None and state[parameter].get("momentum_buffer") is None:
                        state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        self.torch_optimizer.found_inf = skip  # type: ignore[attr-defined]
        try:
            self.torch_optimizer.step()
        finally:
            del self.torch_optimizer.found_inf  # type: ignore[attr-defined]

    def zero_grad(self) -> None:
        """Forgets the gradients."""
        self.torch_optimizer.zero_grad(set_to_none=True)

    def apply_freeze(self, model: nn.Module, consumed_samples: int) -> frozenset[str]:
        """See `Freezer.apply`: before every step and after `model.train()`."""
        return self.freezer.apply(model, consumed_samples)

    def describe(self) -> list[str]:
        """One line per distinct setting, for the start of a run."""
        lines = []
        for settings, members in self._grouped.items():
            weights = sum(member.numel() for member in members)
            parts = [f"lr x {settings.lr_mult:g}"]
            if settings.coupled is not None:
                parts.append(f"penalty {settings.coupled!r}")
            if settings.decay is not None:
                parts.append(f"decoupled decay {settings.decay!r}")
            lines.append(f"{len(members)} parameters ({weights:,} weights): {', '.join(parts)}")
        return lines

    def state_dict(self) -> dict[str, Any]:
        """Moments by parameter name; only tensors, strings, lists and dicts, so torch's safe loading reads it."""
        state = self.torch_optimizer.state
        return {
            "algorithm": type(self).__name__,
            "names": list(self.names),
            "moments": {
                name: dict(state[parameter])
                for name, parameter in zip(self.names, self.parameters, strict=True)
                if state.get(parameter)
            },
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Takes over what `state_dict` gave; rates and decays come from this optimizer's own recipe.

        Raises:
            CheckpointError: another algorithm, other parameter names, or other shapes; nothing is changed then.
        """
        if saved.get("algorithm") != type(self).__name__:
            raise CheckpointError(
                f"the checkpoint's optimizer is {saved.get('algorithm')}, the recipe's is {type(self).__name__}; "
                "set Optimizer.name as it was, or start from the weights alone with Global.pretrained_model"
            )
        check_names(saved["names"], self.names)
        moments = saved["moments"]
        states: dict[int, dict[str, Any]] = {}
        position = {id(p): i for i, p in enumerate(p for g in self.torch_optimizer.param_groups for p in g["params"])}
        for name, parameter in zip(self.names, self.parameters, strict=True):
            if name not in moments:
                continue
            for key, value in moments[name].items():
                if isinstance(value, Tensor) and value.dim() and value.shape != parameter.shape:
                    raise CheckpointError(
                        f"the checkpoint's {key} of {name} has shape {tuple(value.shape)}, "
                        f"the model's parameter {tuple(parameter.shape)}"
                    )
            states[position[id(parameter)]] = {k: v.clone() if isinstance(v, Tensor) else v for k, v in moments[name].items()}
        own = self.torch_optimizer.state_dict()
        self.torch_optimizer.load_state_dict({"state": states, "param_groups": own["param_groups"]})
        self._check_states = True

    def _all_settings(self) -> dict[str, Settings]:
        rules = read_rules(self.param_groups, "param_groups", ("lr_mult", "weight_decay"))
        values: list[tuple[float, float | None]] = []
        for i, rule in enumerate(rules):
            mult = number(rule.get("lr_mult", 1.0), f"param_groups.{i}.lr_mult")
            decay = rule.get("weight_decay")
            values.append((mult, None if decay is None else number(decay, f"param_groups.{i}.weight_decay")))
        chosen = first_match(rules, self.names, "param_groups")
        result = {}
        for name, parameter in zip(self.names, self.parameters, strict=True):
            attr = self.param_attrs.get(name, ParamAttr())
            mult, decay = values[chosen[name]] if name in chosen else (1.0, None)
            plain = self.settings(name, parameter, attr, decay)
            result[name] = Settings(attr.lr_mult * mult, plain.coupled, plain.decay)
        return result

    def _clip(self, require_finite: bool) -> float | None:
        """Scales the gradients in place; the norm over all of them before, None without clipping."""
        limit = self.clip_norm if self.clip_norm is not None else self.clip_norm_global
        if limit is None:
            return None
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        if not gradients:
            return 0.0
        norms = torch.stack([n.float() for n in torch._foreach_norm(gradients)])
        total = torch.linalg.vector_norm(norms)
        norm = float(total)
        if require_finite and not torch.isfinite(total):
            raise TrainingError(f"the gradients are not finite (norm {norm}){self._worst()}; lower the learning rate")
        if self.clip_norm is not None:
            factors = limit / norms.clamp(min=limit)
            torch._foreach_mul_(gradients, list(factors.unbind()))
        elif norm > limit or norm != norm:
            torch._foreach_mul_(gradients, limit / norm)
        return norm

    def _clip_there(self) -> Tensor | None:
        """`_clip` without a number that leaves the device: gradients within the limit are multiplied by 1."""
        limit = self.clip_norm if self.clip_norm is not None else self.clip_norm_global
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        if limit is None or not gradients:
            return None
        norms = torch.stack([n.float() for n in torch._foreach_norm(gradients)])
        total = torch.linalg.vector_norm(norms)
        if self.clip_norm is not None:
            torch._foreach_mul_(gradients, list((limit / norms.clamp(min=limit)).unbind()))
        else:
            exact = total.double() if total.device.type != "mps" else total
            torch._foreach_mul_(gradients, torch.where(total > limit, limit / exact, 1.0).to(gradients[0].dtype))
        return total

    def _worst(self) -> str:
        """Names of the first gradients that are not finite, for a message."""
        pairs = zip(self.names, self.parameters, strict=True)
        names = [name for name, p in pairs if p.grad is not None and not p.grad.isfinite().all()]
        return f", first in {', '.join(names[:3])}" if names else ""

    def _penalise(self, group: dict[str, Any], settings: Settings, members: list[nn.Parameter], step: int) -> None:
        """Adds the coupled penalty to the gradients, or hands it to the kernel where that does the same."""
        if settings.coupled is None:
            return
        factor = settings.coupled.coefficient(step)
        if settings.coupled.norm == 2 and self.kernel_l2:
            group["weight_decay"] = factor
            return
        with torch.no_grad():
            for parameter in members:
                if parameter.grad is not None and factor:
                    parameter.grad.add_(parameter if settings.coupled.norm == 2 else parameter.sign(), alpha=factor)

    def _align_layouts(self) -> None:
        """Gives gradients and moments their parameter's strides: torch's fused CPU kernels walk plain memory, and a
        contiguous gradient of a channels_last weight (or moments saved under another memory format) would be read in
        the wrong order, silently."""
        for parameter in self.parameters:
            gradient = parameter.grad
            if gradient is not None and gradient.stride() != parameter.stride():
                parameter.grad = torch.empty_like(parameter).copy_(gradient)
        if not self._check_states:
            return
        for owner, state in self.torch_optimizer.state.items():
            for key, value in state.items():
                if isinstance(value, Tensor) and value.shape == owner.shape and value.stride() != owner.stride():
                    state[key] = torch.empty_like(owner, dtype=value.dtype).copy_(value)
        self._check_states = False


def check_names(saved: Sequence[str], own: Sequence[str]) -> None:
    """Raises CheckpointError when two sets of parameter names differ, naming some of either side."""
    missing, extra = [n for n in own if n not in set(saved)], [n for n in saved if n not in set(own)]
    if missing or extra:
        parts = [
            f"{len(group)} parameters {what} ({', '.join(group[:3])}{', ...' if len(group) > 3 else ''})"
            for group, what in ((missing, "of the model have no entry"), (extra, "are not in the model"))
            if group
        ]
        raise CheckpointError(f"the checkpoint's optimizer state is of another network: {'; '.join(parts)}")


def one_penalty(regularizer: Regularizer | None, weight_decay: float | None) -> Regularizer | None:
    """What `regularizer` and `weight_decay`, which is short for L2, ask for together.

    Raises:
        ConfigError: both are given.
    """
    if weight_decay is None:
        return regularizer
    if regularizer is not None:
        raise bad("weight_decay", "and Optimizer.regularizer are both set; give one (weight_decay is short for L2)")
    return L2(number(weight_decay, "weight_decay"))


def own_penalty(attr: ParamAttr) -> Regularizer | None:
    """The penalty a module asks for its parameter, None when it asks for none of its own."""
    if attr.l1 is not None:
        return L1(attr.l1)
    return None if attr.l2 is None else L2(attr.l2)


def active(regularizer: Regularizer | None) -> Regularizer | None:
    """`regularizer`, or None when its factor is 0 throughout."""
    return None if regularizer in (L1(0.0), L2(0.0)) else regularizer
