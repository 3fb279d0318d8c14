"""The table of tasks; and a task that enters by adding files alone, used through the command lines as any other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from ppocr_like.config import Builder, Recipe
from ppocr_like.doctor.examine import examine
from ppocr_like.errors import ConfigError, ExportError, WeightsError
from ppocr_like.export.exporter import exporter_class
from ppocr_like.pipeline.runner import runner_class
from ppocr_like.tasks import TASKS, Task, enter, task_of

ROOT = Path(__file__).parents[1]
SIDE, SQUARE, IMAGES = 32, 4, 24  # px, px, number


def test_the_table() -> None:
    assert [(task.name, task.reads_text, task.pages) for task in TASKS.values()][:3] == [
        ("rec", True, False),
        ("det", False, True),
        ("cls", False, False),
    ]
    assert task_of("det") is TASKS["det"] and task_of("dat") is task_of(None) is task_of(["det"]) is TASKS["rec"]
    assert enter(TASKS["cls"]) is TASKS["cls"]
    with pytest.raises(KeyError, match="'cls' is entered twice"):
        enter(replace(TASKS["cls"], pages=True))


def test_a_task_without_its_parts_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "bare", Task("bare", "x"))
    with pytest.raises(WeightsError, match="model_type 'bare' cannot be run here; known: rec, det, cls"):
        runner_class("bare")
    with pytest.raises(ExportError, match="model_type 'bare' cannot be exported; known: rec, det, cls"):
        exporter_class("bare")
    with pytest.raises(ConfigError, match=r"Architecture\.model_type: is bare, and nobody examines data of that task"):
        examine(Builder(Recipe.from_tree({"Architecture": {"model_type": "bare"}})))


def test_a_task_says_which_sections_its_recipes_need(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = ("Global", "Optimizer", "Architecture", "Loss", "Train")
    monkeypatch.setitem(TASKS, "bare", Task("bare", "x", sections=needed))
    for name, sections in (("bare", set(needed)), ("cls", {*needed, "PostProcess", "Metric", "Eval"})):
        recipe = Recipe.from_tree({"Architecture": {"model_type": name}})
        with pytest.raises(ConfigError) as error:
            Builder(recipe).check()
        missing = {problem.path for problem in error.value.problems if problem.message == "the section is missing"}
        assert missing == sections - {"Architecture"}


def squares(folder: Path) -> Path:
    """Images with up to four black squares, and a label file of their numbers."""
    rng, labels = np.random.default_rng(0), []
    for number in range(IMAGES):
        image = np.full((SIDE, SIDE, 3), 255, np.uint8)
        places = rng.choice((SIDE // SQUARE) ** 2, number % 5, replace=False)
        for row, column in zip(*divmod(places, SIDE // SQUARE), strict=True):
            image[row * SQUARE :, column * SQUARE :][:SQUARE, :SQUARE] = 0
        cv2.imwrite(str(folder / f"{number}.png"), image)
        labels.append(f"{number}.png\t{number % 5}\n")
    (folder / "squares.txt").write_text("".join(labels), encoding="utf-8")
    (folder / "wrong.txt").write_text("1.png\t1\n2.png\tmany\n", encoding="utf-8")
    return folder / "squares.txt"


def recipe(folder: Path) -> Path:
    loader = {"batch_size_per_card": 8, "num_workers": 0, "drop_last": False}
    dataset = {
        "name": "SimpleDataSet",
        "data_dir": str(folder),
        "label_file_list": [str(squares(folder))],
        "transforms": [
            {"DecodeImage": {"img_mode": "BGR", "channel_first": False}},
            {"CountEncode": None},
            {"ClsResizeImg": {"image_shape": [3, SIDE, SIDE]}},
            {"KeepKeys": {"keep_keys": ["image", "label"]}},
        ],
    }
    tree = {
        "Global": {
            "plugins": ["tests.black_squares"],
            "epoch_num": 20,
            "save_model_dir": str(folder / "run"),
            "save_inference_dir": str(folder / "bundle"),
            "eval_batch_epoch": 20,
            "device": "cpu",
            "num_threads": 1,
        },
        "Optimizer": {"name": "Adam", "lr": {"name": "Const", "learning_rate": 0.05}},
        "Architecture": {
            "model_type": "count",
            "Backbone": {"name": "Darkness"},
            "Head": {"name": "CountHead", "unit": SQUARE**2},
        },
        "Loss": {"name": "SquaredError"},
        "PostProcess": {"name": "Rounded"},
        "Metric": {"name": "CountMetric"},
        "Train": {"dataset": dataset, "loader": {**loader, "shuffle": True}},
        "Eval": {"dataset": dataset, "loader": {**loader, "shuffle": False}},
    }
    path = folder / "squares.yml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    return path


def commands(*calls: tuple[int, list[str]]) -> str:
    """What commands print that give these statuses, one after the other in a process of their own, which then knows the task."""
    code = "import json, sys; from ppocr_like.cli.door import main\n"
    code += "for status, call in json.loads(sys.argv[1]): assert main(call) == status, call"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(calls)], capture_output=True, text=True, check=False, env=environment, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_task_enters_by_adding_files_alone(tmp_path: Path) -> None:
    settings, weights = str(recipe(tmp_path)), f"Global.pretrained_model={tmp_path / 'run'}"
    images = [str(tmp_path / f"{number}.png") for number in range(5)]
    infer = ["infer", "--plugin", "tests.black_squares", *images, "--model"]
    said = commands(
        (0, ["check", "-c", settings]),
        (1, ["check", "-c", settings, "--data", "-o", f"Train.dataset.label_file_list=[{tmp_path / 'wrong.txt'}]"]),
        (0, ["train", "-c", settings]),
        (0, ["eval", "-c", settings, "-o", weights]),
        (0, ["export", "-c", settings, "-o", weights]),
        (0, [*infer, str(tmp_path / "bundle"), "--out", str(tmp_path / "of_bundle")]),
        (0, [*infer, str(tmp_path / "run"), "--out", str(tmp_path / "of_run")]),
    )
    assert "squares.yml: good" in said and "24 lines; 46 squares" in said
    assert "1  label is no number" in said and "2.png: 'many'" in said
    assert "evaluation set eval: ONNX  acc 1.0000, n 24" in said and "24 images, all counts equal" in said
    assert {path.name for path in (tmp_path / "bundle").iterdir()} == {"model.onnx", "inference.yml"}
    for folder in ("of_bundle", "of_run"):
        rows = (tmp_path / folder / "predictions.txt").read_text(encoding="utf-8").splitlines()
        assert rows == [f"{image}\t{number}" for number, image in enumerate(images)]
        assert json.loads((tmp_path / folder / "predictions.json").read_text(encoding="utf-8"))[3]["squares"] == 3


def test_without_its_module_the_task_is_unknown(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "ppocr_like", "check", "-c", str(recipe(tmp_path)), "-o", "Global.plugins=[]"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert done.returncode == 1 and "Architecture.model_type: is 'count'; accepted: rec, det, cls" in done.stdout
