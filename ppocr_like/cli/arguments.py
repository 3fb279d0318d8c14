"""What the command lines have in common: how their help looks, and the options that several of them share."""

from __future__ import annotations

import argparse
import logging
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ppocr_like.config.recipe import Recipe

DOOR = "ppocr-like"
_TOOL = re.compile(r"(?:python |(?P<torchrun>torchrun .*?))?tools/(?P<name>\w+)\.py")


class CommandParser(argparse.ArgumentParser):
    """Keeps the lines of the description as they are. The examples in the help of `ppocr-like train` name this command in the
    place of `python tools/train.py`.

    Args:
        description: the docstring of the command's file.
        prog: "ppocr-like train"; None takes the name of the program that runs.
    """

    def __init__(self, description: str | None = None, prog: str | None = None, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(prog, description=description, **options)

    def format_help(self) -> str:
        text = super().format_help()
        return _TOOL.sub(_as_command, text) if self.prog.startswith(f"{DOOR} ") else text


def _as_command(tool: re.Match[str]) -> str:
    """torchrun starts Python modules, no commands."""
    name = tool["name"].replace("_", "-")
    return f"{tool['torchrun']}-m ppocr_like {name}" if tool["torchrun"] else f"{DOOR} {name}"


class PluginOption(argparse.Action):
    """`--plugin MODULE`, which may be repeated."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        from ppocr_like.config.plugins import name_on_command_line

        name_on_command_line(values)


def recipe_parser(description: str | None, prog: str | None = None, required: bool = True) -> CommandParser:
    """A parser with `-c recipe.yml` (`required`: must be given), and, repeated at will, `-o key=value`, `--plugin module`."""
    parser = CommandParser(description, prog)
    parser.add_argument("-c", "--config", required=required, metavar="RECIPE", help="the recipe, a YAML file")
    parser.add_argument(
        "-o",
        "--opt",
        action="append",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="change the recipe: Global.epoch_num=10 Train.dataset.transforms.RecAug.tia_prob=0.2; may be repeated",
    )
    parser.add_argument(
        "--plugin",
        action=PluginOption,
        metavar="MODULE",
        help="import a package of yours that registers components, as Global.plugins does; may be repeated",
    )
    return parser


def add_password(parser: argparse.ArgumentParser) -> None:
    """`--password`, for every command that opens PDF files."""
    parser.add_argument("--password", help="of PDF files that need one")


def recipe_from(args: argparse.Namespace) -> Recipe:
    """The recipe that the arguments of `recipe_parser` name. `Global.debug: true` turns debug messages on.

    Raises:
        ConfigError: see `load_recipe`.
    """
    from ppocr_like.config.recipe import load_recipe

    return debugged(load_recipe(args.config, overrides_of(args)))


def overrides_of(args: argparse.Namespace) -> list[str]:
    """The items of every `-o`, in order."""
    return [item for group in args.opt for item in group]


def debugged(recipe: Recipe) -> Recipe:
    """The recipe as it is; `Global.debug: true` turns debug messages on."""
    if recipe.get("Global.debug") is True:
        logging.getLogger("ppocr_like").setLevel(logging.DEBUG)
    return recipe
