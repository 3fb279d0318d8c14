"""Recognition and detection with bundles on ONNX Runtime. Importing this room imports no torch; `torch_backend` does."""

from ppocr_like.pipeline.classes import Classifier, Verdict
from ppocr_like.pipeline.lines import Reading, Recogniser
from ppocr_like.pipeline.pages import Detector, FoundBoxes
from ppocr_like.pipeline.runner import Backend, Runner
from ppocr_like.pipeline.spec import Spec, read_spec

__all__ = [
    "Backend", "Classifier", "Detector", "FoundBoxes", "Reading", "Recogniser", "Runner", "Spec", "Verdict", "read_spec",
]  # fmt: skip
