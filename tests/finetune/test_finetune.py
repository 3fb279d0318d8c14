"""`finetune` as people call it: the recipe that it writes, the run, the bundle, and what it says of odd data."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ppocr_like.charset import Charset
from ppocr_like.components import load_components
from ppocr_like.config import Builder, load_recipe
from ppocr_like.contracts import FeatureSpec
from ppocr_like.engine import low_precision, train
from ppocr_like.errors import ConfigError, DataError, ExportError, WeightsError
from ppocr_like.finetune import starts
from ppocr_like.finetune.api import Outcome, finetune
from ppocr_like.finetune.given import look_at
from ppocr_like.finetune.plan import WIDEST, Plan, make_plan
from ppocr_like.finetune.starts import start_of, usual_start
from ppocr_like.modeling.backbones.vgsl import VGSL
from ppocr_like.modeling.heads.vgsl_head import VGSLHead
from ppocr_like.modeling.model import OcrModel
from ppocr_like.weights import load_weights, save_weights
from tests.conftest import TinyRun
from tests.data.lines.pages import archive, write_page
from tests.det_pages import make_pages

ROOT = Path(__file__).parents[2]


def lines(folder: Path, texts: list[str], width: int = 120, height: int = 30) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, text in enumerate(texts):
        image = np.full((height, width, 3), 255, np.uint8)
        cv2.putText(image, text[:8], (3, max(8, height * 3 // 4)), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 2)
        cv2.imwrite(str(folder / f"p{number // 3}_{number}.png"), image)
        rows.append(f"p{number // 3}_{number}.png\t{text}\n")
    (folder / "train.txt").write_text("".join(rows), encoding="utf-8")
    return folder / "train.txt"


def plan_of(path: Path, run: TinyRun, out: Path, **options: Any) -> Plan:
    load_components()
    return make_plan(look_at([str(path)]), start_of(str(run.folder), "rec"), 1.0, out, **options)


def told(plan: Plan) -> str:
    return "\n".join(plan.reasons)


def test_a_recipe_that_can_be_edited_and_checked(tiny_run: TinyRun, tmp_path: Path) -> None:
    path = lines(tmp_path / "data", ["abc", "a b", "xyz"] * 40)
    load_components()
    outcome = finetune([str(path)], tmp_path / "out", minutes=5, start=str(tiny_run.folder), plan_only=True)
    text = outcome.recipe.read_text(encoding="utf-8")
    assert "# - held back: 12 lines of 4 of 40 pages" in text and "batch_size_per_card: 8\n" in text
    recipe = load_recipe(outcome.recipe)
    Builder(recipe).check()
    assert recipe.globals.max_minutes == 5 and recipe.globals.charset_resize == "union"
    rows = [(tmp_path / "out" / name).read_text(encoding="utf-8").splitlines() for name in ("train.txt", "held_back.txt")]
    assert len(rows[0]) == 108 and len(rows[1]) == 12 and sorted(rows[0] + rows[1]) == sorted(path.read_text().splitlines())
    assert (tmp_path / "out" / "dict.txt").read_text(encoding="utf-8") == "a\nb\nc\nx\ny\nz\n"


@pytest.mark.parametrize("cost", [0.4, 0.9, 6.0])
def test_bfloat16_where_it_saves_time(cost: float, tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(low_precision, "bfloat16_cost", lambda: cost)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    path = lines(tmp_path / "data", ["abc", "a b", "xyz"] * 40)
    outcome = finetune([str(path)], tmp_path / "out", minutes=5, start=str(tiny_run.folder), plan_only=True)
    taken = "# - bfloat16: this processor computes in it in 0.4 of the time of float32" in outcome.recipe.read_text(
        encoding="utf-8"
    )
    assert taken == load_recipe(outcome.recipe).globals.use_amp == (cost == 0.4)


def test_processes_share_a_step(tiny_run: TinyRun, tmp_path: Path) -> None:
    path = lines(tmp_path / "data", ["abc", "a b", "xyz"] * 40)
    for wanted, processes, batch in [(1, None, 8), (2, 2, 4), (3, 3, 4)]:
        made = plan_of(path, tiny_run, tmp_path / "out", processes=wanted)
        loader = made.tree["Train"]["loader"]
        assert (made.tree["Global"].get("processes"), loader["batch_size_per_card"]) == (processes, batch)
        assert (f"{wanted} processes, of which each takes {batch} lines" in told(made)) == (wanted > 1)


@pytest.mark.parametrize("count", [0, -2])
def test_a_number_of_processes_that_is_none(count: int, tiny_run: TinyRun, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"--processes.*is {count}; 1 or more are needed"):
        finetune([str(lines(tmp_path / "data", ["abc"] * 30))], tmp_path / "out", processes=count)


@pytest.mark.parametrize("processes", [1, 2])
def test_the_whole_way(processes: int, tmp_path: Path) -> None:
    """By the command, in a process of its own: recipe, training, bundle, before and after."""
    path = lines(tmp_path / "data", ["abc", "a b", "X\u2603z"] * 10)
    command = [
        sys.executable,
        str(ROOT / "tools" / "finetune.py"),
        str(path),
        "--minutes",
        "0.1",
        f"--processes={processes}",
        "--start",
        str(ROOT / "pretrained" / "svtr_small.safetensors"),
    ]
    out = tmp_path / "out"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, "--out", str(out)], env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert ("2 processes, of which each takes 4 lines" in done.stderr) == (processes == 2)
    assert "held back, before -> after" in done.stdout and "cer" in done.stdout
    assert "6 different characters in the labels, 5 of them known to the start; new: \u2603" in done.stderr
    assert (out / "inference" / "model.onnx").exists() and (out / "best_accuracy.safetensors").exists()
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["clock"]["asked_minutes"] == pytest.approx(0.1)
    again = subprocess.run([*command, "--out", str(out)], env=environment, capture_output=True, text=True, timeout=240)
    assert again.returncode == 2 and "recipe.yml" in again.stderr and "choose another folder" in again.stderr


def test_a_training_that_won_nothing_leaves_the_start(tmp_path: Path) -> None:
    """A rate that ruins any network: the run's best weights are the start's, with what they had read, and it is told."""
    load_components()
    path, out = lines(tmp_path / "data", ["abc", "a b", "cab"] * 10), tmp_path / "out"
    shipped = "pretrained/svtr_small.safetensors"
    finetune([str(path)], out, minutes=0.05, start=str(ROOT / shipped), plan_only=True)
    changed = ["Optimizer.lr.learning_rate=5.0", "Optimizer.lr.warmup=0", "Global.max_minutes=null", "Global.max_steps=4"]
    result = train(load_recipe(out / "recipe.yml", changed))
    assert result.best.step == 0 and result.best.metrics == result.first["eval"]
    kept, start = load_file(out / "best_accuracy.safetensors"), load_file(ROOT / shipped)
    same = {name for name in start if name in kept and kept[name].shape == start[name].shape}
    assert len(same) > len(start) / 2 and all(torch.equal(kept[name], start[name]) for name in same)
    outcome = Outcome(out / "recipe.yml", Plan({"Metric": {"main_indicator": "norm_edit_dis"}}), result)
    assert outcome.lines()[-1].startswith("training won nothing on the held-back part (norm_edit_dis)")
    again = train(load_recipe(out / "recipe.yml", [*changed, "Global.keep_start=false", "Global.overwrite=true"]))
    assert again.best.step == 4 and len(replace(outcome, result=again).lines()) == 2


def test_ten_lines(tiny_run: TinyRun, tmp_path: Path) -> None:
    plan = plan_of(lines(tmp_path / "data", ["abc"] * 10), tiny_run, tmp_path / "out")
    assert "10 lines are too few to hold some back" in told(plan) and "batches of 4: of 10 lines" in told(plan)
    assert plan.tree["Global"]["eval_batch_epoch"] == 4  # as many lines are measured as are trained on


def test_labels_all_upper_case(tiny_run: TinyRun, tmp_path: Path) -> None:
    plan = plan_of(lines(tmp_path / "data", ["ABC 1", "A"] * 20), tiny_run, tmp_path / "out")
    assert "4 different characters in the labels, 1 of them known to the start; new: A, B, C" in told(plan)
    assert "the labels are all upper case" in told(plan)


def test_new_characters_that_no_terminal_shows_are_told_by_number(tiny_run: TinyRun, tmp_path: Path) -> None:
    plan = plan_of(lines(tmp_path / "data", ["a\ue42c", "\u0364b", "c"]), tiny_run, tmp_path / "out")
    assert "U+0364, U+E42C" in told(plan)


def test_a_start_that_knows_none_of_the_characters(tiny_run: TinyRun, tmp_path: Path) -> None:
    plan = plan_of(lines(tmp_path / "data", ["\u05d0\u05d1", "\u05d2"] * 20), tiny_run, tmp_path / "out")
    assert "the start reads none of the labels' characters" in told(plan)


@pytest.mark.parametrize(
    ("width", "height", "said", "widest"),
    [
        (20, 5, r"(\d+) of \1 lines are lower than 12 px", 320),
        (9000, 500, r"canvases of 320 to 896 px", 896),
        (30, 300, r"(\d+) of \1 images are higher than wide", 320),
        (9000, 48, r"\d+ wider lines are squeezed", WIDEST),
    ],
)
def test_odd_sizes(width: int, height: int, said: str, widest: int, tiny_run: TinyRun, tmp_path: Path) -> None:
    plan = plan_of(lines(tmp_path / "data", ["abc"] * 44, width, height), tiny_run, tmp_path / "out")
    assert re.search(said, told(plan))
    assert plan.tree["Train"]["loader"]["bucket_by_width"]["max_width"] == widest


def test_labels_without_a_character(tiny_run: TinyRun, tmp_path: Path) -> None:
    path = lines(tmp_path / "data", [" "] * 30)
    with pytest.raises(DataError, match="hold no characters"):
        plan_of(path, tiny_run, tmp_path / "out")


def test_starts_that_cannot_be(tiny_run: TinyRun, ink_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_components()
    with pytest.raises(WeightsError, match="holds weights of model_type rec, and the labels are for det"):
        start_of(str(tiny_run.folder), "det")
    with pytest.raises(WeightsError, match="not found"):
        start_of(str(tmp_path / "none.safetensors"), "rec")
    with pytest.raises(ConfigError):
        start_of(str(tiny_run.folder), "rec", str(tmp_path / "none.yml"))
    monkeypatch.setattr(starts, "PRETRAINED", tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(WeightsError, match=r"no weights to start from: name them \(--start FILE\), or pip install rapidocr"):
        usual_start("rec")


def test_a_time_that_is_none(tiny_run: TinyRun, tmp_path: Path) -> None:
    path = lines(tmp_path / "data", ["abc"] * 30)
    for minutes in (0, -3, float("inf"), float("nan")):
        with pytest.raises(ConfigError, match=rf"--minutes: is {minutes:g}; a number above 0 is needed"):
            finetune([str(path)], tmp_path / "out", minutes=minutes, start=str(tiny_run.folder))


def test_images_that_are_none(tiny_run: TinyRun, tmp_path: Path) -> None:
    path = lines(tmp_path / "data", ["abc"] * 30)
    for image in path.parent.glob("*.png"):
        image.write_text("no image", encoding="utf-8")
    with pytest.raises(DataError, match=r"none of the 27 images can be read, the first is .*p0_0.png; are they images"):
        plan_of(path, tiny_run, tmp_path / "out")


def test_what_is_held_back_stays_where_the_data_are_moved(tiny_run: TinyRun, tmp_path: Path) -> None:
    held = set()
    for place in ("here", "there", "at/last", "and/a/fourth"):
        out = tmp_path / place / "out"
        plan = plan_of(lines(tmp_path / place / "data", ["abc"] * 60), tiny_run, out)
        rows = next(content for path, content in plan.files.items() if path.name == "held_back.txt").decode().splitlines()
        held.add(tuple(sorted(Path(row.split("\t")[0]).name for row in rows)))
    assert len(held) == 1


def test_pages_with_boxes_get_a_detector(tmp_path: Path) -> None:
    make_pages(tmp_path)
    load_components()
    outcome = finetune([str(tmp_path / "train.txt")], tmp_path / "out", minutes=5, plan_only=True)
    recipe = load_recipe(outcome.recipe)
    Builder(recipe).check()
    assert recipe.get("Architecture.model_type") == "det" and "character_dict_path" not in recipe.tree["Global"]
    own = load_recipe(ROOT / "configs" / "det" / "db_mv3_pretrain.yml").tree["PostProcess"]
    assert recipe.tree["PostProcess"] == own  # of the start's own recipe
    weights = load_weights(str(ROOT / "pretrained" / "db_mv3.safetensors"))
    other = {**(weights.recipe or {}), "PostProcess": {"name": "DBPostProcess", "unclip_ratio": 2.0}}
    save_weights(tmp_path / "other.safetensors", weights.state, {"recipe": other})
    outcome = finetune([str(tmp_path / "train.txt")], tmp_path / "out2", minutes=5, plan_only=True, start=str(tmp_path / "other"))
    post = load_recipe(outcome.recipe).tree["PostProcess"]
    assert (post["unclip_ratio"], post["use_dilation"], post["score_mode"]) == (2.0, False, "fast")


@pytest.mark.parametrize(
    ("pages", "said"),
    [(5, "held back: 6 lines of 1 of 5 pages"), (3, "a tenth of the 3 pages"), (1, "for there is one page alone")],
)
def test_pages_in_xml(pages: int, said: str, tiny_run: TinyRun, tmp_path: Path) -> None:
    manifest = archive(tmp_path, pages, 6)
    load_components()
    outcome = finetune([manifest], tmp_path / "out", minutes=5, start=str(tiny_run.folder), plan_only=True)
    assert said in told(outcome.plan)
    recipe = load_recipe(outcome.recipe)
    Builder(recipe).check()
    sizes = [len(Builder(recipe).dataset(section)) for section in ("Train", "Eval")]
    assert all(sizes) and sum(sizes) == 6 * pages


def test_pages_with_few_lines_do_not_judge_alone(tiny_run: TinyRun, tmp_path: Path) -> None:
    """A title page of two lines would decide which weights are kept."""
    for number in range(30):
        write_page(tmp_path, f"p{number}", [f"line {row}" for row in range(1 if number % 2 else 3)])
    (tmp_path / "all.txt").write_text("".join(f"p{number}.xml\n" for number in range(30)))
    load_components()
    outcome = finetune([str(tmp_path / "all.txt")], tmp_path / "out", minutes=5, start=str(tiny_run.folder), plan_only=True)
    recipe = load_recipe(outcome.recipe)
    train, judged = (Builder(recipe).dataset(section) for section in ("Train", "Eval"))
    assert 6 <= len(judged) <= 16 and len(train) + len(judged) == 60  # a tenth of the lines at least
    pages = [{data.info(n).file for n in range(len(data))} for data in (train, judged)]
    assert not pages[0] & pages[1]


def test_pages_in_xml_get_a_detector_where_it_is_asked_for(tmp_path: Path) -> None:
    manifest = archive(tmp_path, 6, 3)
    load_components()
    said: list[str] = []
    outcome = finetune([manifest], tmp_path / "out", minutes=5, task="det", plan_only=True, say=said.append)
    recipe = load_recipe(outcome.recipe)
    Builder(recipe).check()
    assert recipe.get("Architecture.model_type") == "det" and "boxes: 18" in said[0]
    sizes = [len(Builder(recipe).dataset(section)) for section in ("Train", "Eval")]
    assert all(sizes) and sum(sizes) == 6


def test_a_page_that_cannot_be_read_is_counted_for_a_detector_too(tmp_path: Path) -> None:
    manifest = archive(tmp_path, 6, 3)
    (tmp_path / "p1.xml").write_text("<PcGts>")
    load_components()
    said: list[str] = []
    finetune([manifest], tmp_path / "out", minutes=5, task="det", plan_only=True, say=said.append)
    assert "boxes: 15" in said[0] and "broken record" in said[0] and "p1.xml" in said[0]


@pytest.mark.parametrize(
    ("task", "message"), [("det", "pages with boxes .*, or pages in XML are needed"), ("rec", "lines .* are needed")]
)
def test_data_of_the_other_task(task: Literal["rec", "det"], message: str, tmp_path: Path) -> None:
    make_pages(tmp_path)
    given = tmp_path / "train.txt" if task == "rec" else lines(tmp_path / "data", ["a", "b"])
    load_components()
    with pytest.raises(DataError, match=f"cannot be used with --task {task}.*{message}"):
        finetune([str(given)], tmp_path / "out", task=task, plan_only=True)
    assert not (tmp_path / "out").exists()


def test_seven_thousand_characters_for_three_hundred_lines(tiny_run: TinyRun, tmp_path: Path) -> None:
    texts = ["".join(chr(0x4E00 + number) for number in range(start, start + 24)) for start in range(0, 7200, 24)]
    plan = plan_of(lines(tmp_path / "data", texts), tiny_run, tmp_path / "out")
    found = re.search(r"(\d+) of the \1 characters stand fewer than 3 times in the labels", told(plan))
    assert found and int(found[1]) > 6000


def test_a_disk_that_is_full_at_the_export(tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ppocr_like.finetune import api

    def full(*_: object, **__: object) -> None:
        raise ExportError("cannot write the bundle: No space left on device")

    monkeypatch.setattr(api, "export", full)
    monkeypatch.setattr(api, "train", lambda *_: None)
    path = lines(tmp_path / "data", ["abc"] * 30)
    with pytest.raises(ExportError, match=r"No space left on device; the trained weights are kept in .*tools/export.py -c"):
        finetune([str(path)], tmp_path / "out", minutes=1, start=str(tiny_run.folder))


def test_a_network_of_krakens_keeps_its_lines(tiny_run: TinyRun, tmp_path: Path) -> None:
    load_components()
    spec = "[1,24,0,1 Cr3,3,4 Mp2,2 S1(1x0)1,3 Lbx6 O1c9]"
    backbone = VGSL(FeatureSpec(1), spec)
    charset = Charset(["a", "b", "c"], False)
    model = OcrModel(None, backbone, None, VGSLHead(backbone.out_spec, charset.num_classes))
    line = {"height": 24, "channels": 1, "padding": 4, "mode": "L"}
    network = {"model_type": "rec", "Backbone": {"name": "VGSL", "spec": spec}, "Head": {"name": "VGSLHead"}}
    recipe = {"Architecture": network, "Eval": {"dataset": {"transforms": [{"KrakenLine": line}]}}}
    save_weights(tmp_path / "net.safetensors", model.state_dict(), {"recipe": recipe, "charset": charset})
    path = lines(tmp_path / "data", ["abc"] * 40)
    outcome = finetune([str(path)], tmp_path / "out", minutes=1, start=str(tmp_path / "net.safetensors"), plan_only=True)
    found = load_recipe(outcome.recipe)
    Builder(found).check()
    for section in ("Train", "Eval"):
        steps = found.tree[section]["dataset"]["transforms"]
        assert {"KrakenLine": line} in steps and "valid_width" in steps[-1]["KeepKeys"]["keep_keys"]


@pytest.mark.parametrize(("task", "name"), [("rec", "ppocrv6_small_rec_ft"), ("det", "ppocrv6_small_det_ft")])
def test_the_networks_of_rapidocr_are_those_of_the_recipes(task: str, name: str) -> None:
    tree = load_recipe(ROOT / "configs" / task / f"{name}.yml").tree
    assert starts._OF_ONNX[task] == tree["Architecture"]
    assert tree["Optimizer"]["lr"]["learning_rate"] == starts._SLOWER[task]
    if task == "det":
        assert starts._DET_THRESHOLDS.items() <= tree["PostProcess"].items()
