"""Validation and test are one function: the same weights on the same lines give the same numbers, to the last digit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from det_pages import det_recipe

from ppocr_like.cli.eval import main
from ppocr_like.cli.make_lm import main as make_lm
from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.engine import evaluate
from ppocr_like.errors import ConfigError, DataError

from .helpers import EVAL, records, tiny_recipe, write_recipe


def test_the_report_tells_the_numbers_of_training(
    data: Path, reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = [record for record in records(reference) if record["kind"] == "eval"][-1]
    over = {"Global__checkpoints": str(reference), "Eval__loader__batch_size_per_card": 2}  # batches do not matter
    recipe = write_recipe(tmp_path / "recipe.yml", tiny_recipe(data, tmp_path / "run", **over))
    folder = tmp_path / "report"
    main(["-c", str(recipe), "--report", str(folder)])
    printed = capsys.readouterr().out
    one = json.loads((folder / "report.json").read_text(encoding="utf-8"))["sets"]["eval"]
    assert (one["cer"], one["wer"]) == (last["cer"], last["wer"]) == (one["metrics"]["cer"], one["metrics"]["wer"])
    assert f"cer: {one['cer']:.6g}" in printed and str(folder / "report.html") in printed
    assert one["lines"] == EVAL and one["by_source"][0]["name"] == str(data / "eval.txt")
    assert [Path(row["name"]).name for row in one["by_page"]] == ["eval"] and one["pages"]["interval"] is None
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("src='data:image/jpeg;base64,") == len(one["worst"]) > 0


def test_rejected_lines_count_in_both(data: Path, reference: Path, tmp_path: Path) -> None:
    good = (data / "eval.txt").read_text(encoding="utf-8")
    (tmp_path / "eval.txt").write_text(good + "img/none.png\t12 3\n", encoding="utf-8")
    over = {"Eval__dataset__label_file_list": [str(tmp_path / "eval.txt")], "Global__pretrained_model": str(reference)}
    load_components()
    tree = tiny_recipe(data, tmp_path / "run", Metric__ignore_space=False, **over)
    (evaluation,) = evaluate(Recipe.from_tree(tree), analyse=True)
    analysis = evaluation.analysis
    assert analysis is not None and evaluation.lines == []
    assert (analysis.total.cer, analysis.total.wer) == (evaluation.metrics["cer"], evaluation.metrics["wer"])
    assert analysis.total.right / analysis.total.lines == evaluation.metrics["acc"]
    assert dict(analysis.rejected) == evaluation.rejected.counts and analysis.total.lines == EVAL + 1


def test_a_folder_is_for_recognisers(pages: Path, det_reference: Path, tmp_path: Path) -> None:
    over = {"Global__pretrained_model": str(det_reference)}
    recipe = write_recipe(tmp_path / "recipe.yml", det_recipe(pages, tmp_path / "run", **over))
    with pytest.raises(ConfigError, match=r"compares no texts.*\.json"):
        main(["-c", str(recipe), "--report", str(tmp_path / "report")])
    system = {"System": {"det": "a", "rec": "b"}, "Eval": {"dataset": {"label_file_list": ["x.txt"]}}}
    with pytest.raises(ConfigError, match=r"of pages name a file that ends in \.html"):
        main(["-c", str(write_recipe(tmp_path / "system.yml", system)), "--report", str(tmp_path / "report")])


def test_a_report_replaces_nothing_that_is_read(data: Path, reference: Path, tmp_path: Path) -> None:
    label = tmp_path / "report.txt"
    label.write_text((data / "eval.txt").read_text(encoding="utf-8"), encoding="utf-8")
    over = {"Eval__dataset__label_file_list": [str(label)], "Global__pretrained_model": str(reference)}
    recipe = write_recipe(tmp_path / "recipe.yml", tiny_recipe(data, tmp_path / "run", **over))
    with pytest.raises(DataError, match=r"is read.*--report"):
        main(["-c", str(recipe), "--report", str(tmp_path)])


def test_a_beam_search_is_told_beside_the_best_path(
    data: Path, reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    over = {"Global__pretrained_model": str(reference)}
    recipe = write_recipe(tmp_path / "recipe.yml", tiny_recipe(data, tmp_path / "run", **over))
    make_lm(["-c", str(recipe), "--out", str(tmp_path / "new" / "lm"), "--order", "3"])
    told = capsys.readouterr().out
    assert "perplexity" in told and (tmp_path / "new" / "lm.arpa").read_text(encoding="utf-8").count("-grams:") == 3
    (plain,) = evaluate(Recipe.from_tree(tiny_recipe(data, tmp_path / "run", **over)))
    folder, model = tmp_path / "report", tmp_path / "new" / "lm.npz"
    main(["-c", str(recipe), "-o", "PostProcess.decoder=beam", f"PostProcess.lm={model}", "--report", str(folder)])
    printed = capsys.readouterr().out
    one = json.loads((folder / "report.json").read_text(encoding="utf-8"))["sets"]["eval"]
    assert one["beside"] == {"greedy": {name: plain.metrics[name] for name in one["beside"]["greedy"]}}
    assert f"eval: decoder greedy: acc: {plain.metrics['acc']:.6g}" in printed
    assert "With decoder greedy: CER" in (folder / "report.txt").read_text(encoding="utf-8")
    assert "With decoder greedy: CER" in (folder / "report.html").read_text(encoding="utf-8")
