"""Imports every package that registers something, so that the registries are full. Nothing else lives here."""

import importlib
import pkgutil
from collections.abc import Sequence

ROOMS = ("transforms", "postprocess", "metrics", "modeling", "losses", "optim", "data", "engine")


def load_components(plugins: Sequence[str] = ()) -> None:
    """Imports all modules of the registering rooms, then the user's own packages (`Global.plugins`).

    Raises:
        ImportError: a plugin that cannot be imported.
    """
    for room in ROOMS:
        package = importlib.import_module(f"ppocr_like.{room}")
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    for plugin in plugins:
        importlib.import_module(plugin)
