"""SARLabelDecode and NRTRLabelDecode against PaddleOCR's (file 07). Needs the cases: set PPOCR_LIKE_CASES."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppocr_like.postprocess.nrtr import NRTRLabelDecode
from ppocr_like.postprocess.sar import SARLabelDecode

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here")
KINDS = {"NRTRLabelDecode": NRTRLabelDecode, "SARLabelDecode": SARLabelDecode}
TWO = "nrtr batch of two"  # PaddleOCR takes it for (ids, probabilities), which is of no use to anybody
SPELT = ("blank", "<unk>", "<s>", "<UKN>", "uknc")  # specials among the characters; "uknc" after rm_symbol


def cases() -> tuple[Any, list[dict], dict[str, str]]:
    archive = np.load(Path(CASES or "") / "parity" / "ops" / "07_rec_decoders.npz")
    meta = json.loads(str(archive["meta"]))
    return archive, [case for case in meta["cases"] if case["post"]["name"] in KINDS], meta["dictionaries"]


ARCHIVE, DECODER_CASES, DICTIONARIES = cases() if CASES else (None, [], {})


def array(node: Any) -> Any:
    if isinstance(node, list):
        return [array(part) for part in node]
    return ARCHIVE[node["array"]].reshape(node["shape"])


def test_how_many_cases_are_covered() -> None:
    assert len(DECODER_CASES) == 11


@pytest.mark.parametrize("paddle_exact", [False, True])
@pytest.mark.parametrize("case", DECODER_CASES, ids=[f"{i} {case['name']}" for i, case in enumerate(DECODER_CASES)])
def test_texts_and_confidences(case: dict, paddle_exact: bool, tmp_path: Path) -> None:
    arguments = {key: value for key, value in case["post"].items() if key != "name"}
    path = tmp_path / arguments["character_dict_path"]
    path.write_bytes(DICTIONARIES[path.name].encode())
    post = KINDS[case["post"]["name"]](**{**arguments, "character_dict_path": str(path)}, paddle_exact=paddle_exact)
    wanted, labels = case["result"] if case["label"] else (case["result"], None)
    scores = array(case["preds"])
    if case["name"].startswith(TWO):
        assert repr(post(scores)) == repr(post(np.concatenate((scores, scores)))[:2])  # as in a batch of four
    else:
        check(post(scores), wanted, paddle_exact)
    if labels is not None:
        check(post.decode_labels({"label": array(case["label"])}), labels, paddle_exact)


def check(lines: list, wanted: list, paddle_exact: bool) -> None:
    assert len(lines) == len(wanted)
    for line, (text, confidence) in zip(lines, wanted, strict=True):
        spelt = any(special in text for special in SPELT)
        if paddle_exact or not spelt:
            assert line.text == text
        else:
            assert len(line.text) < len(text) and not any(special in line.text for special in SPELT)
            continue
        if math.isnan(confidence):
            assert math.isnan(line.confidence) if paddle_exact else line.confidence == 0.0
        else:
            assert line.confidence == pytest.approx(confidence, abs=1e-6)
