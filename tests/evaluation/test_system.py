"""Evaluation end to end: recipe, numbers, JSON and HTML."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.errors import ConfigError, DataError, OcrError
from ppocr_like.evaluation.system import check_system, evaluate_system, is_system, write_report
from ppocr_like.pipeline import Detector
from tests.processes import in_ranks

load_components(["tests.ink_net"])
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(ink_run, ink_bundle, tiny_bundle):
    return {
        "System": {"det": str(ink_bundle), "rec": str(tiny_bundle), "min_confidence": 0.0},
        "Metric": {"ignore_case": True},
        "Eval": {
            "dataset": {"data_dir": str(ink_run.folder.parent), "label_file_list": [str(ink_run.recipe.parent / "pages.txt")]}
        },
    }


def evaluated(tree):
    return evaluate_system(Recipe.from_tree(tree), progress=False)


def test_numbers_of_every_page(tree, ink_run, ink_bundle):
    (evaluation,) = evaluated(tree)
    assert evaluation.name == "eval" and len(evaluation.pages) == len(ink_run.images)
    numbers = evaluation.numbers()
    boxes = sum(len(page.boxes) for page in Detector(ink_bundle)([str(path) for path in ink_run.images]))
    assert evaluation.counts.lines == sum(map(len, ink_run.quads))
    assert 0 < evaluation.counts.found <= boxes
    assert numbers["hmean"] > 0.5 and numbers["hmean_exact"] == 0.0 and numbers["cer"] > 0  # no bar says "word"
    assert all(page.seconds > 0 for page in evaluation.pages)


def test_named_sets_share_what_they_have_in_common(tree):
    common = tree["Eval"]["dataset"]
    tree["Eval"]["datasets"] = {"a": None, "b": {"label_file_list": common["label_file_list"] * 2}}
    one, two = evaluated(tree)
    assert (one.name, two.name) == ("a", "b") and len(two.pages) == 2 * len(one.pages)


def test_an_image_that_cannot_be_read_counts_as_missed(tree, ink_run, tmp_path):
    labels = Path(tree["Eval"]["dataset"]["label_file_list"][0]).read_text().splitlines()
    (tmp_path / "pages.txt").write_text("\n".join([labels[0], labels[1].replace("page1.png", "gone.png")]) + "\n")
    tree["Eval"]["dataset"]["label_file_list"] = [str(tmp_path / "pages.txt")]
    said = []
    (evaluation,) = evaluate_system(Recipe.from_tree(tree), progress=False, say=said.append)
    assert "gone.png" in said[0] and evaluation.pages[1].error
    assert set(evaluation.pages[1].judgement.truth) == {"missed"}
    write_report(Recipe.from_tree(tree), [evaluation], tmp_path / "r.html")
    assert "gone.png" in (tmp_path / "r.html").read_text()


def shared(tree):
    said = []
    (evaluation,) = evaluate_system(Recipe.from_tree(tree), progress=False, say=said.append)
    numbers = {name: value for name, value in evaluation.numbers().items() if name != "seconds"}
    return numbers, [page.truth.source for page in evaluation.pages], [page.judgement.found for page in evaluation.pages], said


def refused(tree):
    with pytest.raises(OcrError) as error:
        evaluate_system(Recipe.from_tree(tree), progress=False)
    return type(error.value).__name__


@pytest.mark.thorough
def test_several_processes_share_the_pages(tree, tmp_path):
    """Each has the results of all, in the file's order, with one of them saying what was not read."""
    labels = Path(tree["Eval"]["dataset"]["label_file_list"][0]).read_text().splitlines()
    (tmp_path / "pages.txt").write_text("\n".join([*labels, labels[1].replace("page1.png", "gone.png")]) + "\n")
    tree["Eval"]["dataset"]["label_file_list"] = [str(tmp_path / "pages.txt")]
    alone = shared(tree)
    first, second = in_ranks(2, shared, tree)
    assert first == alone and second[:3] == alone[:3]
    assert len(first[3]) == 1 and second[3] == []
    tree["Eval"]["dataset"]["label_file_list"] = [str(tmp_path / "none.txt")]
    assert in_ranks(2, refused, tree) == ["DataError", "PeerError"]


@pytest.mark.slow
def test_the_tool_prints_once_under_torchrun(tree, tmp_path):
    path = tmp_path / "system.yml"
    path.write_text(yaml.safe_dump({**tree, "Global": {"plugins": ["tests.ink_net"]}}), encoding="utf-8")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command = [*launcher, str(ROOT / "tools" / "eval.py"), "-c", str(path), "--report", str(tmp_path / "pages.json")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    assert len(re.findall("^eval: hmean", run.stdout, re.MULTILINE)) == run.stdout.count("every page: ") == 1
    assert len(json.loads((tmp_path / "pages.json").read_text())["eval"]["pages"]) == 5


def test_reports(tree, tmp_path):
    recipe = Recipe.from_tree(tree)
    evaluations = evaluated(tree)
    write_report(recipe, evaluations, tmp_path / "report.json")
    kept = json.loads((tmp_path / "report.json").read_text())["eval"]
    assert kept["metrics"] == evaluations[0].numbers() and len(kept["pages"]) == 5
    write_report(recipe, evaluations, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert text.count("data:image/jpeg") == 5
    assert not re.findall(r"(?:src|href)=['\"](?!data:)", text) and "http" not in text  # nothing is asked of the network
    errors = [int(n) for n in re.findall(r"(\d+) errors;", text)]
    assert errors == sorted(errors, reverse=True)
    with pytest.raises(OcrError, match=r"cannot (be written|write)"):
        write_report(recipe, evaluations, tmp_path / "report.json" / "report.json")


def test_texts_cannot_break_the_page(tree, tmp_path):
    label = [{"transcription": "<script>alert('&')</script>", "points": [[0, 0], [90, 0], [90, 30], [0, 30]]}]
    image = Path(tree["Eval"]["dataset"]["data_dir"]) / "img" / "page0.png"
    (tmp_path / "pages.txt").write_text(f"{image}\t{json.dumps(label)}\n")
    tree["Eval"]["dataset"]["label_file_list"] = [str(tmp_path / "pages.txt")]
    write_report(Recipe.from_tree(tree), evaluated(tree), tmp_path / "r.html")
    assert "<script" not in (tmp_path / "r.html").read_text()


def test_every_mistake_is_told_before_anything_is_read(tree):
    tree["System"].update(recc="x", min_confidence="much")
    tree["Train"] = {}
    del tree["Eval"]["dataset"]["label_file_list"]
    with pytest.raises(ConfigError) as error:
        check_system(Recipe.from_tree(tree))
    for path in ("System.recc", "System.min_confidence", "Train", "Eval.dataset.label_file_list"):
        assert path in str(error.value)
    with pytest.raises(ConfigError, match="which pages"):
        check_system(Recipe.from_tree({"System": {"det": "a", "rec": "b"}}))
    assert not is_system(Recipe.from_tree({"Global": {}}))


def test_wrong_data_is_told_with_its_place(tree, tmp_path):
    (tmp_path / "pages.txt").write_text("a.png\t[{}]\n")
    tree["Eval"]["dataset"]["label_file_list"] = [str(tmp_path / "pages.txt")]
    with pytest.raises(DataError, match=r"pages\.txt, line 1"):
        evaluated(tree)
    (tmp_path / "pages.txt").write_text('a.png\t[{"transcription": "a", "points": [[0,0],[1,0],[1,1],[0,1]]}]\n')
    with pytest.raises(DataError, match="none of the 1 images is there"):
        evaluated(tree)


def test_an_order_that_is_none(tree):
    tree["System"]["order"] = "up"
    with pytest.raises(ConfigError, match="System: order 'up'; known: auto, rows, none"):
        evaluated(tree)


def test_from_the_command_line(tree, tmp_path):
    (tmp_path / "system.yml").write_text(yaml.safe_dump(tree))
    command = [sys.executable, "tools/eval.py", "-c", str(tmp_path / "system.yml"), "--report", str(tmp_path / "out.html")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("eval: hmean 0.") and (tmp_path / "out.html").stat().st_size > 10000
