"""`Global.compile`. The backend `eager` traces as every other one does, and needs no C++ compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ppocr_like.components import load_components
from ppocr_like.config import Compile, Recipe
from ppocr_like.engine.api import evaluate, train
from ppocr_like.engine.compiling import compile_model
from ppocr_like.engine.trainer import train_step
from ppocr_like.errors import ConfigError, TrainingError

from .helpers import ROOT, assert_equal_weights, tiny_recipe
from .test_trainer import batches, made

EAGER = {"backend": "eager"}


@pytest.mark.slow
def test_a_compiled_run_writes_the_same_checkpoint(data: Path, tmp_path: Path) -> None:
    """Names and values: the backend computes with the same kernels. Evaluation and best weights included."""
    load_components()
    for name, over in (("plain", False), ("compiled", EAGER)):
        keys = {"Global__compile": over, "Global__epoch_num": 1, "Train__loader__num_workers": 0}
        train(Recipe.from_tree(tiny_recipe(data, tmp_path / name, **keys)))
    for file in ("latest.ckpt", "best_accuracy.safetensors"):
        assert_equal_weights(tmp_path / "plain" / file, tmp_path / "compiled" / file)
    tree = tiny_recipe(data, tmp_path / "other", Global__pretrained_model=str(tmp_path / "compiled"))
    assert evaluate(Recipe.from_tree(tree))[0].samples == 6


@pytest.mark.slow
@pytest.mark.parametrize("parts", [None, ["backbone", "neck"]])
def test_widths_are_compiled_once(data: Path, tmp_path: Path, parts: list[str] | None) -> None:
    """The second width makes the sizes free; further ones compile nothing."""
    torch._dynamo.reset()
    made_graphs: list[int] = []

    def backend(graph: torch.fx.GraphModule, inputs: object) -> object:
        made_graphs.append(1)
        return graph.forward

    with made(data, tmp_path / "run") as run:
        for part in [run.objective.model] if parts is None else [getattr(run.objective.model, name) for name in parts]:
            part.compile(backend=backend)
        group = batches(run)[:4]
        counts = []
        for width, batch in zip((96, 64, 128, 160), group, strict=True):
            batch["image"] = torch.nn.functional.interpolate(batch["image"], size=(32, width))
            train_step(run, [batch])
            counts.append(len(made_graphs))
    assert counts[0] >= 1 and counts[1] == counts[2] == counts[3], counts


def test_an_unknown_part_is_an_error(data: Path, tmp_path: Path) -> None:
    with made(data, tmp_path / "run") as run, pytest.raises(TrainingError, match=r"parts names tail; .*backbone, neck, head"):
        compile_model(run.objective.model, Compile(backend="eager", parts=["tail"]), run.machine.compute.device)


def test_what_cannot_be_together(data: Path, tmp_path: Path) -> None:
    keys = {"Global__compile": True, "Global__gradient_checkpointing": True}
    with pytest.raises(ConfigError, match=r"Global\.gradient_checkpointing: cannot be together"), made(data, tmp_path, **keys):
        pass


@pytest.mark.slow
def test_a_missing_compiler_is_said_before_the_run(tmp_path: Path) -> None:
    code = "import torch; from ppocr_like.engine.compiling import try_compiler; try_compiler(torch.device('cpu'))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CXX": "/no/such/compiler", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=200)
    assert ended.returncode != 0
    assert "TrainingError: Global.compile: torch.compile does not work on this machine" in ended.stderr
    assert "needs a C++ compiler" in ended.stderr
