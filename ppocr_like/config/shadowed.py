"""Overrides (`-o`) that change nothing because something else in the recipe wins."""

from __future__ import annotations

from collections.abc import Iterator

from ppocr_like.config.recipe import Recipe
from ppocr_like.errors import Problem

MISSING = object()
# An override of the first key does nothing while the second one has a value; the reason, and what to do.
WINS = (
    ("Global.eval_batch_step", "Global.eval_batch_epoch", "set Global.eval_batch_epoch=null as well, or that key alone"),
    ("Global.pretrained_model", "Global.checkpoints", "set Global.checkpoints=null as well, or that key alone"),
    ("Train.loader.batch_size_per_card", "Train.sampler.name", "the sampler's own first_bs says it: Train.sampler.first_bs"),
    ("Train.loader.drop_last", "Train.sampler.name", "the sampler fills its last batch"),
    ("Train.loader.shuffle", "Train.sampler.name", "Train.sampler.is_training says it"),
)
# Keys that are read under a switch only.
SWITCHED = {
    "Global.amp_dtype": "Global.use_amp",
    "Global.amp_custom_black_list": "Global.use_amp",
    "Global.amp_custom_white_list": "Global.use_amp",
    "Global.scale_loss": "Global.use_amp",
    "Global.use_dynamic_loss_scaling": "Global.use_amp",
    "Global.ema_decay": "Global.use_ema",
    "Global.ema_gamma": "Global.use_ema",
    "Global.ema_decay_type": "Global.use_ema",
    "Global.ema_filter_no_grad": "Global.use_ema",
    "Global.calc_epoch_interval": "Global.cal_metric_during_train",
}


def shadowed_problems(recipe: Recipe) -> Iterator[Problem]:
    """Every override that nothing reads, with where it must go."""
    for path, winner, advice in WINS:
        if recipe.was_overridden(path) and recipe.get(winner) is not None and not recipe.was_overridden(winner):
            yield Problem(path, f"the override changes nothing: {winner} wins; {advice}")
    for path, switch in SWITCHED.items():
        if recipe.was_overridden(path) and not recipe.get(switch):
            yield Problem(path, f"the override changes nothing without {switch}: true; set that as well")
    yield from _behind_evaluation_sets(recipe)


def _behind_evaluation_sets(recipe: Recipe) -> Iterator[Problem]:
    """Keys of `Eval.dataset` that every one of `Eval.datasets` has its own value of."""
    sets = recipe.get("Eval.datasets")
    if not isinstance(sets, dict) or not sets:
        return
    for path in sorted(recipe.overridden):
        inner = path.removeprefix("Eval.dataset.")
        if inner == path:
            continue
        if all(_covered(recipe, f"Eval.datasets.{name}", inner) for name in sets):
            places = " or ".join(f"-o Eval.datasets.{name}.{inner}=..." for name in list(sets)[:3])
            yield Problem(path, f"the override changes nothing: every set of Eval.datasets has its own; write {places}")


def _covered(recipe: Recipe, base: str, inner: str) -> bool:
    """Whether a set's own value replaces the key: it stands there, or something above it that is no mapping."""
    path = base
    for part in inner.split("."):
        path = f"{path}.{part}"
        value = recipe.get(path, MISSING)
        if value is MISSING:
            return False
        if not isinstance(value, dict) or value.get("_replace_") is True:
            return True
    return True
