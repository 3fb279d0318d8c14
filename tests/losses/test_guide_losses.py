"""SARLoss, NRTRLoss, MultiLoss."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from ppocr_like.losses.ctc_loss import CTCLoss
from ppocr_like.losses.multi_loss import MultiLoss
from ppocr_like.losses.nrtr_loss import NRTRLoss
from ppocr_like.losses.sar_loss import SARLoss


def test_sar_counts_the_characters_after_the_start_and_no_padding() -> None:
    logits = torch.zeros(2, 4, 5)  # classes: three characters, unknown, start/end; 5 is the padding
    logits[0, 0, 1] = 2.0
    label = torch.tensor([[4, 1, 4, 5], [4, 4, 5, 5]])
    loss = SARLoss(sar_classes=6)({"sar": logits}, {"label": label})["loss"]
    first = math.log(4 + math.exp(2.0)) - 2.0
    assert loss.item() == pytest.approx((first + 2 * math.log(5)) / 3)


def test_sar_padding_comes_from_the_character_set() -> None:
    assert SARLoss().ignore_index == 92 and SARLoss(sar_classes=98).ignore_index == 97
    assert SARLoss(7).ignore_index == 7 and SARLoss(97, sar_classes=98).ignore_index == 97
    with pytest.raises(ValueError, match="ignore_index is 92, but the padding of this character set is 97"):
        SARLoss(92, sar_classes=98)


def test_nrtr_smoothing_by_hand() -> None:
    logits = torch.randn(2, 3, 6, generator=torch.Generator().manual_seed(1))
    batch = {"label": torch.tensor([[2, 4, 5, 3, 0], [2, 4, 3, 0, 0]]), "length": torch.tensor([2, 1])}
    log_probs = logits.log_softmax(2)
    losses = []
    for sample, step, wanted in ((0, 0, 4), (0, 1, 5), (0, 2, 3), (1, 0, 4), (1, 1, 3)):
        share = torch.full((6,), 0.1 / 5)
        share[wanted] = 0.9
        losses.append(-(share * log_probs[sample, step]).sum())
    assert NRTRLoss()({"gtc": logits}, batch)["loss"].item() == pytest.approx(torch.stack(losses).mean().item())
    assert NRTRLoss()({"nrtr": logits}, batch)["loss"].item() == pytest.approx(torch.stack(losses).mean().item())


def test_wrong_lengths_are_said() -> None:
    batch = {"label": torch.zeros(2, 5, dtype=torch.long), "length": torch.tensor([2, 1])}
    with pytest.raises(ValueError, match=r"NRTRLoss needs logits .* \(2, 3\); got \(2, 4, 6\)"):
        NRTRLoss()({"gtc": torch.zeros(2, 4, 6)}, batch)
    with pytest.raises(ValueError, match="SARLoss needs as many logits as labels"):
        SARLoss(sar_classes=6)({"sar": torch.zeros(2, 4, 5)}, batch)


def test_multi_loss_reads_each_members_own_label() -> None:
    loss = MultiLoss([CTCLoss(), SARLoss(sar_classes=6)], weight_1=0.5, weight_2=2.0)
    assert loss.needs == ("label_ctc", "label_sar|label_gtc", "length")
    outputs = {"ctc": torch.randn(2, 6, 4), "sar": torch.randn(2, 4, 5)}
    sar_label = torch.tensor([[4, 1, 4, 5], [4, 4, 5, 5]])
    batch = {"label_ctc": torch.tensor([[1, 2], [3, 0]]), "length": torch.tensor([2, 1])}
    for name in ("label_sar", "label_gtc"):
        found = loss(outputs, {**batch, name: sar_label})
        alone = CTCLoss()(outputs, {"label": batch["label_ctc"], "length": batch["length"]})["loss"]
        assert found["CTCLoss"].item() == pytest.approx(0.5 * alone.item())
        assert found["loss"].item() == pytest.approx((found["CTCLoss"] + found["SARLoss"]).item())
        assert found["count/infeasible"].item() == 0


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([], "got nothing"),
        ([CTCLoss(), CTCLoss()], "each once; got CTCLoss, CTCLoss"),
        ([CTCLoss(), nn.L1Loss()], "got CTCLoss, L1Loss"),
        ([CTCLoss(), SARLoss(), NRTRLoss()], "MultiHead has one guide"),
    ],
)
def test_members_that_do_not_go_together(members: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiLoss(members)
