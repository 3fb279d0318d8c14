"""What the losses of a distillation have in common: whose outputs they read, and how their terms are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from ppocr_like.errors import OcrError

Outputs = Mapping[str, torch.Tensor]
Pairs = Sequence[str] | Sequence[Sequence[str]]
HEAD_OUT = "head_out"  # PaddleOCR's name of all that a head gives
SINGLE = ("ctc", "maps", "sar", "gtc", "nrtr", "cls")  # what a head of one output calls it


class OfModels(nn.Module):
    """A loss over the sub-models' outputs.

    Args:
        names: of the sub-models that it reads.
        key: which of their outputs; None and `head_out`: the head's.
        head: of a MultiHead the branch's name.
        paddle_exact: terms stay as PaddleOCR has them: vectors where it has vectors, and teachers get gradients.
    """

    def __init__(self, names: Sequence[str], key: str | None, head: str | None, paddle_exact: bool) -> None:
        super().__init__()
        self.model_names = tuple(dict.fromkeys(names))
        if not names:
            raise ValueError("names no sub-model: give model_name_list: [Student], or model_name_pairs: [[Student, Teacher]]")
        self.key, self.head, self.paddle_exact = key, head, paddle_exact

    def output(self, outputs: Outputs, name: str) -> torch.Tensor:
        """The one output of sub-model `name` that is read.

        Raises:
            OcrError: the sub-model does not give it.
        """
        own = outputs_of(outputs, name)
        if self.key not in (None, HEAD_OUT):
            wanted = str(self.key)
        elif self.head is not None:
            wanted = self.head
        else:
            wanted = next((key for key in SINGLE if key in own), HEAD_OUT)
        if wanted not in own:
            advice = "; set return_all_feats: true of that network" if wanted in ("backbone_out", "neck_out") else ""
            raise OcrError(f"{type(self).__name__} reads {name}/{wanted}, but {name} gives {', '.join(own)}{advice}")
        return own[wanted]

    def teachers(self, outputs: Outputs, name: str) -> torch.Tensor:
        """The same of a teacher: a constant."""
        found = self.output(outputs, name)
        return found if self.paddle_exact else found.detach()

    def told(self, terms: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The terms and their sum, `loss`; vectors by their means."""
        kept = {name: term if self.paddle_exact or name.startswith("count/") else term.mean() for name, term in terms.items()}
        values = [value for name, value in kept.items() if not name.startswith("count/")]
        return {"loss": sum(values[1:], values[0]), **kept}


def outputs_of(outputs: Outputs, name: str) -> dict[str, torch.Tensor]:
    """One sub-model's outputs by their own names.

    Raises:
        OcrError: there is no such sub-model.
    """
    prefix = f"{name}/"
    found = {key.removeprefix(prefix): value for key, value in outputs.items() if key.startswith(prefix)}
    if not found:
        there = sorted({key.partition("/")[0] for key in outputs})
        raise OcrError(f"there is no output of a sub-model {name!r}; there: {', '.join(there)}")
    return found


def as_pairs(given: Pairs) -> list[tuple[str, str]]:
    """`[a, b]` or `[[a, b], [c, d]]` as pairs.

    Raises:
        ValueError: anything else.
    """
    items = [given] if given and isinstance(given[0], str) else list(given)
    if not items or any(isinstance(item, str) or len(item) != 2 for item in items):
        raise ValueError(f"model_name_pairs is {given!r}; pairs of names are needed: [[Student, Teacher]]")
    return [(str(first), str(second)) for first, second in items]
