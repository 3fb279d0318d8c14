"""Networks written for kraken: here they read back the same, kraken reads them, and what it would run otherwise is refused."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch

from ppocr_like.charset import Charset
from ppocr_like.cli.convert_weights import main as convert_tool
from ppocr_like.codec import Codec
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.errors import WeightsError
from ppocr_like.pipeline.torch_backend import trained_model
from ppocr_like.weights import load_weights, save_weights

KRAKEN = os.environ.get("PPOCR_LIKE_KRAKEN_PYTHON")
SPEC = (
    "[1,24,0,1 Cr{a_b}3,3,4 Do.5 Gn2 Mp2,2 ([Ct3,3,2 I] I) ([(I Clr1,1,2) CTm1,1,6] (I I)) A3,9 Lbys3 Lfys4 "
    "Lbx5 O1sa7 W4,2,0.5,10 Lfxc3 Do]"
)
CODEC = Codec({"a": [1], "ſ": [2], "ae": [3], "x": [4, 4], "אב": [5], "ג": [6]}, "bidi")


def recipe(spec: str = SPEC, line: dict[str, Any] | None = None, **architecture: Any) -> Recipe:
    steps: list[dict[str, Any]] = [
        {"DecodeImage": {"img_mode": "BGR", "channel_first": False}},
        {"CTCLabelEncode": None},
        {"KrakenLine": {"height": 24, **(line or {})}},
        {"KeepKeys": {"keep_keys": ["image", "label", "length", "valid_width"]}},
    ]
    told = {
        "Global": {"epoch_num": 1, "text_direction": "bidi"},
        "Architecture": {
            "model_type": "rec",
            "algorithm": "VGSL",
            "Backbone": {"name": "VGSL", "spec": spec},
            "Head": {"name": "VGSLHead"},
            **architecture,
        },
        "PostProcess": {"name": "CTCLabelDecode"},
        "Eval": {"dataset": {"name": "SimpleDataSet", "data_dir": ".", "label_file_list": [], "transforms": steps}},
    }
    return Recipe.from_tree(told)


def ours(folder: Path, made: Recipe, charset: Charset | None = CODEC, **metadata: Any) -> Path:
    """A weights file as a run leaves it."""
    load_components()
    torch.manual_seed(3)
    model = Builder(made, charset).model()
    path = folder / "ours.safetensors"
    more = {} if charset is None else {"charset": charset}
    save_weights(path, model.state_dict(), {"recipe": made.tree, **more, **metadata})
    return path


def told(path: Path) -> dict[str, Any]:
    with safetensors.safe_open(path, "pt") as file:
        return next(iter(json.loads(file.metadata()["kraken_meta"]).values()))


def answer(path: Path, height: int = 24) -> torch.Tensor:
    model, _, _ = trained_model(load_weights(path))
    torch.manual_seed(2)
    with torch.no_grad():
        return model(torch.rand(2, 1, height, 50))["ctc"]


def refusal(path: Path, new: Path, to: str = "kraken") -> str:
    with pytest.raises(WeightsError) as caught:
        convert_tool([str(path), str(new), "--to", to])
    assert not new.exists()
    return str(caught.value)


def test_what_is_written_is_read_as_it_was(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    metrics = {"val": {"norm_edit_dis": 0.9, "cer": 0.125, "wer": 0.5}}
    path, new = (
        ours(tmp_path, recipe(line={"mode": "1", "linetype": "bbox"}), metrics=metrics, epoch=7),
        tmp_path / "k.safetensors",
    )
    assert convert_tool([str(path), str(new), "--to", "kraken", "--quiet"]) == 0
    meta = told(new)
    assert meta["codec"] == {"a": [1], "ſ": [2], "ae": [3], "x": [4, 4], "בא": [5], "ג": [6]}
    assert meta["metrics"] == [[7, {"val_accuracy": 0.875, "val_metric": 0.875, "val_word_accuracy": 0.5}]]
    assert (meta["seg_type"], meta["one_channel_mode"], meta["legacy_polygons"]) == ("bbox", "1", False)
    assert meta["vgsl"].endswith("O{O_20}1c7]")
    assert "I{W_17}" in meta["vgsl"]
    assert "W4,2,0.5,10 is left out" in caplog.text
    weights = load_weights(new)
    assert weights.charset is not None
    assert weights.charset == CODEC
    assert weights.charset.encode("אבae") == CODEC.encode("אבae")
    assert torch.equal(answer(new), answer(path))
    first = new.read_bytes()
    convert_tool([str(path), str(new), "--to", "kraken", "--quiet"])
    assert new.read_bytes() == first


def test_there_and_back_keeps_what_kraken_told(tmp_path: Path) -> None:
    """kraken's file -> ours -> kraken's: its metrics, mode and hyper parameters are those of the first."""
    path, here, back = ours(tmp_path, recipe()), tmp_path / "here.safetensors", tmp_path / "back.safetensors"
    first = tmp_path / "first.safetensors"
    convert_tool([str(path), str(first), "--to", "kraken", "--quiet"])
    with safetensors.safe_open(first, "pt") as file:
        state = {name: file.get_tensor(name).half() for name in file.keys()}  # noqa: SIM118 (no mapping)
        meta = json.loads(file.metadata()["kraken_meta"])
    own = next(iter(meta.values()))
    own |= {"metrics": [[3, {"val_accuracy": 0.5}]], "accuracy": [[3, 0.5]], "hyper_params": {"padding": 16}}
    own["legacy_polygons"] = True
    safetensors.torch.save_file(state, first, metadata={"kraken_meta": json.dumps(meta)})
    convert_tool([str(first), str(here), "--quiet"])
    convert_tool([str(here), str(back), "--to", "kraken", "--quiet"])
    assert told(back) == told(first)
    convert_tool([str(first), str(back), "--to", "kraken", "--quiet"])
    assert told(back) == told(first)
    for key in ("legacy_polygons", "seg_type", "one_channel_mode"):  # kraken's of earlier years do not say them
        del own[key]
    safetensors.torch.save_file(state, first, metadata={"kraken_meta": json.dumps(meta)})
    convert_tool([str(first), str(back), "--to", "kraken", "--quiet"])
    assert [told(back)[key] for key in ("legacy_polygons", "seg_type", "one_channel_mode")] == [True, None, None]
    with safetensors.safe_open(back, "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118 (no mapping)


REFUSED = {
    "Lrx": ("[1,24,0,1 Cr3,3,4 S1(1x0)1,3 Lrx5]", "Lrx5 (character 30) runs in reverse"),
    "G": ("[1,24,0,1 Cr3,3,4 S1(1x0)1,3 Gbx5]", "Gbx5 (character 30) is a GRU"),
    "Cs": ("[1,24,0,1 Cs3,3,4 S1(1x0)1,3 Lbx5]", "Cs3,3,4 (character 11) is a sigmoid"),
    "rows": ("[1,24,0,1 Cr3,3,4 Lbx5 S1(1x0)1,3 Lbx5]", "Lbx5 (character 19) runs along 24 rows"),
    "Lxs": ("[1,24,0,1 Cr3,3,4 S1(1x0)1,3 Lbxs5]", "sums a line up to one place"),
    "Lo": ("[1,24,0,1 Cr3,3,4 S1(1x0)1,3 Lbxo5]", "has ocropy's cells"),
    "S": ("[1,24,0,1 Cr3,3,4 S1(1x0)1,3 S3(0x2)3,2 Lbx5]", "changes the width"),
    "A": ("[1,24,0,1 Cr3,3,4 S1(1x0)1,3 A2,10 Lbx5]", "adds parts of the width up"),
    "name": ("[1,24,0,1 Cr{a-b}3,3,4 S1(1x0)1,3 Lbx5]", "kraken reads names of letters"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_kraken_runs_otherwise_is_refused(case: str, tmp_path: Path) -> None:
    spec, said = REFUSED[case]
    assert said in refusal(ours(tmp_path, recipe(spec)), tmp_path / "k.safetensors")


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    shown = refusal(ours(tmp_path, recipe("[1,24,0,1 Cs3,3,4 Lrx5 S1(1x0)1,3 Gbx5]")), tmp_path / "k.safetensors")
    assert all(said in shown for said in ("Cs3,3,4", "Lrx5 (character 19) runs in reverse", "runs along 24 rows", "Gbx5"))


def test_another_network_is_refused_by_name(tmp_path: Path) -> None:
    parts = {"Backbone": {"name": "MobileNetV3"}, "Neck": {"name": "SequenceEncoder", "encoder_type": "reshape"}}
    made = recipe(algorithm="CRNN", Head={"name": "CTCHead"}, **parts)
    shown = refusal(ours(tmp_path, made), tmp_path / "k.safetensors")
    assert "MobileNetV3 + SequenceEncoder + CTCHead, and kraken builds recognisers of a VGSL string" in shown


def test_lines_of_another_make_are_refused(tmp_path: Path) -> None:
    tree = copy.deepcopy(recipe().tree)
    tree["Eval"]["dataset"]["transforms"][2] = {"RecResizeImg": {"image_shape": [1, 24, 320]}}
    shown = refusal(ours(tmp_path, Recipe.from_tree(tree)), tmp_path / "k.safetensors")
    assert "its lines are made by RecResizeImg" in shown


def test_weights_that_tell_no_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bare.safetensors"
    save_weights(path, {"head.lin.bias": torch.zeros(3)})
    assert "give its recipe (-c)" in refusal(path, tmp_path / "k.safetensors")


def test_a_dictionary_becomes_a_codec(tmp_path: Path) -> None:
    """PaddleOCR's character set: the entries in order, and the space behind them."""
    path, new = ours(tmp_path, recipe(), Charset("abc", use_space_char=True)), tmp_path / "k.safetensors"
    convert_tool([str(path), str(new), "--to", "kraken", "--quiet"])
    assert told(new)["codec"] == {"a": [1], "b": [2], "c": [3], " ": [4]}
    weights = load_weights(new)
    assert weights.charset is not None
    assert weights.charset.encode("b a") == [2, 4, 1]


# -- Core ML ---------------------------------------------------------------------------------------------------------------

FLAT = "[1,24,0,1 Cr{a_b}3,3,4 Do.5 Gn2 Mp2,2 CTm1,3,6,1,2 A3,3 Lbys3 Lfy4 Lbx5 O1sa7 W4,2,0.5,10 Lfx3 Do]"


def test_coreml_is_read_as_it_was(tmp_path: Path) -> None:
    pytest.importorskip("coremltools")
    path, new = ours(tmp_path, recipe(FLAT, line={"linetype": "bbox"})), tmp_path / "k.mlmodel"
    assert convert_tool([str(path), str(new), "--quiet"]) == 0
    weights = load_weights(new)
    assert weights.charset == CODEC
    assert weights.metadata["seg_type"] == "bbox"
    assert torch.allclose(answer(new), answer(path), atol=1e-6)
    first = new.read_bytes()
    convert_tool([str(path), str(new), "--quiet"])
    assert new.read_bytes() == first


@pytest.mark.parametrize(
    ("spec", "said"), [(SPEC, "no layers of the group at character 39"), (FLAT.replace("Lfx", "Lfxc"), "Lfxc3")]
)
def test_what_kraken_cannot_read_from_coreml_is_refused(spec: str, said: str, tmp_path: Path) -> None:
    shown = refusal(ours(tmp_path, recipe(spec)), tmp_path / "k.mlmodel", "coreml")
    assert said in shown
    assert "kraken instead of coreml" in shown


def test_without_coremltools_the_extra_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'ppocr_like[coreml]'" in refusal(ours(tmp_path, recipe(FLAT)), tmp_path / "k.mlmodel", "coreml")


# -- in kraken -------------------------------------------------------------------------------------------------------------

SCRIPT = """
import json, logging, sys, warnings
warnings.filterwarnings("ignore"); logging.disable(logging.CRITICAL)
import numpy as np, torch
from kraken.models import load_models
made = np.load(sys.argv[1] + "/x.npz")
answers = {}
for name in sys.argv[2:]:
    (model,) = load_models(name, tasks=["recognition"])
    model.eval()
    with torch.no_grad():
        y, lengths = model.nn(torch.from_numpy(made["x"]), torch.from_numpy(made["lengths"]))
    answers[name + ".y"], answers[name + ".lengths"] = y.numpy(), lengths.numpy()
    text = "".join(c for c, *_ in model.codec.decode([(l, i, i, 1.0) for i, l in enumerate([3, 4, 4, 1, 5])]))
    answers[name + ".told"] = np.array([text, model.seg_type, str(model.one_channel_mode), str(model.use_legacy_polygons)])
np.savez(sys.argv[1] + "/y.npz", **answers)
"""


def in_kraken(folder: Path, files: list[Path], x: torch.Tensor, lengths: torch.Tensor) -> dict[str, np.ndarray]:
    """What kraken's own reader and network make of files: `NAME.y` logits, `NAME.lengths`, `NAME.told`."""
    np.savez(folder / "x.npz", x=x.numpy(), lengths=lengths.numpy())
    command = [str(KRAKEN), "-c", SCRIPT, str(folder), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(np.load(folder / "y.npz"))


@pytest.mark.skipif(not KRAKEN, reason="PPOCR_LIKE_KRAKEN_PYTHON is not set; it names a Python that has kraken")
@pytest.mark.thorough
def test_kraken_reads_it_and_answers_the_same(tmp_path: Path) -> None:
    torch.manual_seed(2)
    x, lengths = torch.rand(2, 1, 24, 50), torch.tensor([50, 50])
    files = {}
    for spec, kinds in (
        (SPEC, ("kraken",)),
        (FLAT, ("kraken", "coreml") if importlib.util.find_spec("coremltools") else ("kraken",)),
    ):
        path = ours(tmp_path, recipe(spec, line={"linetype": "bbox"}))
        for kind in kinds:
            new = tmp_path / f"k{len(files)}{'.mlmodel' if kind == 'coreml' else '.safetensors'}"
            convert_tool([str(path), str(new), "--to", kind, "--quiet"])
            files[new] = answer(path)
    made = in_kraken(tmp_path, list(files), x, lengths)
    for new, wanted in files.items():
        theirs = torch.from_numpy(made[f"{new}.y"]).squeeze(2).transpose(1, 2).softmax(2)
        assert torch.allclose(wanted, theirs, atol=1e-4), new
        assert made[f"{new}.told"].tolist() == ["aexaבא", "bbox", "L", "False"]
