"""What stands above the arguments of single parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ppocr_like.config.paddle.ignored import ignored
from ppocr_like.errors import Problem

GLOBAL_WINS = ("character_dict_path", "use_space_char", "max_text_length", "infer_mode", "label_list")


class Words:
    """Keys of the Global section that win over a part's own argument, what `-o` set, and what a person is told: of a recipe
    (`Recipe`), or of a bundle, which has no recipe.

    Args:
        settings: values of the Global section.
        overridden: YAML paths set by `-o`.

    `notes` are things a person should be told once at start.
    """

    def __init__(self, settings: Mapping[str, Any], overridden: frozenset[str] = frozenset()) -> None:
        self.settings = settings
        self.overridden = overridden
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        """Keeps a message for the start of the run; the same one is kept once."""
        if message not in self.notes:
            self.notes.append(message)

    def was_overridden(self, path: str) -> bool:
        """Whether `-o` set this value or something within it."""
        return any(p == path or p.startswith(path + ".") for p in self.overridden)

    def drop_ignored(
        self, component: str, args: dict[str, Any], path: str, accepted: Sequence[str], kind: str = ""
    ) -> list[Problem]:
        """Takes out of `args` the keys that PaddleOCR's files carry and that mean nothing here: each is noted, or a
        problem when somebody asked for it with `-o` or gave a value that has no meaning here."""
        problems = []
        for key in [k for k in args if k not in accepted]:
            entry = ignored(component, key) or (ignored(kind, key) if kind else None)
            if entry is None:
                continue
            here, value = f"{path}.{key}".lstrip("."), args.pop(key)
            if entry.harmless is not None and value not in entry.harmless:
                problems.append(Problem(here, f"{value!r} is not possible here: {entry.reason}"))
            elif self.was_overridden(here):
                problems.append(Problem(here, f"has no effect: {entry.reason}"))
            elif entry.harmless is None:
                self.note(f"{here} is ignored: {entry.reason}")
        return problems
