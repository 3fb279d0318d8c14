"""From what a user writes as `Global.pretrained_model` to one weights file."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from ppocr_like.errors import WeightsError
from ppocr_like.weights.rapidocr_package import is_rapidocr, rapidocr_model

SUFFIXES = (".safetensors", ".ckpt", ".pdparams", ".pth", ".pt", ".onnx", ".mlmodel")
OTHERS = {  # what stands beside weights, and why it is none
    ".pdopt": "holds PaddleOCR's optimizer state; give the .pdparams file beside it",
    ".states": "holds the state of a PaddleOCR run; give the .pdparams file beside it",
    ".pdema": "holds PaddleOCR's averages of a run; give the .pdparams file beside it",
    ".pdiparams": "is an inference model of Paddle, which has lost its parameters' names; give the training weights (.pdparams)",
    ".pdmodel": "is the graph of an inference model of Paddle; give the training weights (.pdparams)",
}
PADDLE_NAMES = ("best_accuracy.pdparams", "best_model/model.pdparams", "student.pdparams", "latest.pdparams")
BEST = "best_accuracy.safetensors"
LATEST = "latest.ckpt"
NEAR = 0.5  # likeness of names, [0, 1], from which on one could be a slip of the other
SHOWN, LOOKED_AT = 5, 2000  # names in a message; entries of a folder that are looked at for it

logger = logging.getLogger("ppocr_like")


def resolve(source: str | Path) -> Path:
    """The weights file that `source` means.

    `source` is a file (.safetensors, .ckpt, .pdparams, .pth, .pt, .onnx, .mlmodel), a run folder (its
    best_accuracy.safetensors, else its latest.ckpt), a folder with PaddleOCR's weights, a prefix without suffix in PaddleOCR's
    style (`output/x/best_accuracy`), or `rapidocr:rec` (`rapidocr_package`).

    Raises:
        WeightsError: nothing there; names what was looked for and files that look alike.
    """
    if not str(source).strip():
        raise WeightsError("no weights given: Global.pretrained_model is empty")
    if is_rapidocr(str(source)):
        return rapidocr_model(str(source))
    if "://" in str(source):
        raise WeightsError(f"{source} is an address; nothing is downloaded here: fetch the file and give its path")
    path = Path(source).expanduser()
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        _check_suffix(path)
        return path
    candidates = [path.with_name(path.name + suffix) for suffix in SUFFIXES]
    if path.suffix not in SUFFIXES:
        for candidate in candidates:
            if candidate.is_file():
                return candidate
    looked = [str(path)] if path.suffix in SUFFIXES else [str(path), *(c.name for c in candidates)]
    raise WeightsError(f"weights {str(source)!r} not found: looked for {', '.join(looked)}{_neighbours(path)}")


def _in_folder(folder: Path) -> Path:
    for name in (BEST, LATEST):
        if (folder / name).is_file():
            logger.info("weights: %s of the run folder %s", name, folder)
            return folder / name
    for name in PADDLE_NAMES:
        if (folder / name).is_file():
            logger.info("weights: %s of the folder %s", name, folder)
            return folder / name
    alone = sorted(folder.glob("*.pdparams"))
    if len(alone) == 1:
        logger.info("weights: %s, the only .pdparams file of the folder %s", alone[0].name, folder)
        return alone[0]
    if (folder / "model.onnx").is_file():
        raise WeightsError(
            f"{folder} is an exported bundle: its ONNX model runs in tools/infer.py, but cannot be trained or exported again; "
            "give the run folder or the weights it was exported from"
        )
    there = sorted(p.name for p in folder.iterdir() if p.suffix in SUFFIXES)
    if there:
        raise WeightsError(f"{folder} holds neither {BEST} nor {LATEST}; give one of its files: {', '.join(there[:8])}")
    for other in sorted(p for p in folder.iterdir() if p.suffix in OTHERS):
        _check_suffix(other)
    raise WeightsError(f"{folder} is no run folder: it holds neither {BEST} nor {LATEST} nor other weights")


def _check_suffix(path: Path) -> None:
    if path.suffix in OTHERS:
        raise WeightsError(f"{path} {OTHERS[path.suffix]}")
    if path.suffix not in SUFFIXES:
        raise WeightsError(f"{path}: unknown kind of weights file {path.suffix!r}; known: {', '.join(SUFFIXES)}, or a run folder")


def _neighbours(path: Path) -> str:
    """What stands near a path that is not there and could be meant, for the message: the nearest names first, no hidden ones."""
    folder = path.parent
    missing: Path | None = None
    while not folder.is_dir() and folder != folder.parent:
        missing, folder = folder, folder.parent
    if missing is not None:
        near = [p for p in _nearest(missing.name, filter(_is_folder, _visible(folder))) if _likeness(missing.name, p) >= NEAR]
        return f"; the folder {missing} does not exist" + (f"; near it: {', '.join(map(str, near[:SHOWN]))}" if near else "")
    there = _nearest(path.name, filter(_could_be_meant, _visible(folder)))
    where = "the working folder" if folder == Path() else str(folder)
    if not there:
        return f"; {where} holds neither weights nor run folders"
    more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
    return f"; {where} holds {', '.join(p.name for p in there[:SHOWN])}{more}"


def _nearest(wanted: str, paths: Iterable[Path]) -> list[Path]:
    """Those most like `wanted` first."""
    return sorted(paths, key=lambda path: (-_likeness(wanted, path), path.name))


def _likeness(wanted: str, path: Path) -> float:
    """Of a name to that of a path, with or without its ending, in any letter case: 1 is the same, 0 nothing alike."""
    return max(difflib.SequenceMatcher(None, wanted.lower(), name.lower()).ratio() for name in (path.name, path.stem))


def _visible(folder: Path) -> list[Path]:
    """What a folder holds, up to LOOKED_AT of it, without hidden files; nothing of one that cannot be read."""
    try:
        return [path for path in islice(folder.iterdir(), LOOKED_AT) if not path.name.startswith(".")]
    except OSError:
        return []


def _could_be_meant(path: Path) -> bool:
    """A weights file, or a folder with such files in it or in a folder directly in it."""
    if not _is_folder(path):
        return path.suffix in SUFFIXES
    inside = _visible(path)
    return any(p.suffix in SUFFIXES for p in inside) or any(
        below.suffix in SUFFIXES for p in inside if _is_folder(p) for below in _visible(p)
    )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False
