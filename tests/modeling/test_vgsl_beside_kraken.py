"""Random VGSL networks beside kraken's own: names, sizes, outputs. `PPOCR_LIKE_KRAKEN_PYTHON` names a Python with kraken."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones.vgsl import VGSL
from ppocr_like.modeling.heads.vgsl_head import VGSLHead
from tests.modeling.vgsl_specs import odd_spec, random_spec

KRAKEN = os.environ.get("PPOCR_LIKE_KRAKEN_PYTHON")
NETWORKS, ODD = 200, 200

SCRIPT = """
import json, logging, sys, warnings
warnings.filterwarnings("ignore"); logging.disable(logging.CRITICAL)
import numpy as np, torch
from kraken.lib.vgsl import TorchVGSLModel
made = {}
for number, spec in enumerate(json.load(open(sys.argv[1]))):
    torch.manual_seed(number)
    model = TorchVGSLModel(vgsl=spec).eval()
    x = torch.rand(1, 1, model.input[2], 60 + number % 37)
    with torch.no_grad():
        y, _ = model.nn(x, torch.tensor([x.shape[3]]))
    made[f"{number}.x"], made[f"{number}.y"] = x.numpy(), y.numpy()
    made[f"{number}.spec"] = np.array(model.user_metadata["vgsl"])
    for name, value in model.state_dict().items():
        made[f"{number}.w.{name}"] = value.numpy()
np.savez(sys.argv[2], **made)
"""


def by_kraken(script: str, specs: list[str], folder: Path) -> Any:
    """What kraken makes of strings."""
    (folder / "specs.json").write_text(json.dumps(specs))
    command = [str(KRAKEN), "-c", script, str(folder / "specs.json"), str(folder / "made.npz")]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return np.load(folder / "made.npz")


# Sizes alone: of what comes out, and of every parameter. Without lengths, as kraken allows them for maps of one row only.
SIZES = SCRIPT.replace("torch.tensor([x.shape[3]])", "None").replace("value.numpy()", "np.array(value.shape)")
SIZES = SIZES.replace("x.numpy(), y.numpy()", "0, np.array(y.shape)")


@pytest.mark.skipif(not KRAKEN, reason="PPOCR_LIKE_KRAKEN_PYTHON is not set; it names a Python that has kraken")
@pytest.mark.thorough
def test_outputs_are_krakens(tmp_path: Path) -> None:
    rng = random.Random(1)
    specs = [random_spec(rng) for _ in range(NETWORKS)]
    made = by_kraken(SCRIPT, specs, tmp_path)
    for number, spec in enumerate(specs):
        backbone = VGSL(FeatureSpec(1), spec).eval()
        classes = made[f"{number}.y"].shape[1]
        head = VGSLHead(backbone.out_spec, classes)
        start, output = f"{number}.w.", f"nn.{backbone.out_spec.name}."  # type: ignore[attr-defined]
        theirs = {name.removeprefix(start): torch.from_numpy(made[name]) for name in made.files if name.startswith(start)}
        head.load_state_dict({name.removeprefix(output): value for name, value in theirs.items() if name.startswith(output)})
        backbone.load_state_dict({name: value for name, value in theirs.items() if not name.startswith(output)})
        assert str(made[f"{number}.spec"]).startswith(backbone.told()[:-1]), spec
        with torch.no_grad():
            ours = head(backbone(torch.from_numpy(made[f"{number}.x"]))[0])["ctc"]  # training: logits
        wanted = torch.from_numpy(made[f"{number}.y"]).squeeze(2).transpose(1, 2)
        assert ours.shape == wanted.shape, spec
        assert torch.allclose(ours, wanted, atol=1e-4), spec


@pytest.mark.skipif(not KRAKEN, reason="PPOCR_LIKE_KRAKEN_PYTHON is not set; it names a Python that has kraken")
@pytest.mark.thorough
def test_sizes_are_krakens_where_it_runs_otherwise(tmp_path: Path) -> None:
    rng = random.Random(2)
    specs = [odd_spec(rng) for _ in range(ODD)]
    made = by_kraken(SIZES, specs, tmp_path)
    for number, spec in enumerate(specs):
        backbone = VGSL(FeatureSpec(1), spec).eval()
        with torch.no_grad():
            ours, _ = backbone(torch.rand(1, 1, backbone.spec.height, 60 + number % 37))
        channels = backbone.out_spec.channels
        assert ours.shape[1:3] == (channels, backbone.out_spec.height), spec
        wanted = made[f"{number}.y"].tolist()
        assert list(ours.shape[2:]) == wanted[2:], spec
        start, own = f"{number}.w.", backbone.state_dict()
        theirs = {name.removeprefix(start): made[name].tolist() for name in made.files if name.startswith(start)}
        (inputs,) = (size[1] for name, size in theirs.items() if name not in own and name.endswith("weight"))
        assert inputs == channels + backbone.out_spec.ones, spec  # type: ignore[attr-defined]
        cells = {layer.name for layer in backbone.rows if layer.text.startswith("G") and not layer.text.startswith("Gn")}
        for name, value in own.items():
            if not any(f".{layer}." in name for layer in cells):  # kraken builds an LSTM
                assert list(value.shape) == theirs[name], f"{spec}: {name}"
