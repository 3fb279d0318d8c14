"""The loss on evaluation sets: what it is, that batches and ranks do not matter, and a rate that follows it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from det_pages import det_recipe
from safetensors import safe_open

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.data.loader import build_loader
from ppocr_like.engine import evaluate, train
from ppocr_like.engine.averaging import MetricSchedule
from ppocr_like.engine.eval_loss import joined, told
from ppocr_like.errors import TrainingError
from ppocr_like.losses.ctc_loss import CTCLoss
from ppocr_like.modeling.distillation import DistillationModel
from ppocr_like.modeling.heads.cls_head import ClsHead
from ppocr_like.modeling.heads.ctc_head import CTCHead
from ppocr_like.modeling.heads.db_head import DBHead
from ppocr_like.modeling.heads.multi_head import MultiHead
from ppocr_like.modeling.heads.nrtr_head import Transformer
from ppocr_like.modeling.heads.sar_head import SARHead
from ppocr_like.weights import save_weights
from tests.marks import first
from tests.processes import in_ranks

from .helpers import EVAL, StopAt, records, run, tiny_recipe, write_recipe
from .test_classifier import lines, recipe  # noqa: F401 (a fixture)
from .test_distillation import STUDENTS, cml
from .test_multi_head import CTC, GUIDES

MAPS = ["threshold_map", "threshold_mask", "shrink_map", "shrink_mask"]
HEADS_ALONE = (DistillationModel, ClsHead, CTCHead, DBHead, MultiHead, Transformer, SARHead)
SHRINK = {"shrink_ratio": 0.4, "min_text_size": 4}


def rec_tree(data: Path, folder: Path, **over: Any) -> dict[str, Any]:
    """Two of the lines cannot be used: one has no image, of one the label cannot be encoded."""
    labels = folder / "labels.txt"
    good = (data / "eval.txt").read_text(encoding="utf-8")
    labels.write_text(f"img/none.png\t123\n{good}img/eval_0.png\txyz\n", encoding="utf-8")
    return tiny_recipe(data, folder / "run", **{"Eval__dataset__label_file_list": [str(labels)], **over})


def guided_tree(name: str, data: Path, folder: Path) -> dict[str, Any]:
    guide, encode, label = GUIDES[name]
    tree = rec_tree(data, folder)
    tree["Architecture"].pop("Neck")
    tree["Architecture"]["Head"] = {"name": "MultiHead", "head_list": [CTC, guide]}
    tree["Loss"] = {"name": "MultiLoss", "loss_config_list": [{"CTCLoss": None}, {f"{name}Loss": None}]}
    for section in ("Train", "Eval"):
        chain = [step for step in tree[section]["dataset"]["transforms"] if "CTCLabelEncode" not in step]
        chain[-1] = {"KeepKeys": {"keep_keys": ["image", "label_ctc", label, "length", "valid_ratio"]}}
        tree[section]["dataset"]["transforms"] = [chain[0], encode, *chain[1:]]
    return tree


def distilled_tree(data: Path, folder: Path) -> dict[str, Any]:
    """Two recognisers; evaluation reads one of them alone."""
    tree = rec_tree(data, folder)
    arch = tree["Architecture"]
    node = {part: arch.pop(part) for part in ("Transform", "Backbone", "Neck", "Head")}
    teacher = {**copy.deepcopy(node), "freeze_params": True, "return_all_feats": True}
    arch.update(name="DistillationModel", Models={"Teacher": teacher, "Student": {**node, "return_all_feats": True}})
    pair = {"model_name_pairs": ["Student", "Teacher"], "key": "ctc", "act": "softmax", "use_log": True}
    losses = [
        {"DistillationCTCLoss": {"weight": 1.0, "model_name_list": ["Student"], "key": "ctc"}},
        {"DistillationDMLLoss": {"weight": 0.5, **pair}},
        {"DistillationDistanceLoss": {"weight": 2.0, "model_name_pairs": ["Student", "Teacher"], "key": "backbone_out"}},
    ]
    tree["Loss"] = {"name": "CombinedLoss", "loss_config_list": losses}
    tree["PostProcess"] = {"name": "DistillationCTCLabelDecode", "model_name": ["Student"], "key": "ctc"}
    tree["Metric"] = {"name": "DistillationMetric", "base_metric_name": "RecMetric", "main_indicator": "acc", "key": "Student"}
    return tree


def with_maps(tree: dict[str, Any]) -> dict[str, Any]:
    """A detector's recipe whose evaluation draws the target maps."""
    chain = tree["Eval"]["dataset"]["transforms"]
    chain.insert(3, {"MakeEvalMaps": {"maps": [{"MakeBorderMap": {"shrink_ratio": 0.4}}, {"MakeShrinkMap": SHRINK}]}})
    chain[-1]["KeepKeys"]["keep_keys"] += MAPS
    return tree


def tree_of(kind: str, request: pytest.FixtureRequest, folder: Path) -> dict[str, Any]:
    if kind == "cls":
        return recipe(request.getfixturevalue("lines"), folder / "run")
    source = request.getfixturevalue("pages" if "det" in kind else "data")
    make: dict[str, Callable[[], dict[str, Any]]] = {
        "rec": lambda: rec_tree(source, folder),
        "rec, SAR": lambda: guided_tree("SAR", source, folder),
        "rec, NRTR": lambda: guided_tree("NRTR", source, folder),
        "rec, distilled": lambda: distilled_tree(source, folder),
        "det": lambda: with_maps(det_recipe(source, folder / "run")),
        "det, distilled": lambda: with_maps(cml(source, folder / "run")),
    }
    return make[kind]()


KINDS = ("rec", "rec, SAR", "rec, NRTR", "rec, distilled", "cls", "det", "det, distilled")


def with_weights(tree: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The recipe with weights of its own, whose batch norms know something."""
    load_components()
    torch.manual_seed(3)
    builder = Builder(Recipe.from_tree(tree))
    model = builder.model()
    for name, value in model.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            value.uniform_(0.1, 1.0)
    charset = {"charset": builder.charset.to_metadata()} if builder.charset is not None else {}
    save_weights(folder / "net.safetensors", model.state_dict(), charset)
    tree["Global"].update(pretrained_model=str(folder / "net.safetensors"))
    return tree


def measured(tree: dict[str, Any], batch: int = 4) -> dict[str, float]:
    load_components()
    tree = copy.deepcopy(tree)
    tree["Eval"]["loader"].update(batch_size_per_card=batch, num_workers=0)
    (evaluation,) = evaluate(Recipe.from_tree(tree))
    return {name: value for name, value in evaluation.metrics.items() if name != "fps"}


def by_hand(tree: dict[str, Any]) -> tuple[dict[str, float], int]:
    """Sums of the losses of each sample, in a batch of its own, with the network in evaluation but for its heads."""
    recipe = Recipe.from_tree(tree)
    builder = Builder(recipe)
    model, loss = builder.model(), builder.loss()
    with safe_open(tree["Global"]["pretrained_model"], "pt") as file:
        model.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    model.eval()
    for module in model.modules():
        if isinstance(module, HEADS_ALONE):
            module.training = True
    config = replace(builder.loader("Eval"), batch_size_per_card=1, num_workers=0)
    sums: dict[str, float] = {}
    count = 0
    with build_loader(builder.dataset("Eval"), config, seed=1, train=False) as loader, torch.no_grad():
        for batch in loader.batches(0):
            if batch["info"]:
                count += 1
                for name, value in loss(model(batch["image"], {n: batch[n] for n in batch if n in _names(model)}), batch).items():
                    sums[name] = sums.get(name, 0.0) + float(value)
    return sums, count


def _names(model: Any) -> list[str]:
    return [name for need in model.needs for name in need.split("|")]


@pytest.mark.parametrize("kind", first(KINDS, 2))
def test_it_is_the_mean_over_the_samples_whatever_the_batches(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    tree = with_weights(tree_of(kind, request, tmp_path), tmp_path)
    found = measured(tree)
    sums, count = by_hand(tree)
    assert count == {"cls": 24}.get(kind, EVAL if "rec" in kind else 5)  # what is rejected takes no part
    wanted = {name: value if name.startswith("count/") else value / count for name, value in sums.items()}
    assert wanted["loss"] > 0.01
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=1e-4, abs=1e-6)
    for batch in (1, 3, 50):
        assert measured(tree, batch) == pytest.approx(found, rel=1e-4, abs=1e-6)
    tree["Global"]["eval_loss"] = False
    without = measured(tree)
    assert not without.keys() & wanted.keys()
    assert without == {name: value for name, value in found.items() if name not in wanted}


def test_of_ctc_it_is_the_loss_of_the_batches_weighted_by_their_samples(data: Path, tmp_path: Path) -> None:
    tree = with_weights(rec_tree(data, tmp_path), tmp_path)
    builder = Builder(Recipe.from_tree(tree))
    model = builder.model()
    with safe_open(tree["Global"]["pretrained_model"], "pt") as file:
        model.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    model.eval()
    config, total = replace(builder.loader("Eval"), num_workers=0), 0.0
    with build_loader(builder.dataset("Eval"), config, seed=1, train=False) as loader, torch.no_grad():
        for batch in loader.batches(0):
            logits = model.head.fc(model.neck(model.backbone(batch["image"])))
            total += float(CTCLoss()({"ctc": logits}, batch)["loss"]) * len(batch["info"])
    assert measured(tree)["loss"] == pytest.approx(total / EVAL, rel=1e-5)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["rec, NRTR", "det"])
def test_ranks_do_not_matter(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    tree = with_weights(tree_of(kind, request, tmp_path), tmp_path)
    found = in_ranks(2, measured, tree, 2)
    assert found[0] == found[1]
    assert found[0] == pytest.approx(measured(tree), rel=1e-5, abs=1e-6) and found[0]["loss"] > 0.01


def test_the_maps_are_drawn_at_the_size_that_the_network_sees(pages: Path, tmp_path: Path) -> None:
    """Against the training chain's steps on polygons put to that size here; what the metric reads stays as it was."""
    load_components()
    plain, mapped = det_recipe(pages, tmp_path / "run"), with_maps(det_recipe(pages, tmp_path / "run"))
    for tree in (plain, mapped):
        tree["Eval"]["dataset"]["transforms"][2]["DetResizeForTest"] = {"image_shape": [192, 96]}
    found = []
    for tree in (plain, mapped):
        builder = Builder(Recipe.from_tree(tree))
        config = replace(builder.loader("Eval"), batch_size_per_card=1, num_workers=0)
        with build_loader(builder.dataset("Eval"), config, seed=1, train=False) as loader:
            found.append(list(loader.batches(0)))
    for before, after in zip(*found, strict=True):
        assert all(torch.equal(torch.as_tensor(before[n][0]), torch.as_tensor(after[n][0])) for n in ("polys", "ignore_tags"))
        polys, shape = torch.as_tensor(before["polys"][0]).double(), before["shape"][0]
        text = after["shrink_map"][0]
        assert text.shape == (192, 96) and text.sum() > 100
        for poly, ignored in zip(polys * shape[[3, 2]], before["ignore_tags"][0], strict=True):
            x, y = poly.mean(0).round().long().tolist()
            left, right = poly[:, 0].min(), poly[:, 0].max()
            assert text[y, x] == (not ignored) and after["shrink_mask"][0][y, x] == (not ignored)
            row = text[y].nonzero().flatten()
            assert ignored or (left < row.min() < left + 12 and right - 12 < row.max() < right)


# -- in a run ----------------------------------------------------------------------------------------------------------

PLATEAU = {"name": "ReduceLROnPlateau", "learning_rate": 1e-3, "factor": 0.5, "patience": 0, "threshold": 0.5, "follow": "loss"}


def test_a_rate_follows_the_loss_and_goes_on_after_a_stop(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_components()
    over = {
        "Optimizer__lr": PLATEAU,
        "Global__eval_batch_step": 2,
        "Train__loader__num_workers": 0,
        "Global__cal_metric_during_train": False,
    }
    heard: list[float] = []
    observe = MetricSchedule.after_evaluation

    def listening(self: MetricSchedule, run: Any, evaluations: Any) -> None:
        heard.append(evaluations[0].metrics["loss"])
        observe(self, run, evaluations)

    monkeypatch.setattr(MetricSchedule, "after_evaluation", listening)
    train(Recipe.from_tree(tiny_recipe(data, tmp_path / "whole", **over)))
    evaluations = [record for record in records(tmp_path / "whole") if record["kind"] == "eval"]
    assert [record["loss"] for record in evaluations] == heard and len(set(heard)) == len(heard)
    rates = [record["lr"] for record in records(tmp_path / "whole") if record["kind"] == "train"]
    best, rate, wanted = float("inf"), 1e-3, [1e-3, 1e-3]  # the first evaluation, at the start, does not count
    for value in heard[1:]:
        better = value < best * 0.5
        best, rate = (value, rate) if better else (best, rate / 2)
        wanted += [rate, rate]
    assert rates == pytest.approx(wanted[: len(rates)]) and rates[-1] < 1e-3

    from ppocr_like.engine import setup

    make = setup.make_hooks
    with monkeypatch.context() as patch:
        patch.setattr(setup, "make_hooks", lambda run, began: [*make(run, began), StopAt(5)])
        train(Recipe.from_tree(tiny_recipe(data, tmp_path / "cut", **{**over, "Global__eval_at_end": False})))
    again = {**over, "Global__checkpoints": str(tmp_path / "cut")}
    train(Recipe.from_tree(tiny_recipe(data, tmp_path / "cut", **again)))
    states = [torch.load(tmp_path / name / "latest.ckpt", weights_only=True)["hooks"]["schedule"] for name in ("whole", "cut")]
    assert states[0] == states[1] and states[0]["follow"] == "loss" and states[0]["best"] == pytest.approx(min(heard[1:]), rel=1)


def test_all_that_a_run_writes_has_it(data: Path, tmp_path: Path) -> None:
    tree = tiny_recipe(data, tmp_path / "run", Global__epoch_num=1, Train__loader__num_workers=0)
    printed = run("train", write_recipe(tmp_path / "recipe.yml", tree))
    (record,) = [r for r in records(tmp_path / "run") if r["kind"] == "eval" and r["global_step"] > 0]
    assert f"loss: {record['loss']:.6g}" in printed and "-> " in printed.split("loss ")[-1] and "count/" not in printed
    result = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["result"]
    assert result["last"]["eval"]["loss"] == record["loss"] and result["last"]["eval"]["count/infeasible"] == 0
    with safe_open(tmp_path / "run" / "best_accuracy.safetensors", "pt") as file:
        assert json.loads(file.metadata()["metrics"])["eval"]["loss"] == record["loss"]
    printed = run("eval", tmp_path / "recipe.yml", f"Global.pretrained_model={tmp_path / 'run'}")
    assert f"loss: {record['loss']:.6g}" in printed


def test_weights_without_the_guide_have_no_loss(data: Path, tmp_path: Path) -> None:
    tree = with_weights(guided_tree("NRTR", data, tmp_path), tmp_path)
    path = Path(tree["Global"]["pretrained_model"])
    with safe_open(path, "pt") as file:
        kept = {name: file.get_tensor(name) for name in file.keys() if "gtc" not in name}  # noqa: SIM118
        save_weights(path, kept, {"charset": json.loads(file.metadata()["charset"])})
    assert "loss" not in measured(tree) and "acc" in measured(tree)
    tree["Global"]["eval_loss"] = True
    with pytest.raises(TrainingError, match=r"Global\.eval_loss: true, but .* does not hold what the loss needs"):
        measured(tree)


def test_losses_that_are_no_numbers_are_said(caplog: pytest.LogCaptureFixture) -> None:
    assert told({}, "eval") == {}
    shares = [{"loss": [1.0], "count/x": [2.0]}, {}, {"loss": [2.0], "count/x": [1.0]}]
    assert told(joined(shares), "eval") == {"loss": 1.5, "count/x": 3.0}
    assert told({"loss": [1.0, float("nan"), float("inf")]}, "target") == {}
    assert "target: the loss of 2 samples is not finite" in caplog.text


def test_students_are_both_told(pages: Path, tmp_path: Path) -> None:
    tree = with_weights(with_maps(cml(pages, tmp_path / "run")), tmp_path)
    assert all(any(name.startswith(f"db_{student}_") for name in measured(tree)) for student in STUDENTS)
