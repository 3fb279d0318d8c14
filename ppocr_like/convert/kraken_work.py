"""The recipe of a kraken experiment in the making, with the fate of each of its keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ppocr_like.charset import Charset
from ppocr_like.convert.kraken_experiment import Experiment
from ppocr_like.errors import Problem

LEFT_OUT = "left out"


@dataclass(frozen=True)
class Fate:
    """What became of a key: `became` is a place and value in the recipe, or begins with "left out"; `given`: not a default."""

    key: str
    value: Any
    became: str
    given: bool

    def __str__(self) -> str:
        value = "" if self.value is None else f": {self.value}"
        return f"{self.key}{value}{'' if self.given else ' (default)'} -> {self.became}"


class Work:
    """The recipe in the making."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.tree: dict[str, Any] = {}
        self.fates: list[Fate] = []
        self.notes: list[str] = []
        self.problems: list[Problem] = []
        self.value = experiment.value
        self.spelling: dict[str, Any] = {}  # arguments of TextNormalize
        self.line: dict[str, Any] = {}  # of KrakenLine
        self.loaded: Charset | None = None  # of the weights that it starts from

    def put(self, path: str, value: Any) -> None:
        *sections, key = path.split(".")
        node = self.tree
        for section in sections:
            node = node.setdefault(section, {})
        node[key] = value

    def take(self, name: str, path: str, value: Any, why: str = "") -> None:
        """The recipe has the key's `value` at `path`."""
        self.put(path, value)
        self.told(name, f"{path}: {shown(value)}" + (f" ({why})" if why else ""))

    def told(self, name: str, became: str) -> None:
        self.fates.append(Fate(name, self.value(name), became, name in self.experiment.values))

    def leave(self, name: str, reason: str) -> None:
        self.told(name, f"{LEFT_OUT}: {reason}")

    def leave_given(self, names: tuple[str, ...], reason: str) -> None:
        """Of keys that have no meaning beside others, only those are told that stand there."""
        for name in names:
            if name in self.experiment.values:
                self.leave(name, reason)

    def wrong(self, name: str, message: str) -> None:
        self.problems.append(Problem(name, message))


def shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(item)}" for key, item in value.items()) + "}"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value)
