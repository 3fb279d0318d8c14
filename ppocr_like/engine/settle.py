"""The codec of a run, which is written into its folder; `Global.codec: auto` is known only when the run begins."""

from __future__ import annotations

import logging
from pathlib import Path

from ppocr_like.atomic import write_text
from ppocr_like.charset import Charset
from ppocr_like.codec import Codec, codec_text
from ppocr_like.config import Recipe
from ppocr_like.config.classes import CODEC, recipe_charset
from ppocr_like.config.loader import AUTO
from ppocr_like.data.classes import training_codec
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.resume import Resume
from ppocr_like.engine.runfolder import CACHE
from ppocr_like.errors import CheckpointError, ConfigError, Problem
from ppocr_like.tasks import task_of

logger = logging.getLogger("ppocr_like")
CODEC_FILE = "codec.json"


def settle_classes(recipe: Recipe, ranks: Ranks, folder: Path, resume: Resume | None = None) -> Recipe:
    """The recipe with the path of `codec.json` where it says `codec: auto`; the file is equal for all ranks. A codec that the
    recipe holds or names is written there, too, and the recipe stays as it is.

    Args:
        folder: of the run, where the main rank writes the file.
        resume: the checkpoint of a run that goes on, whose codec is taken as it is, whatever the texts are now.

    Raises:
        ConfigError: a codec together with weights whose rows would not be mapped to it; no texts.
        CheckpointError: the checkpoint is of a run without a codec; the file cannot be written.
    """
    settings = recipe.globals
    if settings.codec is None or not task_of(recipe.get("Architecture.model_type")).reads_text:
        return recipe
    if resume is None and settings.pretrained_model and settings.charset_resize != "new":
        message = "stands beside Global.pretrained_model; set Global.charset_resize: new, which keeps the rows of known entries"
        raise ConfigError([Problem(CODEC, message)], recipe.source)
    path = folder / CODEC_FILE
    if settings.codec != AUTO:
        with ranks.together():
            if ranks.main:
                _keep(recipe_charset(settings, _unsaid), path)
        return recipe
    with ranks.together():
        if ranks.main:
            codec = training_codec(recipe, folder / CACHE) if resume is None else _codec_of(resume)
            write_text(path, codec_text(codec.mapping))
            said = "of the training texts" if resume is None else "as in the checkpoint"
            logger.info("%s: auto is %d classes %s (%s)", CODEC, codec.num_classes, said, path)
    return recipe.changed(CODEC, str(path))


def _keep(charset: Charset, path: Path) -> None:
    if isinstance(charset, Codec):
        write_text(path, codec_text(charset.mapping))


def _unsaid(note: str) -> None:
    """The builder says it."""


def _codec_of(resume: Resume) -> Codec:
    if not isinstance(resume.charset, Codec):
        raise CheckpointError(f"{resume.path} is of a run with a dictionary; {CODEC}: auto cannot go on with it: take it out")
    return resume.charset
