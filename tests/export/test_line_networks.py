"""Recognisers that are not like most in an ONNX graph: of one width, with as many steps for every width, with GRUs, with TPS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from ppocr_like.charset import Charset
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.errors import ExportError
from ppocr_like.export import export
from ppocr_like.export.exporter import exporter_of
from ppocr_like.pipeline import Recogniser
from ppocr_like.pipeline.spec import Spec
from ppocr_like.weights import save_weights

load_components()
CHARSET = Charset("abcdef")
CTC = {"name": "CTCHead"}
RESHAPE = {"name": "SequenceEncoder", "encoder_type": "reshape"}
SVTRNET = {
    "name": "SVTRNet", "img_size": [32, 64], "embed_dim": [8, 8, 16], "depth": [1, 1, 1], "num_heads": [1, 1, 2],
    "mixer": ["Local", "Conv", "Global"], "local_mixer": [[3, 5], [3, 5], [3, 5]], "out_channels": 12, "out_char_num": 16,
}  # fmt: skip
SMALL = {"name": "MobileNetV3", "model_name": "small", "scale": 0.35, "small_stride": [1, 2, 2, 2]}
SVTRV2 = {
    "name": "SVTRv2", "dims": [8, 8, 16], "depths": [1, 2, 1], "num_heads": [1, 1, 2], "sub_k": [[2, 1], [2, 1], [-1, -1]],
    "mixer": [["Conv"], ["Conv", "Global"], ["Global"]], "use_pool": True,
}  # fmt: skip
STN = {
    "name": "STN_ON", "tps_inputsize": [32, 64], "tps_outputsize": [32, 64], "num_control_points": 8,
    "tps_margins": [0.05, 0.05], "stn_activation": "none",
}  # fmt: skip
TPS = {"name": "TPS", "num_fiducial": 8, "loc_lr": 0.1, "model_name": "small"}
NETWORKS: dict[str, tuple[dict[str, Any], set[int], bool]] = {  # parts, widths that are verified, whether steps follow them
    "one width": ({"Backbone": SVTRNET, "Neck": RESHAPE, "Head": CTC}, {64}, False),
    "STN before one width": ({"Transform": STN, "Backbone": SVTRNET, "Neck": RESHAPE, "Head": CTC}, {320, 437, 1280}, False),
    "TPS": ({"Transform": TPS, "Backbone": SMALL, "Neck": RESHAPE, "Head": CTC}, {320, 437, 1280}, True),
    "GRU": ({"Backbone": SMALL, "Neck": {**RESHAPE, "encoder_type": "gru"}, "Head": CTC}, {320, 437, 1280}, True),
    "SVTRv2": ({"Backbone": SVTRV2, "Neck": {**RESHAPE, "encoder_type": "lightsvtr"}, "Head": CTC}, {320, 437, 1280}, True),
    "known places": (
        {"Backbone": {**SVTRV2, "use_pos_embed": True, "max_sz": [32, 640]}, "Neck": RESHAPE, "Head": CTC}, {320, 437, 640}, True,
    ),
    "guide layer": ({"Backbone": SMALL, "Neck": RESHAPE, "Head": {**CTC, "use_guide": True}}, {320, 437, 1280}, True),
}  # fmt: skip


def recipe(architecture: dict[str, Any], folder: Path) -> Recipe:
    chain = [
        {"DecodeImage": {"img_mode": "BGR", "channel_first": False}},
        {"CTCLabelEncode": None},
        {"SVTRRecResizeImg": {"image_shape": [3, 32, 64], "padding": True}},
        {"KeepKeys": {"keep_keys": ["image", "label", "length"]}},
    ]
    (folder / "dict.txt").write_text("\n".join("abcdef") + "\n")
    return Recipe.from_tree(
        {
            "Global": {
                "epoch_num": 1,
                "character_dict_path": str(folder / "dict.txt"),
                "max_text_length": 9,
                "pretrained_model": str(folder / "weights.safetensors"),
                "save_inference_dir": str(folder / "bundle"),
            },
            "Architecture": {"model_type": "rec", **architecture},
            "PostProcess": {"name": "CTCLabelDecode"},
            "Eval": {"dataset": {"name": "SimpleDataSet", "data_dir": str(folder), "transforms": chain}},
        }
    )


def trained(made: Recipe, folder: Path) -> Any:
    """Weights that say something, as a file, and their network."""
    torch.manual_seed(0)
    model = Builder(made, CHARSET).model()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "fc2.weight" in name and name.startswith("transform."):  # else every image has the same points
                parameter.normal_(0, 0.02)
        model.train()
        for _ in range(3):  # running statistics
            model(torch.randn(8, 3, 32, 64))
    save_weights(folder / "weights.safetensors", model.state_dict(), {"recipe": made.tree, "charset": CHARSET})
    return model.eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_bundle_answers_as_the_network_does(name: str, tmp_path: Path) -> None:
    parts, widths, follow = NETWORKS[name]
    made = recipe(parts, tmp_path)
    model = trained(made, tmp_path)
    report = export(made, verify_data=False, say=lambda _: None)
    assert {check.width for check in report.shapes} == widths
    assert {check.batch for check in report.shapes} == {1, 6}
    assert all(check.difference < 1e-4 for check in report.shapes)
    session = onnxruntime.InferenceSession(str(report.folder / "model.onnx"))
    steps = session.get_outputs()[0].shape[1]
    assert (steps == "steps") == follow
    images = torch.rand(3, 3, 32, 64) * 2 - 1
    with torch.inference_mode():
        want = model(images)["ctc"].numpy()
    found = session.run(None, {"x": images.numpy()})[0]
    assert want.std() > 1e-3 and np.abs(found - want).max() < 1e-4
    lines = Recogniser(report.folder)([np.full((20, 50, 3), 255, np.uint8), np.zeros((40, 300, 3), np.uint8)])
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("head", "reason"), [({"name": "SARHead", "enc_dim": 8, "d_k": 4}, "valid_ratio"), ({"name": "Transformer"}, "loops")]
)
def test_heads_that_read_on_and_on_are_refused_with_a_way_out(head: dict[str, Any], reason: str, tmp_path: Path) -> None:
    if head["name"] == "Transformer":
        head = {**head, "d_model": 200, "nhead": 4, "num_encoder_layers": 1, "num_decoder_layers": 1}
    made = recipe({"Backbone": SMALL, "Head": head}, tmp_path)
    model = Builder(made, CHARSET).model()
    with pytest.raises(ExportError, match=rf"Head {head['name']} cannot be exported: .*{reason}.*guide of a MultiHead"):
        exporter_of(Spec.from_recipe(made, CHARSET), made, model)
