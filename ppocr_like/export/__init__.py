"""Export of trained models: ONNX, metadata, verification, bundle.

A bundle is a folder: `model.onnx` (opset 17, probabilities, free batch and, where the network allows, free sizes; metadata
`character` has the entries joined by newlines, without blank and appended space), `inference.yml` (PaddleOCR's layout and a
section `PpocrLike` with what it has no place for: `pipeline.spec`), and the settings that RapidOCR takes. It is written beside
its place, verified there against the torch model on real samples, and then moved.
"""

import importlib
from typing import TYPE_CHECKING, Any

from ppocr_like.export.choices import TOLERANCE
from ppocr_like.imports import quick_imports

if TYPE_CHECKING:
    from ppocr_like.export.bundle import ExportReport, export

__all__ = ["TOLERANCE", "ExportReport", "export"]


def __getattr__(name: str) -> Any:
    """Torch and ONNX come with what exports, when it is asked for."""
    if name in __all__:
        with quick_imports():
            return getattr(importlib.import_module("ppocr_like.export.bundle"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
