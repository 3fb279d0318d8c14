"""Bundles of detectors: what is written, what is verified, folding and fusing."""

import json
import os
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import yaml

from ppocr_like.components import load_components
from ppocr_like.config import Builder, load_recipe
from ppocr_like.contracts import PageBoxes
from ppocr_like.errors import ConfigError, ExportError, WeightsError
from ppocr_like.export import export
from ppocr_like.export.graph import write_graph
from ppocr_like.export.pages import PageExporter, page_layout
from ppocr_like.export.verify import Verifier
from ppocr_like.pipeline import Detector, Recogniser, read_spec
from ppocr_like.pipeline.onnx_backend import OnnxBackend
from ppocr_like.pipeline.torch_backend import TorchBackend, torch_runner, trained_model
from ppocr_like.weights import load_weights, save_weights
from tests.ink_net import InkHead

load_components(["tests.ink_net"])


def recipe(run, target, *more):
    return load_recipe(run.recipe, [f"Global.pretrained_model={run.folder}", f"Global.save_inference_dir={target}", *more])


def same_pages(one: list[PageBoxes], other: list[PageBoxes]) -> bool:
    return all(
        np.array_equal([b.points for b in a.boxes], [b.points for b in c.boxes])
        and np.allclose([b.score for b in a.boxes], [b.score for b in c.boxes], atol=1e-5)
        for a, c in zip(one, other, strict=True)
    )


def test_the_bundle_is_verified_in_the_maps_and_in_the_metric(ink_run, tmp_path):
    said = []
    report = export(recipe(ink_run, tmp_path / "out"), say=said.append)
    assert sorted(os.listdir(report.folder)) == ["inference.yml", "model.onnx", "rapidocr.yaml", "rapidocr_params.json"]
    assert {(c.batch, c.height, c.width) for c in report.shapes} == {(1, 64, 96), (2, 96, 64), (1, 160, 416), (3, 320, 224)}
    (check,) = report.sets
    assert check.torch == check.onnx and check.torch["hmean"] > 0.9 and 0 < check.difference < 1e-5
    assert check.lines == check.preprocessed == len(ink_run.images) and check.other == 0
    text = "\n".join(said)
    assert "torch precision" in text and "ONNX  precision" in text and "5 pages, all boxes equal" in text


def test_what_the_bundle_says(ink_run, ink_bundle):
    """PaddleOCR's layout; every threshold stands in it, also those that the recipe leaves at their defaults."""
    tree = yaml.safe_load((ink_bundle / "inference.yml").read_text(encoding="utf-8"))
    assert list(tree) == ["Global", "PreProcess", "PostProcess", "PpocrLike"]
    assert tree["PreProcess"]["transform_ops"] == load_recipe(ink_run.recipe).get("Eval.dataset.transforms")
    assert tree["PostProcess"] == {
        "name": "DBPostProcess", "thresh": 0.5, "box_thresh": 0.6, "max_candidates": 1000, "unclip_ratio": 0.3,
        "use_dilation": False, "score_mode": "fast", "box_type": "quad",
    }  # fmt: skip
    assert read_spec(ink_bundle).charset is None and read_spec(ink_bundle).onnx_names == ("image", "mask")


def test_the_graph(ink_bundle):
    session = onnxruntime.InferenceSession(str(ink_bundle / "model.onnx"))
    (given,), (result,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape) == ("image", ["batch", 3, "height", "width"]), "the head's own names"
    assert result.name == "mask" and [result.shape[axis] for axis in (0, 2, 3)] == ["batch", "height", "width"]
    said = session.get_modelmeta().custom_metadata_map
    assert json.loads(said["post_process"])["box_thresh"] == 0.6 and said["model_type"] == "det"
    assert [next(iter(step)) for step in json.loads(said["pre_process"])][3] == "NormalizeImage"
    for shape in ((1, 3, 32, 32), (4, 3, 64, 320)):
        (maps,) = session.run(None, {"image": np.zeros(shape, np.float32)})
        assert maps.shape == (shape[0], 1, *shape[2:]) and maps.min() >= 0 and maps.max() <= 1


def test_branches_are_fused_in_the_graph_but_not_in_the_model(ink_run, ink_bundle):
    proto = onnx.load(ink_bundle / "model.onnx")
    assert [node.op_type for node in proto.graph.node].count("Conv") == 1
    model, _, _ = trained_model(load_weights(ink_run.folder))
    assert not model.backbone.branches.fused and model.backbone.branches.point is not None


@pytest.mark.parametrize("range_name", ["pixels", "half"])
def test_the_normalisation_can_be_folded_into_the_graph(ink_run, ink_bundle, tmp_path, range_name):
    report = export(recipe(ink_run, tmp_path / "out"), fold_normalize=range_name)
    assert report.sets[0].torch == report.sets[0].onnx
    spec = read_spec(report.folder)
    (step,) = [node["NormalizeImage"] for node in spec.transforms if "NormalizeImage" in node]
    assert (step["scale"], step["mean"], step["std"]) == {
        "pixels": (1.0, [0.0] * 3, [1.0] * 3), "half": ("1./255.", [0.5] * 3, [0.5] * 3)
    }[range_name]  # fmt: skip
    params = json.loads((report.folder / "rapidocr_params.json").read_text())
    mean, std = {"pixels": (0.0, 1 / 255), "half": (0.5, 0.5)}[range_name]
    assert np.allclose(params["Det.mean"], mean) and np.allclose(params["Det.std"], std)
    detector = Detector(report.folder)
    (tensor,) = [detector.preprocess(ink_run.images[0]).tensor]
    assert (tensor.min() >= 0 and tensor.max() > 200) if range_name == "pixels" else (-1 <= tensor.min() < -0.5)
    assert same_pages(detector(ink_run.images), Detector(ink_bundle)(ink_run.images))


def test_what_cannot_be_folded_is_told(ink_run, tiny_run, tmp_path):
    with pytest.raises(ConfigError, match=r"0 steps NormalizeImage; exactly one"):
        export(
            load_recipe(
                tiny_run.recipe,
                [f"Global.pretrained_model={tiny_run.folder}", f"Global.save_inference_dir={tmp_path}/a"],
            ),
            fold_normalize="pixels",
        )
    with pytest.raises(ValueError, match="'bytes' is unknown; accepted: pixels, half"):
        export(recipe(ink_run, tmp_path / "b"), fold_normalize="bytes")
    assert os.listdir(tmp_path) == []


@pytest.fixture
def parts(ink_run, ink_bundle):
    settings = load_recipe(ink_run.recipe)
    model, _, _ = trained_model(load_weights(ink_run.folder), settings)
    detector = Detector(ink_bundle)
    verifier = Verifier(PageExporter(detector.spec, settings, model), detector, TorchBackend(model), 1e-4)
    return Builder(settings), verifier


def test_other_weights_are_found_out(parts):
    builder, verifier = parts
    with torch.no_grad():
        verifier.backend.model.head.bias += 0.01
    with pytest.raises(ExportError, match=r"input 1 x 3 x 64 x 96: the ONNX model differs from the trained model by"):
        verifier.check_shapes()
    with pytest.raises(ExportError, match=r"evaluation set eval, .*page\d\.png: the ONNX model differs"):
        verifier.check_set(builder, "eval", builder.dataset("Eval"))


def test_logits_instead_of_probabilities_are_found_out(parts):
    _, verifier = parts
    backend = verifier.backend
    verifier.bundle.backend = verifier.backend = lambda images: {"maps": backend(images)["maps"] * 2 - 1}
    with pytest.raises(ExportError, match="the sigmoid is missing"):
        verifier.check_shapes()


def test_another_hmean_is_an_error_and_other_boxes_are_counted(parts):
    builder, verifier = parts
    find, calls = verifier.bundle.postprocess, []

    def second_time(change):
        def changed(outputs, batch):
            calls.append(1)
            pages = find(outputs, batch)
            return pages if len(calls) % 2 else [PageBoxes(change(page.boxes)) for page in pages]

        return changed

    dataset = builder.dataset("Eval")
    verifier.bundle.postprocess = second_time(lambda boxes: boxes[1:])
    with pytest.raises(ExportError, match=r"evaluation set eval: the metrics differ: recall 0\.\d+ of the trained model, 0\.\d+"):
        verifier.check_set(builder, "eval", dataset)
    calls.clear()
    verifier.bundle.postprocess = second_time(lambda boxes: tuple(replace(b, points=b.points + np.array([3, 0])) for b in boxes))
    assert verifier.check_set(builder, "eval", dataset).other == 5
    calls.clear()
    verifier.bundle.postprocess = second_time(lambda boxes: tuple(replace(b, points=b.points + np.array([1, 0])) for b in boxes))
    assert verifier.check_set(builder, "eval", dataset).other == 0, "a pixel is rounding"


def test_other_pre_processing_is_found_out(parts):
    builder, verifier = parts
    (step,) = [step for step in verifier.bundle.preprocess.chain if hasattr(step, "mean")]
    step._table = step._table * 1.001
    with pytest.raises(ExportError, match="pre-processing gives another tensor"):
        verifier.check_set(builder, "eval", builder.dataset("Eval"))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_size_that_became_a_constant_is_found_out(parts, tmp_path):
    class Fixed(torch.nn.Module):
        def forward(self, images):
            pooled = images.mean(1, keepdim=True)
            return {"maps": pooled.reshape(2, 1, int(images.shape[2]), int(images.shape[3])).sigmoid()}

    _, verifier = parts
    write_graph(Fixed(), tmp_path / "model.onnx", page_layout(3), {})
    verifier.bundle.backend = OnnxBackend(tmp_path, replace(verifier.bundle.spec, onnx_names=("x", "maps")))
    with pytest.raises(ExportError, match=r"input 1 x 3 x 64 x 96: a size became a constant in the graph"):
        verifier.check_shapes()


def test_models_of_another_type_are_refused_by_name(ink_run, tiny_run, ink_bundle, tiny_bundle, tmp_path):
    with pytest.raises(WeightsError, match="of model_type 'det'; a recogniser is needed"):
        Recogniser(ink_bundle)
    with pytest.raises(WeightsError, match="of model_type 'rec'; a detector is needed"):
        Detector(tiny_bundle)
    with pytest.raises(WeightsError, match=r"holds weights of model_type rec, the recipe's .* is det"):
        export(
            load_recipe(ink_run.recipe, [f"Global.pretrained_model={tiny_run.folder}", f"Global.save_inference_dir={tmp_path}/x"])
        )


def test_heads_name_the_graph_or_leave_it_to_the_default(ink_run, tmp_path, monkeypatch):
    monkeypatch.delattr(InkHead, "onnx_names")
    report = export(recipe(ink_run, tmp_path / "out"), verify_data=False)
    session = onnxruntime.InferenceSession(str(report.folder / "model.onnx"))
    assert (session.get_inputs()[0].name, session.get_outputs()[0].name) == ("x", "maps")
    assert Detector(report.folder)(ink_run.images[:1])[0].boxes


REAL = {
    "mobile": [
        {"name": "MobileNetV3", "scale": 0.5, "model_name": "large", "disable_se": True},
        {"name": "RSEFPN", "out_channels": 96, "shortcut": True},
        {"name": "DBHead"},
    ],
    "lcnet": [{"name": "PPLCNetV3", "scale": 0.75, "det": True}, {"name": "RSEFPN", "out_channels": 96}, {"name": "DBHead"}],
    "asf": [{"name": "ResNet_vd", "layers": 18}, {"name": "DBFPN", "out_channels": 64, "use_asf": True}, {"name": "DBHead"}],
    "server": [
        {"name": "ResNet_vd", "layers": 18},
        {"name": "LKPAN", "out_channels": 64, "intracl": True},
        {"name": "PFHeadLocal", "mode": "small"},
    ],
}


@pytest.mark.parametrize("name", ["mobile", "lcnet", "server", pytest.param("asf", marks=pytest.mark.slow)])
def test_real_networks_run_at_every_size(ink_run, tmp_path, name):
    """Random weights, running statistics of noise: branches count, and outputs are neither 0 nor 1."""
    backbone, neck, head = REAL[name]
    wanted = recipe(ink_run, tmp_path / "out", f"Global.pretrained_model={tmp_path}/w.safetensors", "Global.plugins=[]")
    tree = {**wanted.tree, "Architecture": {"model_type": "det", "Backbone": backbone, "Neck": neck, "Head": head}}
    wanted = type(wanted).from_tree(tree)
    torch.manual_seed(1)
    model = Builder(wanted).model()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0  # this batch alone
    with torch.no_grad():
        model((torch.rand(4, 3, 64, 64) - 0.46) * 4.5, {})  # the range of normalised pictures
        for parameter in model.head.parameters():
            parameter.mul_(0.3)  # loud logits would make every rounding a difference
    save_weights(tmp_path / "w.safetensors", model.state_dict(), {"recipe": tree})
    assert len(export(wanted, verify_data=False, tolerance=1e-4).shapes) == 4


def test_the_u_net_on_gray_pages(ink_run, tmp_path):
    """One channel, which RapidOCR cannot feed."""
    wanted = recipe(ink_run, tmp_path / "out", f"Global.pretrained_model={tmp_path}/w.safetensors", "Global.plugins=[]")
    chain = [step for step in wanted.get("Eval.dataset.transforms") if "NormalizeImage" not in step]
    chain[3:3] = [{"ToGray": None}, {"NormalizeImage": {"scale": "1./255.", "mean": [0.5], "std": [1.0], "order": "hwc"}}]
    tree = {**wanted.tree, "Architecture": {"model_type": "det", "Backbone": {"name": "UNet"}, "Head": {"name": "UNetHead"}}}
    tree["Eval"] = {**tree["Eval"], "dataset": {**tree["Eval"]["dataset"], "transforms": chain}}
    wanted = type(wanted).from_tree(tree)
    torch.manual_seed(1)
    save_weights(tmp_path / "w.safetensors", Builder(wanted).model().state_dict(), {"recipe": tree})
    said = []
    report = export(wanted, verify_data=False, fold_normalize="pixels", say=said.append)
    assert "note: RapidOCR will not find these boxes: it feeds three channels and this network takes one" in said
    session = onnxruntime.InferenceSession(str(report.folder / "model.onnx"))
    assert session.get_inputs()[0].name == "image" and session.get_inputs()[0].shape[1] == 1
    for detector in (Detector(report.folder), torch_runner(tmp_path / "w.safetensors")):
        assert [finding.map.shape for finding in detector.stream(ink_run.images[:3])] == [(256, 320), (256, 320), (320, 512)]
