"""Recipes: load (safe YAML), override, validate, build."""

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
