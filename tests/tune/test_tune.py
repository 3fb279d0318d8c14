"""Tuning: what it says of a setting is what an evaluation with that setting gives."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml

from ppocr_like.components import load_components
from ppocr_like.config import Builder, load_recipe
from ppocr_like.engine import evaluate
from ppocr_like.errors import ConfigError
from ppocr_like.tune import Grid, Setting, tune
from ppocr_like.tune.api import write_recipe
from ppocr_like.tune.grid import parse_grid
from ppocr_like.tune.maps import INDEX
from ppocr_like.weights import save_weights

ROOT = Path(__file__).parents[2]
SMALL = Grid((0.3, 0.5), (0.2, 0.5), (1.5, 2.5), (False,), ("fast",))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages with bars of text, a recipe, and weights whose map follows the picture's darkness."""
    folder = tmp_path_factory.mktemp("tune")
    rng = np.random.default_rng(3)
    (folder / "img").mkdir()
    lines = []
    for number, (width, height) in enumerate([(160, 128), (128, 160), (160, 128)]):
        page = np.full((height, width, 3), 235, np.uint8)
        boxes = []
        for row in range(3):
            x, y, w = int(rng.integers(5, 40)), 12 + 38 * row, int(rng.integers(50, 80))
            cv2.rectangle(page, (x, y), (x + w, y + 14), (20, 20, 20), -1)
            boxes.append(
                {"transcription": "###" if row == 2 else "ab", "points": [[x, y], [x + w, y], [x + w, y + 14], [x, y + 14]]}
            )
        page = np.clip(cv2.GaussianBlur(page, (0, 0), 1.5).astype(int) + rng.integers(-25, 25, page.shape), 0, 255)
        cv2.imwrite(str(folder / "img" / f"{number}.png"), page.astype(np.uint8))
        lines.append(f"img/{number}.png\t{json.dumps(boxes)}")
    lines.append(f"img/none.png\t{json.dumps(boxes)}")
    (folder / "pages.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    recipe = yaml.safe_load((ROOT / "configs" / "det" / "db_mv3_ft.yml").read_text(encoding="utf-8"))
    for section in ("Train", "Eval"):
        recipe[section]["dataset"] |= {"data_dir": str(folder), "label_file_list": [str(folder / "pages.txt")]}
        recipe[section]["loader"]["num_workers"] = 0
    recipe["PostProcess"] = {
        "name": "DBPostProcess",
        "thresh": 0.3,
        "box_thresh": 0.6,
        "max_candidates": 1000,
        "unclip_ratio": 1.7,
    }
    recipe["Global"] |= {"save_model_dir": str(folder / "run"), "device": "cpu"}
    (folder / "recipe.yml").write_text("# mine\n" + yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    load_components()
    torch.manual_seed(1)
    model = Builder(load_recipe(folder / "recipe.yml")).model()
    for module in model.modules():  # a network that spreads its values over (0, 1)
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.8, 1.6)
            module.bias.data.uniform_(-0.4, 0.4)
    save_weights(folder / "weights.safetensors", model.state_dict(), {})
    return folder


def recipe_of(run: Path, *more: str) -> object:
    return load_recipe(run / "recipe.yml", [f"Global.pretrained_model={run / 'weights.safetensors'}", *more])


@pytest.mark.thorough
def test_every_setting_is_what_its_evaluation_gives(run: Path, tmp_path: Path) -> None:
    tuning = tune(recipe_of(run), Grid((0.5,), (0.2, 0.5), (2.5,), (True,), ("slow",), (96,)), tmp_path, progress=False)
    assert tuning.images == 4
    assert len({o.setting for o in tuning.outcomes}) == len(tuning.outcomes) == 2 * 3 * 2 * 2 * 2 * 2
    for outcome in tuning.outcomes[::7]:
        setting = outcome.setting
        assert setting.side is not None
        wanted = [
            f"PostProcess.{name}={getattr(setting, name)}" for name in ("thresh", "box_thresh", "unclip_ratio", "score_mode")
        ]
        wanted.append(f"PostProcess.use_dilation={str(setting.use_dilation).lower()}")
        wanted.append(f"Eval.dataset.transforms.DetResizeForTest.limit_side_len={setting.side}")
        metrics = evaluate(recipe_of(run, *wanted))[0].metrics
        assert metrics["n"] == 4
        for name in ("precision", "recall", "hmean"):
            assert getattr(outcome.counts, name) == pytest.approx(metrics[name], abs=1e-12), (name, setting)


def test_the_maps_are_computed_once(run: Path, tmp_path: Path) -> None:
    first = tune(recipe_of(run), SMALL, tmp_path, progress=False)
    (index,) = tmp_path.rglob(INDEX)
    before = index.stat().st_mtime_ns
    second = tune(recipe_of(run), SMALL, tmp_path, progress=False)
    assert index.stat().st_mtime_ns == before
    assert [o.counts for o in first.outcomes] == [o.counts for o in second.outcomes]
    image = run / "img" / "0.png"
    image.touch()
    tune(recipe_of(run), SMALL, tmp_path, progress=False)
    assert len(list(tmp_path.rglob(INDEX))) == 2
    assert not list((tmp_path / "maps").glob("unfinished-*"))


def test_the_best_is_first_and_the_recipe_is_among_them(run: Path, tmp_path: Path) -> None:
    tuning = tune(recipe_of(run), SMALL, tmp_path, progress=False)
    values = [o.counts.hmean for o in tuning.outcomes]
    assert values == sorted(values, reverse=True)
    assert tuning.base.setting == Setting(960, 0.3, 0.6, 1.7, False, "fast")
    assert "recipe" in tuning.table() and len(tuning.table(3).splitlines()) == 5


def test_the_tool_writes_the_best_values_and_keeps_the_rest(run: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yml"
    recipe.write_text((run / "recipe.yml").read_text(encoding="utf-8"), encoding="utf-8")
    command = [sys.executable, "tools/tune.py", "-c", recipe, "-o", f"Global.pretrained_model={run / 'weights.safetensors'}"]
    more = ["--out", tmp_path / "out", "--grid", "thresh=0.1,0.2", "unclip_ratio=1.0,3.0", "use_dilation=true", "--write"]
    done = subprocess.run([*map(str, command), *map(str, more)], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    best = results["settings"][0]
    after = load_recipe(recipe)
    for name in ("thresh", "box_thresh", "unclip_ratio"):
        assert after.get(f"PostProcess.{name}") == best[name]
    assert recipe.read_text(encoding="utf-8").startswith("# mine\n")
    assert cv2.imread(str(tmp_path / "out" / "curves.png")) is not None


def test_writing_uses_the_name_that_the_file_uses(tmp_path: Path) -> None:
    path = tmp_path / "r.yml"
    path.write_text("PostProcess:\n  name: DBPostProcess\n  det_db_thresh: 0.3  # guide's name\n", encoding="utf-8")
    write_recipe(path, {"PostProcess.thresh": 0.2})
    assert path.read_text(encoding="utf-8") == "PostProcess:\n  name: DBPostProcess\n  det_db_thresh: 0.2  # guide's name\n"


@pytest.mark.parametrize("item", ["thresh=2", "nothing=1", "side=10", "score_mode=medium", "use_dilation=1", "thresh"])
def test_a_wrong_grid_is_refused(item: str) -> None:
    with pytest.raises(ConfigError):
        parse_grid([item])


def test_a_grid_names_what_it_sets_and_keeps_the_rest() -> None:
    grid = parse_grid(["thresh=0.1,0.25", "side=736"])
    assert grid.thresh == (0.1, 0.25) and grid.side == (736,) and grid.box_thresh == Grid().box_thresh
