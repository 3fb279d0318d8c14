"""`Global.weights_format`: the best weights of a run for kraken, in its folder; told beforehand where that cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from ppocr_like.cli.check import main as check_tool
from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.engine import train
from ppocr_like.errors import ConfigError
from ppocr_like.pipeline.torch_backend import trained_model
from ppocr_like.weights import load_weights

from .helpers import tiny_recipe, write_recipe

SPEC = "[1,16,0,1 Cr3,3,4 Mp4,4 S1(1x0)1,3 Lbx8 Do]"


def tree(data: Path, run: Path, spec: str = SPEC, **over: Any) -> dict[str, Any]:
    made = tiny_recipe(data, run, Global__epoch_num=1, Global__cal_metric_during_train=False, **over)
    made["Architecture"] = {
        "model_type": "rec",
        "algorithm": "VGSL",
        "Backbone": {"name": "VGSL", "spec": spec},
        "Head": {"name": "VGSLHead"},
    }
    for section in ("Train", "Eval"):
        made[section]["dataset"]["transforms"] = [
            {"DecodeImage": {"img_mode": "BGR", "channel_first": False}},
            {"CTCLabelEncode": None},
            {"KrakenLine": {"height": 16}},
            {"KeepKeys": {"keep_keys": ["image", "label", "length", "valid_width"]}},
        ]
    return made


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("best_*") if path.name != "best_accuracy.safetensors")


def test_the_best_weights_are_written_for_kraken(data: Path, tmp_path: Path) -> None:
    load_components()
    folder = tmp_path / "run"
    result = train(Recipe.from_tree(tree(data, folder, Global__weights_format="kraken")))
    assert result.best.value is not None
    name = f"best_{result.best.value:.4f}.safetensors"
    assert files(folder) == [name]
    assert json.loads((folder / "run.json").read_text())["result"]["best_file"] == name
    best, written = load_weights(folder / "best_accuracy.safetensors"), load_weights(folder / name)
    assert written.metadata["metrics"][0][0] == result.best.epoch
    x = torch.rand(1, 1, 16, 60)
    answers = [trained_model(weights)[0](x)["ctc"] for weights in (best, written)]
    assert torch.equal(*answers)

    # another score takes the file's place; one that is nobody's stays
    (folder / name).rename(folder / "best_0.0001.safetensors")
    told = json.loads((folder / "run.json").read_text())
    told["result"]["best_file"] = "best_0.0001.safetensors"
    (folder / "run.json").write_text(json.dumps(told))
    (folder / "best_0.5555.safetensors").write_bytes(b"a user's own")
    more = tree(data, folder, Global__weights_format="kraken", Global__checkpoints=str(folder))
    more["Global"]["epoch_num"] = 2
    second = train(Recipe.from_tree(more))
    assert files(folder) == sorted([f"best_{second.best.value:.4f}.safetensors", "best_0.5555.safetensors"])

    # a run that begins anew takes it away, and writes a copy of its own best weights
    third = train(Recipe.from_tree(tree(data, folder, Global__weights_format="safetensors", Global__overwrite=True)))
    copy = f"best_{third.best.value:.4f}.safetensors"
    assert files(folder) == sorted([copy, "best_0.5555.safetensors"])
    assert (folder / copy).read_bytes() == (folder / "best_accuracy.safetensors").read_bytes()


def test_a_network_that_kraken_cannot_use_is_told_before_training(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_components()
    over = {"Global__weights_format": "kraken"}
    with pytest.raises(ConfigError, match=r"Global.weights_format: kraken: kraken cannot use .* Lrx8 .* runs in reverse"):
        train(Recipe.from_tree(tree(data, tmp_path / "run", SPEC.replace("Lbx", "Lrx"), **over)))
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match="it is MobileNetV1Enhance"):
        train(Recipe.from_tree(tiny_recipe(data, tmp_path / "run", **over)))
    path = write_recipe(tmp_path / "r.yml", tree(data, tmp_path / "run", SPEC.replace("Lbx", "Gbx"), **over))
    assert check_tool(["-c", str(path)]) == 1
    assert "Global.weights_format: kraken: kraken cannot use this network: Gbx8" in capsys.readouterr().out


def test_a_missing_package_is_told_before_training(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ppocr_like.weights.formats.installed", lambda: False)
    over = {"Global__weights_format": "coreml", "Global__codec": "auto", "Global__character_dict_path": None}
    path = write_recipe(tmp_path / "r.yml", tree(data, tmp_path / "run", SPEC.replace("Lbx8", "(Lbx8 I)"), **over))
    assert check_tool(["-c", str(path)]) == 1
    shown = capsys.readouterr().out
    assert "pip install 'ppocr_like[coreml]'" in shown
    assert "kraken finds no layers of the group at character" in shown
