"""`run.py` on folders made here: a recipe and a case of its own, a wrong case, and files that are none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from ppocr_like.charset import Charset
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.modeling.paddle_names import from_paddle, to_paddle, transposed

from .networks import tensor_of
from .processes import in_processes
from .recipes.report import row
from .table import BAD, OK, OTHER, TOLD, text, verdict

ROOT = Path(__file__).parents[2]
CLASSES = 12


def tiny_recipe() -> dict[str, Any]:
    chain = [
        {"DecodeImage": {"img_mode": "BGR", "channel_first": False}},
        {"CTCLabelEncode": None},
        {"RecResizeImg": {"image_shape": [3, 32, 64]}},
        {"KeepKeys": {"keep_keys": ["image", "label", "length"]}},
    ]
    data = {"name": "SimpleDataSet", "data_dir": "./nowhere", "label_file_list": ["./nowhere/train.txt"], "transforms": chain}
    loader = {"batch_size_per_card": 8, "num_workers": 4, "shuffle": True, "drop_last": True}
    return {
        "Global": {"epoch_num": 3, "use_gpu": True, "character_dict_path": "./nowhere/dict.txt", "max_text_length": 25},
        "Optimizer": {"name": "Adam", "lr": {"name": "Cosine", "learning_rate": 1e-3, "warmup_epoch": 2}},
        "Architecture": {
            "model_type": "rec",
            "algorithm": "CRNN",
            "Backbone": {"name": "MobileNetV3", "scale": 0.35, "model_name": "small", "small_stride": [1, 2, 2, 2]},
            "Neck": {"name": "SequenceEncoder", "encoder_type": "rnn", "hidden_size": 8},
            "Head": {"name": "CTCHead"},
        },
        "Loss": {"name": "CTCLoss"},
        "PostProcess": {"name": "CTCLabelDecode"},
        "Metric": {"name": "RecMetric", "main_indicator": "acc"},
        "Train": {"dataset": data, "loader": loader},
        "Eval": {"dataset": data, "loader": {**loader, "shuffle": False}},
    }


def case_of(tree: dict[str, Any], config: str, gain: float = 1.0) -> dict[str, Any]:
    """What the reference would hold for the recipe, if our network were the reference."""
    load_components()
    architecture = {**tree["Architecture"], "Head": {"name": "CTCHead", "out_channels": CLASSES}}
    recipe = Recipe.from_tree({"Global": {"epoch_num": 1}, "Architecture": architecture})
    model = Builder(recipe, Charset([f"c{i}" for i in range(CLASSES - 1)])).model().eval()
    ours = {name: value.numpy() for name, value in model.state_dict().items()}
    paddle = {name: tensor_of(name, list(value.shape), gain) for name, value in to_paddle(ours, transposed(model)).items()}
    filled = from_paddle(paddle, transposed(model))
    model.load_state_dict({name: torch.from_numpy(value) for name, value in filled.items()})
    images = np.random.default_rng(5).normal(0, 0.5, (2, 3, 32, 64)).astype("float32")
    with torch.no_grad():
        out = model(torch.from_numpy(images))["ctc"].numpy()
    index = np.random.default_rng(0).choice(out.size, 40, replace=False)
    output = {"shape": list(out.shape), "mean": float(out.mean()), "std": float(out.std())}
    return {
        "config": f"configs/{config}",
        "architecture": architecture,
        "gain": gain,
        "input": {"seed": 5, "shape": [2, 3, 32, 64]},
        "parameters": [[name, list(value.shape), "float32"] for name, value in paddle.items()],
        "outputs": {"out": {**output, "index": index.tolist(), "value": out.reshape(-1)[index].tolist()}},
        "n_trainable": sum(p.numel() for p in model.parameters()),
        "training": None,
    }


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    tree = tiny_recipe()
    configs, models, ops = folder / "configs" / "rec", folder / "models", folder / "ops"
    for made in (configs, models, ops):
        made.mkdir(parents=True)
    (configs / "tiny.yml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    foreign = {**tree, "Architecture": {"model_type": "rec", "algorithm": "SRN", "Backbone": {"name": "ResNetFPN"}}}
    foreign["Architecture"]["Head"] = {"name": "SRNHead"}
    (configs / "srn.yaml").write_text(yaml.safe_dump(foreign), encoding="utf-8")
    (configs / "slip.yml").write_text(yaml.safe_dump({**tree, "Lss": {}}), encoding="utf-8")
    (configs / "none.yml").write_text("{[", encoding="utf-8")
    (configs / "notes.txt").write_text("no recipe", encoding="utf-8")
    case = case_of(tree, "rec/tiny.yml")
    (models / "rec__tiny.json").write_text(json.dumps(case), encoding="utf-8")
    alone = {**case, "config": "configs/rec/alone.yml"}
    alone["outputs"] = {"out": {**case["outputs"]["out"], "value": [v + 0.01 for v in case["outputs"]["out"]["value"]]}}
    alone["parameters"] = [*case["parameters"], ["neck.unheard.weight", [2, 2], "float32"]]
    (models / "rec__alone.json").write_text(json.dumps(alone), encoding="utf-8")
    (models / "damaged.json").write_text("{", encoding="utf-8")
    (ops / "10_learning_rates.json").write_text(json.dumps({"cases": [{"name": "empty"}]}), encoding="utf-8")
    return folder


@pytest.mark.thorough
def test_every_recipe_and_case_is_a_row_with_its_reason(folders: Path) -> None:
    out = folders / "out.json"
    command = [sys.executable, str(ROOT / "tests" / "parity" / "run.py"), "--json", str(out)]
    for name in ("models", "ops", "configs"):
        command += [f"--{name}", name]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folders, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and out.exists(), done.stderr
    told = json.loads(out.read_text(encoding="utf-8"))
    rows = {row["recipe"]: row for row in told["recipes"]}
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "rec/tiny.yml": OK,
        "rec/srn.yaml": OTHER,
        "rec/slip.yml": BAD,
        "rec/none.yml": BAD,
        "rec/alone.yml": BAD,
        "damaged": BAD,
    }
    tiny = rows["rec/tiny.yml"]
    assert tiny["validates"] and tiny["builds"] and tiny["parameters"] == tiny["reference_trainable"]
    assert tiny["weights"]["matched"] > 100 and tiny["weights"]["missing"] == tiny["weights"]["unexpected"] == []
    assert tiny["outputs"]["out"]["verdict"] == "within"
    assert tiny["steps"]["lower"] and len(tiny["steps"]["losses"]) == 11
    assert tiny["export"]["difference"] < 1e-3
    assert "unknown section" in rows["rec/slip.yml"]["reasons"]["validates"]
    assert rows["rec/alone.yml"]["outputs"]["out"]["verdict"] == "FAILED"
    assert rows["rec/alone.yml"]["weights"]["unexpected"] == ["neck.unheard.weight"]
    assert [o["kind"] for o in told["ops"]] == ["failed"]
    assert "validate unmodified: 1 of 3" in done.stdout


@pytest.mark.thorough
def test_only_and_stages(folders: Path) -> None:
    command = [sys.executable, str(ROOT / "tests" / "parity" / "run.py"), "--configs", "configs", "--only", "*tiny*"]
    done = subprocess.run([*command, "--stages", "validates"], cwd=folders, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "recipes: 1, of them 1 ok" in done.stdout
    done = subprocess.run([*command, "--stages", "dances"], cwd=folders, capture_output=True, text=True, timeout=120)
    assert "unknown stage dances" in done.stderr


def work(number: int) -> int:
    if number == 1:
        os._exit(7)
    if number == 2:
        while True:
            pass
    return number


def test_a_process_that_dies_or_hangs_is_an_answer() -> None:
    found = {number: (result, reason) for number, result, reason in in_processes(work, [(0,), (1,), (2,), (3,)], 2, 2.0)}
    assert found[0] == (0, "") and found[3] == (3, "")
    assert found[1] == (None, "its process ended with status 7")
    assert found[2][0] is None and "took longer than 2 s" in found[2][1]


def test_a_recipe_that_paddleocr_cannot_run_either_is_told_why(tmp_path: Path) -> None:
    tree = tiny_recipe()
    tree["Architecture"]["Backbone"] = {"name": "repvit_svtr"}
    path = tmp_path / "recipe.yml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    found = row("recipe.yml", path, None, None)
    assert verdict(found) == TOLD
    assert "told why" in text([found])
