"""The rule between Paddle's parameter names and layouts and ours.

Names are PaddleOCR's except for the running statistics of batch norms (`_mean`, `_variance` there). Linear weights are
(in, out) there and (out, in) here; convolutions and LSTMs are laid out alike. Paddle lists every LSTM parameter twice,
`lstm.weight_ih_l0_reverse` and `lstm.0.cell_bw.weight_ih`; the first form is torch's and ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
from torch import nn

PADDLE_META = "StructuredToParameterName@@"  # a table that Paddle stores among the parameters

_CELL = re.compile(r"^(?P<path>.+)\.(?P<layer>\d+)\.cell_(?P<way>fw|bw)\.(?P<kind>weight|bias)_(?P<part>ih|hh)$")
_FLAT = re.compile(r"^(?P<path>.+)\.(?P<kind>(?:weight|bias)_(?:ih|hh))_l(?P<layer>\d+)(?P<reverse>_reverse)?$")
_SINGLE_CELL = re.compile(r"^(?P<path>.+)\.(?P<layer>\d+)\.cell\.(?P<kind>weight|bias)_(?P<part>ih|hh)$")


def to_torch_name(name: str) -> str:
    """Our name for one of Paddle's."""
    if name.endswith("._mean"):
        return name[: -len("_mean")] + "running_mean"
    if name.endswith("._variance"):
        return name[: -len("_variance")] + "running_var"
    if match := _CELL.match(name) or _SINGLE_CELL.match(name):
        part = match.groupdict()
        reverse = "_reverse" if part.get("way") == "bw" else ""
        return f"{part['path']}.{part['kind']}_{part['part']}_l{part['layer']}{reverse}"
    return name


def is_cell(name: str) -> bool:
    """Whether it is the second of Paddle's two names of an LSTM's parameter, by its cell."""
    return bool(_CELL.match(name) or _SINGLE_CELL.match(name))


def cell_names(names: Iterable[str]) -> dict[str, str]:
    """The second name under which Paddle lists an LSTM's parameters: of those among `names` -> that name.

    Paddle calls the cell of a direction `cell_fw` and `cell_bw`, the only one of an LSTM of one direction `cell`.
    """
    names = list(names)
    found = {name: match.groupdict() for name in names if (match := _FLAT.match(name))}
    both_ways = {part["path"] for part in found.values() if part["reverse"]}
    result = {}
    for name, part in found.items():
        cell = "cell" if part["path"] not in both_ways else "cell_bw" if part["reverse"] else "cell_fw"
        result[name] = f"{part['path']}.{part['layer']}.{cell}.{part['kind']}"
    return result


def to_paddle_name(name: str) -> str:
    """Paddle's name for one of ours (of an LSTM's two, the flat one)."""
    if name.endswith(".running_mean"):
        return name[: -len("running_mean")] + "_mean"
    if name.endswith(".running_var"):
        return name[: -len("running_var")] + "_variance"
    return name


def transposed(model: nn.Module) -> set[str]:
    """Our names of the weights that Paddle stores the other way round: those of Linear layers."""
    return {f"{path}.weight" if path else "weight" for path, module in model.named_modules() if isinstance(module, nn.Linear)}


def from_paddle(state: Mapping[str, np.ndarray], linear: Iterable[str]) -> dict[str, np.ndarray]:
    """A Paddle state under our names and in our layout.

    Args:
        state: Paddle's name -> array; entries that are no arrays (Paddle's table of names) are left out.
        linear: `transposed(model)`.

    Raises:
        ValueError: two entries that should be one (an LSTM parameter's two names) differ.
    """
    linear = set(linear)
    result: dict[str, np.ndarray] = {}
    for name, array in state.items():
        if name == PADDLE_META or not isinstance(array, np.ndarray):
            continue
        ours = to_torch_name(name)
        value = np.ascontiguousarray(array.T) if ours in linear and array.ndim == 2 else array
        if ours in result and not np.array_equal(result[ours], value):
            raise ValueError(f"the state holds {ours} twice with different values, once as {name}")
        result[ours] = value
    return result


def to_paddle(state: Mapping[str, np.ndarray], linear: Iterable[str]) -> dict[str, np.ndarray]:
    """Our state under Paddle's names and in its layout; the reverse of `from_paddle`."""
    linear = set(linear)
    return {to_paddle_name(name): np.ascontiguousarray(array.T) if name in linear else array for name, array in state.items()}
