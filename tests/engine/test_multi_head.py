"""A recipe with MultiHead, as PP-OCRv3 (SAR) and PP-OCRv4 (NRTR) write it: trained for an epoch and exported."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from tests.marks import first

from .helpers import run, tiny_recipe, write_recipe

GUIDES = {
    "NRTR": (
        {"NRTRHead": {"nrtr_dim": 32, "max_text_length": 8, "num_decoder_layers": 1}},
        {"MultiLabelEncode": {"gtc_encode": "NRTRLabelEncode"}},
        "label_gtc",
    ),
    "SAR": ({"SARHead": {"enc_dim": 16, "d_k": 8, "max_text_length": 8}}, {"MultiLabelEncode": None}, "label_sar"),
}
CTC = {"CTCHead": {"Neck": {"name": "svtr", "dims": 16, "depth": 1, "hidden_dims": 16, "use_guide": True}, "Head": None}}


@pytest.mark.parametrize("name", first(GUIDES))
def test_a_guided_recogniser_trains_and_exports_its_ctc_branch(name: str, data: Path, tmp_path: Path) -> None:
    guide, encode, label = GUIDES[name]
    tree = tiny_recipe(data, tmp_path / "run", Global__epoch_num=1)
    tree["Architecture"].pop("Neck")
    tree["Architecture"]["Head"] = {"name": "MultiHead", "head_list": [CTC, guide]}
    tree["Loss"] = {"name": "MultiLoss", "loss_config_list": [{"CTCLoss": None}, {f"{name}Loss": None}]}
    for section in ("Train", "Eval"):
        chain = [step for step in tree[section]["dataset"]["transforms"] if "CTCLabelEncode" not in step]
        chain[-1] = {"KeepKeys": {"keep_keys": ["image", "label_ctc", label, "length", "valid_ratio"]}}
        tree[section]["dataset"]["transforms"] = [chain[0], encode, *chain[1:]]
    recipe = write_recipe(tmp_path / "recipe.yml", tree)
    run("train", recipe)
    log = (tmp_path / "run" / "train.log").read_text(encoding="utf-8")
    assert "CTCLoss: " in log and f"{name}Loss: " in log
    weights = tmp_path / "run" / "best_accuracy.safetensors"
    run("export", recipe, f"Global.pretrained_model={weights}", f"Global.save_inference_dir={tmp_path / 'bundle'}")
    graph = onnx.load(str(tmp_path / "bundle" / "model.onnx")).graph
    assert [output.name for output in graph.output] == ["ctc"]
    assert not [value.name for value in graph.initializer if "sar" in value.name or "gtc" in value.name]
