"""The fine-tune guide's names for DBPostProcess: understood, said once, never a second opinion."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppocr_like.config import Builder, Recipe, load_recipe
from ppocr_like.config.paddle.aliases import ALIASES, BATCH_ALIAS
from ppocr_like.config.typecheck import parameters
from ppocr_like.errors import ConfigError
from ppocr_like.registry import OPTIMIZERS, POSTPROCESSES, SCHEDULES

RECIPE = """
Architecture: {model_type: det}
PostProcess:
  name: DBPostProcess
  thresh: 0.3
  box_thresh: 0.6
Eval:
  loader: {batch_size_per_card: 4}
"""


def loaded(tmp_path: Path, *overrides: str, text: str = RECIPE) -> Recipe:
    path = tmp_path / "recipe.yml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(path, overrides)


def from_guide(**post: object) -> Recipe:
    return Recipe.from_tree({"Architecture": {"model_type": "det"}, "PostProcess": {"name": "DBPostProcess", **post}})


def test_aliases_are_other_names_of_real_arguments() -> None:
    assert "DBPostProcess" in ALIASES
    known = [(name, parts.get(name)) for parts in (OPTIMIZERS, POSTPROCESSES, SCHEDULES) for name in ALIASES if name in parts]
    assert {"ReduceLROnPlateau", "RMSprop"} <= set(dict(known))
    for component, cls in known:
        accepted = set(parameters(cls))
        assert set(ALIASES[component].values()) <= accepted
        assert not set(ALIASES[component]) & accepted
        assert BATCH_ALIAS not in accepted


def test_all_names_of_the_guide_reach_the_postprocess() -> None:
    recipe = from_guide(
        det_db_thresh=0.2,
        det_db_box_thresh=0.5,
        det_db_unclip_ratio=1.7,
        det_db_score_mode="slow",
        det_box_type="poly",
        use_dilation=True,
    )
    post = Builder(recipe).postprocess()
    assert (post.thresh, post.box_thresh, post.unclip_ratio, post.use_dilation) == (0.2, 0.5, 1.7, True)
    assert (post.score_mode, post.box_type) == ("slow", "poly")
    assert sorted(recipe.notes) == [
        "PostProcess.det_box_type means box_type: 'poly'",
        "PostProcess.det_db_box_thresh means box_thresh: 0.5",
        "PostProcess.det_db_score_mode means score_mode: 'slow'",
        "PostProcess.det_db_thresh means thresh: 0.2",
        "PostProcess.det_db_unclip_ratio means unclip_ratio: 1.7",
    ]
    kept = Recipe.from_tree(recipe.tree)  # what checkpoints carry speaks the real names
    assert Builder(kept).postprocess().thresh == 0.2
    assert kept.notes == []


def test_the_command_line_wins_over_the_file_under_either_name(tmp_path: Path) -> None:
    recipe = loaded(tmp_path, "PostProcess.det_db_thresh=0.4")
    assert Builder(recipe).postprocess().thresh == 0.4
    assert recipe.notes == ["PostProcess.det_db_thresh means thresh: 0.4 takes the place of 0.3"]
    assert recipe.get("PostProcess.det_db_thresh") is None
    assert recipe.was_overridden("PostProcess.thresh")
    guide = RECIPE.replace("thresh: 0.3", "det_db_thresh: 0.3")
    recipe = loaded(tmp_path, "PostProcess.thresh=0.4", text=guide)
    assert Builder(recipe).postprocess().thresh == 0.4
    assert recipe.notes == ["PostProcess.det_db_thresh means thresh: 0.3 gives way to 0.4"]
    recipe = loaded(tmp_path, "PostProcess={det_db_unclip_ratio: 1.8}")
    assert Builder(recipe).postprocess().unclip_ratio == 1.8


@pytest.mark.parametrize("overrides", [(), ("PostProcess.det_db_thresh=0.5", "PostProcess.thresh=0.6")])
def test_two_opinions_of_equal_rank_are_a_mistake(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    recipe = loaded(tmp_path, *overrides, text=RECIPE.replace("thresh: 0.3", "thresh: 0.3\n  det_db_thresh: 0.4"))
    with pytest.raises(ConfigError) as caught:
        Builder(recipe).postprocess()
    (problem,) = caught.value.problems
    assert problem.path == "PostProcess.det_db_thresh"
    assert "but thresh, which it means, is " in problem.message


def test_twice_the_same_value_is_none() -> None:
    assert Builder(from_guide(thresh=0.4, det_db_thresh=0.4)).postprocess().thresh == 0.4


def test_mistakes_in_the_value_are_told_under_the_real_name() -> None:
    with pytest.raises(ConfigError, match=r"PostProcess\.thresh: is 'high', but a number is needed"):
        Builder(from_guide(det_db_thresh="high")).postprocess()


@pytest.mark.parametrize(("most", "batch"), [(2, 2), (10, 4)])
def test_max_batch_size_bounds_the_batches_of_evaluation(tmp_path: Path, most: int, batch: int) -> None:
    recipe = loaded(tmp_path, f"PostProcess.max_batch_size={most}")
    assert recipe.get("Eval.loader.batch_size_per_card") == batch
    assert recipe.notes == [f"PostProcess.max_batch_size: {most} bounds Eval.loader.batch_size_per_card, which is {batch}"]
    assert Builder(recipe).postprocess().box_thresh == 0.6


def test_max_batch_size_that_is_no_number_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"PostProcess\.max_batch_size"):
        Builder(loaded(tmp_path, "PostProcess.max_batch_size=many")).postprocess()


def test_other_components_know_no_aliases() -> None:
    recipe = Recipe.from_tree(
        {"Architecture": {"model_type": "rec"}, "PostProcess": {"name": "CTCLabelDecode", "det_db_thresh": 1}}
    )
    with pytest.raises(ConfigError, match="unknown key"):
        Builder(recipe).postprocess()
