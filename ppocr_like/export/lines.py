"""Recognisers as bundles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.config.recipe import Recipe
from ppocr_like.contracts import TextLine
from ppocr_like.errors import ExportError
from ppocr_like.export.exporter import Exporter, Layout
from ppocr_like.pipeline.canvas import follows_line
from ppocr_like.pipeline.foreign import CHARACTER
from ppocr_like.pipeline.preprocess import Preprocess
from ppocr_like.pipeline.spec import Spec
from ppocr_like.pipeline.torch_backend import own_width
from ppocr_like.tasks import EXPORTERS
from ppocr_like.text import DIRECTION_KEY

CHANNELS, LEAST_WIDTH = 3, 320  # that RapidOCR feeds; px of its narrowest canvas for lines, unless it is told otherwise
STD = 0.5  # it feeds lines as (pixel / 255 - 0.5) / 0.5
HEADER = """\
# The recogniser of this folder in RapidOCR (pip install rapidocr onnxruntime), for line images:
#     RapidOCR(config_path="rapidocr.yaml")(image)
# Whole pages: set Global.use_det and Global.use_preprocess_img to true; RapidOCR brings the detector.
# Made of inference.yml: after changing that, or moving the folder (Rec.model_path), run `tools/export.py --refresh FOLDER`.
"""
# Recognition heads that read one character after the other, and why a bundle does not hold them.
NOT_EXPORTED = {
    "SARHead": "it reads each line's valid_ratio beside the image, and a bundle's network has one input",
    "Transformer": "it reads until the longest line of a batch has ended, which a graph without loops cannot do",
}


@EXPORTERS.register("rec")
class LineExporter(Exporter):
    """Recognisers."""

    strict, unit, results, header = True, "lines", "texts", HEADER
    SIZES = ((1, 320), (6, 320), (1, 437), (6, 437), (1, 1280), (6, 1280))  # batch, width px; 437: no multiple of any stride

    def __init__(self, spec: Spec, recipe: Recipe, model: Any) -> None:
        super().__init__(spec, recipe, model)
        head = type(getattr(model, "head", None)).__name__
        if head in NOT_EXPORTED:
            raise ExportError(
                f"Head {head} cannot be exported: {NOT_EXPORTED[head]}. Train it as the guide of a MultiHead, whose CTCHead is "
                "exported; tools/infer.py reads with this network from its weights"
            )
        fixed = getattr(model, "input_size", None)
        self.width = None if fixed is None else int(fixed[1])
        self.widest = getattr(model, "widest", None)
        self.free_steps = bool(getattr(model, "steps_follow_width", True))
        self.least = own_width(spec, model) if follows_line(spec) else None

    @property
    def _layout(self) -> Layout:
        channels, height, _ = Preprocess(self.spec).image_shape
        assert self.spec.charset is not None
        given = self.spec.charset, channels, height, self.spec.output, self.spec.onnx_names
        return line_layout(*given, width=self.width, free_steps=self.free_steps, logarithms=self.spec.form == "ocrs")

    @property
    def _shapes(self) -> list[tuple[int, int, int, int]]:
        channels, height, _ = Preprocess(self.spec).image_shape
        if self.width is not None:
            return [(batch, channels, height, self.width) for batch in (1, 6)]
        sizes = ((batch, min(width, self.widest or width)) for batch, width in self.SIZES)
        return [(batch, channels, height, width) for batch, width in dict.fromkeys(sizes)]

    def metadata(self) -> dict[str, str]:
        assert self.spec.charset is not None
        charset = self.spec.charset
        told = {} if charset.direction == "ltr" else {DIRECTION_KEY: charset.direction}
        return {CHARACTER: character_metadata(charset), **told}

    def check_output(self, output: np.ndarray, place: str) -> None:
        if np.abs(output.sum(axis=2) - 1).max() > 1e-3:
            raise ExportError(f"{place}: the outputs do not sum to 1: softmax is missing in the graph")

    def same(self, wanted: TextLine, got: TextLine) -> bool:
        return wanted.text == got.text

    def told(self, result: TextLine) -> str:
        return f"reads {result.text!r}"

    @staticmethod
    def settings(spec: Spec, model: Path) -> tuple[dict[str, Any], list[str]]:
        """Right-to-left texts are put in reading order by RapidOCR for the language `arabic` alone, with python-bidi."""
        chain = Preprocess(spec)
        reasons = []
        if chain.image_shape[0] != CHANNELS:
            reasons.append("it feeds three channels, and the network takes gray lines")
        if any(getattr(step, "std", STD) != STD for step in chain.chain):
            reasons.append("it feeds pixels in [-1, 1], and the network takes another range (std)")
        if spec.form != "paddle":
            reasons.append(f"it reads probabilities (N, T, classes), and the graph is of the form {spec.form!r}")
        least = chain.image_shape[2] if follows_line(spec) else LEAST_WIDTH
        notes = [f"RapidOCR cannot run this network: {reason}" for reason in reasons]
        params = {
            "Global.use_det": False,
            "Global.use_cls": False,
            # Lines go to the network as they are: RapidOCR would shrink those over 2000 px and enlarge those under 30 px first.
            "Global.use_preprocess_img": False,
            "Rec.model_path": str(model),
            "Rec.rec_img_shape": [*chain.image_shape[:2], least],
        }
        if spec.charset is not None and spec.charset.direction != "ltr":
            params["Rec.lang_type"] = "arabic"
            notes.append("RapidOCR puts right-to-left texts in reading order with python-bidi: pip install 'rapidocr[rtl]'")
        return params, notes

    def rapidocr(self, model: Path) -> tuple[dict[str, Any], list[str]]:
        params, notes = super().rapidocr(model)
        if limit := (self.size[1] if self.size else None) or self.width or self.widest:
            most = "at most " if limit == self.widest else ""
            notes.append(
                "RapidOCR cannot run this network: it makes images as wide as their lines are long, and the network takes "
                f"{most}{limit} px"
            )
        return params, notes

    def summary(self) -> str:
        assert self.spec.charset is not None
        return f"{self.spec.charset.num_classes} classes"


def line_layout(
    charset: Charset,
    channels: int,
    height: int,
    key: str = "ctc",
    names: tuple[str, str] = ("x", "ctc"),
    *,
    width: int | None = None,
    free_steps: bool = True,
    logarithms: bool = False,
) -> Layout:
    """A recogniser's: (N, C, H, W) -> (N, T, classes), N free; W and T, too, unless the network has a `width` of its own or
    makes as many steps of every width. `logarithms`: (T, N, classes) instead. 328 px is no multiple of any layer's stride."""
    sample = (2, channels, height, 328 if width is None else width)
    free_in = {0: "batch"} if width is not None else {0: "batch", 3: "width"}
    batch, steps = (1, 0) if logarithms else (0, 1)
    free_out = {batch: "batch", steps: "steps"} if free_steps and width is None else {batch: "batch"}
    return Layout(key, names, sample, free_in, free_out, charset.num_classes, logarithms)


def character_metadata(charset: Charset) -> str:
    """The dictionary as RapidOCR reads it: entries joined by newlines, without blank and appended space (it adds both).

    Raises:
        ExportError: an entry that `splitlines` would cut, so that every later class would stand for another character; or
            an empty one at the end; a codec that is no list of texts.
    """
    if charset.unlisted():
        raise ExportError(
            f"{charset.unlisted()}; the programs that read an ONNX file know no codec. The run folder itself reads texts "
            "(tools/infer.py), or train with a codec of one class an entry"
        )
    entries = list(charset.entries)
    text = "\n".join(entries)
    if text.splitlines() == entries:
        return text
    for number, entry in enumerate(entries, 1):
        if entry.splitlines() not in ([entry], []) or (entry and not entry.splitlines()[0]):
            codes = " ".join(f"U+{ord(c):04X}" for c in entry)
            raise ExportError(
                f"entry {number} of the dictionary, {entry!r} ({codes}), is a line break to the programs that read the bundle: "
                "every character after it would be read as another one. Take it out of the dictionary "
                "(Global.charset_resize: new keeps the rows of all others) and fine-tune"
            )
    raise ExportError("the last entry of the dictionary is empty; take it out of the dictionary file")
