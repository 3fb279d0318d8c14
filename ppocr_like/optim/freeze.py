"""Freezing of parameters until a number of training samples was seen (kraken's `freeze_backbone`, by pattern)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from ppocr_like.optim.checks import bad
from ppocr_like.optim.patterns import matching, read_rules

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
log = logging.getLogger("ppocr_like")


class Freezer:
    """Which parameters are frozen after how many training samples.

    A frozen parameter gets no gradient and is left alone by the optimizer, weight decay included. The batch norms it
    belongs to use and keep their running statistics.

    Args:
        rules: list of {pattern, samples}; `samples` None or absent: for ever. A parameter under several rules is frozen
            as long as one of them holds.
        names: all parameter names.

    Raises:
        ConfigError: a pattern without a match, a wrong number, or nothing left to train at the start.
    """

    def __init__(self, rules: Sequence[Mapping[str, Any]] | None, names: Sequence[str]) -> None:
        self.rules: list[tuple[int | None, frozenset[str]]] = []
        for i, rule in enumerate(read_rules(rules, "freeze", ("samples",))):
            samples = rule.get("samples")
            if samples is not None and (isinstance(samples, bool) or not isinstance(samples, int) or samples < 1):
                raise bad(f"freeze.{i}.samples", f"must be a number of training samples (or absent: for ever), got {samples!r}")
            self.rules.append((samples, frozenset(matching(rule["pattern"], names, f"freeze.{i}.pattern"))))
        if names and len(self.frozen(0)) == len(set(names)):
            raise bad("freeze", "freezes every parameter; leave at least one to train")
        self._own_flags: dict[str, bool] = {}
        self._last: frozenset[str] | None = None
        self._frozen_norms: list[nn.Module] = []

    def frozen(self, consumed_samples: int) -> frozenset[str]:
        """Names of the parameters that are frozen once `consumed_samples` training samples were seen (on all ranks)."""
        holding = [names for samples, names in self.rules if samples is None or consumed_samples < samples]
        return frozenset().union(*holding)

    def apply(self, model: nn.Module, consumed_samples: int) -> frozenset[str]:
        """Sets `requires_grad` and the modes of batch norms; returns the frozen names.

        Call it before every step (cheap when nothing changes) and after `model.train()`, which thaws batch norms.
        `model` is the bare module, whose parameter names the rules were checked against.
        """
        if not self.rules:
            return frozenset()
        frozen = self.frozen(consumed_samples)
        if frozen != self._last:
            self._set_flags(model, frozen)
            if frozen or self._last is not None:
                log.info("after %d training samples %d parameters are frozen", consumed_samples, len(frozen))
            self._last = frozen
        for module in self._frozen_norms:
            module.eval()
        return frozen

    def _set_flags(self, model: nn.Module, frozen: frozenset[str]) -> None:
        ruled = frozenset().union(*(names for _, names in self.rules))
        for name, parameter in model.named_parameters():
            if name not in ruled:
                continue
            own = self._own_flags.setdefault(name, parameter.requires_grad)
            parameter.requires_grad_(own and name not in frozen)
            if name in frozen:
                parameter.grad = None
        norms = [(name, module) for name, module in model.named_modules() if isinstance(module, BATCH_NORMS)]
        held = {
            name for name, module in norms if any(f"{name}.{own}" in frozen for own, _ in module.named_parameters(recurse=False))
        }
        for module in self._frozen_norms:
            module.train(model.training)
        self._frozen_norms = [module for name, module in norms if name in held]


def but_the_head(samples: int, names: Sequence[str]) -> list[dict[str, Any]]:
    """The rules by which everything but the head, or the heads of several networks, is frozen for so many training samples.

    Raises:
        ConfigError: a wrong number, or a network without a part named `head`.
    """
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 0:
        raise bad("freeze_backbone", f"must be a number of training samples, got {samples!r}")
    if samples == 0:
        return []
    paths = [name.split(".") for name in names]
    several = {path[0] for path in paths if len(path) > 1 and path[1] == "head" and path[0] != "head"}
    parts = dict.fromkeys(".".join(path[: 2 if path[0] in several else 1]) for path in paths)
    frozen = [part for part in parts if part.rpartition(".")[2] != "head"]
    if len(frozen) == len(parts):
        raise bad("freeze_backbone", f"the network has no part named head, but {', '.join(parts)}; use freeze with patterns")
    return [{"pattern": f"{part}*", "samples": samples} for part in frozen]
