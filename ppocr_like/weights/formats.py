"""`Global.weights_format`: whether a recipe's network can be written in the format that it asks for, before it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppocr_like.charset import Charset
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.weights.kraken_coreml_write import INSTALL, coreml_misfits, installed
from ppocr_like.weights.kraken_rules import network_misfits, recipe_misfits

if TYPE_CHECKING:
    from ppocr_like.config.build import Builder

KEY = "Global.weights_format"


def check_format(builder: Builder) -> None:
    """The network is built for it and thrown away; no data is read, and the characters may not be known yet.

    Args:
        builder: of a recipe without mistakes.

    Raises:
        ConfigError: kraken would not run the network as it runs here, or a package is missing; everything that is wrong.
    """
    asked = builder.settings.weights_format
    if asked not in ("kraken", "coreml"):
        return
    problems = [Problem(KEY, f"coreml: {INSTALL}")] if asked == "coreml" and not installed() else []
    if builder.known_charset is None:
        builder = builder.reading(Charset("a"))  # no layer depends on them
    model = builder.model()
    wrong = network_misfits(model, builder.recipe.tree)
    if not wrong and asked == "coreml":
        wrong = coreml_misfits(getattr(model.backbone, "spec", None))
    wrong = wrong or recipe_misfits(builder.recipe.tree)
    problems += [Problem(KEY, f"{asked}: kraken cannot use this network: {one}") for one in wrong]
    if problems:
        raise ConfigError(problems, builder.recipe.source)
