"""Lower precision: the scale of the loss under float16, and operators whose precision the recipe chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from ppocr_like.config.paddle.amp_ops import AMP_OPS
from ppocr_like.errors import TrainingError

FIRST_SCALE = 2.0**16
GROWTH_INTERVAL = 2000  # torch's and Paddle's: steps without an overflow after which the scale doubles
MOST_IN_A_ROW = 50  # of skipped steps: from 65536 the scale is below 1e-10 then, so it is not the scale


class LossScaler(torch.amp.GradScaler):
    """torch's GradScaler that counts the steps it skips because a gradient overflowed, and may keep its scale.

    Args:
        device: where the loss is.
        init_scale: the first factor.
        dynamic: halved at each overflow and doubled after `GROWTH_INTERVAL` steps without one; else it stays.
        enabled: False: it does nothing.
    """

    def __init__(self, device: str, init_scale: float = FIRST_SCALE, dynamic: bool = True, enabled: bool = True) -> None:
        super().__init__(device, init_scale=init_scale, growth_interval=GROWTH_INTERVAL, enabled=enabled)
        self._fixed = None if dynamic else init_scale
        self.skipped = 0
        self.in_a_row = 0

    def update(self, new_scale: Any = None) -> None:
        """After each step."""
        if not self.is_enabled():
            return
        found = [value for state in self._per_optimizer_states.values() for value in state["found_inf_per_device"].values()]
        overflow = any(float(value) for value in found)
        self.skipped += overflow
        self.in_a_row = self.in_a_row + 1 if overflow else 0
        super().update(self._fixed if new_scale is None else new_scale)

    def check(self) -> None:
        """Raises TrainingError when the gradients overflowed in `MOST_IN_A_ROW` steps one after the other."""
        if self.in_a_row >= MOST_IN_A_ROW:
            what = (
                "lower Global.scale_loss or set Global.use_dynamic_loss_scaling" if self._fixed else "look at the latest losses"
            )
            raise TrainingError(
                f"gradients overflowed float16 in {self.in_a_row} steps one after the other (scale {self.get_scale():g}): "
                f"nothing is learned: {what}, or set Global.amp_dtype=bfloat16"
            )

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        return {**state, "skipped": self.skipped, "in_a_row": self.in_a_row} if state else state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        state = dict(state_dict)
        self.skipped, self.in_a_row = state.pop("skipped", 0), state.pop("in_a_row", 0)
        super().load_state_dict(state)
        if self._fixed is not None:  # the recipe's, which may have been changed for the resume
            self._init_scale = self._fixed


class OperatorLists(TorchFunctionMode):
    """Within it, beside autocast: operators of the black list compute in float32, those of the white list in the low precision.

    Operations that write into one of their arguments (`x += y`) keep that one's type.

    Args:
        black, white: Paddle's names of operators (`config.paddle.amp_ops`). Black wins.
        device: type of the autocast device.
        dtype: the low precision.
    """

    def __init__(self, black: Sequence[str], white: Sequence[str], device: str, dtype: torch.dtype) -> None:
        super().__init__()
        self._device, self._low = device, dtype
        self._kinds: dict[str, torch.dtype] = {}
        self._conv: dict[bool, torch.dtype] = {}  # by: is it depthwise?
        for names, kind in ((white, dtype), (black, torch.float32)):
            for name in names:
                if name in ("conv2d", "depthwise_conv2d"):
                    self._conv[name == "depthwise_conv2d"] = kind
                else:
                    self._kinds.update(dict.fromkeys(AMP_OPS[name], kind))

    @property
    def depthwise(self) -> torch.dtype | None:
        """What the lists say of depthwise convolutions, whose module has a gradient of its own."""
        return self._conv.get(True)

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        kind = self._conv_kind(args, kwargs) if name == "conv2d" else self._kinds.get(name)
        if kind is None or not torch.is_autocast_enabled(self._device):
            return func(*args, **kwargs)
        with torch.autocast(self._device, enabled=False):
            if name == "batch_norm" and args:  # its statistics stay float32 whatever the map is
                return func(_cast(args[0], kind), *args[1:], **kwargs)
            return func(*_cast(args, kind), **_cast(kwargs, kind))

    def _conv_kind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.dtype | None:
        if not self._conv:
            return None
        groups = kwargs.get("groups", args[6] if len(args) > 6 else 1)
        weight = kwargs.get("weight", args[1] if len(args) > 1 else None)
        return self._conv.get(groups > 1 and weight is not None and weight.shape[1] == 1)


def _cast(value: Any, kind: torch.dtype) -> Any:
    """Floating tensors in it as `kind`; float64 stays."""
    if isinstance(value, torch.Tensor):
        return value.to(kind) if value.is_floating_point() and value.dtype is not torch.float64 else value
    if isinstance(value, list | tuple):
        return type(value)(_cast(item, kind) for item in value)
    if isinstance(value, dict):
        return {key: _cast(item, kind) for key, item in value.items()}
    return value
