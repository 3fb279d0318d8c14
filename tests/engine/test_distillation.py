"""Distillation in the engine: what is trained, kept, measured, exported, and taken up again."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
import yaml
from det_pages import det_recipe

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.engine import evaluate, train
from ppocr_like.errors import WeightsError
from ppocr_like.export import export
from ppocr_like.pipeline.opening import open_model
from ppocr_like.weights import load_weights, save_weights

from .helpers import records, tiny_recipe

INLINE = {"Train__loader__num_workers": 0, "Global__save_batch_step": None}
PARTS = ("Transform", "Backbone", "Neck", "Head", "algorithm")
DB = {"balance_loss": True, "main_loss_type": "DiceLoss", "alpha": 5, "beta": 10, "ohem_ratio": 3}
STUDENTS = ["Student", "Student2"]
CML = [
    {"DistillationDilaDBLoss": {"weight": 1.0, "model_name_pairs": [["Student", "Teacher"], ["Student2", "Teacher"]], **DB}},
    {
        "DistillationDMLLoss": {
            "weight": 1.0,
            "model_name_pairs": ["Student", "Student2"],
            "key": "maps",
            "maps_name": "thrink_maps",
        }
    },
    {"DistillationDBLoss": {"weight": 1.0, "model_name_list": STUDENTS, **DB}},
]


def cml(pages: Path, folder: Path, **over: Any) -> dict[str, Any]:
    """Collaborative mutual learning of two students and a frozen teacher, as PP-OCRv2 and v3 write it."""
    tree = det_recipe(pages, folder, **{**INLINE, **over})
    node = {key: tree["Architecture"].pop(key) for key in PARTS if key in tree["Architecture"]}
    models = {"Student": node, "Student2": copy.deepcopy(node), "Teacher": {**copy.deepcopy(node), "freeze_params": True}}
    tree["Architecture"].update(name="DistillationModel", algorithm="Distillation", Models=models)
    tree["Loss"] = {"name": "CombinedLoss", "loss_config_list": CML}
    tree["PostProcess"] = {"name": "DistillationDBPostProcess", "model_name": ["Student", "Student2"], "thresh": 0.3}
    tree["Metric"] = {"name": "DistillationMetric", "base_metric_name": "DetMetric", "main_indicator": "hmean", "key": "Student"}
    return tree


def teacher_of(tree: dict[str, Any], path: Path) -> dict[str, torch.Tensor]:
    """Weights of one network in a file, as `pretrained` takes them."""
    plain = copy.deepcopy(tree)
    plain["Architecture"] = {"model_type": "det", **plain["Architecture"]["Models"]["Student"]}
    torch.manual_seed(5)
    state = Builder(Recipe.from_tree(plain)).model().state_dict()
    save_weights(path, state, {})
    return state


@pytest.mark.thorough
def test_collaborative_mutual_learning_of_detectors(pages: Path, tmp_path: Path) -> None:
    load_components()
    tree = cml(pages, tmp_path / "run", Global__epoch_num=2, Global__use_ema=True, Global__eval_batch_epoch=2)
    teacher = teacher_of(tree, tmp_path / "teacher.safetensors")
    tree["Architecture"]["Models"]["Teacher"]["pretrained"] = str(tmp_path / "teacher.safetensors")
    result = train(Recipe.from_tree(tree))
    assert {"hmean", "Student2_hmean"} <= set(result.last["eval"]) and result.best.value == result.last["eval"]["hmean"]

    content = torch.load(tmp_path / "run" / "latest.ckpt", weights_only=True)
    for name, value in teacher.items():
        assert torch.equal(content["model"][f"Teacher.{name}"], value), name  # running statistics, too
    assert all(not name.startswith("Teacher.") for name in content["hooks"]["ema"]["averages"])
    assert "Teacher" not in str(content["optimizer"].keys()) and "Student2.backbone" in str(content["optimizer"])

    # The run goes on where it stood.
    more = copy.deepcopy(tree)
    more["Global"].update(epoch_num=3, checkpoints=str(tmp_path / "run"))
    more["Train"]["dataset"]["transforms"] = tree["Train"]["dataset"]["transforms"]
    assert train(Recipe.from_tree(more)).steps == result.steps * 3 // 2

    # Measured, and exported by itself: Student, or the one that is named.
    tree["Global"]["pretrained_model"] = str(tmp_path / "run")
    (evaluation,) = evaluate(Recipe.from_tree(tree), keep=None)
    assert set(evaluation.lines[0][1].results) == {"Student", "Student2"}
    outputs = {}
    for name in (None, "Student2"):
        tree["Global"]["save_inference_dir"] = str(tmp_path / f"bundle_{name}")
        export(Recipe.from_tree(tree), sub_model=name, verify_data=name is None)
        bundle = open_model(tmp_path / f"bundle_{name}")
        told = yaml.safe_load((tmp_path / f"bundle_{name}" / "inference.yml").read_text())
        assert told["PostProcess"]["name"] == "DBPostProcess" and "model_name" not in told["PostProcess"]
        outputs[name] = bundle.backend(torch.ones(1, 3, 64, 64).numpy())["maps"]
    assert abs(outputs[None] - outputs["Student2"]).max() > 1e-4

    # A recipe of one network takes the student out of the file of several.
    plain = det_recipe(pages, tmp_path / "plain", **INLINE, Global__pretrained_model=str(tmp_path / "run"))
    best = load_weights(tmp_path / "run").state
    assert len(evaluate(Recipe.from_tree(plain))) == 1
    assert open_model(tmp_path / "run").backend(torch.ones(1, 3, 64, 64).numpy())["maps"].shape == (1, 1, 64, 64)
    assert any(name.startswith("Student.") for name in best)


def test_weights_of_one_network_are_refused_for_several(pages: Path, tmp_path: Path) -> None:
    load_components()
    tree = cml(pages, tmp_path / "run", Global__pretrained_model=str(tmp_path / "one.safetensors"))
    teacher_of(tree, tmp_path / "one.safetensors")
    with pytest.raises(WeightsError, match=r"holds one network.*Models\.Student\.pretrained"):
        train(Recipe.from_tree(tree))


CTC = {"CTCHead": {"Neck": {"name": "svtr", "dims": 16, "depth": 1, "hidden_dims": 16, "use_guide": True}, "Head": None}}
NRTR = {"NRTRHead": {"nrtr_dim": 32, "max_text_length": 8, "num_decoder_layers": 1}}
OF_HEAD = {"key": "head_out", "multi_head": True}
PAIR = {"model_name_pairs": [["Student", "Teacher"]]}
DKD = [
    {"DistillationDKDLoss": {"weight": 0.1, **PAIR, **OF_HEAD, "alpha": 1.0, "beta": 2.0, "dis_head": "gtc", "name": "dkd"}},
    {"DistillationCTCLoss": {"weight": 1.0, "model_name_list": ["Student"], **OF_HEAD}},
    {"DistillationNRTRLoss": {"weight": 1.0, "smoothing": False, "model_name_list": ["Student"], **OF_HEAD}},
    {"DistillCTCLogits": {"weight": 1.0, "reduction": "mean", **PAIR, "key": "head_out"}},
    {"DistillationDistanceLoss": {"weight": 1.0, "mode": "l2", **PAIR, "key": "backbone_out"}},
]


def test_a_recogniser_learns_from_a_frozen_one(data: Path, tmp_path: Path) -> None:
    load_components()
    tree = tiny_recipe(
        data, tmp_path / "run", Global__epoch_num=1, Train__loader__num_workers=0, Global__cal_metric_during_train=True
    )
    arch = tree["Architecture"]
    node = {"Backbone": arch.pop("Backbone"), "Head": {"name": "MultiHead", "head_list": [CTC, NRTR]}, "return_all_feats": True}
    arch.pop("Neck")
    arch.pop("Head")
    arch.update(name="DistillationModel", Models={"Teacher": {**copy.deepcopy(node), "freeze_params": True}, "Student": node})
    tree["Loss"] = {"name": "CombinedLoss", "loss_config_list": DKD}
    tree["PostProcess"] = {"name": "DistillationCTCLabelDecode", "model_name": ["Student"], **OF_HEAD}
    tree["Metric"] = {
        "name": "DistillationMetric",
        "base_metric_name": "RecMetric",
        "main_indicator": "norm_edit_dis",
        "key": "Student",
        "ignore_space": False,
    }
    for section in ("Train", "Eval"):
        chain = [step for step in tree[section]["dataset"]["transforms"] if "CTCLabelEncode" not in step]
        chain[-1] = {"KeepKeys": {"keep_keys": ["image", "label_ctc", "label_gtc", "length", "valid_ratio"]}}
        tree[section]["dataset"]["transforms"] = [chain[0], {"MultiLabelEncode": {"gtc_encode": "NRTRLabelEncode"}}, *chain[1:]]
    result = train(Recipe.from_tree(tree))
    assert {"norm_edit_dis", "cer"} <= set(result.last["eval"])
    first = next(record for record in records(tmp_path / "run") if record["kind"] == "train")
    parts = ("dkd_0", "loss_ctc_Student_0", "loss_nrtr_Student_0", "ctc_logits_0", "loss_distance_l2_Student_Teacher_0")
    assert set(parts) <= set(first) and first["loss_now"] == pytest.approx(sum(first[part] for part in parts), rel=1e-3)
    tree["Global"].update(pretrained_model=str(tmp_path / "run"), save_inference_dir=str(tmp_path / "bundle"))
    export(Recipe.from_tree(tree))
    graph = onnx.load(str(tmp_path / "bundle" / "model.onnx")).graph
    assert [output.name for output in graph.output] == ["ctc"]
    assert not [value.name for value in graph.initializer if "gtc" in value.name or "Teacher" in value.name]
