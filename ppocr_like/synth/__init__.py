"""Synthetic lines: texts of a corpus in many fonts, on paper that is not clean."""

from ppocr_like.synth.lines import LineMaker, Plan
from ppocr_like.synth.settings import SynthSettings

__all__ = ["LineMaker", "Plan", "SynthSettings"]
