"""Tells the registries what every room offers, and imports the user's own packages. Nothing else lives here."""

from collections.abc import Sequence

from ppocr_like.config.plugins import import_plugins
from ppocr_like.registry import announce

ROOMS = ("transforms", "postprocess", "metrics", "modeling", "losses", "optim", "data", "synth")


def load_components(plugins: Sequence[str] = ()) -> None:
    """Makes known what the registering rooms offer, each module of which is imported when a recipe names something of it; then
    imports the user's own packages.

    Args:
        plugins: `Global.plugins` of a recipe that the user gave; those of command line and environment come without asking.

    Raises:
        ConfigError: a plugin that cannot be imported.
    """
    announce(*(f"ppocr_like.{room}" for room in ROOMS))
    import_plugins(plugins)
