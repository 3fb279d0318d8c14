"""Reading one character after the other: the best one at each step, or the best whole text among a few.

`step(tokens (N,), place, rows)` -> probabilities (N, classes) of what follows; `rows` (N,) or None: each hypothesis goes on
from that one of the step before.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

Step = Callable[[torch.Tensor, int, torch.Tensor | None], torch.Tensor]
START, END = 2, 3


def greedy(step: Step, samples: int, width: int, most: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """(ids, probabilities), each (samples, T) with T <= most; END with probability 1 fills what follows the end."""
    tokens = torch.full((samples,), START, dtype=torch.long, device=device)
    ended = torch.zeros(samples, dtype=torch.bool, device=device)
    ids, probabilities = [], []
    for place in range(most):
        probability, tokens = step(tokens, place, None).max(dim=1)
        tokens, probability = tokens.masked_fill(ended, END), probability.masked_fill(ended, 1.0)
        ids.append(tokens)
        probabilities.append(probability)
        ended = ended | (tokens == END)
        if bool(ended.all()):
            break
    return torch.stack(ids, dim=1), torch.stack(probabilities, dim=1)


def beam(step: Step, samples: int, width: int, most: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """As `greedy`, for the text with the highest product of probabilities among `width` hypotheses of each sample."""
    first = torch.arange(samples, device=device)[:, None] * width
    tokens = torch.full((samples * width,), START, dtype=torch.long, device=device)
    # All hypotheses begin alike: only the first one may go on at the first step.
    score = torch.full((samples, width), float("-inf"), device=device)
    score[:, 0] = 0.0
    rows: torch.Tensor | None = None
    ids = torch.zeros(samples * width, 0, dtype=torch.long, device=device)
    found = torch.zeros(samples * width, 0, device=device)
    for place in range(most):
        probability = step(tokens, place, rows).float()
        ended = tokens == END
        probability = probability.masked_fill(ended[:, None], 0.0)
        probability[:, END] = probability[:, END].masked_fill(ended, 1.0)
        classes = probability.shape[1]
        total = score[:, :, None] + probability.log().reshape(samples, width, classes)
        score, best = total.flatten(1).topk(width, dim=1)
        rows = (first + best // classes).flatten()
        tokens = (best % classes).flatten()
        ids = torch.cat((ids[rows], tokens[:, None]), dim=1)
        found = torch.cat((found[rows], probability[rows, tokens][:, None]), dim=1)
        if bool((tokens.reshape(samples, width)[:, 0] == END).all()):
            break
    return ids[first[:, 0]], found[first[:, 0]]
