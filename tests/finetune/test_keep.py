"""Weights that are kept: the file reads as its source does, and the recipe beside it is whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ppocr_like.components import load_components
from ppocr_like.config import Builder, load_recipe
from ppocr_like.errors import WeightsError
from ppocr_like.finetune.keep import keep_weights
from ppocr_like.weights import load_weights
from tests.conftest import TinyRun

ROOT = Path(__file__).parents[2]


def test_the_file_holds_network_and_characters(tiny_run: TinyRun, tmp_path: Path) -> None:
    load_components()
    recipe = tmp_path / "my.yml"
    said = keep_weights(str(tiny_run.folder), tmp_path / "kept.safetensors", recipe=recipe)
    assert "matched" in said and str(recipe) in said
    before, kept = load_weights(tiny_run.folder), load_weights(tmp_path / "kept.safetensors")
    assert kept.charset == before.charset and kept.recipe is not None
    assert all(torch.equal(before.state[name], kept.state[name]) for name in before.state)
    text = recipe.read_text(encoding="utf-8")
    assert text.startswith("# Trains on from kept.safetensors.")
    data = tiny_run.folder.parent
    over = [
        f"{part}.dataset.{key}"
        for part in ("Train", "Eval")
        for key in (f"data_dir={data}", f"label_file_list=[{data}/lines.txt]")
    ]
    Builder(load_recipe(recipe, [*over, f"Global.character_dict_path={data}/dict.txt"])).check()


def test_it_reads_as_its_source_does(tiny_run: TinyRun, tmp_path: Path) -> None:
    load_components()
    keep_weights(str(tiny_run.folder), tmp_path / "kept.safetensors")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    read = []
    for model in (tiny_run.folder, tmp_path / "kept.safetensors"):
        command = [sys.executable, str(ROOT / "tools" / "infer.py"), "--model", str(model), str(tiny_run.images[1])]
        out = tmp_path / f"out{len(read)}"
        subprocess.run([*command, "--out", str(out)], env=environment, check=True, capture_output=True, timeout=120)
        read.append((out / "predictions.txt").read_bytes())
    assert read[0] == read[1] and read[0]


def test_what_cannot_be_kept(tmp_path: Path) -> None:
    load_components()
    with pytest.raises(
        WeightsError, match=r"rapidocr:cls: recognisers and detectors are kept here; convert_weights rapidocr:cls"
    ):
        keep_weights("rapidocr:cls", tmp_path / "x.safetensors")
    with pytest.raises(WeightsError, match="not found"):
        keep_weights(str(tmp_path / "none.safetensors"), tmp_path / "x.safetensors")
