"""Which of the user's own packages are imported: those that the user names, never those that a model's file names.

A plugin is Python code that runs when it is imported. It is named by a recipe that the user gives (`Global.plugins`), on the
command line (`--plugin`) or in the environment (`PPOCR_LIKE_PLUGINS`). Weights, checkpoints and bundles carry the recipe of
their run, too; what that names is only said.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import sys
import traceback
from collections.abc import Iterable, Sequence
from typing import Any

from ppocr_like.errors import ConfigError, Problem

ENVIRONMENT = "PPOCR_LIKE_PLUGINS"
OPTION = "--plugin"
IN_RECIPE = "Global.plugins"
_on_command_line: list[str] = []

logger = logging.getLogger("ppocr_like")


def name_on_command_line(name: str) -> None:
    """A plugin that the command line asks for is imported with every recipe of this process."""
    if name not in _on_command_line:
        _on_command_line.append(name)


def named_on_command_line() -> tuple[str, ...]:
    """What the command line asks for; another process must be told."""
    return tuple(_on_command_line)


def import_plugins(in_recipe: Sequence[str] = ()) -> None:
    """Imports the plugins of the environment, of the command line, and those of a recipe that the user gave.

    Raises:
        ConfigError: every plugin that cannot be imported, with where it was named.
    """
    problems = [Problem(place, message) for name, place in _wanted(in_recipe) if (message := _import(name))]
    if problems:
        raise ConfigError(problems)


def folders_of_plugins(in_recipe: Sequence[str] = ()) -> list[str]:
    """From where the imported plugins came: another process may have to look there."""
    tops = [sys.modules.get(name.partition(".")[0]) for name, _ in _wanted(in_recipe)]
    places = [next(iter(getattr(top, "__path__", ())), getattr(top, "__file__", None)) for top in tops]
    return [os.path.dirname(os.path.abspath(place)) for place in places if place is not None]


def _wanted(in_recipe: Sequence[str]) -> list[tuple[str, str]]:
    """(plugin, where it is named)."""
    wanted = [(name, ENVIRONMENT) for name in re.split(r"[,\s]+", os.environ.get(ENVIRONMENT, "")) if name]
    wanted += [(name, OPTION) for name in _on_command_line]
    return wanted + [(name, f"{IN_RECIPE}.{position}") for position, name in enumerate(in_recipe)]


def _import(name: str) -> str:
    """Imports a module; what is wrong with it, empty where nothing is."""
    try:
        importlib.import_module(name)
    except ImportError as error:
        return f"cannot import {name!r} ({error}); install it, or put its folder on PYTHONPATH"
    except Exception as error:  # noqa: BLE001 (whatever a user's own module may raise)
        place = traceback.extract_tb(error.__traceback__)[-1]
        file, line = (error.filename, error.lineno) if isinstance(error, SyntaxError) else (place.filename, place.lineno)
        return f"{name!r} fails while it is imported: {type(error).__name__}: {error} ({file}, line {line}); mend it"
    return ""


def carried_tree(tree: dict[str, Any], source: object) -> dict[str, Any]:
    """The recipe that a model's file carries, without its plugins; those that the user has not allowed are said.

    Args:
        tree: the recipe's plain data; it stays as it is.
        source: the file, for the message.
    """
    section = tree.get("Global")
    if not isinstance(section, dict) or not section.get("plugins"):
        return tree
    asked = section["plugins"]
    unknown = [str(name) for name in (asked if isinstance(asked, Iterable) else [asked]) if str(name) not in sys.modules]
    if unknown:
        logger.warning(
            "%s asks for the plugins %s. They are not imported: a model's file does not decide what runs here. If you trust "
            "them, allow them: %s, %s=%s, or %s in a recipe given with -c",
            source,
            ", ".join(unknown),
            " ".join(f"{OPTION} {name}" for name in unknown),
            ENVIRONMENT,
            ",".join(unknown),
            IN_RECIPE,
        )
    return {**tree, "Global": {name: value for name, value in section.items() if name != "plugins"}}
