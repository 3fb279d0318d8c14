"""Recipes: load (safe YAML), override, validate, build.

`load_recipe(path, overrides)` gives a `Recipe`: the effective tree of plain values, and notes, which are said once at the
start. `Builder(recipe)` turns its nodes into objects; nothing else does. `Builder.check` builds everything but data sets,
samplers and loggers once and reports all problems together: a class whose constructor raises ValueError or OcrError has its
message reported with the YAML path of its node. Losses, heads, post-processings and metrics name the batch entries that they
read in `needs`, which KeepKeys must keep. A detector's crops and pages are tried on small blank images.

Five Global keys win over a component's own argument, as in PaddleOCR: `character_dict_path`, `use_space_char`,
`max_text_length`, `infer_mode`, `label_list`. What is PaddleOCR's own (other names, slips, ignored keys, recipes of other
families) stands in `config.paddle`.

A recipe that is not the user's own (out of the metadata of a weights file) brings no plugins: see `plugins.carried_tree`.
"""

from ppocr_like.config.build import Builder
from ppocr_like.config.globals import Compile, EarlyStop, Forgetting, GlobalConfig
from ppocr_like.config.loader import BucketByWidth, LoaderConfig
from ppocr_like.config.paddle.advice import lr_advice
from ppocr_like.config.recipe import Recipe, load_recipe
from ppocr_like.config.wandb import WandbConfig

__all__ = [
    "BucketByWidth",
    "Builder",
    "Compile",
    "EarlyStop",
    "Forgetting",
    "GlobalConfig",
    "LoaderConfig",
    "Recipe",
    "WandbConfig",
    "load_recipe",
    "lr_advice",
]
