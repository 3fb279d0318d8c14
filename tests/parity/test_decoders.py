"""PaddleOCR's own CTC decoding and word grouping (file 07). Needs the cases: set PPOCR_LIKE_CASES."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from ppocr_like.postprocess.ctc import CTCLabelDecode
from ppocr_like.postprocess.words import content_steps, group_words

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here")

CTC_CASES = 14
LOGITS = "ctc logits are not normalised"  # by default our confidences of logits are probabilities


@pytest.fixture
def reference(tmp_path):
    archive = np.load(Path(CASES) / "parity" / "ops" / "07_rec_decoders.npz")
    meta = json.loads(str(archive["meta"]))
    for name, content in meta["dictionaries"].items():
        (tmp_path / name).write_bytes(content.encode())
    cases = [case for case in meta["cases"] if case["post"]["name"] == "CTCLabelDecode"]
    assert len(cases) == CTC_CASES
    return archive, cases, tmp_path


def arrays(archive, node):
    if isinstance(node, list):
        return [arrays(archive, part) for part in node]
    return archive[node["array"]].reshape(node["shape"])


def decoder(case, folder, **more):
    arguments = {key: value for key, value in case["post"].items() if key != "name"}
    if path := arguments.get("character_dict_path"):
        arguments["character_dict_path"] = str(folder / path)
    return CTCLabelDecode(**arguments, **more)


@pytest.mark.parametrize("paddle_exact", [False, True])
def test_texts_and_confidences(reference, paddle_exact):
    archive, cases, folder = reference
    agreed = 0
    for case in cases:
        if "error" in case:  # word grouping without the widths: here the widths are not part of the decoding
            continue
        post = decoder(case, folder, paddle_exact=paddle_exact)
        lines = post(arrays(archive, case["preds"]))
        wanted, labels = case["result"] if case["label"] else (case["result"], None)
        assert [line.text for line in lines] == [entry[0] for entry in wanted]
        if case["name"] != LOGITS or paddle_exact:
            assert [line.confidence for line in lines] == pytest.approx([entry[1] for entry in wanted], abs=1e-6)
        else:
            assert all(0 <= line.confidence <= 1 for line in lines)
        if labels is not None:
            decoded = post.decode_labels({"label": arrays(archive, case["label"])})
            assert [[line.text, line.confidence] for line in decoded] == labels
        agreed += 1
    assert agreed == CTC_CASES - 1


def test_words(reference):
    archive, cases, folder = reference
    (case,) = [case for case in cases if case["name"] == "ctc words"]
    lines = decoder(case, folder)(arrays(archive, case["preds"]))
    steps = content_steps(lines, case["call"]["wh_ratio_list"], case["call"]["max_wh_ratio"])
    for line, content, (_, _, expected) in zip(lines, steps, case["result"], strict=True):
        words = group_words(line)
        assert [content, [list(w.text) for w in words], [list(w.columns) for w in words], [w.kind for w in words]] == expected
