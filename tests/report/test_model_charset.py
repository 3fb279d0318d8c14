"""The characters of a model, out of everything that holds them, as a dictionary file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from ppocr_like.charset import Charset, dictionary_bytes, read_dictionary
from ppocr_like.components import load_components
from ppocr_like.config import load_recipe
from ppocr_like.errors import DataError, WeightsError
from ppocr_like.report.model_charset import model_charset, write_model_dictionary
from ppocr_like.weights import load_weights, save_weights
from ppocr_like.weights.convert import convert

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sources(tiny_run, tiny_bundle, tmp_path_factory) -> dict[str, Path]:
    """One model in every form."""
    folder = tmp_path_factory.mktemp("forms")
    shutil.copy(tiny_bundle / "model.onnx", folder / "alone.onnx")
    charset = load_weights(tiny_run.folder).charset
    tree = {
        "Global": {"model_name": "x"},
        "PreProcess": {"transform_ops": [{"DecodeImage": {"img_mode": "BGR"}}, {"RecResizeImg": {"image_shape": [3, 48, 320]}}]},
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": list(charset.entries)},
    }
    for name in ("paddle", "paddle without its network"):
        (folder / name).mkdir()
        (folder / name / "inference.yml").write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    shutil.copy(tiny_bundle / "model.onnx", folder / "paddle" / "inference.onnx")
    return {
        "run folder": tiny_run.folder,
        "weights": tiny_run.folder / "best_accuracy.safetensors",
        "prefix": tiny_run.folder / "best_accuracy",
        "bundle": tiny_bundle,
        "inference.yml": tiny_bundle / "inference.yml",
        "onnx of a bundle": tiny_bundle / "model.onnx",
        "paddle": folder / "paddle",
        "paddle without its network": folder / "paddle without its network",
    }


FORMS = (
    "run folder", "weights", "prefix", "bundle", "inference.yml", "onnx of a bundle", "paddle", "paddle without its network"
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_dictionary(form, sources, tiny_run, tmp_path):
    wanted = load_weights(tiny_run.folder).charset
    said = write_model_dictionary(sources[form], tmp_path / "dict.txt")
    assert tuple(read_dictionary(tmp_path / "dict.txt")) == wanted.entries
    if form == "paddle without its network":
        assert "does not say" in said
    else:
        assert Charset(read_dictionary(tmp_path / "dict.txt"), wanted.use_space_char).labels == wanted.labels
        assert f"use_space_char: {str(wanted.use_space_char).lower()}" in said


def test_models_that_do_not_say_it_are_told(ink_run, ink_bundle, tmp_path):
    for source in (ink_run.folder, ink_bundle):
        with pytest.raises(WeightsError, match="reads no text"):
            model_charset(source)
    torch.save({"x": torch.ones(2)}, tmp_path / "bare.pth")
    with pytest.raises(WeightsError, match="take the dictionary that it was trained with"):
        model_charset(tmp_path / "bare.pth")
    (tmp_path / "inference.yml").write_text("Global: {}\n")
    with pytest.raises(WeightsError, match=r"inference\.yml: has no PostProcess\.character_dict"):
        model_charset(tmp_path)


@pytest.mark.parametrize("entry", ["\n", "a\nb", "\r", "a\r"])
def test_entries_that_a_file_cannot_hold_are_told(entry, tmp_path):
    with pytest.raises(DataError, match="entry 2"):
        dictionary_bytes(["a", entry], tmp_path / "d.txt")
    for fine in (["\u2028", " ", "\x85", "#", "ch", ""], ["\ra", "\t"]):
        (tmp_path / "d.txt").write_bytes(dictionary_bytes(fine, tmp_path / "d.txt"))
        assert read_dictionary(tmp_path / "d.txt") == fine


def test_paddles_weights_get_their_dictionary_beside_them(tiny_run, tmp_path):
    load_components()
    recipe = load_recipe(tiny_run.recipe)
    charset = load_weights(tiny_run.folder).charset
    done = convert(tiny_run.folder, tmp_path / "my.pdparams", recipe)
    assert tuple(read_dictionary(tmp_path / "my_dict.txt")) == charset.entries
    assert "my_dict.txt" in done.summary() and "use_space_char: true" in done.summary()
    convert(tiny_run.folder, tmp_path / "my.pdparams", recipe)  # the same one is no hindrance
    (tmp_path / "other_dict.txt").write_text("x\n")
    with pytest.raises(WeightsError, match=r"other_dict\.txt exists already and lists other characters"):
        convert(tiny_run.folder, tmp_path / "other.pdparams", recipe)
    assert not (tmp_path / "other.pdparams").exists() and (tmp_path / "other_dict.txt").read_text() == "x\n"


@pytest.mark.thorough
def test_the_tool(tiny_run, tmp_path):
    def tool(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "tools/make_dict.py", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)

    done = tool("--from", tiny_run.folder, "--out", tmp_path / "d.txt")
    assert done.returncode == 0 and "in the order of its classes" in done.stdout, done.stderr
    before = (tmp_path / "d.txt").read_bytes()
    assert tool("--from", tiny_run.folder, "--out", tmp_path / "d.txt").returncode == 2
    assert (tmp_path / "d.txt").read_bytes() == before
    assert "give label files, or --from MODEL" in tool("--out", tmp_path / "e.txt").stderr
    weights = load_weights(tiny_run.folder)
    save_weights(tmp_path / "w.safetensors", weights.state, {"charset": Charset(["a", "b\n"]), "recipe": weights.recipe})
    done = tool("--from", tmp_path / "w.safetensors", "--out", tmp_path / "e.txt")
    assert done.returncode == 2 and "entry 2" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "e.txt").exists()
