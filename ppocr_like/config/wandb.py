"""The `wandb` section: how a run is shown at Weights & Biases.

`docs/recipe.md` holds the table of these fields; a test compares the two.
"""

# ruff: noqa: RUF009 (`option` makes a dataclass field)
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ppocr_like.config.recipe import Recipe
from ppocr_like.config.typecheck import fit, option, shown
from ppocr_like.errors import ConfigError, Problem

SECTION = "wandb"


@dataclass(frozen=True)
class WandbConfig:
    """PaddleOCR hands every key on to `wandb.init`; these are the ones of use here."""

    project: str | None = option(None, "the project; null: wandb's own choice")
    entity: str | None = option(None, "user or team")
    name: str | None = option(None, "the run's name; null: that of its folder")
    id: str | None = option(None, "the run's identity at wandb; null: a new one, kept in the run folder for a resume")
    group: str | None = option(None, "runs with the same word stand together")
    job_type: str | None = option(None, "kind of run, such as `train`")
    tags: list[str] = option([], "words by which runs are found")
    notes: str | None = option(None, "a longer description")
    mode: Literal["online", "offline", "disabled"] | None = option(
        None, "`offline` keeps everything in `<save_model_dir>/wandb` for `wandb sync`; null: what WANDB_MODE says, else online"
    )


def wandb_config(recipe: Recipe) -> WandbConfig | None:
    """The section's settings; None when the run is not to be shown there: neither `Global.use_wandb` nor the section, or
    `use_wandb: false`.

    Raises:
        ConfigError: unknown keys and wrong values.
    """
    section: Any = recipe.get(SECTION)
    if section is not None and not isinstance(section, dict):
        raise ConfigError([Problem(SECTION, f"is {shown(section)}, but a mapping is needed")], recipe.source)
    args = dict(section or {})
    problems = recipe.drop_ignored(SECTION, args, SECTION, tuple(WandbConfig.__dataclass_fields__))
    made, wrong = fit(args, WandbConfig, SECTION)
    if problems + wrong:
        raise ConfigError(problems + wrong, recipe.source)
    wanted = recipe.globals.use_wandb
    return made if wanted or (wanted is None and SECTION in recipe.tree) else None
