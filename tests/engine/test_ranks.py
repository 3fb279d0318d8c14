"""Several ranks do what one process does with the same samples a step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from det_pages import det_recipe

from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.engine import device, train
from ppocr_like.engine.device import Compute
from tests.processes import in_ranks

from .helpers import records, tiny_recipe

# Adam turns the rounding of a gradient that is 0 into steps of full size, and a network that has not learnt anything yet
# rounding into large differences: so plain steps of a moderate size, in float64. The checkpoint's tensors are float64, too.
PLAIN = {"name": "Momentum", "momentum": 0.9, "lr": {"name": "Const", "learning_rate": 0.01}, "clip_norm_global": 1.0}
QUICK = {"Optimizer": PLAIN, "Train__loader__num_workers": 0, "Global__save_batch_step": None, "Global__use_ema": True}


def rec_tree(data: Path, folder: Path, world: int, total: int, **over: Any) -> dict[str, Any]:
    """Without dropout, whose draws are a rank's own. One line of the labels cannot be encoded."""
    labels = folder.parent / "labels.txt"
    lines = (data / "train.txt").read_text(encoding="utf-8").splitlines()
    labels.write_text("\n".join([*lines[:9], "img/train_9.png\tabc", *lines[10:]]) + "\n", encoding="utf-8")
    neck = {"name": "SequenceEncoder", "encoder_type": "svtr", "dims": 16, "depth": 1, "hidden_dims": 16}
    over = {
        **QUICK,
        "Train__dataset__label_file_list": [str(labels)],
        "Train__loader__batch_size_per_card": total // world,
        "Architecture__Neck": {**neck, "drop_rate": 0.0, "attn_drop_rate": 0.0},
        "Global__cal_metric_during_train": False,
        **over,
    }
    return tiny_recipe(data, folder, **over)


def det_tree(pages: Path, folder: Path, world: int, total: int, **over: Any) -> dict[str, Any]:
    return det_recipe(pages, folder, **{**QUICK, "Train__loader__batch_size_per_card": total // world, **over})


class Double(Compute):
    """In float64, where `trained` has seen to it that nothing becomes float32."""

    def place(self, model: torch.nn.Module) -> torch.nn.Module:
        return super().place(model).double()

    def move(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {**super().move(batch), "image": super().move({"image": batch["image"]})["image"].double()}


def trained(tree: dict[str, Any]) -> dict[str, dict[str, float]]:
    load_components()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device, "Compute", Double)
        patch.setattr(torch.Tensor, "float", torch.Tensor.double)
        return train(Recipe.from_tree(tree)).last


def state(folder: Path) -> dict[str, torch.Tensor]:
    """Weights, running statistics, moments and averages of a checkpoint, by name."""
    content = torch.load(folder / "latest.ckpt", weights_only=True)
    moments = {
        f"moments of {name}: {key}": value
        for name, entry in content["optimizer"]["moments"].items()
        for key, value in entry.items()
        if isinstance(value, torch.Tensor)
    }
    averages = {f"average of {name}": value for name, value in content["hooks"]["ema"]["averages"].items()}
    return {**content["model"], **moments, **averages}


def difference(left: Path, right: Path) -> float:
    """The largest between two checkpoints, in parts of each tensor's largest value (at least 1)."""
    a, b = state(left), state(right)
    assert a.keys() == b.keys()
    return max(float((a[n] - b[n]).abs().max() / a[n].abs().max().clamp(min=1.0)) for n in a if a[n].is_floating_point())


def moved(folder: Path, before: dict[str, torch.Tensor]) -> float:
    after = torch.load(folder / "latest.ckpt", weights_only=True)["model"]
    return max(float((after[name] - before[name]).abs().max()) for name in before)


def same_losses(left: Path, right: Path) -> None:
    a, b = records(left), records(right)
    assert [entry["kind"] for entry in a] == [entry["kind"] for entry in b]
    for one, other in zip(a, b, strict=True):
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert other[key] == (pytest.approx(value, rel=1e-3, abs=1e-5) if isinstance(value, float) else value), key


CASES = {
    "rec, synchronised, 2": ("rec", 2, {"Global__use_sync_bn": True, "Global__accumulate_steps": 2}),
    "rec, synchronised, 4": ("rec", 4, {"Global__use_sync_bn": True}),
    "rec, frozen, 4": ("rec", 4, {"Global__freeze_bn": True, "Global__accumulate_steps": 4}),
    "det, synchronised, 2": ("det", 2, {"Global__use_sync_bn": True, "Global__loss_over_ranks": True}),
    "det, frozen, 4": ("det", 4, {"Global__freeze_bn": True, "Global__loss_over_ranks": True, "Global__accumulate_steps": 2}),
}


@pytest.mark.parametrize("name", CASES)
def test_equal_to_one_process(name: str, data: Path, pages: Path, tmp_path: Path) -> None:
    """Also where the last batch leaves ranks without a sample, and where one rank's sample is rejected."""
    task, world, over = CASES[name]
    make, source = (rec_tree, data) if task == "rec" else (det_tree, pages)
    one = trained(make(source, tmp_path / "one", 1, 4, **over))
    several = in_ranks(world, trained, make(source, tmp_path / "several", world, 4, **over))
    worst = difference(tmp_path / "one", tmp_path / "several")
    print(f"{name}: {worst:.2e}")
    assert worst < 2e-5
    same_losses(tmp_path / "one", tmp_path / "several")
    for last in several:
        for key, value in last["eval"].items():
            assert key == "fps" or value == pytest.approx(one["eval"][key])
    result = json.loads((tmp_path / "several" / "run.json").read_text(encoding="utf-8"))["result"]
    assert result["steps"] > 0
