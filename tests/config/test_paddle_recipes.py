"""PaddleOCR's own recipes: 98 of them are taken as they stand, the others are told what is here."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest

from ppocr_like.config import load_recipe
from ppocr_like.errors import Problem
from tests.quick_check import quick_problems

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="PPOCR_LIKE_CASES names no folder with PaddleOCR's recipes")
FOLDER = Path(CASES or "", "paddleocr", "configs")
DICTIONARIES = Path(CASES or "", "paddleocr", "dicts")

FEW = (
    *("det_mv3_db", "PP-OCRv5_mobile_det", "ch_PP-OCRv2_det_cml", "rec_icdar15_train", "en_PP-OCRv4_mobile_rec"),
    "rec_mv3_tps_bilstm_att",
)

# Those that PaddleOCR cannot run either, and what is said of them.
NOT_THERE_EITHER = {
    "PP-OCRv4_mobile_rec_distillation.yml": "PaddleOCR stops here too",
    "ch_SVTRv2_rec_gtc_distill.yml": "'repvit_svtr' is unknown in PaddleOCR too",
}
IGNORED_KEYS = {
    *("profiler_options", "Global.d2s_train_image_shape", "Global.character_type", "Architecture.in_channels"),
    *("Train.loader.use_shared_memory", "Eval.loader.use_shared_memory", "Train.loader.num_sections"),
    *("Optimizer.lr.epochs", "Optimizer.lr.step_each_epoch", "Architecture.Backbone.in_channels"),
    *("Architecture.Backbone.pretrained", "Architecture.Backbone.local_k", "Loss.loss_config_list.1.CenterLoss.num_classes"),
}


def dictionary(name: str | None) -> list[str]:
    """The override that a user gives: where the dictionary lies."""
    found = sorted(DICTIONARIES.rglob(Path(name).name)) if name else []
    return [f"Global.character_dict_path={found[0]}"] if found else []


@cache
def checked(path: Path) -> tuple[list[Problem], list[str]]:
    """(problems, notes) of a recipe as it stands but for its dictionary."""
    recipe = load_recipe(path, dictionary(load_recipe(path).get("Global.character_dict_path")))
    return quick_problems(recipe), recipe.notes


def every() -> list[Path]:
    return [path for section in ("det", "rec") for path in sorted((FOLDER / section).rglob("*.y*ml"))]


def is_other(path: Path) -> bool:
    problems, _ = checked(path)
    return len(problems) == 1 and problems[0].path == "Architecture.algorithm" and "which is not here" in problems[0].message


def test_a_few_of_them() -> None:
    few = {path.stem: checked(path)[0] for path in every() if path.stem in FEW}
    wrong = {"rec_mv3_tps_bilstm_att"}  # an attention decoder, which is not here
    assert {stem: bool(problems) for stem, problems in few.items()} == {stem: stem in wrong for stem in FEW}


@pytest.mark.thorough
def test_other_families_are_told_what_is_here() -> None:
    others = [path for path in every() if is_other(path)]
    assert (len(every()), len(others)) == (133, 35)
    assert all("offered are detectors of the DB family" in checked(path)[0][0].message for path in others)


@pytest.mark.thorough
def test_96_of_98_are_good_as_they_stand() -> None:
    ours = [path for path in every() if not is_other(path)]
    assert len(ours) == 98
    wrong = {path.name: [str(p) for p in checked(path)[0]] for path in ours if checked(path)[0]}
    assert set(wrong) == set(NOT_THERE_EITHER)


@pytest.mark.thorough
def test_what_paddleocr_cannot_run_either_says_why() -> None:
    for path in every():
        if path.name in NOT_THERE_EITHER:
            assert all(NOT_THERE_EITHER[path.name] in p.message for p in checked(path)[0]), path.name


def test_the_classifiers_are_good_as_they_stand() -> None:
    paths = sorted((FOLDER / "cls").rglob("*.yml"))
    assert {path.name: [str(p) for p in checked(path)[0]] for path in paths} == {"ch_PP-OCRv3_rotnet.yml": [], "cls_mv3.yml": []}


@pytest.mark.thorough
def test_each_ignored_key_is_one_note() -> None:
    for path in every():
        problems, notes = checked(path)
        if not problems:
            assert len(notes) == len(set(notes))
            keys = [note.partition(" is ignored:")[0] for note in notes if " is ignored:" in note]
            plain = {re.sub(r"Models\.\w+\.", "", key) for key in keys}
            assert plain <= IGNORED_KEYS and len(keys) == len(set(keys)), path.name
            said = (" is ignored:", "is frozen and has no weights", "stands twice", "means box_type", "text direction rtl")
            assert all(any(text in note for text in said) for note in notes), path.name


@pytest.mark.thorough
def test_keys_that_stand_twice_in_four_of_them() -> None:
    twice = [path.name for path in every() if any("stands twice" in note for note in checked(path)[1])]
    assert twice == ["PP-OCRv3_det_cml.yml", "PP-OCRv3_det_dml.yml", "ch_PP-OCRv2_det_cml.yml", "ch_PP-OCRv2_det_dml.yml"]


@pytest.mark.thorough
def test_the_box_type_of_db_plus_plus() -> None:
    mended = [path.name for path in every() if "PostProcess.det_box_type means box_type: 'quad'" in checked(path)[1]]
    assert mended == ["det_r50_db++_icdar15.yml", "det_r50_db++_td_tr.yml"]
