"""From what a user writes as `Global.pretrained_model` to one weights file."""

from __future__ import annotations

import difflib
import logging
from pathlib import Path

from ppocr_like.errors import WeightsError

SUFFIXES = (".safetensors", ".ckpt", ".pdparams", ".pth", ".pt", ".onnx")
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

logger = logging.getLogger("ppocr_like")


def resolve(source: str | Path) -> Path:
    """The weights file that `source` means.

    `source` is a file (.safetensors, .ckpt, .pdparams, .pth, .pt, .onnx), a run folder (its best_accuracy.safetensors, else its
    latest.ckpt), a folder with PaddleOCR's weights, or a prefix without suffix in PaddleOCR's style (`output/x/best_accuracy`).

    Raises:
        WeightsError: nothing there; names what was looked for and files that look alike.
    """
    if not str(source).strip():
        raise WeightsError("no weights given: Global.pretrained_model is empty")
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
    """What stands near a path that is not there, for the message."""
    folder = path.parent
    missing: Path | None = None
    while not folder.is_dir() and folder != folder.parent:
        missing, folder = folder, folder.parent
    wanted = (missing or path).name
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() or p.suffix in SUFFIXES)
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5) or ([] if missing else names[:5])
    place = f"the folder {missing} does not exist" if missing else f"{folder} "
    if missing:
        return f"; {place}" + (f"; near it: {', '.join(str(folder / n) for n in near)}" if near else "")
    return f"; {place}holds {', '.join(near)}" if near else f"; {place}holds no weights"
