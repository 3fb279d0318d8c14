"""RapidOCR's settings for a bundle, as its Spec (`inference.yml`) says: the one source of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ppocr_like.export import rapidocr
from ppocr_like.pipeline.canvas import follows_line
from ppocr_like.pipeline.normalise import normalisation
from ppocr_like.pipeline.preprocess import Preprocess, effective_postprocess
from ppocr_like.pipeline.spec import Spec


def settings(spec: Spec, model: Path) -> tuple[dict[str, Any], list[str]]:
    """(parameters for RapidOCR with `model` as its path, what it cannot do as we do), as a bundle's Spec says.

    Raises:
        ConfigError: a chain or post-processing that cannot be built.
    """
    chain = Preprocess(spec)
    if spec.model_type == "det":
        return rapidocr.page_params(model, spec.transforms, effective_postprocess(spec), normalisation(chain.chain))
    if spec.model_type == "cls":
        keeps_ratio = all(getattr(step, "padding", True) for step in chain.chain)
        labels = [str(label) for label in spec.postprocess.get("label_list") or []]
        return rapidocr.class_params(model, chain.image_shape, labels, keeps_ratio)
    reasons = []
    if chain.image_shape[0] != rapidocr.CHANNELS:
        reasons.append("it feeds three channels, and the network takes gray lines")
    if any(getattr(step, "std", rapidocr.STD) != rapidocr.STD for step in chain.chain):
        reasons.append("it feeds pixels in [-1, 1], and the network takes another range (std)")
    if spec.form != "paddle":
        reasons.append(f"it reads probabilities (N, T, classes), and the graph is of the form {spec.form!r}")
    least = chain.image_shape[2] if follows_line(spec) else rapidocr.LEAST_WIDTH
    notes = [f"RapidOCR cannot run this network: {reason}" for reason in reasons]
    moved = spec.charset is not None and spec.charset.direction != "ltr"
    if moved:
        notes.append("RapidOCR puts right-to-left texts in reading order with python-bidi: pip install 'rapidocr[rtl]'")
    return rapidocr.line_params(model, (*chain.image_shape[:2], least), moved), notes
