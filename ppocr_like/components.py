"""Imports every package that registers something, so that the registries are full. Nothing else lives here."""

import gc
import sys
from collections.abc import Sequence

from ppocr_like.config.plugins import import_plugins
from ppocr_like.registry import fill

ROOMS = ("transforms", "postprocess", "metrics", "modeling", "losses", "optim", "data", "doctor", "synth")


def load_components(plugins: Sequence[str] = ()) -> None:
    """Imports all modules of the registering rooms, then the user's own packages.

    Args:
        plugins: `Global.plugins` of a recipe that the user gave; those of command line and environment come without asking.

    Raises:
        ConfigError: a plugin that cannot be imported.
    """
    # Torch makes a million objects that stay. To look for garbage among them takes a tenth of the time now, and half a second
    # when the process ends.
    collecting, loaded = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        fill(*(f"ppocr_like.{room}" for room in ROOMS))
    finally:
        if len(sys.modules) > loaded:
            gc.freeze()
        if collecting:
            gc.enable()
    import_plugins(plugins)
