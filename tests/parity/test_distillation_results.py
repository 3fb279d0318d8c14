"""Results and numbers of several networks against PaddleOCR's (files 06, 07, 08 of the reference cases)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from ppocr_like.contracts import ByModel, TextLine
from ppocr_like.metrics.distillation import DistillationMetric
from ppocr_like.metrics.rec import RecMetric
from ppocr_like.postprocess.distillation import DistillationCTCLabelDecode, DistillationDBPostProcess

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here")
OPS = Path(CASES or "", "parity", "ops")


def load(name: str) -> tuple[dict, dict[str, np.ndarray]]:
    with np.load(OPS / name) as archive:
        arrays = {key: archive[key] for key in archive.files}
    return json.loads(str(arrays.pop("meta"))), arrays


def arguments(node: dict) -> dict:
    return {key: value for key, value in node.items() if key != "name"}


def test_texts(tmp_path: Path) -> None:
    meta, arrays = load("07_rec_decoders.npz")
    cases = [case for case in meta["cases"] if case["post"]["name"] == "DistillationCTCLabelDecode"]
    assert len(cases) == 2
    (tmp_path / "tiny.txt").write_bytes(meta["dictionaries"]["tiny.txt"].encode())
    for case in cases:
        post = DistillationCTCLabelDecode(**{**arguments(case["post"]), "character_dict_path": str(tmp_path / "tiny.txt")})
        outputs = {}
        for name, node in case["preds"].items():
            node = node.get("head_out", node)
            node = node.get("ctc", node)
            outputs[f"{name}/ctc"] = arrays[node["array"]].reshape(node["shape"])
        results = post(outputs, {})
        for name, wanted in case["result"].items():
            wanted, labels = wanted if case["label"] else (wanted, None)
            texts = [text.strip() for text, _ in wanted]  # meant: ours have no blanks at their ends
            assert [result.results[name].text for result in results] == texts
            confidences = [result.results[name].confidence for result in results]
            assert confidences == pytest.approx([confidence for _, confidence in wanted], abs=1e-6)
            if labels is not None:
                decoded = post.decode_labels({"label": arrays[case["label"]["array"]].reshape(case["label"]["shape"])})
                assert [[line.text, line.confidence] for line in decoded] == labels


def test_boxes() -> None:
    meta, arrays = load("06_db_postprocess.npz")
    case = meta["distillation"]
    words = arrays[meta["maps"]["words"]["array"]].astype(np.float32)[None, None] / 255
    post = DistillationDBPostProcess(**arguments(case["post"]))
    outputs = {"Student/maps": words, "Teacher/maps": np.ascontiguousarray(words[..., ::-1])}
    (result,) = post(outputs, {"shape": np.array(case["shape_list"], np.float64)})
    assert list(result.results) == list(case["results"])
    for name, (wanted,) in case["results"].items():
        found = np.array([box.points for box in result.results[name].boxes])
        assert found.tolist() == arrays[wanted["array"]].reshape(wanted["shape"]).tolist()


def test_numbers() -> None:
    cases = json.loads((OPS / "08_metrics.json").read_text(encoding="utf-8"))["cases"]
    (case,) = [case for case in cases if case["kind"] == "distillation"]
    base = RecMetric(main_indicator="acc", ignore_space=False)
    metric = DistillationMetric(base, case["node"]["key"])
    references = [text for text, _ in case["preds"]["Student"][1]]
    names = list(case["preds"])

    class Info:
        def __init__(self, text: str) -> None:
            self.text = text

    lines = [
        ByModel({name: TextLine(*case["preds"][name][0][i]) for name in names}) for i in range(len(case["preds"]["Student"][0]))
    ]
    metric.update(lines, {"info": [Info(text) for text in references]})
    numbers = metric.compute()
    for key, value in case["metric"].items():  # whose denominators have 1e-5 more
        assert numbers[key] == pytest.approx(value, abs=5e-6)
    assert metric.main_indicator == "acc"
