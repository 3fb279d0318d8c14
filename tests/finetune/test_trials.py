"""Trials of settings: plans and their mistakes, the division, what is made once, the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ppocr_like.cli.trials import main
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.config.overrides import apply_overrides
from ppocr_like.config.recipe import load_recipe
from ppocr_like.errors import ConfigError, DataError
from ppocr_like.finetune.given import look_at
from ppocr_like.finetune.plan import make_plan
from ppocr_like.finetune.starts import start_of, usual_start
from ppocr_like.finetune.trial_plan import Trial, TrialPlan, TrialSet, read_plan
from ppocr_like.finetune.trials import ALIKE, _prepare, _write, run_trials, tables
from tests.conftest import TinyRun
from tests.data.lines.pages import archive
from tests.det_pages import make_pages
from tests.finetune.test_finetune import lines

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "pretrained" / "svtr_small.safetensors"


def plan_file(folder: Path, **changes: Any) -> Path:
    tree = {"sets": {"mine": {"data": ["x.txt"]}}, "trials": {"as it is": [], "fast": ["Optimizer.lr.learning_rate=0.01"]}}
    path = folder / "plan.yml"
    path.write_text(yaml.safe_dump({**tree, **changes}, sort_keys=False), encoding="utf-8")
    return path


def test_a_plan_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_DATA", "/data")
    plan = read_plan(plan_file(tmp_path, minutes=3, sets={"a": {"data": ["$MY_DATA/a.txt"], "characters": "new"}}))
    assert plan.minutes == 3 and plan.sets == {"a": TrialSet(["/data/a.txt"], characters="new")}
    assert plan.trials == {"as it is": Trial(), "fast": Trial(["Optimizer.lr.learning_rate=0.01"])} and plan.seeds == [1, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sets": {}}, r"sets: is empty: there is nothing to try"),
        ({"sets": {"a/b": {"data": ["x"]}}}, r"sets.a/b: cannot be a folder's name"),
        ({"sets": {"a": {"date": ["x"]}}}, r"sets.a.date: unknown.*data"),
        ({"sets": {"a": {"data": ["x"], "characters": "some"}}}, r"sets.a.characters: is 'some'"),
        ({"trials": {"..": []}}, r"trials...: cannot be a folder's name"),
        ({"trials": {"a": [1]}}, r"trials.a.settings.0: is 1"),
        ({"minutes": 0}, r"minutes: is 0.0, but more than 0"),
        ({"trials": {"a": {"minutes": 1, "steps": 4}}}, r"trials.a: has minutes and steps"),
        ({"judged": 0.95}, r"judged: is 0.95, which leaves nothing to train on"),
        ({"seeds": []}, r"seeds: is empty"),
        ({"thread": 2}, r"- thread: unknown.*threads"),
    ],
)
def test_mistakes_of_a_plan(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        read_plan(plan_file(tmp_path, **changes))


def test_names_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="slow: no set or trial of that name; there are mine, as it is, fast"):
        run_trials(read_plan(plan_file(tmp_path)), tmp_path, ["slow"])


def test_pages_of_archives_are_divided_by_page(tmp_path: Path) -> None:
    load_components()
    manifest = archive(tmp_path / "archive", 12, 3)
    plan = TrialPlan({"letters": TrialSet([manifest], start=str(SHIPPED))}, {"as it is": Trial()}, judged=0.25)
    said: list[str] = []
    data = _prepare(plan, plan.sets["letters"], tmp_path / "letters", said.append)
    lists = [(tmp_path / "letters" / name).read_text(encoding="utf-8").splitlines() for name in ("train.txt", "judged.txt")]
    assert said == ["letters: held back: 9 lines of 3 of 12 pages"]
    assert len(lists[0]) == 9 and len(lists[1]) == 3 and not set(lists[0]) & set(lists[1])
    recipe = load_recipe(_write(plan, plan.sets["letters"], data, Trial(), 1, tmp_path / "run"))
    recipe.tree["Eval"]["dataset"] |= data.judging
    judged = Builder(recipe).dataset("Eval")
    assert {judged.info(index).file for index in range(len(judged))} == set(lists[1]) and len(judged) == 9
    few = archive(tmp_path / "few", 2, 3)
    with pytest.raises(DataError, match=r"2 pages are too few to judge by some of them"):
        _prepare(plan, TrialSet([few], start=str(SHIPPED)), tmp_path / "other", said.append)
    own = _prepare(plan, TrialSet([few], start=str(SHIPPED), test=[manifest]), tmp_path / "tested", said.append)
    assert own.judging["manifests"] == [manifest] and len(Path(own.given.files[0]).read_text().splitlines()) == 2
    path = lines(tmp_path / "data", ["abc", "a b"])
    with pytest.raises(DataError, match="of another kind"):
        _prepare(plan, TrialSet([few], start=str(SHIPPED), test=[str(path)]), tmp_path / "mixed", said.append)


def test_the_table_compares_with_the_first_trial(tmp_path: Path) -> None:
    plan = TrialPlan({"a": TrialSet(["x"]), "b": TrialSet(["x"])}, {"usual": Trial(), "other": Trial(["x=1"])})
    for trial, seed, value in (("usual", 1, 0.2), ("usual", 2, 0.1), ("other", 1, 0.12)):
        (tmp_path / "a" / trial / str(seed)).mkdir(parents=True)
        (tmp_path / "a" / trial / str(seed) / "result.json").write_text(json.dumps({"cer": value}), encoding="utf-8")
    assert tables(plan, tmp_path) == [
        "| cer | a | b |",
        "| --- | --- | --- |",
        "| usual | 0.1500 (0.2000, 0.1000) |  |",
        "| other | 0.1200 (-20 %) |  |",
    ]
    one = json.dumps({"cer": 0.1, "interval": {"cer": [0.05, 0.2]}})
    (tmp_path / "a" / "other" / "1" / "result.json").write_text(one, encoding="utf-8")
    assert tables(plan, tmp_path)[-1] == "| other | 0.1000 (0.0500 to 0.2000, -33 %) |  |"
    with pytest.raises(ConfigError, match="metrics: names 'wer'; the results have cer"):
        tables(TrialPlan(plan.sets, plan.trials, metrics=["wer"]), tmp_path)


def test_settings_that_do_not_fit_are_told_before_anything_is_trained(tiny_run: TinyRun, tmp_path: Path) -> None:
    load_components()
    path = lines(tmp_path / "data", ["abc", "a b", "Xyz"] * 16)
    sets = {"mine": {"data": [str(path)], "start": str(tiny_run.folder)}}
    trials = {"as it is": [], "ema": ["Global.use_emma=true"], "adam": ["Optimizer.name=Adamm"], "path": ["Optimizer.lr.x.y=1"]}
    with pytest.raises(ConfigError) as error:
        run_trials(read_plan(plan_file(tmp_path, sets=sets, trials=trials)), tmp_path / "out")
    told = str(error.value)
    assert "trials.ema (mine): Global.use_emma: unknown" in told and "trials.adam (mine): Optimizer" in told
    assert "trials.path (mine): Optimizer.lr.x" in told and not list((tmp_path / "out").rglob("train.log"))


@pytest.mark.thorough
def test_trials_are_made_once_and_failures_stop_no_other(
    tiny_run: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_components()
    path = lines(tmp_path / "data", ["abc", "a b", "Xyz"] * 16)
    sets = {"mine": {"data": [str(path)], "start": str(tiny_run.folder), "settings": ["Global.print_batch_step=1000"]}}
    trials = {
        "untrained": {"minutes": 0},
        "wrong": ["Optimizer.lr.learning_rate=1e30", "Optimizer.lr.warmup=0"],  # no number after a step
        "fast, few": {"settings": ["Optimizer.lr.learning_rate=0.01"], "lines": 24},
        "seven": {"steps": 7},
    }
    plan, out = plan_file(tmp_path, sets=sets, trials=trials, minutes=0.2, seeds=[7]), tmp_path / "out"
    assert main([str(plan), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "held back: 12 lines of 4 of 16 pages" in said and "mine, wrong, seed 7: failed" in said and "in step" in said
    rows = {name: (out / "mine" / name).read_text(encoding="utf-8").splitlines() for name in ("train.txt", "judged.txt")}
    assert sorted(rows["train.txt"] + rows["judged.txt"]) == sorted(path.read_text(encoding="utf-8").splitlines())
    recipe = yaml.safe_load((out / "mine" / "fast, few" / "7" / "recipe.yml").read_text(encoding="utf-8"))
    assert recipe["Global"]["seed"] == 7 and recipe["Optimizer"]["lr"]["learning_rate"] == 0.01
    trained = (out / "mine" / "fast, few" / "7" / "train.txt").read_text(encoding="utf-8").splitlines()
    assert set(trained) < set(rows["train.txt"])
    result = json.loads((out / "mine" / "fast, few" / "7" / "result.json").read_text(encoding="utf-8"))
    assert result["steps"] > 0 and 0 <= result["interval"]["cer"][0] <= result["cer"]
    assert 20 <= len(trained) < 24  # it holds a tenth back itself
    assert not (out / "mine" / "untrained" / "7" / "train.log").exists()
    seven = json.loads((out / "mine" / "seven" / "7" / "result.json").read_text(encoding="utf-8"))
    assert seven["steps"] == 7 and seven["minutes"] == 0
    made = (out / "mine" / "fast, few" / "7" / "result.json").stat().st_mtime_ns
    assert main([str(plan), "--out", str(out), "--only", "fast, few", "untrained"]) == 0
    assert (out / "mine" / "fast, few" / "7" / "result.json").stat().st_mtime_ns == made
    assert (out / "table.md").read_text(encoding="utf-8").splitlines() == [
        row for row in capsys.readouterr().out.splitlines() if row.startswith("|")
    ]


@pytest.mark.parametrize("plan", ["rec.yml", "det.yml", "accuracy.yml"])
def test_the_plans_of_the_docs_have_settings_that_fit(plan: str, tmp_path: Path) -> None:
    load_components()
    if plan == "det.yml":
        make_pages(tmp_path / "data")
        path, start = tmp_path / "data" / "train.txt", start_of(usual_start("det"), "det")
    else:
        path, start = lines(tmp_path / "data", ["abc", "a b", "Xyz"] * 10), start_of(str(SHIPPED), "rec")
    for name, trial in read_plan(ROOT / "docs" / "trials" / plan).trials.items():
        planned = make_plan(look_at([str(path)]), start, 1.0, tmp_path / name)
        for file, content in planned.files.items():
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
        apply_overrides(planned.tree, [*trial.settings, *ALIKE])
        Builder(Recipe.from_tree(planned.tree)).check()
