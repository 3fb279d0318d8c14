"""Device and precision from the recipe."""

from __future__ import annotations

import time

import pytest
import torch

from ppocr_like.benchmark.limits import Limits
from ppocr_like.config import GlobalConfig
from ppocr_like.engine import device, low_precision
from ppocr_like.engine.device import choose_compute
from ppocr_like.engine.ranks import Ranks
from ppocr_like.errors import TrainingError


def settings(**values: object) -> GlobalConfig:
    return GlobalConfig(epoch_num=1, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keys", "dtype"),
    [
        ({}, torch.float32),
        ({"amp_dtype": "float16"}, torch.float32),  # without use_amp it says nothing
        ({"use_amp": True, "amp_dtype": "bfloat16"}, torch.bfloat16),
        ({"use_amp": True, "amp_dtype": "float16"}, torch.float16),
    ],
)
def test_precision(keys: dict, dtype: torch.dtype) -> None:
    assert choose_compute(settings(device="cpu", **keys), Ranks()).dtype is dtype


@pytest.mark.parametrize(("cost", "dtype"), [(0.5, torch.bfloat16), (6.6, torch.float32)])
def test_a_precision_that_is_only_emulated_is_not_chosen(
    cost: float, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(device, "bfloat16_cost", lambda: cost)
    assert choose_compute(settings(device="cpu", use_amp=True), Ranks()).dtype is dtype
    assert ("only emulates bfloat16 (a test takes 6.6 times as long" in caplog.text) is (dtype is torch.float32)
    caplog.clear()
    assert choose_compute(settings(device="cpu", use_amp=True, amp_dtype="bfloat16"), Ranks()).dtype is torch.bfloat16
    assert "emulates" not in caplog.text, "what is written is done"


def test_the_measurement_is_short() -> None:
    low_precision.bfloat16_cost.cache_clear()
    begin = time.process_time()
    cost = low_precision.bfloat16_cost()
    assert 0.05 < cost < 100 and time.process_time() - begin < 2


def test_a_limit_is_no_lower_than_that_of_float32() -> None:
    """Emulated, bfloat16 products are slow, and a step that does them in float32 would be above the machine's best."""
    limits = Limits("cpu", {"float32": 100.0, "bfloat16": 12.0}, [(1, 1.0), (2, 1.0)], 1.0, {})
    assert (limits.products("bfloat16"), limits.products("float32"), limits.products("float16")) == (100.0, 100.0, 100.0)
    assert Limits("cpu", {"float32": 100.0, "bfloat16": 300.0}, [], 1.0, {}).products("bfloat16") == 300.0


def test_a_gpu_that_is_not_there_is_an_error() -> None:
    with pytest.raises(TrainingError, match=r"Global\.device asks for cuda:99"):
        choose_compute(settings(device="cuda:99"), Ranks())
