"""Lines read by SAR and NRTR heads alone, from their weights (no bundle holds them)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ppocr_like.charset import Charset
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.pipeline.torch_backend import torch_runner
from ppocr_like.weights import save_weights

CHARSET = Charset("abcdef")
SAR = {"name": "SARHead", "enc_dim": 8, "d_k": 4, "max_text_length": 6}
NRTR = {"name": "Transformer", "d_model": 200, "nhead": 4, "num_encoder_layers": 1, "num_decoder_layers": 1, "max_len": 7}


@pytest.mark.parametrize(("head", "guide"), [(SAR, "SAR"), (NRTR, "NRTR")], ids=["SAR", "NRTR"])
def test_lines_are_read_as_evaluation_reads_them(head: dict[str, Any], guide: str, tmp_path: Path) -> None:
    load_components()
    chain = [
        {"DecodeImage": {"img_mode": "BGR", "channel_first": False}},
        {f"{guide}LabelEncode": None},
        {"RecResizeImg": {"image_shape": [3, 32, 96]}},
        {"KeepKeys": {"keep_keys": ["image", "label", "length", "valid_ratio"]}},
    ]
    (tmp_path / "dict.txt").write_text("\n".join("abcdef") + "\n")
    backbone = {"name": "MobileNetV3", "model_name": "small", "scale": 0.35, "small_stride": [1, 2, 2, 2]}
    recipe = Recipe.from_tree(
        {
            "Global": {"epoch_num": 1, "character_dict_path": str(tmp_path / "dict.txt"), "max_text_length": 9},
            "Architecture": {"model_type": "rec", "Backbone": backbone, "Head": head},
            "PostProcess": {"name": f"{guide}LabelDecode"},
            "Eval": {"dataset": {"name": "SimpleDataSet", "data_dir": str(tmp_path), "transforms": chain}},
        }
    )
    torch.manual_seed(0)
    builder = Builder(recipe, CHARSET)
    model = builder.model()
    for parameter in model.head.parameters():
        torch.nn.init.normal_(parameter, 0, 0.5)
    save_weights(tmp_path / "w.safetensors", model.state_dict(), {"recipe": recipe.tree, "charset": CHARSET})
    runner = torch_runner(tmp_path / "w.safetensors")
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (32, width, 3), dtype=np.uint8) for width in (30, 96)]
    lines = runner(images)

    prepared = [runner.preprocess(image) for image in images]
    ratio = torch.tensor([one.valid_ratio for one in prepared])
    assert ratio[0] < 0.4 and ratio[1] == 1
    with torch.inference_mode():
        outputs = model.eval()(torch.from_numpy(np.stack([one.tensor for one in prepared])), {"valid_ratio": ratio})
    wanted = builder.postprocess()({name: value.numpy() for name, value in outputs.items()}, {})
    assert [line.text for line in lines] == [line.text for line in wanted]
    assert [line.confidence for line in lines] == pytest.approx([line.confidence for line in wanted], abs=1e-6)
