"""The benchmark, on a small recipe with real lines."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppocr_like.benchmark import limits, settings
from ppocr_like.benchmark.compare import against
from ppocr_like.benchmark.whole import SECTIONS, Settings, Shape, benchmark
from ppocr_like.cli.benchmark import make_parser, settings_from
from ppocr_like.components import load_components
from ppocr_like.config import Recipe, load_recipe
from ppocr_like.errors import DataError

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


QUICK = {"chain_samples": 10, "rounds": 2, "steps": 2, "workers": (0, 1), "loader_seconds": 0.05, "eval_batches": 2}


@pytest.fixture
def little_limits(monkeypatch):
    for name, value in (("SIDE", {"cpu": 256}), ("SIZES", (2**12, 2**20)), ("REPEATED", 2**16), ("FILE_BYTES", 2**16)):
        monkeypatch.setattr(limits, name, value)


def test_every_figure_is_there_and_fits_together(small, tmp_path, little_limits):
    recipe = load_recipe(ROOT / "configs/rec/svtr_ft.yml", small)
    load_components()
    said = []
    settings = Settings(
        Shape(4, 3, 48, 64), runtime_sizes=(64,), runtime_batches=(1, 2), profile=str(tmp_path / "t.json"), **QUICK
    )
    result = benchmark(recipe, settings, said.append)
    figures = json.loads(json.dumps(result.figures))
    assert said[0].startswith("This will take about ")
    chain = figures["chain"]
    assert (chain["canvas"], chain["samples"]) == ("48x64", 10)
    assert sum(step["share"] for step in chain["steps"].values()) == pytest.approx(1, abs=0.1)
    assert chain["share_of_unaugmented"] > 0
    assert chain["decoding"]["mpx_per_s"] > 0 and 0 < chain["decoding"]["mpx_per_image"] < 1
    assert set(figures["loader"]["workers"]) == {"0", "1"}
    for precision in ("float32", "bfloat16"):
        step = figures["step"][precision]["4x3x48x64"]
        parts = sum(part["value"] for part in step["parts"].values())
        assert parts == pytest.approx(step["ms"]["value"], rel=0.3)
        assert step["gflops"] == pytest.approx(step["gflop"] / step["ms"]["value"] * 1e3)
        assert step["least_ms"]["products"] > 0 and step["least_ms"]["memory"] > 0
    assert [figures["loop"][name]["steps"] for name in ("bare", "memory", "loop")] == [4, 4, 4]
    assert 0 <= figures["loop"]["loop"]["waiting_for_data"] < 1
    assert figures["evaluation"]["samples"] > 0 and "random" in figures["evaluation"]["note"]
    assert figures["postprocess"] == {}
    assert set(figures["runtime"]["ms"]) == {"1x3x48x64", "2x3x48x64"}
    assert figures["memory"]["process_mb"] > 100
    assert set(figures["memory"]["sections"]) == {*(section.name for section in SECTIONS), "profile"}
    trace = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert trace["traceEvents"]
    table = result.table()
    for word in ("matrix product, float32", "step, 4x3x48x64, bfloat16", "waiting for data", "What holds it back", "peak memory"):
        assert word in table
    assert result.picture().shape[1] == 960
    assert not (tmp_path / "never").exists()


@pytest.mark.thorough
def test_the_tool_prints_writes_and_compares(small, tmp_path):
    command = [sys.executable, "tools/benchmark.py", "-c", "configs/rec/svtr_ft.yml", "-o", *small]
    command += ["--chain", "4", "--rounds", "1", "--only", "chain", "--json", str(tmp_path / "speed.json")]
    command += ["--picture", str(tmp_path / "speed.png")]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "data chain, one core" in done.stdout
    assert "This will take about" in done.stderr
    assert "epoch:" not in done.stderr  # the trainer's own lines
    figures = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    assert "step" not in figures and figures["chain"]["samples"] == 4
    assert cv2.imread(str(tmp_path / "speed.png")).shape[1] == 960
    assert "no change over 10%" in against(figures, figures)


@pytest.mark.parametrize(
    "given, told",
    [(["--shape", "3x48x320"], "write N x C"), (["--rounds", "0"], "at least 1"), (["--only", "x"], "choose")],
)
def test_a_wrong_argument_is_refused(given, told, capsys):
    with pytest.raises(SystemExit):
        make_parser().parse_args(["-c", "x.yml", *given])
    assert told in capsys.readouterr().err


def test_the_sections_are_those_of_the_command_line():
    assert [section.name for section in SECTIONS] == list(settings.SECTIONS)


def test_given_arguments_win_over_quick():
    settings = settings_from(make_parser().parse_args(["-c", "x.yml", "--quick", "--rounds", "7", "--workers", "0", "3"]))
    assert (settings.rounds, settings.workers, settings.widths) == (7, [0, 3], 1)
    assert settings_from(make_parser().parse_args(["-c", "x.yml"])) == Settings()


@pytest.mark.thorough
def test_detection_is_measured_by_the_same_tool(tmp_path, monkeypatch, little_limits):
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
    result = benchmark(recipe, Settings(Shape(2, 3, 64, 64), runtime_sizes=(64,), **QUICK))
    chain = result.figures["chain"]
    assert "share_of_unaugmented" not in chain
    assert all(step["ms"]["value"] > 0 for step in chain["steps"].values())
    assert set(result.figures["postprocess"]) == {"quad", "poly", "table"}
    assert set(result.figures["runtime"]["ms"]) == {"1x3x64x64", "8x3x64x64"}
    table = result.table()
    assert "MakeBorderMap" in table
    assert "threshold and contours" in table
    assert "without augmentation" not in table
    with pytest.raises(DataError, match=r"make batches of \(2, 3, 64, 64\), not 2x3x32x32"):
        benchmark(recipe, Settings(Shape(2, 3, 32, 32), only=("step",), **QUICK))
    with pytest.raises(DataError, match="no section 'steps'; there are: limits, chain"):
        benchmark(recipe, Settings(only=("steps",)))
