"""The label encoders: CTC, SAR, NRTR, MultiLabelEncode, DetLabelEncode."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppocr_like.contracts import Rejected
from ppocr_like.registry import TRANSFORMS

from .reading import Meant, Ops, item, made

FILE = "04_label_encoders"


def check(case: dict[str, Any], ops: Ops) -> str | None:
    node = {**item(case["op"]), **case.get("global", {})}
    if node.get("character_dict_path"):
        node["character_dict_path"] = str(ops.path.parent / node["character_dict_path"])
    encode = made(TRANSFORMS, node)
    exact = made(TRANSFORMS, node, paddle_exact=True) if node["name"] == "DetLabelEncode" else encode
    if "classes" in case and node["name"] == "CTCLabelEncode":
        assert encode.charset.num_classes == case["classes"]
    exempt = set()
    for result in case["results"]:
        reason = _one(exact, node["name"], result)
        if exact is not encode and result["text"].strip() == "[]":
            assert _boxes(encode, result["text"]) == 0
            reason = "a page without boxes is a page; equal with paddle_exact"
        if reason:
            exempt.add(reason)
    return Meant("; ".join(sorted(exempt))) if exempt else None


def _one(encode: Any, name: str, result: dict[str, Any]) -> str | None:
    wanted, text = result["out"], result["text"]
    refused = wanted is None or "error" in wanted
    try:
        out = encode({"label": text}, np.random.default_rng(0))
    except Rejected:
        assert refused or _one_too_long(name, wanted), f"{text!r} refused"
        if not refused:
            return f"{name}: a text too long by one is refused"
        return "PaddleOCR's error is a rejected line here" if wanted and "error" in wanted else None
    assert not refused, f"{text!r}: PaddleOCR refuses, ours does not"
    for entry, want in wanted.items():
        if entry == "texts":
            assert out[entry] == want
            continue
        got = np.asarray(out[entry])
        assert got.dtype == (np.float32 if entry == "polys" else np.bool_ if entry == "ignore_tags" else np.int64), entry
        assert np.array_equal(got, np.array(want, got.dtype), equal_nan=entry == "polys"), f"{text!r}: {entry}"
    return None


def _boxes(encode: Any, text: str) -> int:
    return len(encode({"label": text}, np.random.default_rng(0))["polys"])


def _one_too_long(name: str, wanted: Any) -> bool:
    """AttnLabelEncode of PaddleOCR takes a text that leaves no room for its end."""
    return name == "AttnLabelEncode" and len(wanted["label"]) > 0 and wanted["length"] + 2 > len(wanted["label"]) - 1
