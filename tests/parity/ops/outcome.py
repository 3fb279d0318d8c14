"""Every case of a folder `ops`, each with what came of it. A failing case is an outcome, never a crash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from ppocr_like.components import load_components

from . import (
    averages,
    db_postprocess,
    decoders,
    det_maps,
    det_resize,
    label_encoders,
    losses,
    metrics,
    normalize_decode,
    optimizers,
    rec_resize,
    sampler,
    schedules,
)
from .reading import Meant, NotHere, Ops

MODULES = (
    *(rec_resize, det_resize, normalize_decode, label_encoders, det_maps, db_postprocess, decoders, metrics, losses),
    *(schedules, optimizers, averages, sampler),
)
CHECKS: MappingProxyType[str, ModuleType] = MappingProxyType({module.FILE: module for module in MODULES})
WITHIN, MEANT, NOT_OFFERED, FAILED = "within", "meant", "not offered", "failed"


@dataclass(frozen=True)
class Outcome:
    """What came of a case: within its tolerance, different as is meant, of a component that is not offered, or failed."""

    file: str
    number: int
    name: str
    kind: str
    detail: str = ""


def outcome(file: str, number: int, name: str, check: Callable[[], Any]) -> Outcome:
    try:
        said = check()
    except NotHere as error:
        return Outcome(file, number, name, NOT_OFFERED, str(error))
    except AssertionError as error:
        return Outcome(file, number, name, FAILED, str(error) or "another result")
    except Exception as error:  # noqa: BLE001 (whatever a case of another folder may bring about is its outcome)
        return Outcome(file, number, name, FAILED, f"{type(error).__name__}: {error}")
    return Outcome(file, number, name, MEANT if isinstance(said, Meant) else WITHIN, str(said or ""))


def files_of(folder: Path) -> list[Path]:
    """The files with cases."""
    return sorted(path for path in folder.iterdir() if path.suffix in (".json", ".npz"))


def outcomes(path: Path) -> Iterator[Outcome]:
    """Of one file. What has no check here, or cannot be read, is one outcome."""
    load_components()
    file = path.stem
    if file not in CHECKS:
        yield Outcome(file, -1, path.name, FAILED, f"no check for such a file; there are {', '.join(CHECKS)}")
        return
    try:
        ops = Ops(path)
        cases = list(ops.cases)
    except Exception as error:  # noqa: BLE001 (a damaged file is its outcome)
        yield Outcome(file, -1, path.name, FAILED, f"cannot be read: {type(error).__name__}: {error}")
        return
    for number, case in enumerate(cases):
        name = str(case.get("name") or next(iter(case.get("op") or case.get("lr") or {"": 0}))) if isinstance(case, dict) else "?"
        yield outcome(file, number, name, lambda case=case: CHECKS[file].check(case, ops))  # type: ignore[misc]
