"""Differences between a bundle and its network: which of them rounding explains, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.components import load_components
from ppocr_like.config import Builder, load_recipe
from ppocr_like.errors import ExportError
from ppocr_like.export import export
from ppocr_like.export.exporter import exporter_of
from ppocr_like.export.graph import write_graph
from ppocr_like.export.lines import line_layout
from ppocr_like.export.pages import page_layout
from ppocr_like.export.rounding import FACTOR, Rounding
from ppocr_like.export.variants import line_recipe
from ppocr_like.export.verify import Verifier
from ppocr_like.pipeline import Recogniser
from ppocr_like.pipeline.onnx_backend import OnnxBackend
from ppocr_like.pipeline.torch_backend import TorchBackend, trained_model
from ppocr_like.weights import load_weights, save_weights

load_components()


class Magnifier(nn.Module):
    """(N, 3, 48, W) -> probabilities of lines that swing with the last bits of a convolution's sums."""

    def __init__(self, classes: int, gain: float) -> None:
        super().__init__()
        self.conv, self.gain = nn.Conv2d(3, classes, (48, 8), stride=(48, 8)), gain

    def forward(self, images: torch.Tensor, targets: object = None) -> dict[str, torch.Tensor]:
        x = (self.conv(images).squeeze(2).permute(0, 2, 1) * self.gain).sin() * 4
        return {"ctc": x if self.training else x.softmax(2)}


@pytest.fixture
def magnified(tiny_run, tiny_bundle, tmp_path):
    """Makes a Verifier of such a network and its graph; `change` is done to the graph's weights."""

    def make(gain: float, change: float = 0.0, tolerance: float = 1e-3) -> Verifier:
        torch.manual_seed(0)
        recogniser = Recogniser(tiny_bundle)
        charset = recogniser.spec.charset
        model = Magnifier(charset.num_classes, gain).eval()
        write_graph(model, tmp_path / "model.onnx", line_layout(charset, 3, 48), {})
        if change:
            proto = onnx.load(str(tmp_path / "model.onnx"))
            bias = next(one for one in proto.graph.initializer if one.name.endswith("conv.bias"))
            bias.CopyFrom(numpy_helper.from_array((numpy_helper.to_array(bias) + change).astype(np.float32), bias.name))
            onnx.save(proto, str(tmp_path / "model.onnx"))
        recogniser.backend = OnnxBackend(tmp_path, recogniser.spec)
        kind = exporter_of(recogniser.spec, load_recipe(tiny_run.recipe), model)
        return Verifier(kind, recogniser, TorchBackend(model), tolerance)

    return make


def test_what_the_networks_own_rounding_explains_is_allowed_and_said(magnified) -> None:
    checks = magnified(2e4).check_shapes()
    by_rounding = [check for check in checks if check.rounding is not None]
    assert by_rounding and all(1e-3 < check.difference <= FACTOR * check.rounding for check in by_rounding)


def test_a_fault_of_the_graph_is_told_from_rounding_and_the_way_out_is_named(magnified) -> None:
    """The same network, whose graph has another bias: the difference is larger than what its rounding does."""
    with pytest.raises(ExportError, match=r"differs .*Rounding does not explain it: float32 takes .*--tolerance \(now 0\.001\)"):
        magnified(2e4, change=1e-5).check_shapes()
    with pytest.raises(ExportError, match=r"differs .*Rounding does not explain it"):
        magnified(1.0, change=1e-2).check_shapes()


def test_a_network_that_answers_by_rounding_alone_is_none_to_verify(magnified) -> None:
    with pytest.raises(ExportError, match=r"By rounding alone .*hardly trained.*--tolerance"):
        magnified(1e7).check_shapes()


def test_a_larger_tolerance_allows_it_and_none_allows_nothing(magnified) -> None:
    assert magnified(2e4, change=1e-5, tolerance=1.0).check_shapes()
    with pytest.raises(ExportError, match="differs"):
        magnified(1.0, tolerance=0.0).check_shapes()


def test_numbers_that_are_none_are_said(magnified) -> None:
    verifier = magnified(1.0)
    verifier.bundle.backend = lambda images: {"ctc": np.full_like(verifier.backend(images)["ctc"], np.nan)}
    with pytest.raises(ExportError, match="NaN or infinite"):
        verifier.check_shapes()


def test_rounding_is_measured_where_float64_is_impossible() -> None:
    class Single(nn.Module):
        def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
            if images.dtype != torch.float32:
                raise RuntimeError("float32 alone")
            return {"x": (images * 1e5).sin()}

    assert 1e-3 < Rounding(Single(), "x")(np.random.default_rng(0).uniform(-1, 1, (1, 3, 8, 8))) < 0.1


@pytest.fixture
def tied(tiny_run, tiny_bundle):
    """A network two classes of which are equal, so that rounding alone decides between them."""
    weights = load_weights(tiny_run.folder)
    model, settings, charset = trained_model(weights)
    with torch.no_grad():
        for parameter in (model.head.fc.weight, model.head.fc.bias):
            parameter[2:] = parameter[1::2][: len(parameter)].repeat_interleave(2, 0)[: len(parameter) - 2]
            parameter[2::2] = parameter[1:-1:2][: len(parameter[2::2])]
    recogniser = Recogniser(tiny_bundle)
    verifier = Verifier(exporter_of(recogniser.spec, settings, model), recogniser, TorchBackend(model))

    def answer(shift: float):
        def backend(images: np.ndarray) -> dict[str, np.ndarray]:
            got = verifier.backend(images)["ctc"].copy()
            got[:, :, 2::2] += shift
            return {"ctc": got}

        return backend

    return Builder(line_recipe(settings, Builder(settings).loader("Eval").bucket_by_width), charset), verifier, answer


@pytest.mark.thorough
def test_a_text_that_rounding_decides_is_counted(tied) -> None:
    builder, verifier, answer = tied
    verifier.bundle.backend = answer(1e-6)
    check = verifier.check_set(builder, "eval", builder.dataset("Eval"))
    assert check.other >= 1 and check.difference < 1e-5
    verifier.bundle.backend = answer(1e-4)  # within the tolerance, but nothing that rounding does to this network
    with pytest.raises(ExportError, match=r"the trained model reads .*, the ONNX model reads"):
        verifier.check_set(builder, "eval", builder.dataset("Eval"))


def test_an_operator_that_onnx_lacks_is_said_in_one_line(tmp_path: Path, capfd) -> None:
    class Bessel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1) for _ in range(20)), nn.Conv2d(3, 1, 1))

        def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"maps": torch.special.bessel_j0(self.layers(images)).sigmoid()}

    with pytest.raises(ExportError, match=r"cannot be written as ONNX: .*special_bessel_j0") as caught:
        write_graph(Bessel(), tmp_path / "x.onnx", page_layout(3), {})
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", ""), "torch prints the graph"


@pytest.mark.thorough
def test_a_recogniser_that_is_hardly_trained_is_exported(tiny_run, tmp_path: Path) -> None:
    """Large gains make the small network magnify rounding as one does after a few steps at a high rate."""
    weights = load_weights(tiny_run.folder)
    assert isinstance(weights.charset, Charset)
    state = {name: value * 40 if name == "head.fc.weight" else value for name, value in weights.state.items()}
    save_weights(tmp_path / "w.safetensors", state, {"charset": weights.charset, "recipe": weights.recipe})
    wanted = [f"Global.pretrained_model={tmp_path}/w.safetensors", f"Global.save_inference_dir={tmp_path}/out"]
    report = export(load_recipe(tiny_run.recipe, wanted), tolerance=1e-7, say=lambda line: None)
    assert any(check.rounding is not None for check in report.shapes)
