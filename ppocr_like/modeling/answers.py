"""What a network answers in evaluation and in training, of one pass and without a change: how a loss is taken in evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from ppocr_like.registry import HEADS, NECKS

FOLLOWS_LENGTH = ("nrtr", "gtc")  # outputs (N, 1 + longest text of the batch, classes)
Outputs = Mapping[str, torch.Tensor]


@contextmanager
def answering_as_in_training(part: nn.Module) -> Iterator[None]:
    """Within it `part` itself and the heads and necks in it give what they give in training (logits, all maps, the guide).

    Only their own `training` is changed, which may decide nothing but what they give: the modules within them, which drop or
    normalise, stay as they are.
    """
    kinds = (*HEADS.loaded(), *NECKS.loaded())
    asked = [module for module in part.modules() if module is part or isinstance(module, kinds)]
    before = [module.training for module in asked]
    for module in asked:
        module.training = True
    try:
        yield
    finally:
        for module, was in zip(asked, before, strict=True):
            module.training = was


def of_one_sample(outputs: Outputs, batch: Mapping[str, torch.Tensor], index: int) -> tuple[Outputs, Mapping[str, torch.Tensor]]:
    """Training outputs and batch entries of sample `index` as a batch of one gives them: logits of the guide NRTR end with the
    sample's own text, however long the batch's other texts are."""
    own = {name: value[index : index + 1] for name, value in batch.items()}
    steps = 1 + int(own["length"].max()) if "length" in own else None
    cut = {}
    for name, value in outputs.items():
        one = value[index : index + 1]
        cut[name] = one[:, :steps] if name.rpartition("/")[2] in FOLLOWS_LENGTH else one
    return cut, own
