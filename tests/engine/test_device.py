"""Device and precision from the recipe."""

from __future__ import annotations

import pytest
import torch

from ppocr_like.config import GlobalConfig
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
        ({"use_amp": True}, torch.bfloat16),
        ({"use_amp": True, "amp_dtype": "float16"}, torch.float16),
    ],
)
def test_precision(keys: dict, dtype: torch.dtype) -> None:
    assert choose_compute(settings(device="cpu", **keys), Ranks()).dtype is dtype


def test_a_gpu_that_is_not_there_is_an_error() -> None:
    with pytest.raises(TrainingError, match=r"Global\.device asks for cuda:99"):
        choose_compute(settings(device="cuda:99"), Ranks())
