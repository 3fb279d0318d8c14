"""Recognisers against the outputs of PaddleOCR's own networks (reference cases outside the repository).

Weights are a formula of the parameter's name, so that no weight file is needed; see the cases' README.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones.mobilenet_v1_enhance import MobileNetV1Enhance
from ppocr_like.modeling.heads.ctc_head import CTCHead
from ppocr_like.modeling.model import OcrModel
from ppocr_like.modeling.necks.sequence_encoder import SequenceEncoder
from ppocr_like.modeling.paddle_names import from_paddle, to_paddle, transposed

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(CASES is None, reason="PPOCR_LIKE_CASES names no folder of reference cases")


def tensor_of(name: str, shape: list[int], gain: float) -> np.ndarray:
    """The cases' formula for the parameter `name`."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("_variance"):
        values = rng.uniform(0.5, 1.5, shape)
    elif name.endswith("_mean"):
        values = rng.normal(0, 0.1, shape)
    elif len(shape) <= 1 and not name.endswith("bias"):
        values = rng.uniform(0.8, 1.2, shape)
    elif len(shape) <= 1:
        values = rng.normal(0, 0.02, shape)
    else:
        fan_in = shape[0] if len(shape) == 2 else int(np.prod(shape[1:]))
        values = rng.normal(0, gain / np.sqrt(fan_in), shape)
    return values.astype("float32")


def ctc_branch(architecture: dict) -> dict:
    """A MultiHead network without its guide: the CTC branch as Neck and Head. Others are returned as they are."""
    head = architecture["Head"]
    if head["name"] != "MultiHead":
        return architecture
    branch = next(entry["CTCHead"] for entry in head["head_list"] if "CTCHead" in entry)
    neck = dict(branch["Neck"])
    neck["encoder_type"] = neck.pop("name")
    classes = head["out_channels_list"]["CTCLabelDecode"]
    return {
        **architecture,
        "Neck": {"name": "SequenceEncoder", **neck},
        "Head": {"name": "CTCHead", **branch["Head"], "out_channels": classes},
    }


def arguments(node: dict) -> dict:
    return {key: value for key, value in node.items() if key not in ("name", "out_channels")}


def build(architecture: dict) -> OcrModel:
    backbone = MobileNetV1Enhance(FeatureSpec(3), **arguments(architecture["Backbone"]))
    neck = SequenceEncoder(backbone.out_spec, **arguments(architecture["Neck"]))
    head = CTCHead(neck.out_spec, architecture["Head"]["out_channels"], **arguments(architecture["Head"]))
    return OcrModel(None, backbone, neck, head).eval()


def networks(path: Path) -> list[tuple[str, dict, str, str]]:
    """(test id, architecture, prefix of parameter names, output's name) for each covered network in a case file."""
    case = json.loads(path.read_text())
    models = case["architecture"].get("Models")
    entries = (
        [(name, node, f"{name}.", f"{name}/head_out") for name, node in models.items()]
        if models
        else [("", case["architecture"], "", "out")]
    )
    covered = []
    for name, node, prefix, output in entries:
        architecture = ctc_branch(node)
        if architecture["Backbone"]["name"] == "MobileNetV1Enhance" and architecture["Head"]["name"] == "CTCHead":
            covered.append((f"{path.stem}{'/' if name else ''}{name}", architecture, prefix, output))
    return covered


def collect() -> list:
    if CASES is None:
        return []
    found = []
    for path in sorted((Path(CASES) / "parity" / "models").glob("rec__*.json")):
        found += [pytest.param(path, *rest, id=name) for name, *rest in networks(path)]
    return found


COLLECTED = collect()


def test_how_many_networks_are_covered() -> None:
    assert len(COLLECTED) == 11  # 2 CRNN, 7 PP-OCRv3 recognisers, teacher and student of its distillation


@pytest.mark.parametrize(("path", "architecture", "prefix", "output"), COLLECTED)
def test_outputs_equal_paddleocrs(path: Path, architecture: dict, prefix: str, output: str) -> None:
    case = json.loads(path.read_text())
    paddle = {}
    for name, shape, dtype in case["parameters"]:
        if dtype != "float32" or not name.startswith(prefix):
            continue
        # Paddle lists an LSTM's parameters twice; the cases gave each name values of its own, and Paddle kept the cells'.
        if re.search(r"\.(weight|bias)_(ih|hh)_l\d", name):
            continue
        ours = name[len(prefix) :].replace("head.ctc_encoder.", "neck.").replace("head.ctc_head.", "head.")
        if ours.startswith(("head.gtc", "head.sar", "head.before_gtc")):
            continue
        paddle[ours] = tensor_of(name, shape, case["gain"])
    model = build(architecture)
    state = from_paddle(paddle, transposed(model))
    # Every parameter of the reference has its place and every place its parameter.
    model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()}, strict=True)
    back = to_paddle(state, transposed(model))
    assert all(np.array_equal(back[name], value) for name, value in paddle.items() if ".cell_" not in name)

    rng = np.random.default_rng(case["input"]["seed"])
    images = torch.from_numpy(rng.normal(0, 0.5, case["input"]["shape"]).astype("float32"))
    with torch.inference_mode():
        got = model(images)["ctc"].numpy()
        exact = model.double()(images.double())["ctc"].numpy()
    want = case["outputs"][output]
    assert list(got.shape) == want["shape"]
    difference = np.abs(got.reshape(-1)[want["index"]] - np.array(want["value"]))
    tolerance = 1e-4 * want["std"] + 1e-6
    # The cases' large gain makes these networks magnify rounding: the largest of 400 differences may be what float32
    # leaves of the same network in float64, on either side. The root mean square has no such excuse.
    rounding = np.abs(got - exact).max()
    assert np.sqrt((difference**2).mean()) <= tolerance
    assert difference.max() <= max(tolerance, 3 * rounding), f"{difference.max() / want['std']:.3g} of std"
