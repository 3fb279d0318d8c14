"""Network: what the other rooms ask of an architecture, with the answers of one that needs nothing special."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ppocr_like.contracts import Cut, ParamAttr
from ppocr_like.modeling.answers import answering_as_in_training
from ppocr_like.modeling.blank import BlankWeights

Outputs = dict[str, torch.Tensor]


class Network(nn.Module):
    """Images (N, C, H, W), float32 and normalised -> outputs by name, as the loss reads them in training and the post-processing
    in evaluation (`ctc`: logits, probabilities).

    A class in ARCHITECTURES is one. Its constructor takes the recipe's arguments and names of the context what it needs:
    `in_spec` (channels of the images), `num_classes`. It sets `out_spec`: `stride[1]` px of image width per output step.

    A module within it may tell about its own parameters by `own_param_attrs()`, `own_class_parameters()` and
    `own_training_only()`, dicts keyed by names relative to the module; the network puts the path in front.
    """

    without_values = BlankWeights

    @property
    def needs(self) -> tuple[str, ...]:
        """Batch entries that `forward` reads in training, beside `image`."""
        return ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Batch entries that `forward` reads in evaluation where they are there, beside `image`."""
        return ()

    @property
    def input_size(self) -> tuple[int, int] | None:
        """(height, width) px that all images must have; None: the width, at least, is free up to `widest`."""
        return None

    @property
    def widest(self) -> int | None:
        """px of the widest image that the network can take; None: any."""
        return None

    @property
    def steps_follow_width(self) -> bool:
        """Whether wider images give more output steps."""
        return True

    def training_only(self) -> tuple[str, ...]:
        """Beginnings of the names of parameters that evaluation does not use (a guide's)."""
        return tuple(self._gather("own_training_only"))

    def cut(self, theirs: Mapping[str, Any] | None) -> Cut | None:
        """Which of its layers a file fills, where the network is another one's beginning with new layers behind it.

        Args:
            theirs: the `Architecture` of the file's recipe; None where it does not say.

        Returns:
            None where the whole file may be taken.
        """
        return None

    def param_attrs(self) -> dict[str, ParamAttr]:
        """Settings of the parameters that have settings of their own, by full name."""
        return self._gather("own_param_attrs")

    def class_parameters(self) -> dict[str, str]:
        """Full names of parameters whose dim 0 is the class index -> the label encoder ("ctc")."""
        return self._gather("own_class_parameters")

    def _gather(self, method: str) -> dict[str, Any]:
        found = {}
        for path, module in self.named_modules():
            if callable(own := getattr(module, method, None)):
                found.update({f"{path}.{name}" if path else name: value for name, value in own().items()})
        return found

    @torch.no_grad()
    def check_input(self, channels: int, height: int, width: int) -> dict[str, tuple[int, ...]]:
        """Runs one blank image of this size (px) in evaluation, so that parts that do not fit are found before data is read.

        Returns:
            the outputs' shapes by name.

        Raises:
            ValueError: the parts do not fit this size.
        """
        training = self.training
        self.eval()
        try:
            outputs = self(torch.zeros(1, channels, height, width))
        except RuntimeError as error:
            raise ValueError(f"the network cannot take images of {channels} x {height} x {width}: {error}") from error
        finally:
            self.train(training)
        return {name: tuple(value.shape) for name, value in outputs.items()}

    def answers(
        self, images: torch.Tensor, read: Mapping[str, torch.Tensor] | None, targets: Mapping[str, torch.Tensor]
    ) -> tuple[Outputs, Outputs]:
        """What `forward` gives in evaluation, and what it gives in training of the same images, for a loss.

        The network must be in evaluation mode: nothing is dropped, and no statistics are taken or changed.

        Args:
            read: what evaluation reads (`reads`).
            targets: what training reads (`needs`).
        """
        told = self(images, read)
        with answering_as_in_training(self):
            return told, self(images, targets)
