"""What must stand in a checkpoint, and of which kind: checked before anything of it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from torch import Tensor

from ppocr_like.config.typecheck import fit, shown
from ppocr_like.contracts import Rejections
from ppocr_like.engine.state import Best, Progress
from ppocr_like.errors import CheckpointError, Problem

_FIELDS: dict[str, Any] = {
    "model": dict[str, Tensor],
    "optimizer": dict[str, Any],
    "scaler": dict[str, Any],
    "rng": list[dict[str, Any]],
    "progress": Progress,
    "best": Best,
    "hooks": dict[str, Any],
    "recipe": dict[str, Any],
    "charset": dict[str, Any] | None,
    "dictionary": str | None,
    "records": int,
    "rejections": Rejections,
    "world": int,
    "threads": int,
}
_LATER: dict[str, Any] = {"batches_per_epoch": int, "order": str | None}  # not in the first checkpoints
_WITHIN: dict[str, dict[str, Any]] = {
    "optimizer": {"algorithm": str, "names": list[str], "moments": dict[str, dict[str, Any]]},
    "rng": {"python": tuple, "numpy": tuple, "torch": Tensor, "cuda": list[Tensor]},
}
_NEEDED = {  # these have defaults as classes, but a checkpoint that lacks them would start again from nothing
    "progress": tuple(field.name for field in fields(Progress)),
    "best": ("value", "epoch", "step", "metrics"),
    "rejections": ("counts", "examples"),
    "recipe": ("Global", "Architecture"),
}
_COUNTS = {"progress": _NEEDED["progress"], "best": ("epoch", "step")}
_LEAST = {"progress.epoch": 1, "world": 1, "threads": 1}  # of other counts: 0
# What reading a state of another layout is known to raise.
_MISFITS = (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError, AssertionError, OverflowError)


def check_fields(content: Mapping[str, Any], path: Path) -> None:
    """Raises CheckpointError with every entry of a checkpoint that is missing or of the wrong kind."""
    missing = [key for key in _FIELDS if key not in content]
    if missing:
        raise CheckpointError(f"{path}: incomplete checkpoint, without {', '.join(missing)}")
    problems = [problem for key, wanted in _FIELDS.items() for problem in _problems(key, content[key], wanted)]
    problems += [problem for key, wanted in _LATER.items() if key in content for problem in _problems(key, content[key], wanted)]
    if not problems:
        hooks = ("log", *(["evaluation"] if content["recipe"].get("Eval") else []))
        problems = [Problem("hooks", f"lacks {name}") for name in hooks if content["hooks"].get(name) is None]
        problems += _odd_values(content)
        if len(content["rng"]) != content["world"]:
            problems.append(Problem("rng", f"has {len(content['rng'])} entries, but world is {content['world']}"))
    if problems:
        first = "; ".join(map(str, problems[:6])) + (f"; and {len(problems) - 6} more" if len(problems) > 6 else "")
        raise CheckpointError(f"{path}: a checkpoint with wrong entries: {first}")


def _problems(key: str, value: Any, wanted: Any) -> Iterator[Problem]:
    if isinstance(value, Mapping):
        lacking = [name for name in _NEEDED.get(key, ()) if name not in value]
        if lacking:
            yield Problem(key, f"lacks {', '.join(lacking)}")
            return
    found = fit(value, wanted, key)[1]
    yield from found
    if found:
        return
    for number, part in enumerate(value if isinstance(value, list) else [value]):
        where = f"{key}.{number}" if isinstance(value, list) else key
        for name, kind in _WITHIN.get(key, {}).items():
            yield from fit(part[name], kind, f"{where}.{name}")[1] if name in part else [Problem(where, f"lacks {name}")]
    yield from _negative(key, value)


def _odd_values(content: Mapping[str, Any]) -> Iterator[Problem]:
    """States of hooks that are no mappings, moments that are neither tensors nor numbers. (A union type would do it, but it
    prints every tensor for the messages of the members that do not fit.)"""
    for name, state in content["hooks"].items():
        if state is not None and not isinstance(state, dict):
            yield Problem(f"hooks.{name}", f"is {shown(state)}, but a mapping is needed")
    for name, moments in content["optimizer"]["moments"].items():
        for key, value in moments.items():
            if value is not None and not isinstance(value, Tensor | float | int | str):
                yield Problem(f"optimizer.moments.{name}.{key}", f"is {shown(value)}, but a tensor or a number is needed")


def _negative(key: str, value: Any) -> Iterator[Problem]:
    """Counts below what a run can have: the entry itself, or one within it."""
    counts = {key: value} if isinstance(value, int) else {f"{key}.{name}": value[name] for name in _COUNTS.get(key, ())}
    for name, count in counts.items():
        least = _LEAST.get(name, 0)
        if count < least:
            yield Problem(name, f"is {count}, but at least {least} is needed")


@contextmanager
def putting_back(part: str, path: Path) -> Iterator[None]:
    """Around the use of one part of a checkpoint: whatever a state of another layout raises becomes a CheckpointError."""
    try:
        yield
    except _MISFITS as error:
        what = str(error).strip().splitlines()
        raise CheckpointError(
            f"{path}: its `{part}` cannot be used ({type(error).__name__}: {what[0][:200] if what else ''}); the file is "
            "damaged, or of another version of this program"
        ) from error


def load_state(load: Callable[[Any], None], state: Any, kinds: Mapping[str, Any], part: str, path: Path) -> None:
    """Calls `load(state)` when the entries of `state` that `kinds` names have those types.

    Raises:
        CheckpointError: they have others, or `load` cannot use them.
    """
    problems = [p for name, kind in kinds.items() if name in state for p in fit(state[name], kind, f"{part}.{name}")[1]]
    if problems:
        raise CheckpointError(f"{path}: a checkpoint with wrong entries: {'; '.join(map(str, problems[:6]))}")
    with putting_back(part, path):
        load(state)
