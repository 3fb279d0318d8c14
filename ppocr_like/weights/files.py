"""Reading and writing of weights: our safetensors, PaddleOCR's .pdparams, PyTorch's .pth / .pt, checkpoints. Never an unsafe
pickle."""

from __future__ import annotations

import json
import logging
import pickle
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from ppocr_like.atomic import atomic_write
from ppocr_like.charset import Charset, untold_direction
from ppocr_like.codec import classes_from_metadata
from ppocr_like.errors import WeightsError
from ppocr_like.outside import Malformed, parse_json
from ppocr_like.weights.digest import SEALED, SHA256, DamagedFile, check_safetensors, check_zip, seal_safetensors
from ppocr_like.weights.kraken_ckpt import SUFFIX as CHECKPOINT_SUFFIX
from ppocr_like.weights.kraken_ckpt import from_checkpoint, is_checkpoint
from ppocr_like.weights.kraken_file import META as KRAKEN
from ppocr_like.weights.kraken_file import SUFFIX as COREML_SUFFIX
from ppocr_like.weights.kraken_file import from_coreml, from_safetensors
from ppocr_like.weights.kraken_model import KrakenModel
from ppocr_like.weights.onnx_weights import SUFFIX as ONNX_SUFFIX
from ppocr_like.weights.onnx_weights import OnnxGraph, read_onnx
from ppocr_like.weights.paddle_file import SUFFIX as PADDLE_SUFFIX
from ppocr_like.weights.paddle_file import read_paddle
from ppocr_like.weights.resolve import resolve

LAYOUT = "layout"  # metadata entry: "paddle" where linear weights are as Paddle stores them
FORMAT = str(SEALED)  # metadata entry `ppocr_like`: every other value of ours is JSON; 2: with a digest
STATE_KEYS = ("model", "state_dict", "model_state_dict", "model_state")
# Of a checkpoint; large, and of no use to anybody but a resumed run.
TRAINING_STATE = ("optimizer", "optimizer_state", "optimizer_state_dict", "scaler", "rng", "hooks")

# What torch's readers are known to raise on files that are truncated, damaged or no torch files at all.
_READ_ERRORS = (
    OSError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError,
    AssertionError, OverflowError, MemoryError, ImportError, struct.error, zipfile.BadZipFile,
)  # fmt: skip

logger = logging.getLogger("ppocr_like")


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """What a weights file holds.

    Args:
        state: tensors by parameter name, on the CPU.
        charset: the character set the output classes stand for, None when the file does not say.
        recipe: the effective recipe of the run that made it, None when the file does not say.
        metadata: everything else it says (metrics, epoch, ...).
        path: the file itself.
        names: the file's own name of each tensor that it calls otherwise.
        paddle: linear weights are still (in, out), as Paddle stores them; which ones those are only a model knows (see `fit`).
        graph: of an ONNX file, whose tensors are found by its structure; `fit` gives them a model's names.
        sub_model: which network to take of a file that holds several (`Global.pretrained_sub_model`).
    """

    state: dict[str, torch.Tensor]
    charset: Charset | None
    recipe: dict[str, Any] | None
    metadata: dict[str, Any] = field(default_factory=dict)
    path: Path = Path()
    names: dict[str, str] = field(default_factory=dict)
    paddle: bool = False
    sub_model: str | None = None
    graph: OnnxGraph | None = None

    @property
    def task(self) -> str | None:
        """`Architecture.model_type` that the weights were trained for ("rec", "det", "cls"), None when the file does not say."""
        architecture = (self.recipe or {}).get("Architecture")
        told = architecture.get("model_type") if isinstance(architecture, Mapping) else None
        return str(told) if told else "rec" if self.charset is not None else None


def load_weights(source: str | Path) -> WeightsFile:
    """Reads the weights that `source` means (see `resolve`).

    A `.pth` may hold a bare state dict or one under "model" / "state_dict"; the prefix "module." of distributed training is
    dropped.

    Raises:
        WeightsError: missing, truncated, damaged, of another kind, or holding objects that only unsafe unpickling would read.
    """
    path = resolve(source)
    if path.stat().st_size == 0:
        raise WeightsError(f"{path}: the file is empty; copy or train it again")
    if path.suffix == ONNX_SUFFIX:
        graph, tensors, charset = read_onnx(path)
        return WeightsFile(tensors, charset, None, {}, path, graph=graph)
    if path.suffix == PADDLE_SUFFIX:
        tensors, names = read_paddle(path)
        return WeightsFile(tensors, None, None, {}, path, names, paddle=True)
    if path.suffix == COREML_SUFFIX:
        return _of_kraken(from_coreml(path), path)
    if path.suffix == CHECKPOINT_SUFFIX and is_checkpoint(path):
        return _of_kraken(from_checkpoint(path), path)
    state, extra = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    if not state:
        raise WeightsError(f"{path}: holds no tensors; give a weights file of a trained model")
    if path.suffix == ".safetensors" and KRAKEN in extra:
        return _of_kraken(from_safetensors(state, str(extra[KRAKEN]), path), path)
    if all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    charset, recipe = _charset(extra.pop("charset", None), path), extra.pop("recipe", None)
    if recipe is not None and not isinstance(recipe, dict):
        raise WeightsError(f"{path}: its `recipe` is {type(recipe).__name__}, not a mapping; the file is damaged")
    layout = extra.pop(LAYOUT, None)
    return WeightsFile(state, charset, recipe, extra, path, paddle=layout == "paddle")


def _of_kraken(model: KrakenModel, path: Path) -> WeightsFile:
    return WeightsFile(model.state, model.codec, model.recipe, model.metadata, path, model.names)


def save_weights(path: str | Path, state: Mapping[str, torch.Tensor], metadata: Mapping[str, Any] | None = None) -> None:
    """Writes tensors and metadata as one safetensors file, whole or not at all.

    `metadata` holds plain data by name; by custom `charset` (a Charset or its `to_metadata()`), `recipe`, `metrics`.

    Raises:
        CheckpointError: the file cannot be written; one that was there before is untouched.
    """
    texts = {"format": "pt", "ppocr_like": FORMAT}
    for name, value in (metadata or {}).items():
        value = value.to_metadata() if isinstance(value, Charset) else value
        texts[name] = json.dumps(value, ensure_ascii=False, default=_plain)
    write_tensors(path, state, texts)


def write_tensors(path: str | Path, state: Mapping[str, torch.Tensor], texts: Mapping[str, str]) -> None:
    """Writes a safetensors file with these metadata and a digest, whole or not at all.

    Raises:
        CheckpointError: see `save_weights`.
    """
    start, body = _with_digest(safetensors.torch.save(_own_storage(state), metadata=dict(texts)))
    atomic_write(path, lambda file: (file.write(start), file.write(body)))


def _with_digest(data: bytes) -> tuple[bytes, memoryview]:
    """The same safetensors file in two parts, with a digest and its metadata in order: the library writes them in random order,
    and equal weights should be equal files."""
    length = int.from_bytes(data[:8], "little")
    body = memoryview(data)[8 + length :]
    return seal_safetensors(json.loads(data[8 : 8 + length]), body), body


def _plain(value: object) -> object:
    """numpy scalars, 0-d tensors and paths as plain data."""
    item = getattr(value, "item", None)
    return item() if callable(item) else str(value)


def _own_storage(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Contiguous CPU tensors none of which share memory (safetensors refuses shared ones)."""
    seen: set[int] = set()
    tensors = {}
    for name, tensor in state.items():
        tensor = tensor.detach().to("cpu").contiguous()
        storage = tensor.untyped_storage()
        if storage.data_ptr() in seen or storage.nbytes() != tensor.nbytes:
            tensor = tensor.clone()
        seen.add(tensor.untyped_storage().data_ptr())
        tensors[name] = tensor
    return tensors


def _read_safetensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    try:
        told = check_safetensors(path)
        with safetensors.safe_open(str(path), framework="pt", device="cpu") as file:
            texts = dict(file.metadata() or {})
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except DamagedFile as error:
        raise WeightsError(_damaged(path, error)) from error
    except (safetensors.SafetensorError, *_READ_ERRORS) as error:
        raise WeightsError(_unreadable(path, error)) from error
    if told == "none":
        say_without_digest(path)
    if texts.pop("ppocr_like", None) is None:
        return state, {k: v for k, v in texts.items() if k not in ("charset", "recipe")}
    texts.pop("format", None)
    texts.pop(SHA256, None)
    extra = {}
    for name, text in texts.items():
        try:
            extra[name] = parse_json(text)
        except Malformed as error:
            raise WeightsError(f"{path}: its metadata entry {name!r} {error}; the file is damaged") from error
    return state, extra


def _read_torch(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    try:
        with open(path, "rb") as file:
            told = check_zip(file)
            content = torch.load(file, map_location="cpu", weights_only=True)
    except DamagedFile as error:
        raise WeightsError(_damaged(path, error)) from error
    except pickle.UnpicklingError as error:
        if "weights_only" in str(error).lower() or "Unsupported" in str(error):
            raise WeightsError(
                f"{path}: holds Python objects besides tensors, which are not loaded because unpickling them can run any "
                f"program; save its state dict alone. ({_first_line(error)})"
            ) from error
        raise WeightsError(_unreadable(path, error)) from error
    except _READ_ERRORS as error:
        raise WeightsError(_unreadable(path, error)) from error
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path}: holds a {type(content).__name__}, not a state dict; save `model.state_dict()`")
    if told == "none" and "ppocr_like" in str(content.get("format")):
        say_without_digest(path)
    for key in STATE_KEYS:
        inner = content.get(key)
        if isinstance(inner, Mapping) and inner:
            extra = {str(k): v for k, v in content.items() if k != key and k not in TRAINING_STATE}
            return {**_tensors(inner, path, f" under {key!r}"), **_averages(content, path)}, extra
    if not any(isinstance(value, torch.Tensor) for value in content.values()):
        keys = ", ".join(repr(k) for k in list(content)[:8]) or "nothing"
        raise WeightsError(f"{path}: no state dict in it; looked at the top and under {', '.join(STATE_KEYS)}; it holds {keys}")
    return _tensors(content, path, ""), {}


def _averages(content: Mapping[Any, Any], path: Path) -> dict[str, torch.Tensor]:
    """The averaged weights of a checkpoint of ours (`Global.use_ema`), which were measured in training; empty without."""
    hooks = content.get("hooks")
    kept = hooks.get("ema") if isinstance(hooks, Mapping) else None
    if not isinstance(kept, Mapping):
        return {}
    logger.info("%s: the averaged weights (Global.use_ema) are taken", path)
    averages = kept.get("averages")
    if not isinstance(averages, Mapping):
        raise WeightsError(f"{path}: its averaged weights are {type(averages).__name__}, not a mapping; the file is damaged")
    return _tensors(averages, path, " of the averages")


def _tensors(mapping: Mapping[Any, Any], path: Path, place: str) -> dict[str, torch.Tensor]:
    state = {str(name): value for name, value in mapping.items() if isinstance(value, torch.Tensor)}
    other = [str(name) for name, value in mapping.items() if not isinstance(value, torch.Tensor)]
    if other:
        logger.warning("%s: %d entries%s are no tensors and are not used: %s", path, len(other), place, ", ".join(other[:8]))
    return state


def _charset(data: object, path: Path) -> Charset | None:
    if data is None:
        return None
    try:
        if not isinstance(data, dict) or not all(isinstance(entry, str) for entry in data.get("entries", ())):
            raise TypeError("entries must be texts")
        charset = classes_from_metadata(data)
        said = untold_direction(data, charset)
        if said:
            logger.warning("%s: %s", path, said)
        return charset
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: its character set cannot be read ({error!r}); the file is damaged") from error


def say_without_digest(path: Path) -> None:
    """Of a file that an earlier version of this program wrote."""
    logger.info("%s was written by an earlier version and has no digest: damage of it cannot be noticed", path)


def _damaged(path: Path, error: DamagedFile) -> str:
    return f"{path} is not used: {error}; copy it anew or train it again"


def _unreadable(path: Path, error: BaseException) -> str:
    size = path.stat().st_size if path.exists() else 0
    return (
        f"{path}: cannot be read as {path.suffix} ({_first_line(error)}); {size} bytes, truncated or no weights file; "
        "copy or train it again"
    )


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:200]
