"""Weights out of ONNX files, by the graph's structure."""

import importlib.util
import os
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch

from ppocr_like.charset import Charset
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe, load_recipe
from ppocr_like.errors import WeightsError
from ppocr_like.export.graph import write_graph
from ppocr_like.export.lines import character_metadata, line_layout
from ppocr_like.export.pages import page_layout
from ppocr_like.weights import load_into, load_weights, resize_charset, same_charset
from ppocr_like.weights.convert import convert
from ppocr_like.weights.onnx_weights import CLOSE

DET = {
    "model_type": "det",
    "fused": True,
    "Backbone": {"name": "PPLCNetV4", "det": True, "model_size": "tiny"},
    "Neck": {"name": "RepLKFPN", "out_channels": 16},
    "Head": {"name": "DBHead"},
}
REC = {
    "model_type": "rec",
    "fused": True,
    "Backbone": {"name": "PPLCNetV4", "model_size": "tiny"},
    "Neck": {"name": "SequenceEncoder", "encoder_type": "reshape"},
    "Head": {"name": "CTCHead"},
}


def build(architecture: dict, charset: Charset | None = None, seed: int = 0) -> torch.nn.Module:
    load_components()
    torch.manual_seed(seed)
    model = Builder(Recipe.from_tree({"Global": {}, "Architecture": architecture}), charset).model()
    with torch.no_grad():
        for parameter in model.parameters():  # what starts at 0 would let errors pass
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


def shuffled(path: Path) -> None:
    """Puts the nodes into another order that is topological too, renames all weights, and lets names say nothing."""
    proto = onnx.load(str(path))
    renamed = {tensor.name: f"w{i}" for i, tensor in enumerate(reversed(proto.graph.initializer))}
    for tensor in proto.graph.initializer:
        tensor.name = renamed[tensor.name]
    nodes, known = list(proto.graph.node), {entry.name for entry in proto.graph.input} | set(renamed.values()) | {""}
    for node in nodes:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    ordered = []
    while nodes:
        ready = [node for node in nodes if known.issuperset(node.input)]
        ordered.append(ready[-1])
        known.update(ready[-1].output)
        nodes.remove(ready[-1])
    del proto.graph.node[:]
    proto.graph.node.extend(ordered)
    onnx.save(proto, str(path))


@pytest.fixture(scope="module")
def det_file(tmp_path_factory) -> tuple[Path, torch.nn.Module]:
    path, model = tmp_path_factory.mktemp("det") / "det.onnx", build(DET)
    write_graph(model.eval(), path, page_layout(3), {})
    shuffled(path)
    return path, model


@pytest.fixture(scope="module")
def rec_file(tmp_path_factory) -> tuple[Path, torch.nn.Module, Charset]:
    charset = Charset([*"abcé", "ch"], use_space_char=True)
    path, model = tmp_path_factory.mktemp("rec") / "rec.onnx", build(REC, charset)
    write_graph(model.eval(), path, line_layout(charset, 3, 48), {"character": character_metadata(charset)})
    return path, model, charset


def test_a_detector(det_file, caplog):
    caplog.set_level("INFO", "ppocr_like")
    path, source = det_file
    model = build(DET, seed=1)
    report = load_into(model, load_weights(path), None, 1.0)
    assert report.unused and all(name.startswith("head.thresh.") for name in report.unused)  # runs in training alone
    assert not report.unexpected and not report.mismatched and "answers as the file does" in caplog.text
    images = torch.rand(1, 3, 64, 96) * 2 - 1
    assert model.training
    with torch.no_grad():
        assert torch.allclose(model.eval()(images)["maps"], source.eval()(images)["maps"], atol=1e-5)
    assert sum(p.requires_grad for p in model.parameters()) and not any(
        "_bn" in n or ".bn." in n for n, _ in model.named_parameters()
    )
    model.train()(images)["maps"].sum().backward()
    assert all(p.grad is not None for p in model.backbone.parameters())


def test_converted_it_is_whole(det_file, tmp_path):
    recipe = Recipe.from_tree({"Global": {"epoch_num": 1}, "Architecture": DET})
    for name in ("a", "b"):
        done = convert(det_file[0], tmp_path / f"{name}.safetensors", recipe)
    assert {row.status for row in done.rows} == {"matched", "fresh: only training uses it"}
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert load_into(build(DET), load_weights(tmp_path / "a.safetensors"), None, 1.0).share == 1.0
    with pytest.raises(WeightsError, match="give its recipe"):
        convert(det_file[0], tmp_path / "c.safetensors")


def test_a_recogniser_and_its_characters(rec_file):
    path, source, charset = rec_file
    weights = load_weights(path)
    assert weights.charset is not None and weights.charset.labels == charset.labels and weights.task == "rec"
    model = build(REC, charset, seed=1)
    assert load_into(model, weights, same_charset(charset), 1.0).share == 1.0
    for name, value in source.state_dict().items():
        assert torch.allclose(model.state_dict()[name], value), name
    wanted = Charset([*"éxa"], use_space_char=True)
    plan = resize_charset(charset, wanted, "new")
    model = build(REC, plan.charset, seed=1)
    load_into(model, weights, plan, 1.0)
    for label in "éa ":
        assert torch.equal(model.head.fc.weight[wanted.index(label)], source.head.fc.weight[charset.index(label)])


def biases_apart(path: Path) -> int:
    """Every bias as a step of its own behind its layer, written in the ways in which converters write it; how many there were."""
    proto = onnx.load(str(path))
    numpy, make = onnx.numpy_helper, onnx.helper.make_node
    values = {tensor.name: numpy.to_array(tensor) for tensor in proto.graph.initializer}
    nodes, apart = [], 0

    def constant(name: str, value: np.ndarray) -> str:
        proto.graph.initializer.append(numpy.from_array(value, name))
        return name

    for node in proto.graph.node:
        nodes.append(node)
        takes = {"Conv": 3, "ConvTranspose": 3, "Gemm": 3}.get(node.op_type)
        if takes != len(node.input):
            continue
        bias, result, way = values[node.input[2]], node.output[0], apart % 5
        shape = (1, -1, 1, 1) if node.op_type != "Gemm" else (1, -1)
        del node.input[2]
        node.output[0] = raw = f"raw{apart}"
        if way == 0:  # a constant of the right shape
            steps, added = [], constant(f"b{apart}", bias.reshape(shape))
        elif way == 1:  # paddle2onnx: reshaped in the graph
            made = [constant(f"b{apart}", bias), constant(f"s{apart}", np.array(shape))]
            steps, added = [make("Reshape", made, [f"r{apart}"])], f"r{apart}"
        elif way == 2:
            made = [constant(f"b{apart}", bias), constant(f"s{apart}", np.array([i for i, n in enumerate(shape) if n == 1]))]
            steps, added = [make("Unsqueeze", made, [f"r{apart}"])], f"r{apart}"
        elif way == 3:  # the constant first, behind a copy of the layer's result
            steps, added = [make("Identity", [raw], [f"i{apart}"])], constant(f"b{apart}", bias.reshape(shape))
            raw = f"i{apart}"
        else:
            steps, added = [], constant(f"b{apart}", -bias.reshape(shape))
        operands = [added, raw] if way == 3 else [raw, added]
        nodes += [*steps, make("Sub" if way == 4 else "Add", operands, [result])]
        apart += 1
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    onnx.save(proto, str(path))
    return apart


@pytest.mark.parametrize("architecture", [DET, REC], ids=["det", "rec"])
def test_biases_that_stand_apart(architecture, tmp_path):
    """Of convolutions, squeeze-and-excite and deconvolutions."""
    charset = Charset("abc") if architecture is REC else None
    layouts = {"det": page_layout(3), "rec": line_layout(Charset("abc"), 3, 48)}
    task = architecture["model_type"]
    source = build(architecture, charset)
    write_graph(source.eval(), tmp_path / "x.onnx", layouts[task], {"character": "a\nb\nc"} if charset else {})
    assert biases_apart(tmp_path / "x.onnx") >= (3 if task == "rec" else 18)
    onnx.checker.check_model(onnx.load(str(tmp_path / "x.onnx")), full_check=True)
    model = build(architecture, charset, seed=1)
    report = load_into(model, load_weights(tmp_path / "x.onnx"), same_charset(charset) if charset else None, 1.0)
    assert report.share == 1.0 and not report.unexpected


@pytest.mark.parametrize(
    ("layer", "weight", "constant", "taken"),
    [
        ("Conv", (4, 3, 1, 1), (1, 4, 1, 1), True),
        ("Conv", (4, 3, 1, 1), (4, 1, 1), True),
        ("Conv", (4, 3, 1, 1), (4,), False),  # along the width
        ("Conv", (4, 3, 1, 1), (1, 1, 4, 1), False),  # along the height
        ("ConvTranspose", (3, 4, 1, 1), (1, 4, 1, 1), True),
        ("MatMul", (8, 4), (4,), True),
        ("MatMul", (8, 4), (1, 1, 1, 4), True),
        ("MatMul", (8, 4), (1, 4, 1, 1), False),
    ],
)
@pytest.mark.parametrize("also_read", [False, True])
def test_which_sums_are_biases(layer, weight, constant, taken, also_read, tmp_path):
    """Those along a layer's outputs, where nothing reads its result without them. Every layer: (1, 3, 4, 8) px."""
    helper, numpy = onnx.helper, onnx.numpy_helper
    rng = np.random.default_rng(0)
    names = ["x", "w"]
    nodes = [helper.make_node(layer, names, ["y"]), helper.make_node("Add", ["y", "c"], ["z"])]
    if also_read:
        nodes.append(helper.make_node("Relu", ["y"], ["also"]))
    value = {name: rng.normal(size=shape).astype(np.float32) for name, shape in (("w", weight), ("c", constant))}
    given = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 4, 8])
    result = helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, None)
    tensors = [numpy.from_array(array, name) for name, array in value.items()]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [given], [result], tensors)), str(tmp_path / "x.onnx"))
    (found,) = load_weights(tmp_path / "x.onnx").graph.layers
    assert ("bias" in found.arrays) == (taken and not also_read)
    if "bias" in found.arrays:
        assert np.array_equal(found.arrays["bias"], value["c"].reshape(-1))


def test_the_line_classifier_that_rapidocr_brings():
    """Its batch norms stand unfused in the file, its biases apart."""
    recipe = load_recipe(Path(__file__).parents[2] / "configs" / "cls" / "line_direction.yml")
    model = build({**recipe.tree["Architecture"], "fused": False})
    report = load_into(model, load_weights(rapidocr_model("ch_ppocr_mobile_v2.0_cls_mobile.onnx")), None, 1.0)
    assert report.share == 1.0 and len(report.matched) == 213 and not report.unexpected


def test_another_network_is_told(det_file, rec_file):
    path, _, charset = rec_file
    wider = {**REC, "Backbone": {"name": "PPLCNetV4", "model_size": "small"}}
    with pytest.raises(WeightsError, match=r"(?s)are not those of the recipe's network.*only in the file.*only in the network"):
        load_into(build(wider, charset), load_weights(path), same_charset(charset))
    with pytest.raises(WeightsError, match=r"batch_norm.*(?s:.*)Architecture\.fused: true"):
        load_into(build({**REC, "fused": False}, charset), load_weights(path), same_charset(charset))
    with pytest.raises(WeightsError, match="answers otherwise than the file"):  # other pooling: the same layers
        load_into(build({**DET, "Neck": {**DET["Neck"], "shortcut": False}}), load_weights(det_file[0]), None, 0.5)


def test_other_connections_are_told(det_file, tmp_path):
    proto = onnx.load(str(det_file[0]))
    read_by_layers = {node.input[0] for node in proto.graph.node if node.op_type == "Conv"}
    fork = next(node for node in proto.graph.node if node.op_type == "Concat" and node.output[0] in read_by_layers)
    fork.input[:] = [fork.input[0]] * len(fork.input)
    onnx.save(proto, str(tmp_path / "x.onnx"))
    with pytest.raises(WeightsError, match=r"reads other layers|connected in another way"):
        load_into(build(DET), load_weights(tmp_path / "x.onnx"), None, 0.5)


def test_files_that_are_none(tmp_path):
    for data in (b"nothing of the kind", b"\x08\x07"):
        (tmp_path / "x.onnx").write_bytes(data)
        with pytest.raises(WeightsError, match=r"x\.onnx"):
            load_weights(tmp_path / "x.onnx")


def rapidocr_model(name: str) -> Path:
    """A model of PP-OCRv6 small in rapidocr 3.10 of the Python that PPOCR_LIKE_RAPIDOCR_PYTHON names, or of this one."""
    python, found = os.environ.get("PPOCR_LIKE_RAPIDOCR_PYTHON"), importlib.util.find_spec("rapidocr")
    places = [Path(found.origin).parent / "models"] if found and found.origin else []
    if python:
        places += Path(python).parents[1].glob("lib/python*/site-packages/rapidocr/models")
    for place in places:
        if (place / name).is_file():
            return place / name
    pytest.skip(f"no {name}: PPOCR_LIKE_RAPIDOCR_PYTHON names no Python with rapidocr 3.10 (make rapidocr)")


def pictures(task: str) -> list[np.ndarray]:
    """Real lines or pages, as the network takes them: (1, 3, H, W) float32."""
    folder = Path(__file__).parents[2] / "train_data"
    if task == "rec":
        images = [cv2.imread(str(path)) for path in sorted((folder / "typewritten_fr" / "img").glob("*.jpg"))[::300]]
        images = [cv2.resize(image, (max(48, image.shape[1] * 48 // image.shape[0]), 48)) for image in images]
    else:
        images = [cv2.imread(str(path)) for path in sorted((folder / "typed_pages" / "img").glob("*.jpg"))[:2]]
        images = [cv2.resize(image, size) for image, size in zip(images, ((480, 640), (736, 512)), strict=True)]
    return [image.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1 for image in images]


@pytest.mark.parametrize("task", ["det", "rec"])
def test_pp_ocrv6_small_answers_as_onnx_runtime(task):
    import onnxruntime

    path = rapidocr_model(f"PP-OCRv6_{task}_small.onnx")
    recipe = Path(__file__).parents[2] / "configs" / task / f"ppocrv6_small_{task}_ft.yml"
    architecture = load_recipe(recipe).tree["Architecture"]
    weights = load_weights(path)
    model = build(architecture, weights.charset)
    report = load_into(model, weights, same_charset(weights.charset) if weights.charset else None, 1.0)
    assert not report.unexpected and not report.mismatched
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    model.eval()
    for pixels in pictures(task):
        want = session.run(None, {"x": pixels})[0]
        with torch.inference_mode():
            got = next(iter(model(torch.from_numpy(pixels)).values())).numpy()
        assert got.shape == want.shape and np.abs(got - want).max() <= CLOSE
        assert want.max() > 0.5  # it reads, or finds, something
