"""Every recipe under configs/ is good, builds, and says in its head how to run it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Builder, load_recipe
from ppocr_like.evaluation.system import check_system, read_truth
from tests.quick_check import quick_problems

ROOT = Path(__file__).parents[1]
EVERY = sorted((ROOT / "configs").rglob("*.y*ml"))
SYSTEM = sorted((ROOT / "configs" / "system").glob("*.yml"))
# Those of every run; the thorough one has all.
FEW = {"svtr_ft.yml", "crnn_mv3.yml", "ppocrv6_tiny_rec.yml", "db_mv3_ft.yml", "ppocrv5_mobile_det.yml", "line_direction.yml"}
RECIPES = [path for path in EVERY if path not in SYSTEM]


def test_there_are_recipes() -> None:
    assert ROOT / "configs" / "rec" / "svtr_ft.yml" in RECIPES


@pytest.mark.parametrize(
    "path", [pytest.param(p, marks=() if p.name in FEW else pytest.mark.thorough, id=str(p.relative_to(ROOT))) for p in RECIPES]
)
def test_it_builds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    load_components()
    recipe = load_recipe(path, ["Global.eval_loss=true"])  # every shipped recipe has what the loss of an evaluation needs
    assert quick_problems(recipe) == []  # makes every part, the network and its optimizer among them
    assert recipe.notes == []
    builder = Builder(recipe)
    for section in ("Train", "Eval"):
        assert builder.loader(section).batch_size_per_card > 0
        node, _ = builder.dataset_node(section)
        if node.get("data_dir") == "train_data":  # what comes with the program
            assert all(Path(file).is_file() for file in node["label_file_list"])


@pytest.mark.parametrize("path", SYSTEM, ids=lambda p: p.name)
def test_a_system_recipe_is_good_and_its_files_are_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    checked = check_system(load_recipe(path))
    assert all(Path(model).exists() for model in (checked.system.det, checked.system.rec))
    assert all(read_truth(dataset) for dataset in checked.sets.values())


@pytest.mark.parametrize("path", EVERY, ids=lambda p: str(p.relative_to(ROOT)))
def test_its_head_says_how_to_run_it(path: Path) -> None:
    head = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert any(f"-c {path.relative_to(ROOT)}" in line for line in head)
