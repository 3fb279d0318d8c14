"""Recognition with bundles on ONNX Runtime. Importing this room imports no torch; `torch_backend` does."""

from ppocr_like.pipeline.recogniser import Backend, Reading, Recogniser
from ppocr_like.pipeline.spec import Spec, read_spec

__all__ = ["Backend", "Reading", "Recogniser", "Spec", "read_spec"]
