"""Several networks at once against PaddleOCR's DistillationModel (reference cases outside the repository).

`test_det_models` and `test_models` hold each of these networks by itself; here they stand side by side in one.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ppocr_like.charset import Charset
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.errors import ConfigError
from tests.marks import some

from .networks import CASES, NO_CASES, Network, images_of, load, paddle_state

pytestmark = pytest.mark.skipif(CASES is None, reason=NO_CASES)
PATHS = sorted((Path(CASES) / "parity" / "models").glob("*.json")) if CASES else []
NETWORKS = [
    Network(path.stem, path, case["architecture"], "", "")
    for path in PATHS
    if "Models" in (case := json.loads(path.read_text()))["architecture"]
]


def test_how_many_files_are_covered() -> None:
    assert len(NETWORKS) == 6


@pytest.mark.parametrize("network", some(NETWORKS, ["rec__PP-OCRv3__PP-OCRv3_mobile_rec_distillation"]))
def test_all_outputs_equal_paddleocrs(network: Network) -> None:
    load_components()
    recipe = Recipe.from_tree({"Global": {"epoch_num": 1}, "Architecture": network.architecture})
    charset = Charset([f"c{i}" for i in range(95)]) if network.architecture["model_type"] == "rec" else None
    try:
        model = Builder(recipe, charset).model().eval()
    except ConfigError as error:
        unknown = [p for p in error.problems if p.message.startswith("unknown backbone")]
        assert unknown == error.problems
        pytest.skip(str(unknown[0]))
    load(model, paddle_state(network))
    images = images_of(network)
    with torch.inference_mode():
        got = {name: value.numpy() for name, value in model(images).items()}
        exact = {name: value.numpy() for name, value in model.double()(images.double()).items()}
    wanted = network.case["outputs"]
    assert {name.replace("head_out", "ctc") for name in wanted} == set(got)
    for name, want in wanted.items():
        ours = got[name.replace("head_out", "ctc")]
        assert list(ours.shape) == want["shape"]
        difference = np.abs(ours.reshape(-1)[want["index"]] - np.array(want["value"])) / want["std"]
        rounding = np.abs(ours - exact[name.replace("head_out", "ctc")]).max() / want["std"]
        assert np.sqrt((difference**2).mean()) <= 1e-4 + 1e-6 / want["std"], name
        assert difference.max() <= max(1e-4 + 1e-6 / want["std"], 3 * rounding), name
