"""Checkpoints of kraken's training, as Lightning writes them: made here of classes with kraken's names, and by kraken itself."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import types
import zipfile
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ppocr_like.errors import OcrError, WeightsError
from ppocr_like.pipeline.torch_backend import trained_model
from ppocr_like.weights import load_weights
from tests.weights.test_kraken_file import CODEC, SPEC, answer, network, wanted

KRAKEN = os.environ.get("PPOCR_LIKE_KRAKEN_PYTHON")


@pytest.fixture
def kraken() -> Iterator[Any]:
    """Modules with the names of kraken's classes, so that pickles name them; gone again when files are read."""
    names = {
        "kraken.configs.vgsl": (
            "VGSLRecognitionTrainingConfig",
            "VGSLRecognitionTrainingDataConfig",
            "BLLASegmentationTrainingConfig",
        ),
        "kraken.lib.codec": ("PytorchCodec",),
    }
    made = {}
    for module, classes in names.items():
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            made.setdefault(".".join(parts[:end]), types.ModuleType(".".join(parts[:end])))
        for name in classes:
            setattr(made[module], name, type(name, (), {"__module__": module}))
    space = types.SimpleNamespace(**{name: getattr(made[m], name) for m, classes in names.items() for name in classes})
    space.modules = made
    yield space


def filled(cls: type, **fields: Any) -> Any:
    made = cls()
    made.__dict__.update(fields)
    return made


def content(kraken: Any, **changed: Any) -> dict[str, Any]:
    backbone, head = network()
    state = {f"net.{name}": value for name, value in backbone.state_dict().items()}
    state |= {f"net.nn.{backbone.out_spec.name}.{name}": value for name, value in head.state_dict().items()}  # type: ignore[attr-defined]
    codec = filled(kraken.PytorchCodec, c2l=CODEC, l2c={tuple(v): k for k, v in CODEC.items()}, strict=False)
    config = filled(kraken.VGSLRecognitionTrainingConfig, spec=SPEC, epochs=3)
    data = filled(
        kraken.VGSLRecognitionTrainingDataConfig,
        codec=codec,
        padding=20,
        legacy_polygons=True,
        line_class_mapping=defaultdict(list),
    )
    return {
        "epoch": 2,
        "pytorch-lightning_version": "2.6.1",
        "state_dict": OrderedDict(state),
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.5), "paths": {Path("a")}}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(3, dtype=torch.bfloat16)}}}],
        "hyper_parameters": {"config": config},
        "datamodule_hyper_parameters": {"data_config": data},
        "_one_channel_mode": "1",
        "_seg_type": "bbox",
        "_module_config": config,
        **changed,
    }


def save(path: Path, kraken: Any, made: dict[str, Any]) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        for name, module in kraken.modules.items():
            patch.setitem(sys.modules, name, module)
        torch.save(made, path)
    return path


def test_a_checkpoint_brings_network_characters_and_recipe(kraken: Any, tmp_path: Path) -> None:
    path = save(tmp_path / "checkpoint_02-0.5000.ckpt", kraken, content(kraken))
    weights = load_weights(path)
    assert weights.charset is not None
    assert weights.charset.encode("aeſx") == [3, 2, 4, 4]
    assert weights.recipe is not None
    steps = {name: args for step in weights.recipe["Eval"]["dataset"]["transforms"] for name, args in step.items()}
    assert steps["KrakenLine"] == {"height": 24, "channels": 1, "padding": 20, "mode": "1", "linetype": "bbox"}
    assert weights.metadata["legacy_polygons"] is True
    assert torch.equal(answer(path), wanted())


class Runs:
    """Unpickled, it would call a function."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.told = (call, arguments)

    def __reduce__(self) -> Any:
        return self.told


@pytest.mark.parametrize("place", ["_seg_type", "callbacks", "state_dict", "_module_config"])
def test_a_checkpoint_that_would_run_a_program_is_refused(place: str, kraken: Any, tmp_path: Path) -> None:
    mark = tmp_path / "it ran"
    made = content(kraken)
    made[place] = Runs(os.system, f"touch '{mark}'") if place != "callbacks" else {"x": [Runs(os.system, f"touch '{mark}'")]}
    path = save(tmp_path / "k.ckpt", kraken, made)
    with pytest.raises(WeightsError, match=r"it calls 'posix.system', which could run a program"):
        load_weights(path)
    assert not mark.exists()


@pytest.mark.parametrize("call", [eval, exec, __import__, getattr, subprocess.Popen, pickle.loads])
def test_functions_of_python_are_refused(call: Any, kraken: Any, tmp_path: Path) -> None:
    path = save(tmp_path / "k.ckpt", kraken, content(kraken, hparams_name=Runs(call, "1 + 1")))
    with pytest.raises(WeightsError, match="which could run a program"):
        load_weights(path)


def test_objects_of_any_class_are_their_fields(kraken: Any, tmp_path: Path) -> None:
    """An object is no call: its class is not looked up, and what is of no use is not looked at."""
    module = types.ModuleType("nobody.has")
    kraken.modules |= {"nobody": types.ModuleType("nobody"), "nobody.has": module}
    module.This = type("This", (list,), {"__module__": "nobody.has"})  # type: ignore[attr-defined]
    held = module.This([1, 2])
    held.more = {"a": held}
    path = save(tmp_path / "k.ckpt", kraken, content(kraken, loops=held))
    assert torch.equal(answer(path), wanted())
    assert "nobody" not in sys.modules


def rewritten(path: Path, change: Any) -> Path:
    """The archive with other files: `change(name, data)` gives (data, how it is packed), or None to leave it out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            made = change(name, old.read(name))
            if made is not None:
                new.writestr(name, made[0], made[1])
    path.write_bytes(buffer.getvalue())
    return path


DAMAGED = {
    "storage missing": (lambda n, d: None if n.endswith("/data/0") else (d, zipfile.ZIP_STORED), "is missing in it"),
    "storage short": (lambda n, d: (d[:-4] if n.endswith("/data/0") else d, zipfile.ZIP_STORED), "numbers are announced"),
    "packed": (lambda n, d: (d, zipfile.ZIP_DEFLATED if n.endswith("/data/0") else zipfile.ZIP_STORED), "packed"),
    "pickle cut": (lambda n, d: (d[:-20] if n.endswith("data.pkl") else d, zipfile.ZIP_STORED), "truncated or damaged"),
    "big endian": (lambda n, d: (b"big" if n.endswith("byteorder") else d, zipfile.ZIP_STORED), "another kind of machine"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_checkpoint_is_refused(case: str, kraken: Any, tmp_path: Path) -> None:
    change, said = DAMAGED[case]
    path = rewritten(save(tmp_path / "k.ckpt", kraken, content(kraken)), change)
    with pytest.raises(WeightsError) as caught:
        load_weights(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_cut_file_is_refused(kraken: Any, tmp_path: Path) -> None:
    path = save(tmp_path / "k.ckpt", kraken, content(kraken))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="is not used: its end is missing or damaged"):
        load_weights(path)


def test_what_is_no_recogniser_is_refused_by_name(kraken: Any, tmp_path: Path) -> None:
    config = filled(kraken.BLLASegmentationTrainingConfig, spec="[1,8,0,1 Cr3,3,4]")
    path = save(tmp_path / "k.ckpt", kraken, content(kraken, _module_config=config))
    with pytest.raises(WeightsError, match="a checkpoint of kraken's BLLASegmentationTrainingConfig; recognisers are read"):
        load_weights(path)
    nothing = save(tmp_path / "n.ckpt", kraken, content(kraken, _module_config=None, hyper_parameters=None, state_dict={}))
    with pytest.raises(WeightsError, match="does not tell what was trained"):
        load_weights(nothing)


def test_a_codec_that_does_not_fit_is_refused(kraken: Any, tmp_path: Path) -> None:
    made = content(kraken)
    made["datamodule_hyper_parameters"]["data_config"].codec.c2l = {"a": [1]}
    with pytest.raises(WeightsError, match="has 5 classes, its codec stands for 2"):
        load_weights(save(tmp_path / "k.ckpt", kraken, made))


def test_mutated_checkpoints_are_refused_or_read(kraken: Any, tmp_path: Path) -> None:
    path = save(tmp_path / "k.ckpt", kraken, content(kraken))
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    place = next(name for name in parts if name.endswith("data.pkl"))
    rng = np.random.default_rng(0)
    for _ in range(150):
        bad = bytearray(parts[place])
        for position in rng.integers(0, len(bad), 3):
            bad[position] = int(rng.integers(0, 256))
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in parts.items():
                archive.writestr(name, bytes(bad) if name == place else data)
        try:
            trained_model(load_weights(path))
        except OcrError as error:
            assert str(error)


SCRIPT = """
import logging, sys, warnings
warnings.filterwarnings("ignore"); logging.disable(logging.CRITICAL)
import json, torch
from kraken.configs import VGSLRecognitionTrainingConfig, VGSLRecognitionTrainingDataConfig
from kraken.lib.codec import PytorchCodec
from kraken.lib.vgsl import TorchVGSLModel
from kraken.models.convert import convert_models
codec = json.load(open(sys.argv[1] + "/codec.json"))
config = VGSLRecognitionTrainingConfig(spec="[1,24,0,1 Cr3,3,4 Gn2 Mp2,2 S1(1x0)1,3 Lbx5 O1c5]")
data = VGSLRecognitionTrainingDataConfig(codec=PytorchCodec(codec), training_data=["a.xml"])
torch.manual_seed(0)
net = TorchVGSLModel(vgsl=config.spec, model_type=["recognition"], codec=codec)
torch.save({
    "epoch": 0, "global_step": 1, "pytorch-lightning_version": "2.6.1", "loops": {},
    "state_dict": {"net." + name: value for name, value in net.state_dict().items()},
    "hyper_parameters": {"config": config}, "datamodule_hyper_parameters": {"data_config": data},
    "_seg_type": "baselines", "_one_channel_mode": "L", "_module_config": config,
}, sys.argv[1] + "/k.ckpt")
convert_models([sys.argv[1] + "/k.ckpt"], sys.argv[1] + "/k.safetensors")
"""


@pytest.mark.skipif(not KRAKEN, reason="PPOCR_LIKE_KRAKEN_PYTHON is not set; it names a Python that has kraken")
@pytest.mark.thorough
def test_krakens_own_checkpoint_is_what_kraken_makes_of_it(tmp_path: Path) -> None:
    (tmp_path / "codec.json").write_text(json.dumps(CODEC))
    done = subprocess.run(
        [str(KRAKEN), "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ours, theirs = load_weights(tmp_path / "k.ckpt"), load_weights(tmp_path / "k.safetensors")
    assert ours.state.keys() == theirs.state.keys()
    assert all(torch.equal(ours.state[name], theirs.state[name]) for name in ours.state)
    assert (ours.charset, ours.recipe) == (theirs.charset, theirs.recipe)
