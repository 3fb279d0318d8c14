"""Synthetic lines: texts of a corpus in many fonts, on paper that is not clean.

`LineMaker` plans a line (text, font, size) and draws it; `write.make_lines` writes a set of them, `dataset.SyntheticDataSet`
draws them while a network trains.
"""

from ppocr_like.synth.lines import LineMaker, Plan
from ppocr_like.synth.settings import SynthSettings

__all__ = ["LineMaker", "Plan", "SynthSettings"]
