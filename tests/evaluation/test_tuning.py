"""Thresholds judged by what is read."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from ppocr_like.components import load_components
from ppocr_like.config import Recipe, load_recipe
from ppocr_like.errors import ConfigError
from ppocr_like.evaluation.system import evaluate_system
from ppocr_like.evaluation.tuning import tune_system
from ppocr_like.pipeline import Detector
from ppocr_like.pipeline.lines import Recogniser
from ppocr_like.tune.api import write_recipe

load_components(["tests.ink_net"])
ROOT = Path(__file__).resolve().parents[2]
GRID = ("unclip_ratio=1.2,2.5", "box_thresh=0.3,0.9", "min_confidence=0,0.9")


@pytest.fixture
def tree(ink_run, ink_bundle, tiny_bundle):
    return {
        "System": {"det": str(ink_bundle), "rec": str(tiny_bundle), "min_confidence": 0.0},
        "Eval": {
            "dataset": {"data_dir": str(ink_run.folder.parent), "label_file_list": [str(ink_run.recipe.parent / "pages.txt")]}
        },
    }


def tuned(tree, items=GRID, **options):
    return tune_system(Recipe.from_tree(tree), items, progress=False, **options)


def changed(tree, values):
    system = {**tree["System"], "det_postprocess": {k: v for k, v in values.items() if k != "min_confidence"}}
    return {**tree, "System": {**system, "min_confidence": values["min_confidence"]}}


@pytest.mark.thorough
def test_every_setting_gives_what_an_evaluation_with_it_gives(tree):
    tuning = tuned(tree)
    assert len(tuning.outcomes) == 3 * 3 * 2  # the present values among them
    assert len({str(outcome.counts) for outcome in tuning.outcomes}) > 2
    for outcome in tuning.outcomes:
        (evaluation,) = evaluate_system(Recipe.from_tree(changed(tree, outcome.values)), progress=False)
        assert evaluation.counts == outcome.counts


def test_networks_see_each_page_and_crop_once(tree, monkeypatch):
    asked = {"pages": [], "crops": []}
    once, read = Detector.outputs, Recogniser.outputs

    def of_reader(self, prepared):
        asked["crops"] += [one.tensor.tobytes() for one in prepared]
        return read(self, prepared)

    def of_page(self, prepared):
        answer = once(self, prepared)
        asked["pages"].append(answer["maps"])
        return answer

    monkeypatch.setattr(Recogniser, "outputs", of_reader)
    monkeypatch.setattr(Detector, "outputs", of_page)
    tuning = tuned(tree)
    pages = tuning.base.counts.pages
    assert len(asked["pages"]) == pages * len(tuning.outcomes) and len({id(maps) for maps in asked["pages"]}) == pages
    lines = tuning.base.counts.found
    assert 0 < len(asked["crops"]) <= 3 * lines + pages  # three ratios, not eighteen settings


@pytest.mark.parametrize("by", ["hmean_text", "hmean", "cer"])
def test_the_best_stands_first(tree, by):
    tuning = tuned(tree, indicator=by)
    numbers = [outcome.counts.numbers()[by] for outcome in tuning.outcomes]
    assert numbers == sorted(numbers, reverse=by != "cer") and numbers[0] != numbers[-1]
    equal = [outcome for outcome in tuning.outcomes if outcome.counts.numbers()[by] == numbers[0]]
    base = tuning.base.values
    moves = [sum(outcome.values[name] != base[name] for name in base) for outcome in equal]
    assert moves == sorted(moves)
    changes = {path.rpartition(".")[2]: value for path, value in tuning.changes().items()}
    assert changes == {name: value for name, value in tuning.best.values.items() if base[name] != value}
    assert set(tuning.changes()) <= {"System.min_confidence", *(f"System.det_postprocess.{name}" for name in base)}


def test_results_are_written(tree, tmp_path):
    tuning = tuned(tree)
    rows = json.loads(tuning.write_results(tmp_path / "new")[0].read_text())
    assert len(rows["settings"]) == len(tuning.outcomes) and rows["by"] == "hmean_text"
    assert rows["recipe"]["unclip_ratio"] == tuning.base.values["unclip_ratio"]
    assert tuning.table(2).splitlines()[1].split()[0] == "recipe" and len(tuning.table(2).splitlines()) == 4


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (["unclp=2"], ["unclp", "unclip_ratio"]),
        (["unclip_ratio=-1,2", "thresh=3"], ["unclip_ratio is -1", "thresh"]),
        (["min_confidence=2"], ["min_confidence", "within 0 and 1"]),
        (["score_mode=quick"], ["score_mode"]),
        (["thresh"], ["NAME=VALUE"]),
    ],
)
def test_a_grid_that_cannot_be_used(tree, items, words):
    with pytest.raises(ConfigError) as error:
        tuned(tree, items)
    assert all(word in str(error.value) for word in words)


def test_a_set_that_is_not_there(tree):
    with pytest.raises(ConfigError, match="no set 'b'; there: eval"):
        tuned(tree, set_name="b")


def test_a_wrong_value_in_the_recipe_is_named_where_it_stands(tree):
    tree["System"]["det_postprocess"] = {"unclip_ratio": -1}
    with pytest.raises(ConfigError, match=r"System\.det_postprocess: unclip_ratio is -1"):
        evaluate_system(Recipe.from_tree(tree), progress=False)


@pytest.mark.thorough
def test_the_tool_writes_the_best_into_the_recipe(tree, tmp_path):
    path = tmp_path / "system.yml"
    path.write_text("# mine\n" + yaml.safe_dump(tree, sort_keys=False))
    command = [sys.executable, "tools/tune.py", "-c", str(path), "--grid", *GRID, "--out", str(tmp_path / "out"), "--write"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert path.read_text().startswith("# mine\n") and (tmp_path / "out" / "results.json").is_file()
    best = tuned(tree).best.values
    again = tune_system(load_recipe(path), GRID, progress=False)
    assert again.base.values == best and not again.changes()
    assert np.isclose(again.base.counts.numbers()["hmean_text"], again.best.counts.numbers()["hmean_text"])
    refused = subprocess.run([*command, "--by", "recall"], cwd=ROOT, capture_output=True, text=True)
    assert refused.returncode == 2 and "hmean_text" in refused.stderr


def test_values_can_be_added_to_a_recipe_with_comments(tmp_path):
    path = tmp_path / "s.yml"
    path.write_text("System:\n  det: a  # the detector\n  rec: b\n")
    write_recipe(path, {"System.det_postprocess.unclip_ratio": 2.0, "System.min_confidence": 0.4})
    tree = yaml.safe_load(path.read_text())
    assert tree["System"] == {"det": "a", "rec": "b", "det_postprocess": {"unclip_ratio": 2.0}, "min_confidence": 0.4}
    assert "# the detector" in path.read_text()
