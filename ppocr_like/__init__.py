"""OCR training in PyTorch: one YAML recipe builds, trains, evaluates and exports a detector or a recogniser."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ppocr_like.pipeline.ocr import OCR

__version__ = "0.2.0"
__all__ = ["OCR", "__version__"]


def __getattr__(name: str) -> Any:
    """`from ppocr_like import OCR` without loading the pipeline for those who only import the package."""
    if name == "OCR":
        from ppocr_like.pipeline.ocr import OCR

        return OCR
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
