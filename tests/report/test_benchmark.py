"""The benchmark, on a small recipe with real lines."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Recipe, load_recipe
from ppocr_like.errors import DataError
from ppocr_like.report.benchmark import Settings, Shape, benchmark
from ppocr_like.report.measure import count_flops

ROOT = Path(__file__).parents[2]


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Overrides that make a run of seconds of configs/rec/svtr_ft.yml: 24 short lines, narrow canvases, a thin network."""
    monkeypatch.chdir(ROOT)
    lines = (ROOT / "train_data/typewritten_fr/train.txt").read_text(encoding="utf-8").splitlines()
    labels = tmp_path / "labels.txt"
    labels.write_text(
        "\n".join(line for line in lines if len(line.split("\t")[1]) < 14)[:4000].rsplit("\n", 1)[0], encoding="utf-8"
    )
    assert len(labels.read_text(encoding="utf-8").splitlines()) >= 24
    return [
        f"Train.dataset.label_file_list=[{labels}]",
        "Train.dataset.ratio_list=[1.0]",
        "Eval.datasets=null",
        f"Eval.dataset.label_file_list=[{labels}]",
        "Train.loader={batch_size_per_card: 4, num_workers: 1, bucket_by_width: {step: 64, min_width: 128, max_width: 128}}",
        "Architecture.Backbone.scale=0.125",
        f"Global.save_model_dir={tmp_path / 'never'}",
    ]


def test_every_figure_is_there_and_fits_together(small, tmp_path):
    recipe = load_recipe(ROOT / "configs/rec/svtr_ft.yml", small)
    load_components()
    result = benchmark(recipe, Settings(Shape(4, 3, 48, 64), chain_samples=10, rounds=2, steps=2))
    figures = json.loads(json.dumps(result.figures))
    assert figures["chain"]["canvas"] == "48x64"
    assert figures["chain"]["samples"] == 10
    chain = figures["chain"]
    assert chain["share_of_unaugmented"] == pytest.approx(chain["samples_per_s"] / chain["samples_per_s_without_augmentation"])
    assert figures["bare"]["steps"] == figures["loop"]["steps"] == 4
    assert figures["step"]["samples_per_s"] == pytest.approx(4 / figures["step"]["ms"] * 1e3)
    assert 0 < figures["step"]["share_of_matrix_product"] < 1
    assert 0 <= figures["loop"]["waiting_for_data"] < 1
    assert figures["loop"]["share_of_bare"] == pytest.approx(figures["loop"]["samples_per_s"] / figures["bare"]["samples_per_s"])
    assert figures["memory"]["process_mb"] > 100
    table = result.table()
    for word in (
        "matrix product",
        "data chain, one core, 48x64 canvas",
        "bare step, 4x3x48x64",
        "real loop",
        "waiting for data",
        "peak memory",
    ):
        assert word in table
    assert not (tmp_path / "never").exists()


def test_operations_are_those_of_the_arithmetic(small):
    """A 1 x 1 convolution, a depthwise one and a dense layer, counted by hand."""
    import torch
    from torch import nn

    class Net(nn.Module):
        needs = ()

        def __init__(self):
            super().__init__()
            self.point, self.depth, self.dense = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Linear(8, 5)

        def forward(self, x, targets):
            return {"ctc": self.dense(self.depth(self.point(x)).mean(2).transpose(1, 2))}

    class FakeRun:
        model = Net()

        class compute:
            @staticmethod
            def move(batch):
                return batch

            @staticmethod
            def autocast():
                return torch.autocast("cpu", enabled=False)

    batch = {"image": torch.zeros(2, 3, 4, 10), "info": [0, 1]}
    by_hand = 2 * (2 * 40 * 3 * 8 + 2 * 40 * 8 * 9 + 2 * 10 * 8 * 5)
    assert count_flops(FakeRun, [batch, {"info": []}]) == 3 * by_hand


def test_the_tool_prints_and_writes(small, tmp_path):
    command = [sys.executable, "tools/benchmark.py", "-c", "configs/rec/svtr_ft.yml", "-o", *small]
    command += ["--chain", "4", "--steps", "1", "--rounds", "1", "--json", str(tmp_path / "speed.json")]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "the recipe's batches" in done.stdout
    assert "step" not in json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    assert "epoch:" not in done.stderr  # the trainer's own lines


def test_the_tool_refuses_a_wrong_shape():
    command = [sys.executable, "tools/benchmark.py", "-c", "configs/rec/svtr_ft.yml", "--shape", "3x48x320"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert "write N x C x H x W" in done.stderr


def test_detection_is_measured_by_the_same_tool(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    box = [[8, 8], [88, 8], [88, 24], [8, 24]]
    cv2.imwrite("page.png", np.full((100, 120, 3), 200, np.uint8))
    label = json.dumps([{"transcription": "text", "points": box}])
    (tmp_path / "labels.txt").write_text(f"page.png\t{label}\n" * 6, encoding="utf-8")
    source = {"name": "SimpleDataSet", "data_dir": str(tmp_path), "label_file_list": ["labels.txt"]}
    first, last = (
        [{"DecodeImage": {"img_mode": "BGR"}}, {"DetLabelEncode": None}],
        [{"NormalizeImage": {"order": "hwc"}}, {"ToCHWImage": None}],
    )
    maps = [{"EastRandomCropData": {"size": [64, 64]}}, {"MakeBorderMap": None}, {"MakeShrinkMap": None}]
    kept = ["image", "threshold_map", "threshold_mask", "shrink_map", "shrink_mask"]
    read = ["image", "shape", "polys", "ignore_tags"]
    recipe = Recipe.from_tree(
        {
            "Global": {"epoch_num": 1, "save_model_dir": str(tmp_path / "never")},
            "Architecture": {
                "model_type": "det",
                "algorithm": "DB",
                "Backbone": {"name": "MobileNetV3", "scale": 0.35, "model_name": "small"},
                "Neck": {"name": "RSEFPN", "out_channels": 16},
                "Head": {"name": "DBHead"},
            },
            "Loss": {"name": "DBLoss"},
            "Optimizer": {"name": "Adam", "lr": {"learning_rate": 0.001}},
            "PostProcess": {"name": "DBPostProcess"},
            "Metric": {"name": "DetMetric"},
            "Train": {
                "dataset": {**source, "transforms": [*first, *maps, *last, {"KeepKeys": {"keep_keys": kept}}]},
                "loader": {"batch_size_per_card": 2, "num_workers": 0},
            },
            "Eval": {
                "dataset": {
                    **source,
                    "transforms": [*first, {"DetResizeForTest": None}, *last, {"KeepKeys": {"keep_keys": read}}],
                },
                "loader": {"batch_size_per_card": 1, "num_workers": 0},
            },
        }
    )
    load_components()
    result = benchmark(recipe, Settings(Shape(2, 3, 64, 64), chain_samples=4, rounds=1, steps=1))
    chain = result.figures["chain"]
    assert "share_of_unaugmented" not in chain
    assert sum(step["share"] for step in chain["steps"].values()) == pytest.approx(1)
    assert all(step["ms"] > 0 for step in chain["steps"].values())
    table = result.table()
    assert "MakeBorderMap" in table
    assert "without augmentation" not in table
    with pytest.raises(DataError, match=r"make batches of \(2, 3, 64, 64\), not 2x3x32x32"):
        benchmark(recipe, Settings(Shape(2, 3, 32, 32), chain_samples=2, rounds=1, steps=1))
