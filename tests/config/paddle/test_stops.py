"""What is told about recipes with which PaddleOCR itself stops."""

from __future__ import annotations

from ppocr_like.components import load_components
from ppocr_like.config.paddle.stops import NEVER_THERE, never_there
from ppocr_like.registry import BACKBONES


def test_a_name_that_paddleocr_lacks_as_well() -> None:
    load_components()
    for name in NEVER_THERE:
        assert name not in BACKBONES
        assert f"{name!r} is unknown in PaddleOCR too" in never_there(name)
    assert never_there("RepSVTR") == ""
