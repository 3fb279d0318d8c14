"""CTCLabelDecode with its words, SARLabelDecode, NRTRLabelDecode, and DistillationCTCLabelDecode.

By default ours leaves out the special classes of NRTR and SAR and the blanks at both ends of a text, and an empty text has
confidence 0; `paddle_exact` is as there.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.postprocess.words import content_steps, group_words
from ppocr_like.registry import POSTPROCESSES

from .reading import Meant, Ops, made, near

FILE = "07_rec_decoders"
CONFIDENCE = 1e-6
SPELT = ("blank", "<unk>", "<s>", "</s>", "<UKN>", "<PAD>", "uknc")  # specials among the characters; "uknc" after rm_symbol
PAIR = 2  # PaddleOCR takes an NRTR batch of two for (ids, probabilities), which is of no use to anybody


def check(case: dict[str, Any], ops: Ops) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in ops.dictionaries.items():
            Path(folder, name).write_bytes(content.encode())
        node = dict(case["post"])
        if node.get("character_dict_path"):
            node["character_dict_path"] = str(Path(folder, node["character_dict_path"]))
        exact, ours = (made(POSTPROCESSES, node, paddle_exact=flag) for flag in (True, False))
        if isinstance(case["preds"], dict) and "array" not in case["preds"]:
            return _of_models(case, ops, exact, ours)
        return _one(case, ops, exact, ours)


def _one(case: dict[str, Any], ops: Ops, exact: Any, ours: Any) -> str | None:
    scores = ops.array(case["preds"])
    if "error" in case:  # word grouping without the widths, which are no part of the decoding here
        assert ours(scores)
        return Meant("PaddleOCR raises")
    wanted, labels = case["result"] if case["label"] else (case["result"], None)
    if case["post"]["name"] == "NRTRLabelDecode" and isinstance(scores, np.ndarray) and len(scores) == PAIR:
        assert repr(ours(scores)) == repr(ours(np.concatenate((scores, scores)))[:PAIR])  # as in a batch of four
        return Meant("a batch of two is read like any other")
    if case.get("call", {}).get("return_word_box"):
        _words(case, ours(scores), wanted)
    differs = [*_compare(exact(scores), wanted, True), *_compare(ours(scores), wanted, False)]
    if labels is not None:
        batch = {"label": ops.array(case["label"])}
        differs += [*_compare(exact.decode_labels(batch), labels, True), *_compare(ours.decode_labels(batch), labels, False)]
    return Meant("; ".join(sorted(set(differs)))) if differs else None


def _compare(lines: Sequence[Any], wanted: Sequence[Any], exact: bool) -> list[str]:
    """What differs as it is meant to."""
    assert len(lines) == len(wanted)
    meant = []
    for line, (text, confidence, *_) in zip(lines, wanted, strict=True):
        if not exact and any(special in text for special in SPELT) and line.text != text:
            assert len(line.text) < len(text) and not any(special in line.text for special in SPELT)
            meant.append("special classes are not spelt out")
            continue
        if not exact and line.text != text:
            assert line.text == text.strip(" "), f"{line.text!r} instead of {text!r}"
            meant.append("no text begins or ends with a blank")
        else:
            assert line.text == text, f"{line.text!r} instead of {text!r}"
        if near(line.confidence, confidence, absolute=CONFIDENCE):
            continue
        assert not exact, f"confidence {line.confidence} instead of {confidence}"
        if math.isnan(confidence):
            assert line.confidence == 0.0
            meant.append("an empty text has confidence 0")
        else:  # PaddleOCR takes the largest logit for a confidence
            assert not 0 <= confidence <= 1 and 0 <= line.confidence <= 1, f"confidence {line.confidence} instead of {confidence}"
            meant.append("confidences of logits are probabilities")
    return meant


def _words(case: dict[str, Any], lines: Sequence[Any], wanted: Sequence[Any]) -> None:
    steps = content_steps(lines, case["call"]["wh_ratio_list"], case["call"]["max_wh_ratio"])
    for line, content, (_, _, expected) in zip(lines, steps, wanted, strict=True):
        words = group_words(line)
        got = [content, [list(w.text) for w in words], [list(w.columns) for w in words], [w.kind for w in words]]
        assert got == expected, f"words of {line.text!r}"


def _of_models(case: dict[str, Any], ops: Ops, exact: Any, ours: Any) -> str | None:
    """The lines of every model that `model_name` names; ours reads flat outputs, `Student/ctc`."""
    flat = {}
    for model, output in ops.array(case["preds"]).items():
        while isinstance(output, dict):
            output = output["ctc"] if "ctc" in output else next(iter(output.values()))
        flat[f"{model}/ctc"] = output[-1] if isinstance(output, list) else output
    batch = {"label": ops.array(case["label"])} if case["label"] else {}
    differs = []
    for decoder, strict in ((exact, True), (ours, False)):
        results = decoder(flat, batch)
        assert all(set(result.results) == set(case["result"]) for result in results)
        for model, wanted in case["result"].items():
            predictions = wanted[0] if case["label"] else wanted
            differs += _compare([result.results[model] for result in results], predictions, strict)
    return Meant("; ".join(sorted(set(differs)))) if differs else None
