"""Where a CTC layer without weights of its own starts: at the frequencies of the training labels' characters.

A layer that starts at random gives every class the same probability. The first few hundred steps then teach nothing but how
frequent the blank and each character are, and at the usual rates the biases take long to get there. Counting the labels takes
seconds.

Not behind recurrent layers. Started so, kraken's network (`vgsl_kraken.yml`) had gradients of a norm of 13 and did not read
after 1,700 steps of one line; from chance they were 60 to 100, and it began to read at about 1,000. From chance such networks get
to the frequencies within some hundred steps. (Both were single runs without a warm-up, which such networks need: docs/kraken.md.)
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from typing import Any

import numpy as np
import torch
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.data.base import Dataset
from ppocr_like.data.spelling import spelt_texts
from ppocr_like.modeling.vgsl.recurrent import PeepholeLSTM

logger = logging.getLogger("ppocr_like")
_MEASURED = 2000  # lines whose widths are looked at
_LINES = 200_000  # lines whose characters are counted
_SEEN = 0.5  # of each class beside its count: none starts as impossible
_STEPS = 3.0  # output steps of a character where the data do not tell
_RECURRENT = (nn.RNNBase, PeepholeLSTM)
_BLANK = (0.3, 0.95)  # least and greatest share of blanks


class FirstBiases:
    """The biases of a network's CTC layers, as they are before weights are loaded.

    Args:
        model: a fresh `Network`; asked for `class_parameters()` and `out_spec`.
    """

    def __init__(self, model: Any) -> None:
        parameters = dict(model.named_parameters())
        classes = {} if _recurrent(model) else model.class_parameters()
        names = [name for name, kind in classes.items() if kind == "ctc" and parameters[name].dim() == 1]
        self.biases = {name: parameters[name] for name in names}
        self._random = {name: bias.detach().clone() for name, bias in self.biases.items()}
        self._stride = int(model.out_spec.stride[1])

    def start(self, dataset: Dataset, charset: Charset, bucketed: bool) -> None:
        """Sets those that no file has filled since, and that are trained, so that each class has its frequency in the labels,
        whatever the features say.

        Args:
            dataset: of training.
            charset: the network's.
            bucketed: batches are as wide as their lines.
        """
        biases = {name: bias for name, bias in self.biases.items() if bias.requires_grad and self._untouched(name)}
        counts, lines = _counted(dataset, charset) if biases else (np.zeros(0), 0)
        total = counts.sum()
        if not total:
            return
        steps = _steps_of_a_line(dataset, self._stride, bucketed)
        per_character = steps * lines / total if steps else _STEPS
        blank = min(max(1.0 - 1.0 / max(per_character, 1.0), _BLANK[0]), _BLANK[1])
        shares = (counts[1:] + _SEEN) / (counts[1:] + _SEEN).sum()
        logs = torch.tensor([math.log(blank), *np.log((1.0 - blank) * shares).tolist()], dtype=torch.float32)
        fitting = {name: bias for name, bias in biases.items() if bias.shape == logs.shape}
        for bias in fitting.values():
            bias.data.copy_(logs)
        if fitting:
            said = "%s: starts at the frequencies of the characters in the training labels, of the blank at %.2f"
            logger.info(said, ", ".join(fitting), blank)

    def _untouched(self, name: str) -> bool:
        return torch.equal(self.biases[name].detach().cpu(), self._random[name].cpu())


def _recurrent(model: nn.Module) -> bool:
    """Whether it reads lines with recurrent layers; those of a guide do not count."""
    modules = dict(model.named_modules())  # of a distillation those of all its networks
    heads = {path: module.own_training_only() for path, module in modules.items() if hasattr(module, "own_training_only")}
    guide = tuple(f"{path}.{name}" for path, names in heads.items() for name in names)
    return any(isinstance(module, _RECURRENT) and not name.startswith(guide) for name, module in modules.items())


def _counted(dataset: Dataset, charset: Charset) -> tuple[np.ndarray, int]:
    """(classes,) how often each is written in the labels, and of how many lines."""
    characters: Counter[str] = Counter()
    counts, lines = np.zeros(charset.num_classes), 0
    for piece in spelt_texts(dataset):
        texts = [text for text in piece.texts if text]
        lines += len(texts)
        if charset.by_character:
            characters.update("".join(texts))
        else:
            for text in texts:
                np.add.at(counts, charset.encode(text), 1)
        if lines >= _LINES:
            break
    for character, count in characters.items():
        np.add.at(counts, charset.encode(character), count)
    return counts, lines


def _steps_of_a_line(dataset: Dataset, stride: int, bucketed: bool) -> float:
    """Output steps of a line in the mean; 0.0 where that cannot be told."""
    canvas = dataset.canvas()
    if canvas is None:
        return 0.0
    _, height, least = canvas
    width = float(least)
    if not bucketed and any(getattr(transform, "dynamic", False) for transform in dataset.transforms):
        return 0.0  # to measure all images for this would take too long
    if bucketed:  # they are measured already
        sizes = dataset.sizes(progress=False)
        sizes = sizes[np.linspace(0, len(sizes) - 1, min(_MEASURED, len(sizes))).astype(np.int64)]
        sizes = sizes[(sizes > 0).all(1)]
        if not len(sizes):
            return 0.0
        width = float((sizes[:, 0] * height / sizes[:, 1]).mean()) + 2 * dataset.margin()
    return width / stride
