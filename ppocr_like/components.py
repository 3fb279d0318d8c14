"""Imports every package that registers something, so that the registries are full. Nothing else lives here."""

import importlib
import pkgutil
import traceback
from collections.abc import Sequence

from ppocr_like.errors import ConfigError, Problem

ROOMS = ("transforms", "postprocess", "metrics", "modeling", "losses", "optim", "data", "engine")


def load_components(plugins: Sequence[str] = ()) -> None:
    """Imports all modules of the registering rooms, then the user's own packages (`Global.plugins`).

    Raises:
        ConfigError: a plugin that cannot be imported.
    """
    for room in ROOMS:
        package = importlib.import_module(f"ppocr_like.{room}")
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    problems = []
    for position, plugin in enumerate(plugins):
        try:
            importlib.import_module(plugin)
        except ImportError as error:
            message = f"cannot import {plugin!r} ({error}); install it, or put its folder on PYTHONPATH"
            problems.append(Problem(f"Global.plugins.{position}", message))
        except Exception as error:  # noqa: BLE001 (whatever a user's own module may raise)
            place = traceback.extract_tb(error.__traceback__)[-1]
            file, line = (error.filename, error.lineno) if isinstance(error, SyntaxError) else (place.filename, place.lineno)
            message = f"{plugin!r} fails while it is imported: {type(error).__name__}: {error} ({file}, line {line}); mend it"
            problems.append(Problem(f"Global.plugins.{position}", message))
    if problems:
        raise ConfigError(problems)
