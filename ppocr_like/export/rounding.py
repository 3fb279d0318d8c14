"""What float32 does to a network itself: its answers beside those in float64, on inputs that are as good as equal.

Some networks magnify rounding a thousandfold (barely trained ones, rectifiers, offsets of deformable convolutions). What ONNX
Runtime and PyTorch then differ by is no fault of an export, as both add in another order.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

FACTOR = 3.0  # what two ways of rounding may be apart, in units of the largest difference seen between float32 and float64
DRAWS = 6  # answers in float32 that are compared: to the images as they are, and with their last bits changed
LAST_BIT = 2.0**-23  # of a float32, as a share of the number


class Rounding:
    """Measures how far float32 takes a network from float64.

    Args:
        model: in evaluation mode; stays as it is.
        output: the entry of its outputs that is looked at.
    """

    def __init__(self, model: nn.Module, output: str) -> None:
        self.single, self.output = model, output
        self._exact: nn.Module | None = None

    def __call__(self, images: np.ndarray) -> float:
        """The largest difference between an output in float32 and in float64, on (N, C, H, W) images.

        Where float64 is not possible (a component that makes float32 numbers of its own), answers in float32 to the images and
        to those with other last bits are compared.
        """
        rng = np.random.default_rng(0)
        given = [images.astype(np.float32)]
        for _ in range(DRAWS - 1):
            given.append((images * (1 + LAST_BIT * rng.choice([-1.0, 1.0], images.shape))).astype(np.float32))
        with torch.inference_mode():
            answers = [self._answer(self.single, torch.from_numpy(one)) for one in given]
            try:
                wanted = self._answer(self._in_double(), torch.from_numpy(images.astype(np.float64)))
            except (RuntimeError, TypeError, ValueError):
                wanted, answers = answers[0], answers[1:]
        return max(float((answer - wanted).abs().max()) if wanted.numel() else 0.0 for answer in answers)

    def _answer(self, network: nn.Module, images: Tensor) -> Tensor:
        device = next((parameter.device for parameter in network.parameters()), images.device)
        answer: Tensor = network(images.to(device))[self.output]
        return answer.double().cpu()

    def _in_double(self) -> nn.Module:
        if self._exact is None:
            self._exact = copy.deepcopy(self.single).double().eval()
        return self._exact
