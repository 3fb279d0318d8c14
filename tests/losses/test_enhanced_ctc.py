"""ACELoss and CenterLoss: what they reward, what they refuse."""

from __future__ import annotations

import pytest
import torch

from ppocr_like.charset import Charset
from ppocr_like.errors import OcrError
from ppocr_like.losses.ace_loss import ACELoss
from ppocr_like.losses.center_loss import CenterLoss


def test_ace_asks_how_often_and_not_where() -> None:
    """Six steps, the text "1 1 2", three blanks: the same counts at other places cost the same, blanks in their place more."""
    batch = {"length": torch.tensor([3]), "label_ace": torch.tensor([[0, 2, 1, 0]])}

    def loss(steps: list[int]) -> float:
        logits = 9.0 * torch.nn.functional.one_hot(torch.tensor([steps]), 4).float()
        return float(ACELoss()({"ctc": logits}, batch)["loss"])

    right = loss([1, 0, 1, 0, 2, 0])
    assert loss([0, 0, 0, 2, 1, 1]) == pytest.approx(right, abs=1e-6)
    found = torch.tensor([3.0, 2.0, 1.0, 0.0]) / 6
    assert right == pytest.approx(float(-(found * found.log_softmax(0)).sum()), abs=1e-3)
    assert loss([3, 3, 1, 0, 3, 0]) > right + 0.1


def test_ace_gives_the_mean_or_as_paddleocr_each_samples_own() -> None:
    outputs = {"ctc": torch.randn(3, 5, 4)}
    batch = {"length": torch.tensor([1, 2, 0]), "label_ace": torch.tensor([[0, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]])}
    each = ACELoss(paddle_exact=True)(outputs, batch)["loss"]
    assert each.shape == (3, 1)
    torch.testing.assert_close(ACELoss()(outputs, batch)["loss"], each.mean())
    with pytest.raises(ValueError, match=r"label_ace of shape \(3, 4\)"):
        ACELoss()(outputs, {**batch, "label_ace": torch.zeros(3, 5)})


def test_center_pulls_features_to_the_class_that_the_logits_name() -> None:
    loss = CenterLoss(Charset("ab"), 2)
    loss.set_centers(torch.tensor([0, 2]), torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    features = torch.tensor([[[3.0, 0.0], [1.0, 2.0]]], requires_grad=True)
    logits = torch.tensor([[[9.0, 0.0, 0.0], [0.0, 0.0, 9.0]]], requires_grad=True)
    found = loss({"ctc_feats": features, "ctc": logits}, {})
    assert float(found["loss"].detach()) == pytest.approx((9 + 1) / 2)
    found["loss"].backward()
    assert features.grad is not None and features.grad.tolist() == [[[3.0, 0.0], [0.0, 1.0]]]
    assert logits.grad is None
    assert not list(loss.parameters()) and not loss.state_dict()


def test_centers_that_no_file_gives_are_the_same_in_every_run() -> None:
    torch.manual_seed(1)
    first = CenterLoss(Charset("abcd"), 4).centers
    torch.manual_seed(2)
    assert torch.equal(first, CenterLoss(Charset("abcd"), 4).centers)


def test_what_does_not_fit_is_told() -> None:
    loss = CenterLoss(Charset("abcd"), 4)
    with pytest.raises(OcrError, match="return_feats: true"):
        loss({"ctc": torch.zeros(1, 2, 5)}, {})
    with pytest.raises(OcrError, match="feat_dim is 4, but the head's features have 7"):
        loss({"ctc": torch.zeros(1, 2, 5), "ctc_feats": torch.zeros(1, 2, 7)}, {})
    with pytest.raises(ValueError, match="class 5, but the dictionary makes 5 classes"):
        loss.set_centers(torch.tensor([5]), torch.zeros(1, 4))
    with pytest.raises(ValueError, match="feat_dim is 4"):
        loss.set_centers(torch.tensor([1]), torch.zeros(1, 6))
