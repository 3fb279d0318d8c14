"""Recipes edited in place: what is not asked for stays, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppocr_like.config.edit import set_values
from ppocr_like.config.yaml_io import parse
from ppocr_like.errors import ConfigError

ROOT = Path(__file__).parents[2]
TEXT = """\
# head
PostProcess:   # thresholds
  name: DBPostProcess
  thresh: 0.3   # of the map
  box_thresh: &b 0.6
  other: *b  # repeated
  # the end

Eval:
  dataset:
    transforms:
      - DecodeImage: {img_mode: BGR}
      - DetResizeForTest:
      - NormalizeImage: null
      - {name: KeepKeys, keep_keys: [image]}
      - Block:
          a: 1
"""


def tree(text: str) -> dict:
    return parse(text, "test")[0]


def test_a_scalar_changes_and_nothing_else() -> None:
    assert set_values(TEXT, {"PostProcess.thresh": 0.25}) == TEXT.replace("thresh: 0.3 ", "thresh: 0.25 ")


def test_a_missing_key_is_added_to_its_mapping() -> None:
    after = set_values(TEXT, {"PostProcess.unclip_ratio": 1.7})
    assert after == TEXT.replace("*b  # repeated\n", "*b  # repeated\n  unclip_ratio: 1.7\n")
    assert set_values("A: {b: 1}\n", {"A.c": 2}) == "A: {b: 1, c: 2}\n"
    assert set_values("A: {}\n", {"A.c": 2}) == "A: {c: 2}\n"


def test_an_anchor_stays_and_an_alias_gives_way() -> None:
    assert "box_thresh: &b 0.5\n" in set_values(TEXT, {"PostProcess.box_thresh": 0.5})
    after = set_values(TEXT, {"PostProcess.other": 0.5})
    assert "box_thresh: &b 0.6\n" in after and "other: 0.5  # repeated\n" in after


def test_transforms_are_found_by_name_with_arguments_or_without() -> None:
    values = {
        "Eval.dataset.transforms.DetResizeForTest.limit_side_len": 960,
        "Eval.dataset.transforms.NormalizeImage.order": "hwc",
        "Eval.dataset.transforms.0.DecodeImage.img_mode": "RGB",
        "Eval.dataset.transforms.KeepKeys.keep_keys": ["image", "shape"],
        "Eval.dataset.transforms.Block.b": True,
    }
    after = set_values(TEXT, values)
    chain = tree(after)["Eval"]["dataset"]["transforms"]
    assert chain == [
        {"DecodeImage": {"img_mode": "RGB"}},
        {"DetResizeForTest": {"limit_side_len": 960}},
        {"NormalizeImage": {"order": "hwc"}},
        {"name": "KeepKeys", "keep_keys": ["image", "shape"]},
        {"Block": {"a": 1, "b": True}},
    ]
    assert "      - DetResizeForTest: {limit_side_len: 960}\n" in after


def test_a_second_key_joins_the_first() -> None:
    first = set_values(TEXT, {"Eval.dataset.transforms.DetResizeForTest.limit_side_len": 960})
    second = set_values(first, {"Eval.dataset.transforms.DetResizeForTest.limit_type": "max"})
    assert "- DetResizeForTest: {limit_side_len: 960, limit_type: max}\n" in second


def test_a_missing_section_is_added_at_the_end() -> None:
    after = set_values("_base_: other.yml  # base", {"PostProcess.thresh": 0.2, "PostProcess.use_dilation": True})
    assert after == "_base_: other.yml  # base\nPostProcess:\n  thresh: 0.2\n  use_dilation: true\n"


@pytest.mark.parametrize(
    "path", ["Eval.dataset.transforms.Nothing.a", "PostProcess.thresh.a", "Eval.dataset.transforms.0", "PostProcess.other.a"]
)
def test_a_path_that_leads_nowhere_is_an_error(path: str) -> None:
    with pytest.raises(ConfigError):
        set_values(TEXT, {path: 1})


def test_small_numbers_stay_numbers() -> None:
    assert tree(set_values(TEXT, {"PostProcess.thresh": 1e-7}))["PostProcess"]["thresh"] == 1e-7


@pytest.mark.parametrize("recipe", sorted((ROOT / "configs").rglob("*.yml")), ids=lambda path: path.name)
def test_shipped_recipes_keep_every_other_line(recipe: Path) -> None:
    before = recipe.read_text(encoding="utf-8")
    after = set_values(before, {"PostProcess.of_nobody": "slow"})
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert added in (["  of_nobody: slow"], ["PostProcess:", "  of_nobody: slow"])
    assert [line for line in after.splitlines() if line not in added] == [
        line for line in before.splitlines() if line not in added
    ]
