"""Recipes of PaddleOCR's other families get one answer that says what is here."""

from __future__ import annotations

from ppocr_like.config import Recipe
from ppocr_like.config.paddle.families import OTHER_FAMILIES, other_family
from ppocr_like.errors import Mistake, Problem

UNKNOWN = [
    Problem("Architecture.Head", "unknown head", Mistake.UNKNOWN_NAME, "EASTHead"),
    Problem("Loss", "unknown loss", Mistake.UNKNOWN_NAME, "EASTLoss"),
]


def recipe(algorithm: object) -> Recipe:
    return Recipe.from_tree({"Architecture": {"model_type": "det", "algorithm": algorithm}})


def test_one_answer_for_all_that_is_not_here() -> None:
    answer = other_family(recipe("EAST"), [*UNKNOWN, Problem("Global.x", "unknown key", Mistake.UNKNOWN_KEY)])
    assert answer is not None and answer.path == "Architecture.algorithm"
    for word in ("EAST is another way of detection", "EASTHead, EASTLoss", "DB++", "CRNN", "text-direction"):
        assert word in answer.message


def test_one_unknown_name_may_be_a_slip_of_the_finger() -> None:
    assert other_family(recipe("EAST"), UNKNOWN[:1]) is None


def test_our_own_families_are_no_others() -> None:
    for algorithm in ("DB", "DB++", "CRNN", "SVTR_LCNet", "Distillation", "CLS", None, 3, ["EAST"]):
        assert algorithm not in list(OTHER_FAMILIES)
        assert other_family(recipe(algorithm), UNKNOWN) is None
