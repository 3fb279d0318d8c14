"""The command `ppocr-like COMMAND ...`, also `python -m ppocr_like COMMAND ...`."""

from __future__ import annotations

import difflib
import importlib
import re
import sys
from collections.abc import Sequence
from types import ModuleType

from ppocr_like import __version__
from ppocr_like.cli.arguments import DOOR, CommandParser
from ppocr_like.cli.process import run

# In the order in which one needs them. Each is a file of this room.
COMMANDS = (
    "finetune", "check", "train", "eval", "tune", "trials", "export", "infer", "bad-cases", "make-dict", "make-lm",
    "convert-data", "pack", "synth", "weights", "convert-weights", "kraken-recipe", "benchmark",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Calls the command that the first argument names with the arguments after it.

    Args:
        argv: arguments; None takes those of the process.
    """
    given = sys.argv[1:] if argv is None else list(argv)
    parser = CommandParser("Train, evaluate, export and run text detectors and recognisers.", DOOR)
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("command", metavar="COMMAND", help=f"one of those below; `{DOOR} COMMAND --help` shows its arguments")
    if given[:1] in (["-h"], ["--help"]):
        parser.epilog = _listed()
    command = parser.parse_args(given[:1]).command.replace("_", "-")
    if command not in COMMANDS:
        near = difflib.get_close_matches(command, COMMANDS)
        hint = f"nearest: {', '.join(near)}" if near else f"known: {', '.join(COMMANDS)}"
        parser.error(f"unknown command {command!r}; {hint}")
    return _module(command).main(given[1:], f"{DOOR} {command}")


def start() -> None:
    """The entry point of the installed command."""
    run(main)


def _module(command: str) -> ModuleType:
    return importlib.import_module(f"ppocr_like.cli.{command.replace('-', '_')}")


def _listed() -> str:
    """Each command with the beginning of its help."""
    about = {command: " ".join((_module(command).__doc__ or "").split()) for command in COMMANDS}
    return "commands:\n" + "\n".join(f"  {command:<16} {re.split('[.:,;] ', text)[0]}" for command, text in about.items())
