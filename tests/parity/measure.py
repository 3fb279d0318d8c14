"""How far a network's outputs are from a reference's samples, and what rounding may have done to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

NOISE = 2e-7  # relative; float32 rounds to 6e-8, and a layer adds many numbers up
DRAWS = 8


@dataclass(frozen=True)
class Comparison:
    """Differences to the reference's samples, and what rounding does to them. All divided by the output's deviation `std`."""

    largest: float
    mean_square: float
    rounding: float
    tolerance: float
    rounding_square: float = 0.0

    @property
    def holds(self) -> bool:
        """The cases' large gain makes networks magnify rounding: the largest of 400 differences, and their root mean square, may
        be what float32 leaves of the same network in float64, on either side. How much that is depends on the processor."""
        return self.mean_square <= max(self.tolerance, 3 * self.rounding_square) and self.largest <= max(
            self.tolerance, 3 * self.rounding
        )

    def hold(self) -> None:
        assert self.holds, self


def allowed_of(want: dict[str, Any]) -> float:
    """The cases' fair tolerance, over the output's deviation."""
    return 1e-4 + 1e-6 / want["std"]


def compare_output(want: dict[str, Any], model: nn.Module, images: torch.Tensor, key: str) -> Comparison:
    """Runs the filled model and compares its output `key` with the reference `want`. Leaves the model in float64."""
    with torch.inference_mode():
        got = model(images)[key].numpy()
        exact = model.double()(images.double())[key].numpy()
    assert list(got.shape) == list(want["shape"]), f"shape {list(got.shape)} instead of {want['shape']}"
    difference = np.abs(got.reshape(-1)[want["index"]] - np.array(want["value"])) / want["std"]
    return Comparison(
        float(difference.max()),
        float(np.sqrt((difference**2).mean())),
        float(np.abs(got - exact).max() / want["std"]),
        allowed_of(want),
        float(np.sqrt(((got - exact) ** 2).mean()) / want["std"]),
    )


def noise_share(want: dict[str, Any], model: nn.Module, images: torch.Tensor, key: str) -> float:
    """The largest difference to the reference's samples over what rounding may have done to them; at most 1 if they hold.

    For networks whose cases' large gain makes them chaotic: a last bit can change an image's whole sequence. What it can do
    is seen by noise of that size behind every layer of the network in float64, and by what float32 does to it; for each
    image by itself, so that those that stay calm are held as closely as ever. As in `Comparison.holds` three times that passes.
    """
    with torch.inference_mode():
        single = model.float()(images.float())[key].numpy()
        images = images.double()
        exact = model.double()(images)[key].numpy()
        spread = _largest(single - exact)
        generator = torch.Generator().manual_seed(0)

        def disturb(module: nn.Module, given: object, out: torch.Tensor) -> torch.Tensor:
            return out * (1 + NOISE * torch.randn(out.shape, generator=generator, dtype=out.dtype))

        layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.BatchNorm2d, nn.Linear))]
        hooks = [layer.register_forward_hook(disturb) for layer in layers]
        try:
            for _ in range(DRAWS):
                spread = np.maximum(spread, _largest(model(images)[key].numpy() - exact))
        finally:
            for hook in hooks:
                hook.remove()
    index = np.array(want["index"])
    difference = np.abs(exact.reshape(-1)[index] - np.array(want["value"])) / want["std"]
    allowed = allowed_of(want) + 3 * spread[index // exact[0].size] / want["std"]
    return float((difference / allowed).max())


def _largest(difference: np.ndarray) -> np.ndarray:
    """Of each image."""
    return np.abs(difference).reshape(len(difference), -1).max(1)
