"""`Global.pretrained_model` and `Global.charset_resize` in one place, for training, evaluation, export and use."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Protocol

from ppocr_like.charset import Charset
from ppocr_like.errors import WeightsError
from ppocr_like.tasks import task_of
from ppocr_like.text import DirectionSetting, resolve_direction
from ppocr_like.weights.charset_plan import CharsetPlan, ResizeMode, resize_charset, same_charset
from ppocr_like.weights.files import WeightsFile, load_weights
from ppocr_like.weights.resolve import resolve

logger = logging.getLogger("ppocr_like")


class Globals(Protocol):
    """The keys of a recipe's Global section that matter here."""

    @property
    def pretrained_model(self) -> str | None: ...
    @property
    def pretrained_sub_model(self) -> str | None: ...
    @property
    def charset_resize(self) -> ResizeMode: ...
    @property
    def character_dict_path(self) -> str | None: ...
    @property
    def codec(self) -> object: ...
    @property
    def checkpoints(self) -> str | None: ...


def names_classes(recipe_globals: Globals) -> bool:
    """Whether the recipe says which characters there are: a dictionary, a codec, or `charset_resize: new`, which asks for what
    PaddleOCR takes without a dictionary (0-9 and a-z)."""
    named = recipe_globals.character_dict_path is not None or recipe_globals.codec is not None
    return named or recipe_globals.charset_resize == "new"


def charset_of_weights(recipe_globals: Globals) -> Charset | None:
    """The characters of the weights, for a recipe that has weights and names no characters; else None.

    None, too, where there are no such weights: whoever loads them says it.

    Raises:
        WeightsError: a file that cannot be read.
    """
    source = recipe_globals.checkpoints or recipe_globals.pretrained_model
    if names_classes(recipe_globals) or not source:
        return None
    try:
        path = resolve(str(source))
    except WeightsError:
        return None
    return load_weights(str(path)).charset


def pretrained(
    recipe_globals: Globals, dictionary_charset: Charset | None, *, as_is: bool = False, task: str = "rec"
) -> tuple[WeightsFile | None, CharsetPlan | None]:
    """The weights a recipe starts from and what becomes of their character set.

    Args:
        recipe_globals: `Recipe.globals`.
        dictionary_charset: of the recipe's dictionary; None only with `as_is` (weights without a recipe's dictionary).
        as_is: evaluation, export and recognition: the weights' own character set is used, nothing is resized.
        task: `Architecture.model_type` of the recipe.

    Returns:
        (weights or None, plan); build the model for `plan.charset`, then `load_into(model, weights, plan, ...)`. The plan is
        None for a task without characters.

    Raises:
        WeightsError: see `resolve`, `load_weights` and `resize_charset`; weights of another task.
    """
    source = recipe_globals.pretrained_model
    if not task_of(task).reads_text:
        return (_of_task(_read(recipe_globals), task) if source else None), None
    if not source:
        if dictionary_charset is None:
            raise WeightsError("no weights given and no dictionary: set Global.pretrained_model")
        return None, same_charset(dictionary_charset)
    weights = _of_task(_read(recipe_globals), task)
    mode = recipe_globals.charset_resize
    if weights.charset is None:
        if dictionary_charset is None:
            raise WeightsError(f"{weights.path} does not say its characters; give the recipe with its dictionary")
        logger.warning("%s does not say its characters; the recipe's dictionary is taken to be theirs", weights.path)
        return weights, same_charset(dictionary_charset, assumed=True, mode=mode)
    setting: DirectionSetting = getattr(recipe_globals, "text_direction", "auto")
    if as_is:
        if dictionary_charset is not None and dictionary_charset.labels != weights.charset.labels:
            logger.info(
                "characters: the weights' own %d classes (the recipe's dictionary has %d)",
                weights.charset.num_classes,
                dictionary_charset.num_classes,
            )
        return weights, same_charset(_directed(weights.charset, setting, str(weights.path)))
    if not names_classes(recipe_globals):
        logger.info("Global.character_dict_path is not set: the characters are those of %s", weights.path)
        dictionary_charset = _directed(weights.charset, setting, str(weights.path))
    plan = resize_charset(weights.charset, dictionary_charset or weights.charset, mode)
    logger.info(plan.describe())
    if weights.charset.direction != plan.charset.direction:
        logger.info("text direction: %s in the weights, %s in this recipe", weights.charset.direction, plan.charset.direction)
    return weights, plan


def _directed(charset: Charset, setting: DirectionSetting, place: str) -> Charset:
    """The weights' own direction, unless the recipe writes another one."""
    direction = charset.direction if setting == "auto" else resolve_direction(setting, charset.entries)
    if direction != charset.direction:
        logger.warning("%s: text direction %s, as the recipe says; the weights say %s", place, direction, charset.direction)
    return charset.with_direction(direction)


def _read(recipe_globals: Globals) -> WeightsFile:
    """The file, told which network of a distillation's is meant."""
    weights = load_weights(str(recipe_globals.pretrained_model))
    return replace(weights, sub_model=recipe_globals.pretrained_sub_model)


def _of_task(weights: WeightsFile, task: str) -> WeightsFile:
    """The weights, unless they say that they are of another task."""
    theirs = weights.task
    if theirs in (None, task):
        return weights
    raise WeightsError(
        f"{weights.path} holds weights of model_type {theirs}, the recipe's Architecture.model_type is {task}; "
        f"give weights of that type, or the recipe they were trained with"
    )
