"""A recogniser in ocrs' form: `line_image` -> `chars`, logarithms of probabilities, steps first; and a bundle that reads it."""

from __future__ import annotations

import copy
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
import torch

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe, load_recipe
from ppocr_like.errors import WeightsError
from ppocr_like.export import export
from ppocr_like.pipeline import Recogniser, read_spec
from ppocr_like.pipeline.torch_backend import torch_runner
from ppocr_like.weights import save_weights

load_components()
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, torch.nn.Module, list[str]]:
    """(bundle, the network, what the export said) of the shipped recipe with a head that is loud enough to read something."""
    folder = tmp_path_factory.mktemp("ocrs")
    tree = copy.deepcopy(load_recipe(ROOT / "configs" / "rec" / "crnn_gru_ocrs.yml").tree)
    tree["Global"].update(
        pretrained_model=str(folder / "w.safetensors"),
        save_inference_dir=str(folder / "bundle"),
        character_dict_path=str(ROOT / "configs" / "dict" / "ocrs.txt"),
    )
    recipe = Recipe.from_tree(tree)
    torch.manual_seed(0)
    builder = Builder(recipe)
    model = builder.model()
    with torch.no_grad():
        for _ in range(3):
            model.train()(torch.rand(4, 1, 64, 256) - 0.5)
        model.head.fc.weight.mul_(30)
    save_weights(folder / "w.safetensors", model.state_dict(), {"charset": builder.charset, "recipe": tree})
    said: list[str] = []
    return export(recipe, verify_data=False, say=said.append).folder, model.eval(), said


def test_the_graph_is_what_ocrs_runs(made) -> None:
    bundle, model, said = made
    session = onnxruntime.InferenceSession(str(bundle / "model.onnx"))
    (given,), (result,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape) == ("line_image", ["batch", 1, 64, "width"])
    assert (result.name, result.shape) == ("chars", ["steps", "batch", 97])
    images = torch.rand(3, 1, 64, 320) - 0.5
    with torch.no_grad():
        sequence = model.neck(model.backbone(images))
        want = model.head.fc(sequence).log_softmax(2).transpose(0, 1).numpy()
    (got,) = session.run(None, {"line_image": images.numpy()})
    assert got.shape == (81, 3, 97)
    likely = want > -80  # below that a float32 has no bits left for the probability
    assert np.abs(got - want)[likely].max() < 1e-3 and got[~likely].max(initial=-np.inf) <= -75
    assert any("cannot run this network" in line and "gray" in line for line in said)
    assert any("cannot run this network" in line and "'ocrs'" in line for line in said)


def test_the_bundle_reads_as_the_network_does(made) -> None:
    bundle, *_ = made
    images = [np.full((40, 200, 3), 230, np.uint8), np.full((64, 700, 3), 240, np.uint8)]
    for image in images:
        cv2.putText(image, "hello 123", (4, 30), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (20, 20, 20), 2)
    assert read_spec(bundle).form == "ocrs"
    ours, theirs = Recogniser(bundle)(images), torch_runner(bundle.parent / "w.safetensors")(images)
    assert [line.text for line in ours] == [line.text for line in theirs] and any(line.text for line in ours)
    assert np.allclose([line.confidence for line in ours], [line.confidence for line in theirs], atol=1e-4)
    tensor = Recogniser(bundle).preprocess(images[0]).tensor
    assert tensor.shape[:2] == (1, 64) and -0.5 <= tensor.min() < -0.3 and 0.3 < tensor.max() <= 0.5


def test_a_form_that_is_unknown_is_told(made, tmp_path: Path) -> None:
    text = (made[0] / "inference.yml").read_text(encoding="utf-8")
    (tmp_path / "inference.yml").write_text(text.replace("form: ocrs", "form: other"), encoding="utf-8")
    with pytest.raises(WeightsError, match="form 'other'; known: paddle, ocrs"):
        read_spec(tmp_path)
