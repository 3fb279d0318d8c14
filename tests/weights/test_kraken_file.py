"""kraken's weights: both formats, made here with its names and numbers of fields, and what is wrong with files like them."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from ppocr_like.codec import Codec
from ppocr_like.contracts import FeatureSpec
from ppocr_like.errors import OcrError, WeightsError
from ppocr_like.modeling.backbones.vgsl import VGSL
from ppocr_like.modeling.heads.vgsl_head import VGSLHead
from ppocr_like.pipeline.torch_backend import trained_model
from ppocr_like.weights import load_weights

KRAKEN = os.environ.get("PPOCR_LIKE_KRAKEN_PYTHON")
SPEC = "[1,24,0,1 Cr3,3,4 Gn2 Mp2,2 ([Ct3,3,2 I] I) Lbys3 Lby2 Lfys4 Lbx5 Lfxc3 Do O1c5]"
CODEC = {"a": [1], "ſ": [2], "ae": [3], "x": [4, 4]}


def network(spec: str = SPEC) -> tuple[VGSL, VGSLHead]:
    torch.manual_seed(1)
    backbone = VGSL(FeatureSpec(1), spec)
    return backbone.eval(), VGSLHead(backbone.out_spec, 5).eval()


def meta(**changed: Any) -> dict[str, Any]:
    told = {
        "_kraken_min_version": "5.0.0",
        "_tasks": ["recognition"],
        "_model": "TorchVGSLModel",
        "vgsl": SPEC,
        "codec": json.dumps(CODEC),
        "seg_type": "baselines",
        "one_channel_mode": "L",
        "model_type": ["recognition"],
    }
    return {**told, **changed}


def save(path: Path, told: dict[str, Any], dtype: torch.dtype = torch.float32) -> Path:
    backbone, head = network()
    state = {f"p1.{name}": value for name, value in backbone.state_dict().items()}
    name = backbone.out_spec.name  # type: ignore[attr-defined]
    state |= {f"p1.nn.{name}.{key}": value for key, value in head.state_dict().items()}
    tensors = {key: value.to(dtype).contiguous().clone() for key, value in state.items()}
    safetensors.torch.save_file(tensors, path, metadata={"kraken_meta": json.dumps({"p1": told})})
    return path


def answer(path: Path) -> torch.Tensor:
    model, _, _ = trained_model(load_weights(path))
    torch.manual_seed(2)
    with torch.no_grad():
        return model(torch.rand(2, 1, 24, 50))["ctc"]


def wanted() -> torch.Tensor:
    backbone, head = network()
    torch.manual_seed(2)
    with torch.no_grad():
        return head(backbone(torch.rand(2, 1, 24, 50))[0])["ctc"]


def test_safetensors_bring_network_characters_and_recipe(tmp_path: Path) -> None:
    path = save(tmp_path / "k.safetensors", meta(seg_type="bbox", one_channel_mode="1"))
    weights = load_weights(path)
    assert isinstance(weights.charset, Codec)
    assert weights.charset.encode("aeſx") == [3, 2, 4, 4]
    assert weights.task == "rec"
    assert weights.recipe is not None
    steps = {name: args for step in weights.recipe["Eval"]["dataset"]["transforms"] for name, args in step.items()}
    assert steps["KrakenLine"] == {"height": 24, "channels": 1, "padding": 16, "mode": "1", "linetype": "bbox"}
    assert weights.names["head.lin.weight"] == "nn.O_12.lin.weight"
    assert torch.equal(answer(path), wanted())


def test_halves_are_kept(tmp_path: Path) -> None:
    weights = load_weights(save(tmp_path / "k.safetensors", meta(), torch.float16))
    assert {value.dtype for value in weights.state.values()} == {torch.float16}


def test_one_recogniser_of_several_models_is_taken(tmp_path: Path) -> None:
    path = save(tmp_path / "k.safetensors", meta())
    with safetensors.safe_open(path, "pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    models = {"p0": {**meta(), "_tasks": ["segmentation"]}, "p1": meta()}
    both = state | {name.replace("p1", "p0"): value + 1 for name, value in state.items()}
    safetensors.torch.save_file(both, path, metadata={"kraken_meta": json.dumps(models)})
    assert torch.equal(answer(path), wanted())
    models["p0"] = meta()
    safetensors.torch.save_file(both, path, metadata={"kraken_meta": json.dumps(models)})
    with pytest.raises(WeightsError, match="2 recognisers"):
        load_weights(path)


def test_what_kraken_runs_otherwise_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    backbone = VGSL(FeatureSpec(1), "[1,24,0,1 Cs3,3,4 S1(1x0)1,3 Lbx3 Lrx3 O1c5]")
    head = VGSLHead(backbone.out_spec, 5)
    state = {f"p1.{name}": value for name, value in backbone.state_dict().items()}
    state |= {f"p1.nn.O_4.{key}": value for key, value in head.state_dict().items()}
    told = meta(vgsl="[1,24,0,1 Cs{C_0}3,3,4 S{S_1}1(1x0)1,3 Gbx{L_2}3 Lrx{L_3}3 O{O_4}1c5]")
    path = tmp_path / "k.safetensors"
    safetensors.torch.save_file(state, path, metadata={"kraken_meta": json.dumps({"p1": told})})
    weights = load_weights(path)
    assert weights.recipe is not None
    assert weights.recipe["Architecture"]["Backbone"]["spec"] == (
        "[1,24,0,1 Cl{C_0}3,3,4 S{S_1}1(1x0)1,3 Lbx{L_2}3 Lfx{L_3}3 O{O_4}1c5]"
    )
    assert "holds the cells of an LSTM" in caplog.text
    assert "runs forward in kraken" in caplog.text
    trained_model(weights)


BAD = {
    "not json": (None, "its metadata entry 'kraken_meta'"),
    "no mapping": ([1], "does not describe models by prefix"),
    "segmenter": ({"p1": meta(_tasks=["segmentation"])}, "holds models for segmentation"),
    "prefix missing": ({"p9": meta()}, "holds no tensor of it"),
    "future": ({"p1": meta(_kraken_min_version="9.0")}, "needs kraken 9.0"),
    "strange version": ({"p1": meta(_kraken_min_version="new")}, "needs kraken new"),
    "another class": ({"p1": meta(_model="PartyModel")}, "a network of the class PartyModel"),
    "no network": ({"p1": meta(vgsl=None)}, "does not tell its network"),
    "bad network": ({"p1": meta(vgsl="[1,24,0,1 Q3]")}, "character 11"),
    "map at the end": ({"p1": meta(vgsl="[1,24,0,1 Cr3,3,4 O2l5]")}, "ends with O2l5"),
    "codec misfit": ({"p1": meta(codec={"a": [1]})}, "has 5 classes, its codec stands for 2"),
    "bad codec": ({"p1": meta(codec='{"a": [1], "b": [1]}')}, "its codec cannot be read"),
    "codec is a list": ({"p1": meta(codec="[1]")}, "a codec is a mapping"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_safetensors_file_is_refused(case: str, tmp_path: Path) -> None:
    told, said = BAD[case]
    path = save(tmp_path / "k.safetensors", meta())
    with safetensors.safe_open(path, "pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    text = "{nothing" if told is None else json.dumps(told)
    safetensors.torch.save_file(state, path, metadata={"kraken_meta": text})
    with pytest.raises(WeightsError) as caught:
        load_weights(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("case", ["cut", "header cut", "2 GB", "empty"])
def test_a_safetensors_file_that_is_not_whole_is_refused(case: str, tmp_path: Path) -> None:
    path = save(tmp_path / "k.safetensors", meta())
    whole = path.read_bytes()
    big = (2 << 30).to_bytes(8, "little") + whole[8:]
    path.write_bytes({"cut": whole[:-40], "header cut": whole[:200], "2 GB": big, "empty": b""}[case])
    with pytest.raises(WeightsError) as caught:
        load_weights(path)
    assert str(path) in str(caught.value)


# -- Core ML ---------------------------------------------------------------------------------------------------------------


def number(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def field(place: int, data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return number(place << 3 | 2) + number(len(data)) + data


def floats(values: torch.Tensor) -> bytes:
    return field(1, values.detach().numpy().astype("<f4").tobytes())


def cell(layer: torch.nn.Module, suffix: str) -> bytes:
    made = b""
    for name, places in (("weight_ih_l0", (1, 2, 3, 4)), ("weight_hh_l0", (20, 21, 22, 23))):
        for place, gate in zip(places, getattr(layer, name + suffix).chunk(4), strict=True):
            made += field(place, floats(gate.reshape(-1)))
    if hasattr(layer, "bias_ih_l0" + suffix):
        both = getattr(layer, "bias_ih_l0" + suffix) + getattr(layer, "bias_hh_l0" + suffix)
        for place, gate in zip((40, 41, 42, 43), both.chunk(4), strict=True):
            made += field(place, floats(gate))
    return made


def coreml(told: dict[str, Any]) -> bytes:
    backbone, head = network()
    layers = b""
    for path, module in backbone.nn.named_modules():
        name = path.rpartition(".")[2]
        if hasattr(module, "co"):
            held = field(90, floats(module.co.weight.reshape(-1))) + field(91, floats(module.co.bias))
            layers += field(1, field(1, f"{name}_conv") + field(100, held))
        elif type(module).__name__ == "Recurrent":
            both = hasattr(module.layer, "weight_ih_l0_reverse")
            held = field(20, cell(module.layer, "")) + (field(20, cell(module.layer, "_reverse")) if both else b"")
            told_name = name
            if module.down:
                layers += field(1, field(1, f"{name}_transposed") + field(310, b""))
                told_name = f"{name}_transposed"
            layers += field(1, field(1, told_name) + field(430 if both else 420, held))
        elif type(module).__name__ == "GroupNorm" and hasattr(module, "layer"):
            held = field(20, floats(module.layer.weight)) + field(20, floats(module.layer.bias))
            layers += field(1, field(1, name) + field(500, held))
    held = field(20, floats(head.lin.weight.reshape(-1))) + field(21, floats(head.lin.bias))
    layers += field(1, field(1, f"{backbone.out_spec.name}_lin") + field(140, held))  # type: ignore[attr-defined]
    own = {"vgsl": told["vgsl"], "codec": told["codec"], "kraken_meta": json.dumps(told)}
    user = b"".join(field(100, field(1, key) + field(2, value)) for key, value in own.items())
    return number(1 << 3) + number(4) + field(2, field(100, user)) + field(500, layers)


def test_coreml_brings_the_same(tmp_path: Path) -> None:
    path = tmp_path / "k.mlmodel"
    path.write_bytes(coreml(meta(vgsl=network()[0].told()[:-1] + " O{O_12}1c5]")))
    weights = load_weights(path)
    assert weights.charset is not None
    assert weights.charset.encode("x") == [4, 4]
    assert torch.allclose(answer(path), wanted(), atol=1e-6)


def broken(case: str) -> bytes:
    whole = coreml(meta())
    big = number(500 << 3 | 2) + number(2 << 30) + b"few"
    return {
        "text": b"this is no protocol buffer at all, only words",
        "cut": whole[: len(whole) // 2],
        "2 GB": big,
        "no network": field(2, b""),
        "number without end": b"\xff" * 12,
        "group": bytes([500 << 3 & 0x7F | 3, 1]),
        "segmenter": coreml(meta(model_type=["segmentation"])),
        "no vgsl": field(500, b""),
        "no weights": whole.replace(b"O_12_lin", b"O_12_xxx"),
        "half a number": whole[:-2],
        "2 GB within": whole.replace(b"C_0_conv", b"C_0_conv" + number(100 << 3 | 2) + number(2 << 30)),
        "bad json": coreml(meta()).replace(b'{"_kraken_min_version"', b'{_kraken_min_version""'),
        "codec misfit": coreml(meta(codec='{"a": [1]}')),
        "bad codec": coreml(meta(codec='{"a": [1], "b": [1]}')),
    }[case]


CASES = (
    "text",
    "cut",
    "2 GB",
    "no network",
    "number without end",
    "group",
    "segmenter",
    "no vgsl",
    "no weights",
    "half a number",
    "2 GB within",
    "bad json",
    "codec misfit",
    "bad codec",
)


@pytest.mark.parametrize("case", CASES)
def test_a_bad_coreml_file_is_refused(case: str, tmp_path: Path) -> None:
    path = tmp_path / "k.mlmodel"
    path.write_bytes(broken(case))
    with pytest.raises(WeightsError) as caught:
        load_weights(path)
    assert str(path) in str(caught.value)


def test_mutated_coreml_files_are_refused_or_read(tmp_path: Path) -> None:
    whole = bytearray(coreml(meta(vgsl=network()[0].told()[:-1] + " O{O_12}1c5]")))
    rng = np.random.default_rng(0)
    path = tmp_path / "k.mlmodel"
    for _ in range(150):
        bad = bytearray(whole)
        for place in rng.integers(0, len(bad), 3):
            bad[place] = int(rng.integers(0, 256))
        path.write_bytes(bad)
        try:
            trained_model(load_weights(path))
        except OcrError as error:
            assert str(error)


def test_numbers_that_are_not_packed_are_read() -> None:
    from ppocr_like.weights.wire import Message

    loose = b"".join(bytes([1 << 3 | 5]) + struct.pack("<f", value) for value in (1.5, -2.0))
    assert Message(memoryview(loose)).floats(1).tolist() == [1.5, -2.0]


SCRIPT = """
import logging, sys, warnings
warnings.filterwarnings("ignore"); logging.disable(logging.CRITICAL)
import numpy as np, torch
from kraken.lib.codec import PytorchCodec
from kraken.lib.vgsl import TorchVGSLModel
from kraken.models import write_coreml, write_safetensors
torch.manual_seed(0)
spec = "[1,48,0,1 Cr3,9,16 Do0.1,2 Mp2,2 Gn4 (I [Cr3,3,8 Ct1,1,4]) S1(1x0)1,3 Lbx24 Do Lfx10 Lbxc6 O1c4]"
model = TorchVGSLModel(vgsl=spec, model_type=["recognition"], seg_type="baselines", one_channel_mode="L")
model.add_codec(PytorchCodec({"a": [1], "b": [2], "ab": [3]}))
model.eval()
x = torch.rand(2, 1, 48, 90)
with torch.no_grad():
    y, _ = model.nn(x, None)
np.savez(sys.argv[1] + "/io.npz", x=x.numpy(), y=y.numpy())
write_safetensors([model], sys.argv[1] + "/k.safetensors")
write_coreml([model], sys.argv[1] + "/k.mlmodel")
"""


@pytest.mark.skipif(not KRAKEN, reason="PPOCR_LIKE_KRAKEN_PYTHON is not set; it names a Python that has kraken")
@pytest.mark.thorough
def test_files_that_kraken_wrote_answer_as_in_kraken(tmp_path: Path) -> None:
    command = [str(KRAKEN), "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    made = np.load(tmp_path / "io.npz")
    theirs = torch.from_numpy(made["y"]).squeeze(2).transpose(1, 2).softmax(2)
    for name in ("k.safetensors", "k.mlmodel"):
        model, _, charset = trained_model(load_weights(tmp_path / name))
        assert charset is not None
        assert charset.encode("aab") == [1, 3]
        with torch.no_grad():
            assert torch.allclose(model(torch.from_numpy(made["x"]))["ctc"], theirs, atol=1e-4), name
