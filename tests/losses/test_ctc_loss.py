"""CTCLoss against the definition: the sum over all paths that read as the text."""

from __future__ import annotations

from itertools import groupby, product

import pytest
import torch

from ppocr_like.losses.ctc_loss import CTCLoss, infeasible


def enumerated(logits: torch.Tensor, text: list[int]) -> torch.Tensor:
    """-log of the summed probability of all paths of one sample (T, C)."""
    log_probs = logits.double().log_softmax(1)
    paths = []
    for path in product(range(logits.shape[1]), repeat=logits.shape[0]):
        if [k for k, _ in groupby(path) if k] == text:
            paths.append(sum(log_probs[t, k] for t, k in enumerate(path)))
    return -torch.logsumexp(torch.stack(paths), 0)  # type: ignore[arg-type]


TEXTS = [[1, 2], [1, 1], [], [2]]
BATCH = {"label": torch.tensor([[1, 2, 9], [1, 1, 0], [7, 0, 0], [2, 2, 2]]), "length": torch.tensor([2, 2, 0, 1])}


def test_equals_the_sum_over_paths() -> None:
    torch.manual_seed(0)
    logits = torch.randn(4, 4, 3)
    want = torch.stack([enumerated(sample, text) for sample, text in zip(logits, TEXTS, strict=True)])
    batch = {**BATCH, "label": BATCH["label"].clamp(max=2)}
    result = CTCLoss()({"ctc": logits}, batch)
    assert result["loss"].item() == pytest.approx(want.mean().item(), rel=1e-5)
    assert result["count/infeasible"].item() == 0
    focal = CTCLoss(use_focal_loss=True)({"ctc": logits}, batch)
    assert focal["loss"].item() == pytest.approx((want * (1 - torch.exp(-want)) ** 2).mean().item(), rel=1e-5)


def test_targets_that_do_not_fit_count_and_add_nothing() -> None:
    logits = torch.randn(3, 3, 5, requires_grad=True)
    batch = {"label": torch.tensor([[1, 2, 3, 4], [1, 1, 2, 0], [1, 2, 0, 0]]), "length": torch.tensor([4, 3, 2])}
    result = CTCLoss()({"ctc": logits}, batch)
    result["loss"].backward()
    assert result["count/infeasible"].item() == 2
    assert logits.grad is not None and not logits.grad[:2].any() and logits.grad[2].any()
    alone = CTCLoss()({"ctc": logits[2:]}, {name: value[2:] for name, value in batch.items()})
    assert result["loss"].item() == pytest.approx(alone["loss"].item() / 3, rel=1e-6)


def test_infeasible_reads_no_padding() -> None:
    label = torch.tensor([[1, 1, 1], [1, 2, 2]])
    assert infeasible(label, torch.tensor([1, 2]), 2).tolist() == [False, False]
    assert infeasible(label, torch.tensor([2, 3]), 3).tolist() == [False, True]
    assert infeasible(label[:, :1], torch.tensor([1, 1]), 1).tolist() == [False, False]
    assert infeasible(label[:, :0], torch.tensor([0, 0]), 1).tolist() == [False, False]


def test_float32_under_autocast() -> None:
    logits = torch.randn(2, 6, 5).bfloat16().requires_grad_()
    batch = {"label": torch.tensor([[1, 2], [3, 4]]), "length": torch.tensor([2, 2])}
    with torch.autocast("cpu", torch.bfloat16):
        loss = CTCLoss()({"ctc": logits}, batch)["loss"]
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(CTCLoss()({"ctc": logits.float()}, batch)["loss"].item(), rel=1e-6)


def test_only_own_steps_count_where_a_network_tells_them() -> None:
    torch.manual_seed(1)
    logits = torch.randn(4, 6, 3)
    lengths = torch.tensor([6, 4, 3, 5])
    want = torch.stack([enumerated(row[:n], text) for row, n, text in zip(logits, lengths.tolist(), TEXTS, strict=True)])
    found = CTCLoss()({"ctc": logits, "lengths": lengths}, BATCH)
    assert torch.allclose(found["loss"].double(), want.mean(), atol=1e-5)
    short = CTCLoss()({"ctc": logits, "lengths": torch.tensor([6, 2, 3, 5])}, BATCH)
    assert int(found["count/infeasible"]) == 0
    assert int(short["count/infeasible"]) == 1  # two equal characters and the blank between them
