"""Errors a user can mend: each message says what was given, where, and what to do.

`tools/*.py` catch `OcrError`, print the message without a traceback and leave with status 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ppocr_like.printable import one_line


class OcrError(Exception):
    """Base of every error whose cause lies with the user's files, recipe or machine."""


def first_line(error: BaseException, longest: int = 200) -> str:
    """What an error of a library says, in one line: the rest of it is often a graph or a stack."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:longest]


class Mistake(Enum):
    """Kinds of mistakes that the program itself tells apart; people read the message."""

    UNKNOWN_NAME = "no component is registered under this name"
    UNKNOWN_KEY = "the part has no such argument"
    MISSING = "an argument that must be there is not"
    REFUSED = "the constructor refused its arguments"


@dataclass(frozen=True)
class Problem:
    """One mistake in a recipe.

    Args:
        path: where it stands (`Train.dataset.transforms.1.RecAug.tia_prop`).
        message: what is wrong.
        mistake: its kind, where the program asks for it.
        about: of UNKNOWN_NAME the name, of MISSING the annotation of what is needed.
    """

    path: str
    message: str
    mistake: Mistake | None = field(default=None, compare=False)
    about: object = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigError(OcrError):
    """All mistakes of a recipe at once; without a list, `source` is the whole message."""

    def __init__(self, problems: list[Problem], source: str = "") -> None:
        self.problems = problems
        self.source = source
        head = f"{one_line(source) or 'recipe'}: {len(problems)} problem{'s' if len(problems) != 1 else ''}"
        super().__init__("\n".join([head, *(f"  - {p}" for p in problems)]) if problems or not source else source)


class DataError(OcrError):
    """A label file, image or dictionary that cannot be used; the message names file and line."""

    def __init__(self, message: str, file: str = "", line: int = 0) -> None:
        self.file = file
        self.line = line
        name = one_line(file)
        place = f"{name}, line {line}: " if file and line else f"{name}: " if file else ""
        super().__init__(place + message)


class StepFailed(DataError):
    """A transform that fails with a sample in a way of its own (ValueError, RuntimeError): which step of the chain, and why."""

    def __init__(self, position: int, name: str, reason: str) -> None:
        self.position, self.name, self.reason = position, name, reason
        super().__init__(f"the step {name} fails: {reason}")


class WeightsError(OcrError):
    """Weights that are missing, unreadable, or of another architecture."""


class CheckpointError(OcrError):
    """A checkpoint that is missing, truncated or of another run; or one that could not be written."""


class TrainingError(OcrError):
    """Training cannot go on: a NaN loss, an empty data set, a run folder in use."""


class ExportError(OcrError):
    """An export that failed or whose results differ from the trained model's."""


class RankLost(TrainingError):
    """Another process of the run is gone."""


class PeerError(TrainingError):
    """Another process of the run stopped and says why; this one stops with it and says nothing."""
