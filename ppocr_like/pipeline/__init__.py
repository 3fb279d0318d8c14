"""From images to text with bundles on ONNX Runtime. Importing this room imports no torch; `torch_backend` does.

A runner is made for each task (`tasks.RUNNERS`): `Recogniser`, `Detector`, `Classifier`; `ocr.OCR` puts a detector and a
recogniser together: `OCR(det, rec)(image) -> Page`. What happens to an image before the network is the recipe's Eval chain
without its label steps, and lines share a batch only with lines of the same canvas, as in evaluation. `locate` opens whatever
holds a model: bundles, PaddleOCR's folders, ONNX files, run folders. `read_pages` writes results and goes on where it was
stopped.
"""

from ppocr_like.pipeline.classes import Classifier, Verdict
from ppocr_like.pipeline.lines import Reading, Recogniser
from ppocr_like.pipeline.pages import Detector, FoundBoxes
from ppocr_like.pipeline.runner import Backend, Runner
from ppocr_like.pipeline.spec import Spec, read_spec

__all__ = [
    "Backend", "Classifier", "Detector", "FoundBoxes", "Reading", "Recogniser", "Runner", "Spec", "Verdict", "read_spec",
]  # fmt: skip
