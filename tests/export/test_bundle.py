"""Exports: what is written, what is verified, what a failure leaves behind."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from ppocr_like.components import load_components
from ppocr_like.config import Builder, load_recipe
from ppocr_like.errors import ConfigError, DataError, ExportError, WeightsError
from ppocr_like.export import export
from ppocr_like.export.exporter import exporter_of
from ppocr_like.export.graph import write_graph
from ppocr_like.export.lines import line_layout
from ppocr_like.export.variants import line_recipe
from ppocr_like.export.verify import Verifier
from ppocr_like.pipeline import Recogniser, read_spec
from ppocr_like.pipeline.onnx_backend import OnnxBackend
from ppocr_like.pipeline.torch_backend import TorchBackend, trained_model
from ppocr_like.postprocess.ngram.arpa import arpa_text
from ppocr_like.postprocess.ngram.kneser_ney import estimate_labels
from ppocr_like.postprocess.ngram.scorer import LabelScorer
from ppocr_like.weights import load_weights, save_weights

load_components()
ROOT = Path(__file__).resolve().parents[2]
FILES = ["inference.yml", "model.onnx", "rapidocr.yaml", "rapidocr_params.json"]


def recipe(run, target, *more):
    return load_recipe(run.recipe, [f"Global.pretrained_model={run.folder}", f"Global.save_inference_dir={target}", *more])


def test_the_bundle_is_verified_and_whole(tiny_run, tmp_path):
    said = []
    report = export(recipe(tiny_run, tmp_path / "out"), say=said.append)
    assert sorted(os.listdir(tmp_path)) == ["out"] and sorted(os.listdir(report.folder)) == FILES
    assert {(check.batch, check.width) for check in report.shapes} == {(n, w) for n in (1, 6) for w in (320, 437, 1280)}
    assert all(check.difference < 1e-4 for check in report.shapes)
    (check,) = report.sets
    assert check.torch == check.onnx and check.lines == check.preprocessed == len(tiny_run.images)
    assert check.torch["n"] == len(tiny_run.images) + 1, "the missing image counts as wrong"
    text = "\n".join(said)
    assert re.search(r"torch acc \d.*\n.*ONNX  acc \d", text) and re.search(r"largest difference \d\.\d\de-\d\d", text)


def test_what_the_bundle_says(tiny_run, tiny_bundle):
    tree = yaml.safe_load((tiny_bundle / "inference.yml").read_text(encoding="utf-8"))
    chain = load_recipe(tiny_run.recipe).get("Eval.dataset.transforms")
    following = {"RecResizeImg": {"image_shape": [3, 48, 64], "eval_mode": True}}  # from the narrowest bucket on
    assert tree["PreProcess"]["transform_ops"] == [*chain[:2], following, chain[3]]
    assert tree["PpocrLike"]["bucket_by_width"] is None
    assert tree["PostProcess"]["name"] == "CTCLabelDecode" and tree["PostProcess"]["use_space_char"] is True
    weights = load_weights(tiny_run.folder)
    assert tuple(tree["PostProcess"]["character_dict"]) == weights.charset.entries
    assert read_spec(tiny_bundle).charset == weights.charset
    params = json.loads((tiny_bundle / "rapidocr_params.json").read_text())
    config = yaml.safe_load((tiny_bundle / "rapidocr.yaml").read_text())
    assert set(config) == {"Global", "EngineConfig", "Det", "Cls", "Rec"}
    for key, value in params.items():
        section, name = key.split(".")
        assert config[section][name] == value
    assert params["Rec.model_path"] == str(tiny_bundle / "model.onnx")


def test_a_failed_export_leaves_the_earlier_bundle(tiny_run, tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "mine.txt").write_text("of the user")
    export(recipe(tiny_run, target), verify_data=False)
    before = {file.name: file.read_bytes() for file in target.iterdir()}
    assert sorted(before) == sorted([*FILES, "mine.txt"])
    with pytest.raises(ExportError, match="differs from the trained model by"):
        export(recipe(tiny_run, target), verify_data=False, tolerance=0.0)
    assert {file.name: file.read_bytes() for file in target.iterdir()} == before
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.thorough
def test_a_disk_that_fills_up_is_told(tiny_run, tmp_path):
    """A real process under a file-size limit."""
    target = tmp_path / "out"
    export(recipe(tiny_run, target), verify_data=False)
    before = (target / "model.onnx").read_bytes()
    program = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)); "
        "sys.argv = sys.argv[1:]; runpy.run_path('tools/export.py', run_name='__main__')"
    )
    command = [sys.executable, "-c", program, "tools/export.py", "-c", str(tiny_run.recipe), "--no-verify-data", "-o"]
    command += [f"Global.pretrained_model={tiny_run.folder}", f"Global.save_inference_dir={target}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 2 and "File too large" in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert (target / "model.onnx").read_bytes() == before and os.listdir(tmp_path) == ["out"]


@pytest.mark.thorough
def test_the_tool_prints_both_metrics(tiny_run, tmp_path):
    command = [sys.executable, "tools/export.py", "-c", str(tiny_run.recipe), "-o", f"Global.pretrained_model={tiny_run.folder}"]
    command += [f"Global.save_inference_dir={tmp_path}/out"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    assert "eval: torch acc" in done.stdout and "eval: ONNX  acc" in done.stdout and "all texts equal" in done.stdout
    assert sorted(os.listdir(tmp_path / "out")) == FILES


def test_what_is_missing_is_told_before_anything_is_built(tiny_run, tmp_path):
    with pytest.raises(ConfigError, match=r"Global\.save_inference_dir: is missing"):
        export(load_recipe(tiny_run.recipe))
    with pytest.raises(ConfigError, match=r"Global\.pretrained_model: is missing"):
        export(load_recipe(tiny_run.recipe, [f"Global.save_inference_dir={tmp_path}/x"]))
    with pytest.raises(WeightsError, match="not found"):
        export(recipe(tiny_run, tmp_path / "x", "Global.pretrained_model=none"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        export(recipe(tiny_run, tmp_path / "file"))
    with pytest.raises(WeightsError, match=r"Architecture\.Neck\.dims: weights 16, recipe 24"):
        export(recipe(tiny_run, tmp_path / "x", "Architecture.Neck.dims=24"))
    with pytest.raises(ExportError, match=r"none\.txt(.|\n)*--no-verify-data"):
        export(recipe(tiny_run, tmp_path / "x", "Eval.dataset.label_file_list=[none.txt]"))
    with pytest.raises(DataError, match=r"cannot be written.*choose another Global\.save_inference_dir"):
        export(recipe(tiny_run, tmp_path / "file" / "x"))
    assert os.listdir(tmp_path) == ["file"]


def test_the_dictionary_comes_from_the_weights_or_else_from_the_recipe(tiny_run, tmp_path):
    gone = recipe(tiny_run, tmp_path / "a", "Global.character_dict_path=nowhere.txt")
    export(gone, verify_data=False)
    weights = load_weights(tiny_run.folder)
    torch.save(weights.state, tmp_path / "bare.pth")
    export(recipe(tiny_run, tmp_path / "b", f"Global.pretrained_model={tmp_path}/bare.pth"), verify_data=False)
    images = tiny_run.images
    assert Recogniser(tmp_path / "a")(images) == Recogniser(tmp_path / "b")(images)
    assert read_spec(tmp_path / "b").charset == weights.charset


def test_a_dictionary_that_cannot_travel_is_refused(tiny_run, tmp_path):
    weights = load_weights(tiny_run.folder)
    entries = ["\u2028", *weights.charset.entries[1:]]
    charset = type(weights.charset)(entries, True)
    save_weights(tmp_path / "w.safetensors", weights.state, {"charset": charset, "recipe": weights.recipe})
    with pytest.raises(ExportError, match=r"entry 1 of the dictionary.*U\+2028"):
        export(recipe(tiny_run, tmp_path / "x", f"Global.pretrained_model={tmp_path}/w"))


@pytest.fixture
def parts(tiny_run, tiny_bundle):
    weights = load_weights(tiny_run.folder)
    model, settings, charset = trained_model(weights)
    recogniser, backend = Recogniser(tiny_bundle), TorchBackend(model)
    bundled = line_recipe(settings, Builder(settings).loader("Eval").bucket_by_width)
    return Builder(bundled, charset), Verifier(exporter_of(recogniser.spec, settings, model), recogniser, backend, 1e-4)


def test_other_weights_are_found_out(parts):
    builder, verifier = parts
    with torch.no_grad():
        verifier.backend.model.head.fc.bias[3] += 0.01
    with pytest.raises(ExportError, match=r"input \d x 3 x 48 x 320: the ONNX model differs from the trained model by"):
        verifier.check_shapes()
    with pytest.raises(ExportError, match=r"evaluation set eval, .*differs"):
        verifier.check_set(builder, "eval", builder.dataset("Eval"))


def test_other_pre_processing_is_found_out(parts):
    builder, verifier = parts
    preprocess = verifier.bundle.preprocess
    preprocess.chain = preprocess.chain[:]
    original = preprocess.chain[0]

    class Darker(type(original)):
        def __call__(self, sample, rng):
            sample["image"] = np.clip(sample["image"], 0, 200)
            return super().__call__(sample, rng)

    preprocess.chain[0] = Darker(original.image_shape)
    with pytest.raises(ExportError, match="pre-processing gives another tensor"):
        verifier.check_set(builder, "eval", builder.dataset("Eval"))


def test_other_texts_are_found_out(parts):
    """Probabilities within the tolerance, but another decoder."""
    builder, verifier = parts
    decode, calls = verifier.bundle.postprocess, []

    def second_time_differs(outputs, batch):
        calls.append(1)
        lines = decode(outputs, batch)
        return lines if len(calls) % 2 else [type(line)(line.text + "!", line.confidence) for line in lines]

    verifier.bundle.postprocess = second_time_differs
    with pytest.raises(ExportError, match=r"lines\.txt, line \d: the trained model reads .*, the ONNX model reads .*!"):
        verifier.check_set(builder, "eval", builder.dataset("Eval"))


def test_logits_instead_of_probabilities_are_found_out(parts):
    _, verifier = parts
    backend = verifier.backend
    verifier.bundle.backend = verifier.backend = lambda images: {"ctc": backend(images)["ctc"] * 2}
    with pytest.raises(ExportError, match="softmax is missing"):
        verifier.check_shapes()


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_sizes_that_became_constants_are_found_out(parts, tmp_path):
    """A network that reshapes to the batch size it was traced with runs on that one only."""
    _, verifier = parts

    class Fixed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv1d(3, 3, 1)

        def forward(self, images):
            x = torch.nn.functional.avg_pool2d(images, (48, 8))
            return {"ctc": self.conv(x.reshape(2, 3, int(x.shape[3]))).transpose(1, 2).softmax(2)}

    spec = verifier.bundle.spec
    charset = type(spec.charset)("ab")
    write_graph(Fixed(), tmp_path / "model.onnx", line_layout(charset, 3, 48), {})
    verifier.bundle.backend = OnnxBackend(tmp_path, replace(spec, charset=charset))
    verifier.tolerance = 1.0
    with pytest.raises(ExportError, match="became a constant in the graph"):
        verifier.check_shapes()


def test_a_bundle_takes_its_language_model_along(tiny_run, tmp_path):
    charset = load_weights(tiny_run.folder).charset
    model = estimate_labels([charset.encode(label) for label in tiny_run.labels], charset, 3).model
    (tmp_path / "mine.arpa").write_text("".join(arpa_text(model)), encoding="utf-8")
    more = ["PostProcess.decoder=beam", f"PostProcess.lm={tmp_path / 'mine.arpa'}", "PostProcess.temperature=1.5"]
    report = export(recipe(tiny_run, tmp_path / "out", *more))
    assert all(check.torch == check.onnx for check in report.sets)
    (tmp_path / "mine.arpa").unlink()
    moved = report.folder.rename(tmp_path / "elsewhere")
    assert sorted(os.listdir(moved)) == sorted([*FILES, "lm.npz"])
    spec = read_spec(moved)
    assert spec.postprocess["lm"] == str(moved / "lm.npz") and spec.postprocess["temperature"] == 1.5
    post = Recogniser(moved).postprocess
    line = charset.encode(tiny_run.labels[0])
    assert post._search.scorer.score(line) == pytest.approx(LabelScorer(model, charset).score(line), abs=1e-5)


def test_a_line_is_verified_on_its_own_canvas_and_not_beside_longer_ones(parts):
    """A line on the canvas of a longer one is read less well than the bundle reads it: the figures would be too bad."""
    builder, verifier = parts
    dataset, shapes, answer = builder.dataset("Eval"), [], verifier.backend
    verifier.backend = lambda images, *more: shapes.append(images.shape) or answer(images, *more)
    verifier.check_set(builder, "eval", dataset)
    assert {shape[0] for shape in shapes} == {1} and len({shape[3] for shape in shapes}) > 3
