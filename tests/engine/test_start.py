"""What a run's start loads: what its recipe names, and no library that it does not use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

from ppocr_like.optim import kernels
from tests.engine.helpers import make_data, tiny_recipe

RUN = """
import sys
from ppocr_like.components import load_components
from ppocr_like.config import load_recipe
from ppocr_like.engine import evaluate, train
load_components()
train(load_recipe(sys.argv[1]))
evaluate(load_recipe(sys.argv[1], [f"Global.pretrained_model={sys.argv[2]}"]))
print([name for name in sys.modules if name in sys.argv[3:]])
print(len([name for name in sys.modules if name.startswith("ppocr_like.modeling.backbones.")]))
"""
NEEDLESS = (
    *("torch._dynamo", "torch._inductor", "torch.onnx", "torch.utils.tensorboard", "torch.distributed.fsdp", "torchvision"),
    *("sympy", "scipy", "pandas", "matplotlib", "onnx", "onnxruntime", "visualdl", "wandb", "pypdfium2", "jinja2", "fontTools"),
    *(f"ppocr_like.{room}" for room in ("pipeline", "export", "tune", "report", "evaluation", "benchmark", "finetune", "cli")),
    # what only a detector's recipe names
    *("ppocr_like.modeling.heads.db_head", "ppocr_like.modeling.necks.db_fpn", "ppocr_like.losses.db_loss"),
    *("ppocr_like.postprocess.db", "ppocr_like.metrics.det", "ppocr_like.transforms.make_shrink_map"),
    *("ppocr_like.transforms.copy_paste", "ppocr_like.optim.kraken_schedules", "ppocr_like.modeling.heads.nrtr_head"),
)


def test_a_recogniser_loads_what_its_recipe_names(tmp_path: Path) -> None:
    make_data(tmp_path / "data")
    tree = tiny_recipe(tmp_path / "data", tmp_path / "run")
    (tmp_path / "my.yml").write_text(yaml.safe_dump(json.loads(json.dumps(tree))), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", RUN, tmp_path / "my.yml", tmp_path / "run", *NEEDLESS], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    loaded, backbones = done.stdout.splitlines()[-2:]
    assert loaded == "[]"
    assert int(backbones) <= 3  # its own, and those that files of weights are told by


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Adam", {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-6}),
        ("AdamW", {"lr": 0.01, "weight_decay": 0.1}),
        ("SGD", {"lr": 0.01, "momentum": 0.9}),
    ],
)
def test_they_are_torchs_own(name: str, options: dict) -> None:
    """Same weights and state after steps, and a state of torch's goes on in ours."""
    both = []
    for kinds in ((getattr(torch.optim, name),) * 2, (getattr(torch.optim, name), getattr(kernels, name))):
        torch.manual_seed(0)
        layer = nn.Linear(5, 3)
        optimizer = kinds[0]([{"params": [layer.weight]}, {"params": [layer.bias], "lr": 0.1}], **options)
        for step in range(6):
            if step == 3:
                state = optimizer.state_dict()
                optimizer = kinds[1]([{"params": [layer.weight]}, {"params": [layer.bias]}], **options)
                optimizer.load_state_dict(state)
            optimizer.zero_grad()
            layer(torch.randn(4, 5)).square().sum().backward()
            optimizer.step()
        both.append((layer.weight, layer.bias, *(v for s in optimizer.state_dict()["state"].values() for v in s.values())))
    for theirs, ours in zip(*both, strict=True):
        assert (theirs is None and ours is None) or torch.equal(torch.as_tensor(theirs), torch.as_tensor(ours))
