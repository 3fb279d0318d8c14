"""Rates that follow the batch."""

from __future__ import annotations

from ppocr_like.config.rates import AutoScale, scale_rates


def test_scaling_multiplies_every_rate() -> None:
    args = {"learning_rate": 1e-3, "values": [1e-3, 1e-4], "end_lr": 1e-5, "warmup_epoch": 5, "decay_epochs": [7]}
    scaled, said = scale_rates(args, AutoScale(1024), 256)
    assert scaled == {"learning_rate": 2.5e-4, "values": [2.5e-4, 2.5e-5], "end_lr": 2.5e-6}
    assert said.startswith("Optimizer.lr.auto_scale: 256 samples a step for 1024: learning_rate 0.001 -> 0.00025, values [")
