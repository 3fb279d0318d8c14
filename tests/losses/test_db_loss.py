"""DBLoss and its parts against the definitions, on maps small enough to count by hand."""

from __future__ import annotations

import math

import pytest
import torch

from ppocr_like.losses import focal_blocks
from ppocr_like.losses.db_loss import DBLoss
from ppocr_like.losses.det_basic import (
    BalanceLoss,
    BCELoss,
    DiceFocalLoss,
    DiceLoss,
    MaskedFocalLoss,
    MaskL1Loss,
    _focal_sum,
)


def case(samples: int = 2, height: int = 16, width: int = 24) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """(maps in (0, 1), batch) with a bar of text in each picture and a masked corner."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(samples, 3, height, width, generator=generator) * 0.98 + 0.01
    text = torch.zeros(samples, height, width)
    text[:, 4:8, 3:20] = 1
    mask = torch.ones(samples, height, width)
    mask[:, :6, :5] = 0
    batch = {
        "threshold_map": torch.rand(samples, height, width, generator=generator),
        "threshold_mask": (text > 0).float(),
        "shrink_map": text,
        "shrink_mask": mask,
    }
    return maps, batch


def dice(pred: torch.Tensor, gt: torch.Tensor, mask: torch.Tensor) -> float:
    pred, gt = pred[mask > 0].double(), gt[mask > 0].double()
    return float(1 - 2 * (pred * gt).sum() / (pred.sum() + gt.sum()))


def test_the_sum_of_its_terms() -> None:
    maps, batch = case()
    losses = DBLoss(alpha=3, beta=7)({"maps": maps}, batch)
    text, mask = batch["shrink_map"], batch["shrink_mask"]
    area = batch["threshold_mask"] > 0
    l1 = (maps[:, 1] - batch["threshold_map"])[area].abs().mean().item()
    assert losses["loss_shrink_maps"].item() == pytest.approx(3 * dice(maps[:, 0], text, mask), rel=1e-5)
    assert losses["loss_threshold_maps"].item() == pytest.approx(7 * l1, rel=1e-5)
    assert losses["loss_binary_maps"].item() == pytest.approx(dice(maps[:, 2], text, mask), rel=1e-5)
    parts = sum(value.item() for name, value in losses.items() if name != "loss")
    assert losses["loss"].item() == pytest.approx(parts, rel=1e-6)
    assert set(losses) == {"loss", "loss_shrink_maps", "loss_threshold_maps", "loss_binary_maps"}


def test_perfect_maps_cost_nothing_and_masked_pixels_have_no_gradient() -> None:
    maps, batch = case()
    perfect = torch.stack((batch["shrink_map"], batch["threshold_map"], batch["shrink_map"]), 1)
    assert DBLoss()({"maps": perfect}, batch)["loss"].item() == pytest.approx(0.0, abs=1e-5)
    maps.requires_grad_()
    DBLoss()({"maps": maps}, batch)["loss"].backward()
    assert maps.grad is not None
    assert not maps.grad[:, 0][batch["shrink_mask"] == 0].any() and not maps.grad[:, 1][batch["threshold_mask"] == 0].any()
    assert maps.grad[:, 0][batch["shrink_mask"] > 0].all()


def test_a_batch_without_text() -> None:
    maps, batch = case()
    batch["shrink_map"].zero_(), batch["threshold_mask"].zero_()
    losses = DBLoss()({"maps": maps}, batch)
    assert [losses[f"loss_{name}_maps"].item() for name in ("shrink", "threshold", "binary")] == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("main", ["DiceLoss", "DiceFocalLoss", "BCELoss", "MaskL1Loss", "Euclidean", "CrossEntropy"])
@pytest.mark.parametrize("balanced", [True, False])
def test_every_main_loss_is_a_number_that_falls_along_its_gradient(main: str, balanced: bool) -> None:
    maps, batch = case()
    maps.requires_grad_()
    loss = DBLoss(balance_loss=balanced, main_loss_type=main)
    before = loss({"maps": maps}, batch)["loss"]
    before.backward()
    assert before.shape == () and maps.grad is not None and maps.grad.isfinite().all()
    with torch.no_grad():
        after = loss({"maps": (maps - 0.5 * maps.grad).clamp(0, 1)}, batch)["loss"]
    assert after < before


def test_cross_entropy_counts_the_hardest_other_pixels() -> None:
    pred = torch.tensor([[[0.9, 0.2, 0.8, 0.3, 0.6, 0.99]]])
    text = torch.tensor([[[1.0, 0, 0, 0, 0, 0]]])
    mask = torch.tensor([[[1.0, 1, 1, 1, 1, 0]]])
    by_hand = -(math.log(0.9) + math.log(1 - 0.8) + math.log(1 - 0.6)) / 3
    assert BalanceLoss(main_loss_type="BCELoss", negative_ratio=2)(pred, text, mask).item() == pytest.approx(by_hand, rel=1e-5)
    plain = BalanceLoss(False, "BCELoss")(pred, text, mask).item()
    everything = -sum(math.log(p) for p in (0.9, 0.8, 0.2, 0.7, 0.4)) / 5
    assert plain == pytest.approx(everything, rel=1e-5)
    assert BCELoss()(pred, text, mask).item() == pytest.approx(everything, rel=1e-5)
    assert BCELoss("sum")(pred, text, mask).item() == pytest.approx(5 * everything, rel=1e-5)
    balanced, origin = BalanceLoss(main_loss_type="BCELoss", return_origin=True)(pred, text, mask)
    assert balanced.shape == () and origin.shape == pred.shape
    more = DBLoss(main_loss_type="BCELoss", ohem_ratio=1)
    maps, batch = case()
    few = more({"maps": maps}, batch)["loss_shrink_maps"]
    assert few > DBLoss(main_loss_type="BCELoss", ohem_ratio=3)({"maps": maps}, batch)["loss_shrink_maps"]


def test_focal_loss_is_cross_entropy_weighed_down_where_it_is_right() -> None:
    maps, batch = case()
    pred, text, mask = maps[:, 0], batch["shrink_map"], batch["shrink_mask"]
    half = MaskedFocalLoss(alpha=0.5, gamma=0.0)(pred, text, mask).item()
    assert half == pytest.approx(0.5 * BCELoss()(pred, text, mask).item(), rel=1e-4)
    assert MaskedFocalLoss(alpha=0.5, gamma=2.0)(pred, text, mask).item() < half
    both = DiceFocalLoss(0.5, 2.0, 0.25, 2.0)(pred, text, mask).item()
    parts = 0.5 * DiceLoss()(pred, text, mask).item() + 2 * MaskedFocalLoss(0.25, 2.0)(pred, text, mask).item()
    assert both == pytest.approx(parts, rel=1e-6)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.5), (0.75, 2.0), (0.25, 0.0), (0.5, 1.0)])
def test_focal_loss_in_blocks_is_that_of_ordinary_operators(
    alpha: float, gamma: float, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maps of several blocks and of a part of one; probabilities at and beyond both cuts, and at the logarithm's kinks."""
    monkeypatch.setattr(focal_blocks, "BLOCK", 100)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        draw = torch.Generator().manual_seed(4)
        maps = torch.rand(2, 3, 19, 23, generator=draw, dtype=torch.float32)
        maps[0, 0, 0, :5] = torch.tensor([0.0, 1.0, 0.5, 1e-6, 1.0 - 1e-6])
        maps[1, 0, 5, :6] = torch.tensor([0.5, 1e-7, 1.0 - 1e-7, 1e-3, 0.999, 0.5])
        text = (torch.rand(2, 19, 23, generator=draw) > 0.6).float()
        text[0, 0, 10:14] = torch.tensor([0.2, 0.5, 0.7, 1.0])
        mask = (torch.rand(2, 19, 23, generator=draw) > 0.2).float()
        assert focal_blocks.fits(maps[:, 0], text, mask)
        found = []
        for total in (_focal_sum, focal_blocks.focal_sum):
            given = maps.clone().requires_grad_()
            loss = total(given[:, 0], text, mask, alpha, gamma, 1e-6)
            (3 * loss).backward()
            found.append((loss.detach(), given.grad))
        torch.testing.assert_close(found[1][0], found[0][0], rtol=1e-6, atol=0)
        torch.testing.assert_close(found[1][1], found[0][1], rtol=2e-5, atol=2e-5)
        assert focal_blocks.focal_sum(maps[:, 0], text, mask, alpha, gamma, 1e-6).item() == found[1][0].item()
        assert focal_blocks.focal_sum(maps[:0, 0], text[:0], mask[:0], alpha, gamma, 1e-6).item() == 0
    finally:
        torch.set_num_threads(before)


def test_weights_of_the_dice_loss_and_an_empty_mask() -> None:
    maps, batch = case()
    pred, text, mask = maps[:, 0], batch["shrink_map"], batch["shrink_mask"]
    assert DiceLoss()(pred, text, torch.ones_like(mask), weights=mask).item() == pytest.approx(dice(pred, text, mask), rel=1e-5)
    assert MaskL1Loss()(pred, text, torch.zeros_like(mask)).item() == 0.0
    assert BCELoss()(pred, text, torch.zeros_like(mask)).item() == 0.0


def test_cbn_and_auxiliary_maps() -> None:
    maps, batch = case()
    plain = DBLoss()({"maps": maps}, batch)["loss"].item()
    cbn = DBLoss()({"maps": maps, "cbn_maps": maps[:, 2:]}, batch)
    assert cbn["loss_cbn"].item() == pytest.approx(cbn["loss_binary_maps"].item(), rel=1e-5)
    assert cbn["loss"].item() == pytest.approx(plain + cbn["loss_cbn"].item(), rel=1e-6)
    with_aux = DBLoss(aux_weight_p3=0.25)({"maps": maps, "aux_maps_p3": maps, "aux_maps_p4": maps}, batch)
    assert with_aux["loss"].item() == pytest.approx(1.25 * plain, rel=1e-6)
    assert "loss_aux_maps_p4" not in with_aux


def test_float32_under_autocast() -> None:
    maps, batch = case()
    low = maps.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = DBLoss(main_loss_type="DiceFocalLoss")({"maps": low}, batch)["loss"]
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(
        DBLoss(main_loss_type="DiceFocalLoss")({"maps": low.float()}, batch)["loss"].item(), rel=1e-6
    )


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="accepted: DiceLoss, BCELoss"):
        DBLoss(main_loss_type="Dice")
    with pytest.raises(ValueError, match="reduction must be"):
        BCELoss("median")
    with pytest.raises(ValueError, match="negative_ratio"):
        BalanceLoss(negative_ratio=-1)


@pytest.mark.parametrize("kind", ["BCELoss", "Euclidean"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 1.0])
def test_hardest_pixels_without_a_number_that_leaves_the_device(kind: str, share: float) -> None:
    """The way of a GPU."""
    torch.manual_seed(0)
    loss = BalanceLoss(main_loss_type=kind)
    text, mask = (torch.rand(2, 9, 11) < share).float(), (torch.rand(2, 9, 11) < 0.8).float()
    given = [torch.full((2, 9, 11), 0.0).uniform_(generator=torch.Generator().manual_seed(1)).requires_grad_() for _ in range(2)]
    near = loss(given[0], text, mask)
    each, positive = loss.loss(given[1], text), text * mask
    there = loss._hardest_there(each, positive, mask - positive)
    torch.testing.assert_close(there, near)
    near.backward()
    there.backward()
    torch.testing.assert_close(given[1].grad, given[0].grad)
