"""Export of trained recognisers: ONNX, metadata, verification, bundle."""

from ppocr_like.export.bundle import ExportReport, export

__all__ = ["ExportReport", "export"]
