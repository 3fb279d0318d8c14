"""What a kraken user asks for: an experiment file (`ketos --config FILE train`), a command line, or both."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from ppocr_like.config.yaml_guard import MAX_BYTES
from ppocr_like.config.yaml_io import parse
from ppocr_like.convert.kraken_options import BY_NAME, OPTIONS, OTHER_COMMANDS, Option, spellings
from ppocr_like.errors import ConfigError, DataError, Problem
from ppocr_like.outside import Malformed, decode, read_file

TRAIN = "train"
# What others call an option, where its name is not near.
MEANT = {"learning_rate": "lrate", "lr": "lrate", "patience": "lag", "early_stop": "quit", "clip_norm": "gradient_clip_val"}
COMMAND_LINE = "the command line"


@dataclass
class Experiment:
    """Values by the names of `kraken_options`.

    Args:
        values: what was asked for, of the right types.
        left: (key as written, why it means nothing) of what is no option of training a recogniser.
    """

    values: dict[str, Any] = field(default_factory=dict)
    left: list[tuple[str, str]] = field(default_factory=list)

    def value(self, name: str) -> Any:
        """What was asked for, else kraken's default."""
        return self.values.get(name, BY_NAME[name].default)


def read_experiment(path: str | Path) -> Experiment:
    """Reads an experiment file.

    Raises:
        DataError: it cannot be read.
        ConfigError: it is no YAML, no mapping, or holds values of wrong types.
    """
    try:
        text = decode(read_file(path, MAX_BYTES))
    except Malformed as error:
        raise DataError(str(error), f"{path}, line {error.line}") from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", str(path)) from error
    tree = parse(text, str(path), lambda message: None)[0]
    if not isinstance(tree, dict):
        raise ConfigError([Problem("", "is no experiment file: a mapping with a block `train:` is needed")], str(path))
    found, problems = Experiment(), list[Problem]()
    for key, value in tree.items():
        if key == TRAIN and isinstance(value, dict):
            for name, inner in value.items():
                problems += _note(found, str(name), inner, f"{TRAIN}.{name}", outer=False)
        elif key == TRAIN and value is None:
            continue
        elif key in OTHER_COMMANDS and (isinstance(value, dict) or value is None):
            found.left.append((str(key), OTHER_COMMANDS[str(key)]))
        else:
            problems += _note(found, str(key), value, str(key), outer=True)
    if problems:
        raise ConfigError(problems, str(path))
    return found


def read_command(arguments: Sequence[str]) -> Experiment:
    """Reads a command line, `ketos [options] train [options] files`; its `--config FILE` is read as well, and gives way.

    Raises:
        ConfigError: unknown options, another command than `train`.
        DataError: the file of `--config` cannot be read.
    """
    given = list(arguments)
    if given and Path(given[0]).name == "ketos":
        del given[0]
    outer = _parser(True)
    outer.add_argument("--config")
    outer.add_argument("command")
    outer.add_argument("rest", nargs=argparse.REMAINDER)
    told = vars(outer.parse_args(given))
    command, rest, config = told.pop("command"), told.pop("rest"), told.pop("config")
    if command != TRAIN:
        reason = OTHER_COMMANDS.get(command) or f"is no command of ketos that trains; nearest: {TRAIN}"
        raise ConfigError([Problem(command, reason)], COMMAND_LINE)
    inner = _parser(False)
    inner.add_argument("ground_truth", nargs="*")
    told |= vars(inner.parse_intermixed_args(rest))
    found = read_experiment(config) if config else Experiment()
    problems = list[Problem]()
    for name, value in told.items():
        if value is None or value == []:
            continue
        fitting, problem = _fitting(BY_NAME[name], value, (BY_NAME[name].flags or (name,))[-1])
        found.values[name] = fitting
        problems += problem
    if problems:
        raise ConfigError(problems, COMMAND_LINE)
    return found


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        flags = [flag for action in self._actions for flag in action.option_strings]
        words = [word.split("=")[0] for word in message.split() if word.startswith("-")]
        near = [match for word in words for match in difflib.get_close_matches(word, flags, n=1)]
        raise ConfigError([Problem("", message + (f"; nearest: {', '.join(near)}" if near else ""))], COMMAND_LINE)


def _parser(outer: bool) -> argparse.ArgumentParser:
    made = _Parser("ketos", add_help=False, allow_abbrev=False)
    for option in OPTIONS:
        if option.outer != outer or not option.flags:
            continue
        if option.kind == "switch":
            made.add_argument(*option.flags, dest=option.name, action="store_const", const=True)
            for flag in option.off:
                made.add_argument(flag, dest=option.name, action="store_const", const=False)
        elif option.kind == "count":
            made.add_argument(*option.flags, dest=option.name, action="count")
        else:
            made.add_argument(*option.flags, dest=option.name, action="append" if option.kind == "many" else "store")
    return made


def _note(found: Experiment, key: str, value: Any, path: str, outer: bool) -> list[Problem]:
    """Keeps a key of an experiment file, or why it means nothing; the problems of its value."""
    option = spellings(outer).get(key.replace("-", "_"))
    if option is None:
        found.left.append((path, _unknown(key.replace("-", "_"), outer)))
        return []
    if value is None:
        return []
    fitting, problems = _fitting(option, value, path)
    found.values[option.name] = fitting
    return problems


def _unknown(key: str, outer: bool) -> str:
    elsewhere = spellings(not outer).get(key)
    if elsewhere is not None:
        place = f"belongs into the block `{TRAIN}:`" if outer else f"belongs above the block `{TRAIN}:`, where kraken reads it"
        return f"{elsewhere.name} {place}"
    known = spellings()
    near = difflib.get_close_matches(key, [*known, *OTHER_COMMANDS], n=1, cutoff=0.5)
    meant = MEANT.get(key) or (known[near[0]].name if near and near[0] in known else "".join(near))
    return "no option of kraken's" + (f"; did you mean {meant}?" if meant else "")


def _fitting(option: Option, value: Any, path: str) -> tuple[Any, list[Problem]]:
    """The value as the option's kind has it. YAML takes 1e-3 for a text, and so does a command line every number."""
    wrong = [Problem(path, f"is {value!r}, but {_WANTED[option.kind]} is needed")]
    switch = isinstance(value, bool)
    match option.kind:
        case "int" | "float":
            try:
                number = float("nan") if switch else float(value)
            except (TypeError, ValueError):
                return value, wrong
            fits = number == number and (option.kind == "float" or number.is_integer())
            return (int(number) if option.kind == "int" and fits else number), [] if fits else wrong
        case "switch" if option.name == "bidi_reordering" and value in ("L", "R"):
            return value, []
        case "switch" if option.name == "deterministic" and value == "warn":
            return value, []
        case "switch":
            return value, [] if switch else wrong
        case "count":
            return value, [] if isinstance(value, int) else wrong
        case "many":
            items = value if isinstance(value, list) else [value]
            return items, [] if all(isinstance(item, str) for item in items) else wrong
        case "codec":
            return value, [] if isinstance(value, (str, dict)) else wrong
        case _:
            return str(value), [] if isinstance(value, (str, int, float)) and not switch else wrong


_WANTED = {
    "text": "a text",
    "int": "a whole number",
    "float": "a number",
    "switch": "true or false",
    "many": "a file or a list of files",
    "codec": "a JSON file or a mapping",
    "count": "a number",
}
