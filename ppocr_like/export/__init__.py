"""Export of trained models: ONNX, metadata, verification, bundle."""

import importlib
from typing import TYPE_CHECKING, Any

from ppocr_like.export.choices import TOLERANCE

if TYPE_CHECKING:
    from ppocr_like.export.bundle import ExportReport, export

__all__ = ["TOLERANCE", "ExportReport", "export"]


def __getattr__(name: str) -> Any:
    """Torch and ONNX come with what exports, when it is asked for."""
    if name in __all__:
        return getattr(importlib.import_module("ppocr_like.export.bundle"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
