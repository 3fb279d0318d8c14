"""tools/convert_weights.py as a user calls it, and what stands behind it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.errors import DataError, WeightsError
from ppocr_like.weights import load_weights
from ppocr_like.weights.convert import convert
from ppocr_like.weights.paddle_file import read_paddle
from ppocr_like.weights.paddle_write import paddle_state, write_paddle

ROOT = Path(__file__).parents[2]
ARCHITECTURE = {
    "model_type": "rec",
    "Backbone": {"name": "MobileNetV1Enhance", "scale": 0.125, "last_conv_stride": [1, 2], "last_pool_type": "avg"},
    "Neck": {"name": "SequenceEncoder", "encoder_type": "rnn", "hidden_size": 8},
    "Head": {"name": "CTCHead"},
}


@pytest.fixture
def given(tmp_path) -> tuple[Path, Recipe, torch.nn.Module]:
    """A folder with PaddleOCR's weights `best_accuracy.pdparams`, their recipe, and the network that they are of."""
    (tmp_path / "dict.txt").write_text("a\nb\né\n", encoding="utf-8")
    tree = {"Global": {"character_dict_path": str(tmp_path / "dict.txt"), "epoch_num": 1}, "Architecture": ARCHITECTURE}
    (tmp_path / "recipe.yml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    load_components()
    torch.manual_seed(0)
    model = Builder(Recipe.from_tree(tree)).model()
    write_paddle(tmp_path / "best_accuracy.pdparams", paddle_state(model.state_dict(), model))
    return tmp_path, Recipe.from_tree(tree), model


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "tools/convert_weights.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.thorough
def test_there_and_back_is_exact(given):
    folder, _, model = given
    done = call(folder, folder / "out.safetensors", "-c", folder / "recipe.yml")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()[1:-1]}
    assert rows["backbone.conv1._batch_norm._mean"] == ["backbone.conv1._batch_norm.running_mean", "4", "matched"]
    assert rows["head.fc.weight"] == ["head.fc.weight", "4x16", "turned", "matched"]
    assert rows["neck.encoder.lstm.1.cell_bw.bias_hh"][0] == "neck.encoder.lstm.bias_hh_l1_reverse"
    assert done.stdout.splitlines()[-1].endswith("matched)")
    made = load_weights(folder / "out.safetensors")
    assert made.charset is not None and made.charset.entries == ("a", "b", "é") and made.task == "rec"
    assert all(torch.equal(made.state[name], value) for name, value in model.state_dict().items())
    done = call(folder / "out.safetensors", folder / "back.pdparams", "--to", "paddle", "--quiet")  # the recipe is in the file
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert (folder / "back.pdparams").read_bytes() == (folder / "best_accuracy.pdparams").read_bytes()


def test_without_a_recipe_names_alone_change(given):
    folder, recipe, model = given
    convert(folder, folder / "names.safetensors")
    named = load_weights(folder / "names.safetensors")
    assert named.paddle and named.charset is None
    assert torch.equal(named.state["head.fc.weight"], model.head.fc.weight.T)
    convert(folder / "names.safetensors", folder / "whole.safetensors", recipe)
    assert torch.equal(load_weights(folder / "whole.safetensors").state["head.fc.weight"], model.head.fc.weight)
    convert(folder / "names.safetensors", folder / "back.pdparams")
    there, back = read_paddle(folder / "best_accuracy.pdparams")[0], read_paddle(folder / "back.pdparams")[0]
    assert set(there) == set(back) and all(torch.equal(value, back[name]) for name, value in there.items())


def test_missing_unexpected_and_other_shapes(given):
    folder, recipe, model = given
    state = paddle_state(model.state_dict(), model)
    del state["head.fc.bias"]
    state |= {"head.odd": np.ones((2, 3), np.float32), "backbone.conv1._conv.weight": np.ones((9, 3, 3, 3), np.float32)}
    write_paddle(folder / "other.pdparams", state)
    with pytest.raises(WeightsError, match=r"--partial"):
        convert(folder / "other", folder / "x.safetensors", recipe)
    done = convert(folder / "other", folder / "x.safetensors", recipe, partial=True)
    told = {row.name or row.source: row.status for row in done.rows if row.status != "matched"}
    assert told == {
        "head.fc.bias": "missing",
        "head.odd": "unexpected",
        "backbone.conv1._conv.weight": "other shape (4x3x3x3 here)",
    }
    assert "head.odd" in done.table() and "1 missing" in done.summary()
    assert set(told).isdisjoint(load_weights(folder / "x.safetensors").state)


@pytest.mark.thorough
def test_one_network_of_a_distillation(given):
    folder, _, model = given
    state = paddle_state(model.state_dict(), model)
    both = {f"{name}.{key}": value * factor for name, factor in (("Student", 1), ("Teacher", 2)) for key, value in state.items()}
    write_paddle(folder / "both.pdparams", both)
    done = call(folder / "both", folder / "t.safetensors", "-c", folder / "recipe.yml", "--sub-model", "Teacher")
    assert done.returncode == 0, done.stderr
    assert "Teacher.head.fc.bias" in done.stdout
    assert torch.equal(load_weights(folder / "t.safetensors").state["head.fc.bias"], model.head.fc.bias * 2)
    done = call(folder / "both", folder / "u.safetensors", "-c", folder / "recipe.yml", "--sub-model", "Pupil")
    assert done.returncode == 2 and "Pupil" in done.stderr and not (folder / "u.safetensors").exists()


def test_targets_that_cannot_be(given):
    folder, recipe, _ = given
    for target, kind, says in (("x.bin", None, "suffix tells no kind"), ("x.bin", "paddle", r"ends in \.pdparams")):
        with pytest.raises(WeightsError, match=says):
            convert(folder, folder / target, recipe, to=kind)
    with pytest.raises(DataError, match="give another name"):
        convert(folder, folder / "best_accuracy.pdparams", recipe)
    convert(folder, folder / "plain.safetensors", recipe)
    fused = Recipe.from_tree({**recipe.tree, "Architecture": {**ARCHITECTURE, "fused": True}})
    with pytest.raises(WeightsError, match="not fused"):
        convert(folder / "plain.safetensors", folder / "x.pdparams", fused)
