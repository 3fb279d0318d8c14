"""A CTC layer starts at the frequencies of the training labels' characters, where no weights fill it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe, load_recipe
from ppocr_like.engine import train
from ppocr_like.engine.first_biases import FirstBiases

from .helpers import make_data, records, tiny_recipe, weights

ROOT = Path(__file__).parents[2]
DICTIONARY = f"Global.character_dict_path={ROOT}/train_data/dict.txt"
BIAS = "head.fc.bias"
TOLD = "starts at the frequencies of the characters in the training labels"


load_components()


def recipe_of(tmp_path: Path, name: str, **over: Any) -> Recipe:
    if not (tmp_path / "data").exists():
        make_data(tmp_path / "data")
    return Recipe.from_tree(tiny_recipe(tmp_path / "data", tmp_path / name, **over))


def frequencies(bias: torch.Tensor) -> torch.Tensor:
    shares = bias.softmax(0)[1:]
    return shares / shares.sum()


@pytest.mark.parametrize("bucketed", [False, True])
def test_each_class_has_its_share_of_the_labels(tmp_path: Path, bucketed: bool) -> None:
    builder = Builder(recipe_of(tmp_path, "run"))
    model, dataset = builder.model(), builder.dataset("Train")
    FirstBiases(model).start(dataset, builder.charset, bucketed)
    bias = dict(model.named_parameters())[BIAS].detach()
    texts = "".join(text for piece in dataset.label_texts() for text in piece.texts)
    counted = torch.tensor([texts.count(entry) for entry in builder.charset.labels[1:]]) + 0.5
    torch.testing.assert_close(frequencies(bias), counted / counted.sum(), atol=1e-6, rtol=0)
    steps = 96 / model.out_spec.stride[1] * len(dataset) / len(texts)  # of a character: all lines are as wide as the canvas
    assert bias.softmax(0)[0].item() == pytest.approx(1 - 1 / steps, abs=1e-6)


def test_a_fresh_run_begins_lower_and_weights_are_left_as_they_are(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    steady = {"Optimizer__lr": {"name": "Const", "learning_rate": 1e-9}, "Global__epoch_num": 1}
    train(recipe_of(tmp_path, "chance", Global__bias_from_labels=False, **steady))
    assert TOLD not in caplog.text
    train(recipe_of(tmp_path, "told", **steady))
    assert caplog.text.count(TOLD) == 1 and f"{BIAS}: starts" in caplog.text
    first = [next(row["loss"] for row in records(tmp_path / name) if "loss" in row) for name in ("told", "chance")]
    assert first[0] < first[1]
    caplog.clear()
    train(recipe_of(tmp_path, "tuned", Global__pretrained_model=str(tmp_path / "chance"), **steady))
    assert TOLD not in caplog.text
    pair = [weights(tmp_path / name / "latest.ckpt")[BIAS] for name in ("tuned", "chance")]
    torch.testing.assert_close(*pair, atol=1e-6, rtol=0)


def test_characters_that_weights_bring_keep_their_biases_beside_new_ones(tmp_path: Path) -> None:
    steady = {"Optimizer__lr": {"name": "Const", "learning_rate": 1e-9}, "Global__epoch_num": 1}
    train(recipe_of(tmp_path, "old", **steady))
    entries = tmp_path / "data" / "wider.txt"
    entries.write_text("\n".join("0123456789ab") + "\n", encoding="utf-8")
    wider = {"Global__character_dict_path": str(entries), "Global__charset_resize": "union"}
    train(recipe_of(tmp_path, "new", Global__pretrained_model=str(tmp_path / "old"), **wider, **steady))
    old, new = (weights(tmp_path / name / "latest.ckpt")[BIAS] for name in ("old", "new"))
    assert len(new) == len(old) + 2
    torch.testing.assert_close(new[: len(old)], old, atol=1e-6, rtol=0)


def test_recurrent_networks_start_at_chance(tmp_path: Path) -> None:
    neck = {"name": "SequenceEncoder", "encoder_type": "rnn", "hidden_size": 8}
    builder = Builder(recipe_of(tmp_path, "run", Architecture__Neck=neck))
    model = builder.model()
    before = dict(model.named_parameters())[BIAS].detach().clone()
    FirstBiases(model).start(builder.dataset("Train"), builder.charset, bucketed=False)
    assert torch.equal(dict(model.named_parameters())[BIAS], before)


def test_a_recurrent_guide_does_not_count(tmp_path: Path) -> None:
    guided = Builder(load_recipe(ROOT / "configs" / "rec" / "ppocrv3_mobile_rec.yml", [DICTIONARY])).model()
    assert list(FirstBiases(guided).biases) == ["head.ctc_head.fc.bias"]
    several = Builder(load_recipe(ROOT / "configs" / "rec" / "ppocrv3_mobile_rec_dml.yml", [DICTIONARY])).model()
    assert len(FirstBiases(several).biases) == 2
