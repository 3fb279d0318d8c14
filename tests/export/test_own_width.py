"""Bundles of networks that are told how wide each line is: a line in a canvas of its own width is read as in evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml

from ppocr_like.charset import Charset
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.engine import evaluate
from ppocr_like.export import export
from ppocr_like.pipeline import Recogniser
from ppocr_like.pipeline.opening import open_model
from ppocr_like.weights import save_weights

load_components()
CHARSET = Charset("abcdef")
WIDTHS = (31, 150, 77, 4, 203)  # px of lines of 29 px height


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number, width in enumerate(WIDTHS):
        cv2.imwrite(str(tmp_path / f"{number}.png"), rng.integers(0, 256, (29, width, 3), np.uint8))
    (tmp_path / "lines.txt").write_text("".join(f"{number}.png\tabc\n" for number in range(len(WIDTHS))))
    (tmp_path / "dict.txt").write_text("\n".join("abcdef") + "\n")
    return tmp_path


def recipe(folder: Path, resize: dict[str, Any], channels: int, bucket: dict[str, int] | None) -> Recipe:
    chain = [{"DecodeImage": {"img_mode": "BGR", "channel_first": False}}, {"CTCLabelEncode": None}, resize]
    chain.append({"KeepKeys": {"keep_keys": ["image", "label", "length", "valid_width"]}})
    data = {"name": "SimpleDataSet", "data_dir": str(folder), "label_file_list": [str(folder / "lines.txt")], "transforms": chain}
    loader = {"shuffle": False, "batch_size_per_card": 3, "drop_last": False, "num_workers": 0, "bucket_by_width": bucket}
    spec = f"[1,32,0,{channels} Cr3,3,8 Gn4 Mp2,2 Cr3,3,8 Mp2,2 S1(1x0)1,3 Lbx12 Lrx8]"
    return Recipe.from_tree(
        {
            "Global": {
                "epoch_num": 1,
                "character_dict_path": str(folder / "dict.txt"),
                "max_text_length": 90,
                "pretrained_model": str(folder / "weights.safetensors"),
                "save_inference_dir": str(folder / "bundle"),
                "device": "cpu",
            },
            "Architecture": {"model_type": "rec", "Backbone": {"name": "VGSL", "spec": spec}, "Head": {"name": "VGSLHead"}},
            "Loss": {"name": "CTCLoss"},
            "PostProcess": {"name": "CTCLabelDecode"},
            "Metric": {"name": "RecMetric"},
            "Optimizer": {"name": "Adam", "lr": {"name": "constant", "learning_rate": 1e-3}},
            "Train": {"dataset": data, "loader": {"batch_size_per_card": 3, "bucket_by_width": bucket}},
            "Eval": {"dataset": data, "loader": loader},
        }
    )


@pytest.mark.parametrize("resize", ["RecResizeImg", "SVTRRecResizeImg", "KrakenLine"])
@pytest.mark.parametrize("bucket", [None, {"step": 64, "max_width": 512}])
def test_a_line_is_read_as_in_evaluation(resize: str, bucket: dict[str, int] | None, lines: Path) -> None:
    ours = resize == "KrakenLine"
    step = {resize: {"height": 32} if ours else {"image_shape": [3, 32, 320]}}
    made = recipe(lines, step, 1 if ours else 3, bucket)
    torch.manual_seed(0)
    model = Builder(made, CHARSET).model()
    with torch.no_grad():
        model.head.lin.weight.mul_(20)  # so that it reads something
    save_weights(lines / "weights.safetensors", model.state_dict(), {"recipe": made.tree, "charset": CHARSET})
    report = export(made, say=lambda _: None)
    assert report.sets[0].preprocessed == len(WIDTHS)
    assert report.sets[0].difference < 1e-4
    (wanted,) = evaluate(made, keep=len(WIDTHS), analyse=False)
    assert report.sets[0].torch["norm_edit_dis"] == pytest.approx(wanted.metrics["norm_edit_dis"], abs=1e-12)
    bundle = open_model(report.folder)
    assert isinstance(bundle, Recogniser)
    paths = [str(lines / f"{number}.png") for number in range(len(WIDTHS))]
    texts = [line.text for line in bundle(paths)]
    assert any(texts)
    assert texts == [line.text for line in open_model(lines / "weights.safetensors")(paths)]
    if not ours:
        chain = yaml.safe_load((report.folder / "inference.yml").read_text())["PreProcess"]["transform_ops"]
        assert {"RecResizeImg": {"image_shape": [3, 32, 4], "own_width": True}} in chain
        widths = [bundle.preprocess(path).tensor.shape[2] for path in paths]
        assert widths == [max(4, -(-32 * width // 29)) for width in WIDTHS]
