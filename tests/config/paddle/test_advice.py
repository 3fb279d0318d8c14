"""The fine-tune guide's rates. Recognition: 8 x 128 at 1e-3; one card 128: 1e-4 to 2e-5; 64: 5e-5 to 1e-5. Detection: 8 x 8 at
1e-3; one card 8: about 1e-4; 4: about 5e-5."""

from __future__ import annotations

import pytest

from ppocr_like.config import Recipe, lr_advice


def advice(lr: object, batch: int, model_type: str = "rec") -> str | None:
    return lr_advice(Recipe({"Architecture": {"model_type": model_type}, "Optimizer": {"lr": lr}}), batch)


@pytest.mark.parametrize(
    ("rate", "batch"), [(1e-3, 1024), (1e-4, 128), (2e-5, 128), (5e-5, 64), (1e-5, 64), (5e-4, 512), (1.25e-4, 128)]
)
def test_the_guide_s_own_rates_fit(rate: float, batch: int) -> None:
    assert advice({"name": "Cosine", "learning_rate": rate}, batch) is None


def test_a_rate_that_is_too_high() -> None:
    text = advice({"name": "Cosine", "learning_rate": 1e-3}, 128)
    assert text is not None
    assert "learning rate 0.001 at 128 samples a step is 8 times the highest" in text
    assert "0.000125 to 2e-05" in text


def test_a_rate_that_is_too_low() -> None:
    assert "10 times below the lowest" in (advice({"learning_rate": 2e-6}, 128) or "")


def test_piecewise_is_judged_by_its_first_rate() -> None:
    lr = {"name": "Piecewise", "decay_epochs": [700], "values": [1e-4, 2e-5]}
    assert advice(lr, 128) is None
    assert advice(lr, 16) is not None


def test_a_rate_that_is_scaled_fits() -> None:
    assert advice({"learning_rate": 1e-3, "auto_scale": {"base_batch": 1024}}, 96) is None


@pytest.mark.parametrize(("rate", "batch"), [(1e-3, 64), (1e-4, 8), (5e-5, 4), (1.25e-4, 8), (5e-4, 32)])
def test_the_guide_s_rates_for_detectors_fit(rate: float, batch: int) -> None:
    assert advice({"name": "Cosine", "learning_rate": rate}, batch, "det") is None


def test_a_detector_s_rate_that_does_not_fit() -> None:
    text = advice({"name": "Cosine", "learning_rate": 1e-3}, 8, "det")
    assert text is not None
    assert "learning rate 0.001 at 8 samples a step is 8 times the highest" in text
    assert "8 x 8 at 1e-3; one card 8: 1e-4; 4: 5e-5; so 8: 0.000125 to 5e-05" in text
    assert "base_batch: 64" in text
    assert "5 times below the lowest" in (advice({"learning_rate": 5e-6}, 4, "det") or "")
    assert advice({"learning_rate": 1e-3, "auto_scale": {"base_batch": 64}}, 4, "det") is None


def test_it_is_about_two_tasks_and_about_rates_that_can_be_read() -> None:
    assert advice({"learning_rate": 1.0}, 8, "cls") is None
    assert advice({"learning_rate": "1e-3"}, 8) is None
    assert advice(None, 8) is None
    assert advice(1e-3, 8) is not None
