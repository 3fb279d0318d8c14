"""PaddleOCR's own recipes: each is read, and nothing in it is strange but components that are not here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ppocr_like.config import Builder, load_recipe
from ppocr_like.errors import ConfigError, Problem

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="PPOCR_LIKE_CASES names no folder with PaddleOCR's recipes")
FOLDER = Path(CASES or "", "paddleocr", "configs")

# Keys of families that are not here (distillation, VisionLAN, CAN, RFL ...), which the check names as unknown.
FOREIGN = {"Global.rm_symbol", "Global.num_heads", "Global.training_step", "Train.loader.num_sections"} | {
    *("Optimizer.group_lr", "Optimizer.training_step", "Train.loader.collate_fn", "Eval.loader.collate_fn")
}

# Mistakes in the recipes themselves, or parts of other families under names that are here: each is told, and rightly so.
TOLD = {
    # nothing in its chain makes the ratio, and its teacher's head lacks use_pool
    "PP-OCRv4_mobile_rec_distillation.yml": ("KeepKeys needs valid_ratio", "needs features of height 1"),
    "PP-OCRv6_medium_rec.yml": "Neck.local_kernel",  # of the lightsvtr encoder, which is not here yet
    "PP-OCRv6_small_rec.yml": "Neck.local_kernel",
    "rec_resnet_stn_bilstm_att.yml": "Optimizer.",  # weight_deacy, and a momentum that Adadelta does not have
    "rec_svtrnet_cppd_base_ch.yml": "mixer must name one mixer",  # 18 for 16 blocks
    "rec_svtrnet_cppd_base_en.yml": "mixer must name one mixer",
    "rec_vit_parseq.yml": "data_dir: is null",
}


def problems(path: Path) -> list[Problem]:
    try:
        Builder(load_recipe(path)).check()
    except ConfigError as error:
        return error.problems
    return []


def is_foreign(problem: Problem) -> bool:
    """A component that is unknown (or is for another task), a dictionary that is not here, or a key of another family."""
    unknown = problem.message.startswith("unknown ") and not problem.message.startswith("unknown key")
    unknown = unknown or "asks for deformable convolutions, which are not available yet" in problem.message
    absent = "No such file" in problem.message or problem.message.startswith(("is missing; a backbone", "is missing; a head"))
    return unknown or " only, not for " in problem.message or absent or problem.path in FOREIGN


def test_every_recogniser_s_recipe_is_understood() -> None:
    recipes = sorted((FOLDER / "rec").rglob("*.yml"))
    assert len(recipes) > 60
    strange = {path.name: [str(p) for p in problems(path) if not is_foreign(p)] for path in recipes}
    told = {name: found for name, found in strange.items() if found}
    assert set(told) == set(TOLD)
    expected = {name: (text,) if isinstance(text, str) else text for name, text in TOLD.items()}
    assert [line for name, found in told.items() for line in found if not any(text in line for text in expected[name])] == []


PAGE_STEPS = ("DetLabelEncode", "CopyPaste", "ColorJitter", "IaaAugment", "RandomPerspective", "RandomCrop", "EastRandomCropData")


def test_the_augmentation_of_every_db_recipe_can_be_built() -> None:
    """Their steps take the arguments as they stand in each detector's training chain."""
    built = 0
    for path in sorted((FOLDER / "det").rglob("*.yml")):
        try:
            recipe = load_recipe(path)
        except ConfigError:
            continue  # a key that stands twice
        chain = recipe.get("Train.dataset.transforms")
        if "DBLoss" not in path.read_text() or not chain:
            continue
        nodes = [node for node in chain if next(iter(node)) in PAGE_STEPS]
        assert len(Builder(recipe).transforms(nodes, "Train.dataset.transforms")) == len(nodes) >= 3
        built += 1
    assert built >= 18


# Those whose every component is here: they could be trained as they are.
WHOLE = {
    *("PP-OCRv3_mobile_det.yml", "PP-OCRv3_server_det.yml", "PP-OCRv4_mobile_det.yml", "PP-OCRv4_mobile_seal_det.yml"),
    *("PP-OCRv5_mobile_det.yml", "ch_PP-OCRv2_det_student.yml", "ch_det_mv3_db_v2.0.yml", "ch_det_res18_db_v2.0.yml"),
    *("det_mv3_db.yml", "det_r50_vd_db.yml", "det_res18_db_v2.0.yml"),
}


def test_every_detector_s_recipe_is_understood() -> None:
    found = {path.name: problems(path) for path in sorted((FOLDER / "det").rglob("*.yml"))}
    assert len(found) > 30
    twice = {name for name, wrong in found.items() if any("stands twice" in p.message for p in wrong)}
    strange = {name: [str(p) for p in wrong if not is_foreign(p)] for name, wrong in found.items() if name not in twice}
    assert {name: wrong for name, wrong in strange.items() if wrong} == {}
    assert {name for name, wrong in found.items() if not wrong} >= WHOLE
    assert len(twice) == 4


def test_a_key_that_stands_twice_in_one_of_them_is_found() -> None:
    found = problems(FOLDER / "det" / "PP-OCRv3" / "PP-OCRv3_det_cml.yml")
    assert [p.message for p in found] == ["line 98, column 7: the key 'model_name_pairs' stands twice (first in line 94)"]
