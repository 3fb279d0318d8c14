"""Export of trained models: ONNX, metadata, verification, bundle."""

from ppocr_like.export.bundle import ExportReport, export
from ppocr_like.export.verify import TOLERANCE

__all__ = ["TOLERANCE", "ExportReport", "export"]
