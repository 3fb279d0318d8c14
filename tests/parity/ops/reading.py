"""A file of reference cases: its meta data, its arrays, and the comparison with what we get."""

from __future__ import annotations

import inspect
import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ppocr_like.registry import Registry


class NotHere(Exception):
    """The case asks for a component that is not offered."""


class Meant(str):
    """Why ours differs in a case, as it is meant to (the cases' README lists these: "exempt")."""

    __slots__ = ()


class Ops:
    """One file of the folder `ops`, `.json` or `.npz`.

    Raises:
        OSError, ValueError, KeyError: a file that cannot be read as one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.arrays: dict[str, np.ndarray] = {}
        if path.suffix == ".json":
            self.meta: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return
        with np.load(path) as archive:
            self.arrays = {name: archive[name] for name in archive.files if name != "meta"}
            self.meta = json.loads(str(archive["meta"]))

    @property
    def cases(self) -> list[dict[str, Any]]:
        return self.meta["cases"]

    @cached_property
    def dictionaries(self) -> dict[str, str]:
        """Content of the dictionaries that the cases name."""
        return self.meta.get("dictionaries", {})

    def array(self, reference: Any) -> Any:
        """What a reference stands for: an array, or lists and mappings of arrays; numbers stay."""
        if isinstance(reference, list):
            return [self.array(part) for part in reference]
        if isinstance(reference, dict) and "array" not in reference:
            return {name: self.array(part) for name, part in reference.items()}
        return self.arrays[reference["array"]].reshape(reference["shape"]) if isinstance(reference, dict) else reference

    def difference(self, reference: dict[str, Any], got: Any) -> float:
        """Largest difference to a reference, whole or sampled."""
        have, want = self.samples(reference, got)
        return float(np.abs(have - want).max()) if want.size else 0.0

    def samples(self, reference: dict[str, Any], got: Any) -> tuple[np.ndarray, np.ndarray]:
        """(ours, theirs) at the places that a reference holds, float64."""
        got = np.asarray(got)
        assert list(got.shape) == list(reference["shape"]), f"shape {list(got.shape)} instead of {reference['shape']}"
        flat = got.reshape(-1).astype(np.float64)
        if "array" in reference:
            return flat, self.arrays[reference["array"]].reshape(-1).astype(np.float64)
        return flat[self.arrays[reference["index"]]], self.arrays[reference["values"]].astype(np.float64)


def component(registry: Registry, name: str) -> type:
    """The class of that name.

    Raises:
        NotHere: there is none.
    """
    try:
        return registry.get(name, "rec" if registry.kind == "backbone" else None)
    except KeyError as error:
        raise NotHere(str(error.args[0]).partition(";")[0]) from error


def made(registry: Registry, node: dict[str, Any], **more: Any) -> Any:
    """The object of a node `{name: X, ...}`; of `more` what its class names."""
    arguments = {key: value for key, value in node.items() if key != "name"}
    cls = component(registry, node["name"])
    known = inspect.signature(cls).parameters
    return cls(**{**arguments, **{name: value for name, value in more.items() if name in known}})


def item(node: dict[str, Any]) -> dict[str, Any]:
    """`{X: {...}}` as `{name: X, ...}`."""
    ((name, arguments),) = node.items()
    return {"name": name, **(arguments or {})}


def near(got: float, want: float, *, relative: float = 0.0, absolute: float = 0.0) -> bool:
    """Within a relative or an absolute tolerance; NaN equals NaN."""
    if np.isnan(want) or np.isnan(got):
        return bool(np.isnan(want) and np.isnan(got))
    return abs(got - want) <= max(absolute, relative * abs(want))
