"""A recogniser whose head is SARHead alone: evaluation tells it how much of the canvas each line fills, as PaddleOCR's does."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.engine.device import Compute
from ppocr_like.engine.evaluator import infer
from ppocr_like.engine.objective import Objective
from ppocr_like.modeling.heads.sar_head import SARHead
from ppocr_like.modeling.model import OcrModel


def test_evaluation_reads_the_valid_ratio() -> None:
    torch.manual_seed(0)
    model = OcrModel(None, nn.Identity(), None, SARHead(FeatureSpec(6), 9, enc_dim=8, d_k=8, max_text_length=4)).eval()
    assert model.reads == ("valid_ratio",) and model.needs == ("label", "valid_ratio")
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    images, ratio = torch.randn(2, 6, 2, 12), torch.tensor([1.0, 0.3])
    seen: list[Any] = []

    def decode(outputs: Any, batch: Any) -> list[Any]:
        seen.append(outputs["sar"])
        return [None] * len(images)

    objective = Objective(model, None, Compute(torch.device("cpu")))
    with torch.inference_mode():
        infer(objective, {"image": images, "valid_ratio": ratio, "info": []}, decode)
        infer(objective, {"image": images, "info": []}, decode)
    assert np.abs(seen[0][1] - seen[1][1]).max() > 1e-3 and np.allclose(seen[0][0], seen[1][0])
    assert seen[0].shape == (2, 4, 8)
