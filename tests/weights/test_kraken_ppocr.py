"""kraken 7.1's PP-OCRv6 recognisers in our PPLCNetV4 networks: files made here with kraken's names, and by kraken itself."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from ppocr_like.cli.convert_weights import main as convert_tool
from ppocr_like.codec import Codec
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.errors import WeightsError
from ppocr_like.pipeline.torch_backend import trained_model
from ppocr_like.weights import load_weights
from ppocr_like.weights.kraken_ppocr import ppocr_model

KRAKEN = os.environ.get("PPOCR_LIKE_KRAKEN_PYTHON")
CODEC = {"a": [1], "b": [2], "ae": [3]}
META = {
    "_kraken_min_version": "7.1.0",
    "_tasks": ["recognition"],
    "_model": "PPOCRv6Model",
    "variant": "tiny",
    "num_classes": 4,
    "height": 96,
    "codec": CODEC,
    "seg_type": "baselines",
    "one_channel_mode": None,
}
THEIRS = (  # of the tiny variant; ours first
    ("backbone.conv1.0.", "nn.backbone.conv1.conv1."),
    ("backbone.conv1.2.", "nn.backbone.conv1.conv2."),
    ("head.guide_layer.", "nn.head.guide_layer.block."),
    ("", "nn."),
)


def network() -> torch.nn.Module:
    load_components()
    recipe = ppocr_model({}, {**META, "codec": None}, Path("x")).recipe
    torch.manual_seed(1)
    return Builder(Recipe.from_tree(recipe), Codec({key: tuple(value) for key, value in CODEC.items()})).model().eval()


def save(path: Path, **changed: Any) -> Path:
    state = {}
    for name, value in network().state_dict().items():
        ours, theirs = next(pair for pair in THEIRS if name.startswith(pair[0]))
        state[f"p1.{theirs}{name.removeprefix(ours)}"] = value.contiguous().clone()
    state["p1.nn.backbone.conv1.conv1.bn.num_batches_tracked"] = torch.tensor(5)
    safetensors.torch.save_file(state, path, metadata={"kraken_meta": json.dumps({"p1": {**META, **changed}})})
    return path


def test_it_becomes_one_of_our_networks(tmp_path: Path) -> None:
    path = save(tmp_path / "k.safetensors")
    weights = load_weights(path)
    assert weights.charset is not None
    assert weights.charset.encode("aeb") == [3, 2]
    assert weights.recipe is not None
    steps = {name: args for step in weights.recipe["Eval"]["dataset"]["transforms"] for name, args in step.items()}
    assert steps["KrakenLine"] == {"height": 96, "channels": 3, "padding": 16, "mode": "auto", "linetype": "baselines"}
    model, _, _ = trained_model(weights)
    x = torch.rand(1, 3, 96, 120)
    with torch.no_grad():
        assert torch.equal(model(x)["ctc"], network()(x)["ctc"])


def test_a_network_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"kraken's PPOCRv6Model in the variant 'huge'; known: tiny, small, medium"):
        load_weights(save(tmp_path / "k.safetensors", variant="huge"))
    with pytest.raises(WeightsError, match="the height of its lines is 0"):
        load_weights(save(tmp_path / "k.safetensors", height=0))
    with pytest.raises(WeightsError, match="has 4 classes, its codec stands for 2"):
        load_weights(save(tmp_path / "k.safetensors", codec={"a": [1]}))
    with pytest.raises(WeightsError, match=r"k.safetensors: 0 matched"):
        trained_model(load_weights(save(tmp_path / "k.safetensors", variant="small")))
    with pytest.raises(WeightsError, match="holds a network of the class PartyModel"):
        load_weights(save(tmp_path / "k.safetensors", _model="PartyModel"))


def test_it_is_written_as_it_was(tmp_path: Path) -> None:
    """kraken's file -> ours -> kraken's: the same tensors under the same names, and the same network told."""
    first, here, back = save(tmp_path / "k.safetensors"), tmp_path / "here.safetensors", tmp_path / "back.safetensors"
    convert_tool([str(first), str(here), "--quiet"])
    convert_tool([str(here), str(back), "--to", "kraken", "--quiet"])
    states = []
    for path in (first, back):
        with safetensors.safe_open(path, "pt") as file:
            told = json.loads(file.metadata()["kraken_meta"])
            names = [name for name in file.keys() if "num_batches" not in name]  # noqa: SIM118 (no mapping)
            states.append({name.partition(".")[2]: file.get_tensor(name) for name in names})
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    meta = next(iter(told.values()))
    assert {key: meta[key] for key in META} == META
    with pytest.raises(WeightsError, match="networks of a VGSL string alone"):
        convert_tool([str(here), str(tmp_path / "k.mlmodel"), "--quiet"])


SCRIPT = """
import json, logging, sys, warnings
warnings.filterwarnings("ignore"); logging.disable(logging.CRITICAL)
import numpy as np, torch
from kraken.configs import PPOCRv6RecognitionTrainingConfig, PPOCRv6RecognitionTrainingDataConfig
from kraken.lib.codec import PytorchCodec
from kraken.lib.ppocr import PPOCRv6Model
from kraken.models import write_safetensors
codec = json.loads(sys.argv[2])
made = {}
for variant in ("tiny", "small"):
    torch.manual_seed(0)
    model = PPOCRv6Model(variant=variant, num_classes=4, height=96, codec=codec)
    for name, value in [*model.named_buffers(), *model.named_parameters()]:
        if value.dim() == 1:
            value.data.uniform_(0.5, 1.5)
    model.eval()
    x = torch.rand(2, 3, 96, 120)
    with torch.no_grad():
        y, _ = model.nn(x, None)
    made[variant + ".x"], made[variant + ".y"] = x.numpy(), y.numpy()
    write_safetensors([model], f"{sys.argv[1]}/{variant}.safetensors")
np.savez(sys.argv[1] + "/io.npz", **made)
config = PPOCRv6RecognitionTrainingConfig(variant="small", height=96)
data = PPOCRv6RecognitionTrainingDataConfig(codec=PytorchCodec(codec))
torch.save({
    "pytorch-lightning_version": "2.6.1", "state_dict": {"net." + name: value for name, value in model.state_dict().items()},
    "hyper_parameters": {"config": config}, "datamodule_hyper_parameters": {"data_config": data},
    "_seg_type": "baselines", "_one_channel_mode": "L", "_module_config": config,
}, sys.argv[1] + "/small.ckpt")
"""


AGAIN = """
import logging, sys, warnings
warnings.filterwarnings("ignore"); logging.disable(logging.CRITICAL)
import numpy as np, torch
from kraken.models import load_models
(model,) = load_models(sys.argv[1] + "/back.safetensors", tasks=["recognition"])
made = np.load(sys.argv[1] + "/io.npz")
with torch.no_grad():
    y, _ = model.eval().nn(torch.from_numpy(made["small.x"]), None)
assert np.allclose(y.numpy(), made["small.y"], atol=1e-4)
"""


def in_kraken(script: str, *arguments: str) -> None:
    command = [str(KRAKEN), "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.skipif(not KRAKEN, reason="PPOCR_LIKE_KRAKEN_PYTHON is not set; it names a Python that has kraken")
@pytest.mark.thorough
def test_files_that_kraken_wrote_answer_as_in_kraken(tmp_path: Path) -> None:
    in_kraken(SCRIPT, str(tmp_path), json.dumps(CODEC))
    made = np.load(tmp_path / "io.npz")
    for name in ("tiny.safetensors", "small.safetensors", "small.ckpt"):
        variant = name.partition(".")[0]
        model, _, charset = trained_model(load_weights(tmp_path / name))
        assert charset is not None
        assert charset.encode("aeb") == [3, 2]
        theirs = torch.from_numpy(made[f"{variant}.y"]).squeeze(2).transpose(1, 2).softmax(2)
        with torch.no_grad():
            assert torch.allclose(model(torch.from_numpy(made[f"{variant}.x"]))["ctc"], theirs, atol=1e-4), name
    convert_tool([str(tmp_path / "small.safetensors"), str(tmp_path / "back.safetensors"), "--to", "kraken", "--quiet"])
    in_kraken(AGAIN, str(tmp_path))
