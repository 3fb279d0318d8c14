"""Networks of the reference cases: built from the case's own architecture, filled by its formula, their output compared.

Weights are a formula of the parameter's name, so that no weight file is needed; see the cases' README.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.errors import ConfigError
from ppocr_like.modeling.paddle_names import from_paddle, to_paddle, transposed

from .measure import Comparison, compare_output, noise_share

CASES = os.environ.get("PPOCR_LIKE_CASES")
NO_CASES = "PPOCR_LIKE_CASES names no folder of reference cases"
OF_DISTILLATION = ("pretrained", "freeze_params", "return_all_feats")  # keys that a sub-model's node has besides


@dataclass(frozen=True)
class Network:
    """One network of a case file; a distillation file holds several, told apart by the prefix of their names."""

    id: str
    path: Path
    architecture: dict[str, Any]
    prefix: str
    output: str

    @property
    def case(self) -> dict[str, Any]:
        return json.loads(self.path.read_text())

    def build(self, classes: int = 2) -> nn.Module:
        """The network in evaluation mode, for so many classes (of a recogniser). Raises ConfigError where a part is missing."""
        load_components()
        recipe = Recipe.from_tree({"Global": {}, "Architecture": self.architecture})
        return Builder(recipe, Charset([f"c{i}" for i in range(classes - 1)])).model().eval()

    def missing(self) -> str:
        """What there is not to build the network with, empty if nothing."""
        try:
            self.build()
        except ConfigError as error:
            return "; ".join(f"{p.path}: {p.message}" for p in error.problems)
        return ""


def networks(pattern: str, whole: str, sub: str) -> list[Network]:
    """The networks of the case files `pattern`, whose outputs are called `whole`, in a distillation file name/`sub`."""
    found = []
    for path in sorted((Path(CASES) / "parity" / "models").glob(pattern)) if CASES else []:
        architecture = json.loads(path.read_text())["architecture"]
        if "Models" not in architecture:
            found.append(Network(path.stem, path, architecture, "", whole))
        for name, node in architecture.get("Models", {}).items():
            node = {key: value for key, value in node.items() if key not in OF_DISTILLATION}
            node.setdefault("model_type", architecture["model_type"])
            found.append(Network(f"{path.stem}/{name}", path, node, f"{name}.", f"{name}/{sub}"))
    return found


def tensor_of(name: str, shape: list[int], gain: float) -> np.ndarray:
    """The cases' formula for the parameter `name`."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("_variance"):
        values = rng.uniform(0.5, 1.5, shape)
    elif name.endswith("_mean"):
        values = rng.normal(0, 0.1, shape)
    elif len(shape) <= 1 and not name.endswith("bias"):
        values = rng.uniform(0.8, 1.2, shape)
    elif len(shape) <= 1:
        values = rng.normal(0, 0.02, shape)
    else:
        fan_in = shape[0] if len(shape) == 2 else int(np.prod(shape[1:]))
        values = rng.normal(0, gain / np.sqrt(fan_in), shape)
    return values.astype("float32")


def paddle_state(network: Network) -> dict[str, np.ndarray]:
    """The network's weights by PaddleOCR's names, without the prefix of a sub-model."""
    case, state = network.case, {}
    for name, shape, dtype in case["parameters"]:
        # Paddle lists an LSTM's parameters twice; the cases gave each name values of its own, and Paddle kept the cells'.
        if dtype == "float32" and name.startswith(network.prefix) and not re.search(r"\.(weight|bias)_(ih|hh)_l\d", name):
            state[name[len(network.prefix) :]] = tensor_of(name, shape, case["gain"])
    return state


def load(model: nn.Module, paddle: dict[str, np.ndarray]) -> None:
    """Fills the model: every parameter of the reference has its place and every place its parameter, there and back."""
    state = from_paddle(paddle, transposed(model))
    model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()}, strict=True)
    back = to_paddle(state, transposed(model))
    assert all(np.array_equal(back[name], value) for name, value in paddle.items() if ".cell" not in name)


def images_of(network: Network) -> torch.Tensor:
    """The case's input."""
    entry = network.case["input"]
    return torch.from_numpy(np.random.default_rng(entry["seed"]).normal(0, 0.5, entry["shape"]).astype("float32"))


def compare(network: Network, model: nn.Module, key: str) -> Comparison:
    """Runs the filled model on the case's input and compares its output `key`. Leaves the model in float64."""
    return compare_output(network.case["outputs"][network.output], model, images_of(network), key)


def beyond_rounding(network: Network, model: nn.Module, key: str) -> float:
    """See `measure.noise_share`."""
    return noise_share(network.case["outputs"][network.output], model, images_of(network), key)
