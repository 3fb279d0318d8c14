"""RecMetric, DetMetric and DistillationMetric.

By default ours divides by the number of lines, PaddleOCR by 1e-5 more, and a metric of nothing is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.contracts import PageBoxes, TextBox
from ppocr_like.errors import OcrError
from ppocr_like.metrics.det_match import match_image
from ppocr_like.registry import METRICS

from .reading import Meant, NotHere, Ops, component, made, near

FILE = "08_metrics"
EXACT, BY_DEFAULT = 1e-9, 1e-5


def check(case: dict[str, Any], ops: Ops) -> str | None:
    kinds = {"rec": _rec, "det": _det, "distillation": _distillation}
    if case["kind"] not in kinds:
        raise NotHere(f"no check for metrics of {case['kind']}")
    return kinds[case["kind"]](case)


def agree(got: Mapping[str, Any], wanted: Mapping[str, float], tolerance: float) -> bool:
    return all(near(got[key], value, absolute=tolerance) for key, value in wanted.items())


def _filled(node: dict[str, Any], batches: list[Any], exact: bool) -> Any:
    metric = made(METRICS, node, charset=Charset("a") if exact else None, paddle_exact=exact)
    for batch in batches:
        for (prediction, _), (label, _) in zip(batch["preds"], batch["labels"], strict=True):
            metric.add(label, prediction)
    return metric


def _rec(case: dict[str, Any]) -> str | None:
    for batch, returned in zip(case["batches"], case["returned"], strict=True):
        assert agree(_filled(case["node"], [batch], True).compute(), returned, EXACT)
    metric = _filled(case["node"], case["batches"], True)
    assert agree(metric.compute(), case["metric"], EXACT)
    metric.reset()
    assert agree(metric.compute(), case["again"], EXACT)
    got = _filled(case["node"], case["batches"], False).compute()
    _nothing(_filled(case["node"], [], False))
    if not agree(got, case["metric"], BY_DEFAULT):
        bare = [
            {side: [(text.strip(), *rest) for text, *rest in batch[side]] for side in ("preds", "labels")}
            for batch in case["batches"]
        ]
        assert bare != case["batches"] and agree(got, _filled(case["node"], bare, True).compute(), BY_DEFAULT)
        return Meant("blanks at the ends of texts do not count by default; equal with paddle_exact")
    return None if agree(got, case["metric"], EXACT) else Meant("exact numbers by default; equal with paddle_exact")


def _nothing(metric: Any) -> None:
    """A metric of nothing is an error by default."""
    try:
        metric.compute()
    except OcrError:
        return
    raise AssertionError("a metric of nothing is no error")


def page(polygons: list[Any]) -> PageBoxes:
    return PageBoxes(tuple(TextBox(np.array(polygon), 0.9) for polygon in polygons))


def _det(case: dict[str, Any]) -> str | None:
    metric = made(METRICS, case["node"])
    for image, wanted in zip(case["images"], case["per_image"], strict=True):
        polygons = [np.array(polygon) for polygon in image["gt"]]
        counts = match_image(polygons, image["ignore"], page(image["det"]))
        got = (counts.boxes, counts.detections, counts.matched)
        assert got == (wanted["gtCare"], wanted["detCare"], wanted["detMatched"]), f"{got} instead of {wanted}"
        metric.add(page(image["det"]), polygons, image["ignore"])
    if not case["images"]:
        _nothing(metric)
    else:
        assert agree(metric.compute(), case["metric"], EXACT), f"{metric.compute()} instead of {case['metric']}"
    if "again" in case:
        assert agree(made(METRICS, case["node"], paddle_exact=True).compute(), case["again"], EXACT)
        _nothing(made(METRICS, case["node"]))
    return None


def _distillation(case: dict[str, Any]) -> str | None:
    """Every model's lines give what the base metric alone gives, and the key's numbers come first."""
    node = dict(case["node"])
    component(METRICS, node["name"])
    base = {"name": node.pop("base_metric_name"), **{k: v for k, v in node.items() if k not in ("name", "key")}}
    wanted = case["metric"]
    for model, (predictions, labels) in case["preds"].items():
        got = _filled(base, [{"preds": predictions, "labels": labels}], True).compute()
        own = {k.removeprefix(f"{model}_"): v for k, v in wanted.items() if k.startswith(f"{model}_")}
        own = own or ({k: v for k, v in wanted.items() if k in got} if model == case["node"]["key"] else {})
        assert agree(got, own, EXACT), f"{model}: {got} instead of {own}"
    return None
