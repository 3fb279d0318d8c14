"""Several ranks do what one process does with the same samples a step."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from det_pages import det_recipe

from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.engine import device, evaluate, setup, train
from ppocr_like.engine.device import Compute
from ppocr_like.errors import OcrError
from tests.marks import first
from tests.processes import in_ranks

from .helpers import StopAt, records, tiny_recipe
from .test_distillation import STUDENTS, cml, teacher_of

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

    def move(self, batch: dict[str, Any], on_host: Any = ()) -> dict[str, Any]:
        return {**super().move(batch, on_host), "image": super().move({"image": batch["image"]})["image"].double()}


def trained(tree: dict[str, Any]) -> dict[str, dict[str, float]]:
    load_components()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device, "Compute", Double)
        patch.setattr(torch.Tensor, "float", torch.Tensor.double)
        torch.set_default_dtype(torch.float64)
        try:
            return train(Recipe.from_tree(tree)).last
        finally:
            torch.set_default_dtype(torch.float32)


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
    "rec, synchronised, recomputed, 2": ("rec", 2, {"Global__use_sync_bn": True, "Global__gradient_checkpointing": True}),
    "det, synchronised, 2": ("det", 2, {"Global__use_sync_bn": True, "Global__loss_over_ranks": True}),
    "det, frozen, 4": ("det", 4, {"Global__freeze_bn": True, "Global__loss_over_ranks": True, "Global__accumulate_steps": 2}),
}


@pytest.mark.parametrize("name", first(CASES))
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


def dml_tree(data: Path, folder: Path, world: int, total: int, **over: Any) -> dict[str, Any]:
    """Two recognisers that learn from each other and from their labels."""
    tree = rec_tree(data, folder, world, total, **over)
    arch = tree["Architecture"]
    node = {part: arch.pop(part) for part in ("Transform", "Backbone", "Neck", "Head")}
    arch.update(name="DistillationModel", Models={"Student": node, "Student2": copy.deepcopy(node)})
    both = {"model_name_list": STUDENTS, "key": "ctc"}
    pair = {"model_name_pairs": STUDENTS, "key": "ctc", "act": "softmax", "use_log": True}
    losses = [{"DistillationCTCLoss": {"weight": 1.0, **both}}, {"DistillationDMLLoss": {"weight": 1.0, **pair}}]
    tree["Loss"] = {"name": "CombinedLoss", "loss_config_list": losses}
    tree["PostProcess"] = {"name": "DistillationCTCLabelDecode", "model_name": STUDENTS, "key": "ctc"}
    tree["Metric"] = {"name": "DistillationMetric", "base_metric_name": "RecMetric", "main_indicator": "acc", "key": "Student"}
    return tree


def cml_tree(pages: Path, folder: Path, world: int, total: int, **over: Any) -> dict[str, Any]:
    """Two detectors and a frozen teacher."""
    tree = cml(pages, folder, **{**QUICK, "Train__loader__batch_size_per_card": total // world, **over})
    teacher = folder.parent / "teacher.safetensors"
    teacher_of(tree, teacher)
    tree["Architecture"]["Models"]["Teacher"]["pretrained"] = str(teacher)
    return tree


DISTILLED = {
    "DML of recognisers, synchronised": (dml_tree, "data", {"Global__use_sync_bn": True, "Global__loss_over_ranks": True}),
    "DML of recognisers, frozen": (dml_tree, "data", {"Global__freeze_bn": True}),
    "CML of detectors, synchronised": (cml_tree, "pages", {"Global__use_sync_bn": True, "Global__loss_over_ranks": True}),
    "CML of detectors, frozen": (cml_tree, "pages", {"Global__freeze_bn": True, "Global__loss_over_ranks": True}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DISTILLED)
def test_distillation_is_equal_to_one_process(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    load_components()
    make, source, over = DISTILLED[name]
    place = request.getfixturevalue(source)
    one = trained(make(place, tmp_path / "one", 1, 4, **over))
    several = in_ranks(2, trained, make(place, tmp_path / "several", 2, 4, **over))
    worst = difference(tmp_path / "one", tmp_path / "several")
    print(f"{name}: {worst:.2e}")
    assert worst < 2e-5
    moments = [value for key, value in state(tmp_path / "several").items() if key.startswith("moments of Student2")]
    assert max(float(value.abs().max()) for value in moments) > 1e-4
    same_losses(tmp_path / "one", tmp_path / "several")
    for last in several:
        assert any(key.startswith("Student2_") for key in last["eval"])
        for key, value in last["eval"].items():
            assert key == "fps" or value == pytest.approx(one["eval"][key])


def trained_until(tree: dict[str, Any], step: int) -> None:
    make = setup.make_hooks
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setup, "make_hooks", lambda run, began: [*make(run, began), StopAt(step)])
        trained(tree)


@pytest.mark.thorough
def test_resume_on_other_numbers_of_ranks(data: Path, tmp_path: Path) -> None:
    """Two ranks, then four, then one, each time within an epoch, are one process."""
    over = {"Global__use_sync_bn": True, "Global__epoch_num": 3, "Global__eval_at_start": False, "Global__eval_at_end": False}
    over["Global__eval_batch_epoch"] = 99
    one, folder = tmp_path / "one", tmp_path / "several"
    trained(rec_tree(data, one, 1, 4, **over))
    in_ranks(2, trained_until, rec_tree(data, folder, 2, 4, **over), 4)
    again = {**over, "Global__checkpoints": str(folder)}
    in_ranks(4, trained_until, rec_tree(data, folder, 4, 4, **again), 9)
    assert torch.load(folder / "latest.ckpt", weights_only=True)["progress"]["batch"] == 3  # of the second epoch
    trained(rec_tree(data, folder, 1, 4, **again))
    a, b = (torch.load(path / "latest.ckpt", weights_only=True) for path in (one, folder))
    assert a["progress"] == b["progress"]
    worst = difference(one, folder)
    print(f"2 -> 4 -> 1: {worst:.2e}")
    assert worst < 2e-5
    same_losses(one, folder)


def test_another_batch_of_all_ranks_is_refused_within_an_epoch(data: Path, tmp_path: Path) -> None:
    over = {"Global__eval_at_start": False, "Global__eval_at_end": False, "Global__eval_batch_epoch": 99}
    trained_until(rec_tree(data, tmp_path / "run", 1, 4, **over), 3)
    tree = rec_tree(data, tmp_path / "run", 1, 4, Global__checkpoints=str(tmp_path / "run"), **over)
    found = in_ranks(2, refused, tree)
    assert re.search(r"CheckpointError.*by 1 processes, 2 now.*samples of a step: \(4,\) .*\(8,\)", found[0], re.DOTALL)
    assert found[1].startswith("PeerError: rank 0 stopped")


def refused(tree: dict[str, Any]) -> str:
    with pytest.raises(OcrError) as error:
        trained(tree)
    return f"{type(error.value).__name__}: {error.value}"


@pytest.mark.thorough
def test_what_one_rank_cannot_read_stops_all_and_is_saved(data: Path, tmp_path: Path) -> None:
    """Rank 1 meets a bad line in the second epoch; the first is kept whole."""
    over = {"Train__dataset__strict": True, "Global__use_sync_bn": True, "Global__epoch_num": 1}
    good = tiny_recipe(data, tmp_path / "run", **{**QUICK, **over, "Train__loader__batch_size_per_card": 2})
    in_ranks(2, trained, good)
    before = torch.load(tmp_path / "run" / "latest.ckpt", weights_only=True)["progress"]["step"]
    over = {**over, "Global__epoch_num": 2, "Global__checkpoints": str(tmp_path / "run")}
    bad = rec_tree(data, tmp_path / "run", 2, 4, **over)
    del bad["Architecture"]["Neck"]["drop_rate"], bad["Architecture"]["Neck"]["attn_drop_rate"]
    found = in_ranks(2, refused, bad)
    assert sorted(text.split(":")[0] for text in found) == ["DataError", "PeerError"]
    progress = torch.load(tmp_path / "run" / "latest.ckpt", weights_only=True)["progress"]
    assert progress["step"] > before and progress["epoch"] == 2 and progress["batch"] > 0


def measured(tree: dict[str, Any]) -> list[tuple[dict[str, float], list[str], int]]:
    load_components()
    found = evaluate(Recipe.from_tree(tree), keep=None)
    return [(e.metrics, [info.path for info, _ in e.lines], e.rejected.total) for e in found]


@pytest.mark.thorough
def test_evaluation_is_the_same_on_all_ranks(data: Path, tmp_path: Path) -> None:
    """Lines in the order of the file, each once, with more ranks than samples in the last batch."""
    trained(tiny_recipe(data, tmp_path / "run", **{**QUICK, "Global__epoch_num": 1}))
    lines = (data / "eval.txt").read_text(encoding="utf-8") + "img/missing.png\t12\n"
    (tmp_path / "eval.txt").write_text(lines, encoding="utf-8")
    over = {"Global__pretrained_model": str(tmp_path / "run"), "Eval__dataset__label_file_list": [str(tmp_path / "eval.txt")]}
    (alone,) = measured(tiny_recipe(data, tmp_path / "other", **over, Eval__loader__batch_size_per_card=2))
    several = in_ranks(3, measured, tiny_recipe(data, tmp_path / "other", **over, Eval__loader__batch_size_per_card=1))
    for (rank,) in several:
        assert rank[1:] == alone[1:] and rank[2] == 1
        assert {k: v for k, v in rank[0].items() if k != "fps"} == pytest.approx(
            {k: v for k, v in alone[0].items() if k != "fps"}, rel=1e-5
        )  # the loss is a float32 of batches of another size
        assert {k: v for k, v in rank[0].items() if k != "fps"} == {k: v for k, v in several[0][0][0].items() if k != "fps"}
