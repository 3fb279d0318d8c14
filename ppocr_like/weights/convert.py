"""From any weights to safetensors, PaddleOCR's .pdparams or kraken's files, with a table of what became what."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from ppocr_like.atomic import atomic_write
from ppocr_like.charset import Charset, dictionary_bytes
from ppocr_like.config.build import Builder
from ppocr_like.config.plugins import carried_tree
from ppocr_like.config.recipe import Recipe
from ppocr_like.errors import DataError, WeightsError
from ppocr_like.modeling.paddle_names import cell_names, to_paddle_name, transposed
from ppocr_like.outputs import claim
from ppocr_like.weights.charset_plan import same_charset
from ppocr_like.weights.files import LAYOUT, WeightsFile, load_weights, save_weights
from ppocr_like.weights.fit import fitted
from ppocr_like.weights.kraken_coreml_write import write_coreml
from ppocr_like.weights.kraken_file import SUFFIX as COREML_SUFFIX
from ppocr_like.weights.kraken_write import kraken_parts, write_kraken
from ppocr_like.weights.match import MatchReport
from ppocr_like.weights.paddle_file import SUFFIX as PADDLE_SUFFIX
from ppocr_like.weights.paddle_write import paddle_state, write_paddle
from ppocr_like.weights.resolve import resolve
from ppocr_like.weights.sub_models import load_into, sub_weights

Kind = Literal["safetensors", "paddle", "kraken", "coreml"]
SUFFIXES: Mapping[Kind, str] = {
    "safetensors": ".safetensors",
    "paddle": PADDLE_SUFFIX,
    "kraken": ".safetensors",
    "coreml": COREML_SUFFIX,
}
HEAD = ("in the file", "here", "shape", "turned", "status")


@dataclass(frozen=True)
class Row:
    """One tensor.

    Args:
        source: its name in the file, empty for one that is missing there.
        name: our name, empty where the network has none.
        shape: in the network; of the file where the network has none.
        turned: stored the other way round in the file (linear weights of Paddle).
        status: "matched", "missing", "unexpected" or "other shape".
    """

    source: str
    name: str
    shape: tuple[int, ...]
    turned: bool
    status: str


@dataclass(frozen=True)
class Conversion:
    """What a conversion did."""

    rows: tuple[Row, ...]
    target: Path
    written: int
    dictionary: str = ""  # what to say of the dictionary beside weights that do not hold their characters

    def table(self) -> str:
        """A line for each tensor."""
        lines = [HEAD, *((r.source, r.name, _shape(r.shape), "turned" if r.turned else "", r.status) for r in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    def summary(self) -> str:
        """One line."""
        counts = {status: sum(row.status == status for row in self.rows) for status in dict.fromkeys(r.status for r in self.rows)}
        told = ", ".join(f"{count} {status}" for status, count in counts.items())
        return f"{self.target}: {self.written} tensors written ({told})" + (f"; {self.dictionary}" if self.dictionary else "")


def convert(
    source: str | Path,
    target: str | Path,
    recipe: Recipe | None = None,
    *,
    to: Kind | None = None,
    sub_model: str | None = None,
    partial: bool = False,
) -> Conversion:
    """Reads `source` (see `resolve`) and writes `target`.

    Args:
        recipe: of the network; None: the one that the weights carry, else names alone are changed.
        to: kind of `target`; None: by its suffix.
        sub_model: which network of a distillation's weights.
        partial: whether tensors of the recipe's network may be missing.

    Raises:
        WeightsError: weights that cannot be read, do not fit the recipe's network, or cannot become what is wanted.
        ConfigError: the recipe's network cannot be built.
        DataError: the target is the file to convert or the recipe, or cannot be written.
        CheckpointError: writing it failed.
    """
    path = Path(target)
    kind = _kind(path, to)
    found = resolve(source)
    claim([path], [found, None if recipe is None else recipe.path], advice="give another name for the new file")
    weights = replace(load_weights(found), sub_model=sub_model)
    if recipe is None and weights.recipe is not None:
        recipe = Recipe.from_tree(carried_tree(weights.recipe, weights.path))
    if recipe is None:
        return _by_names(sub_weights(weights, sub_model) if sub_model else weights, path, kind)
    return _by_network(weights, recipe, path, kind, partial)


def _kind(path: Path, to: Kind | None) -> Kind:
    by_suffix: dict[str, Kind] = {suffix: kind for kind, suffix in SUFFIXES.items() if kind != "kraken"}
    kind = to or by_suffix.get(path.suffix)
    if kind is None:
        raise WeightsError(f"{path}: its suffix tells no kind; call it .safetensors, .pdparams or .mlmodel")
    if path.suffix != SUFFIXES[kind]:
        raise WeightsError(f"{path}: a file of that kind ends in {SUFFIXES[kind]}, or it would not be found again")
    return kind


def _by_names(weights: WeightsFile, path: Path, kind: Kind) -> Conversion:
    """Without a network: names are changed, layouts stay as they are and are told."""
    said = ""
    if weights.graph is not None:
        raise WeightsError(f"{weights.path}: the names of an ONNX file's weights come from a network: give its recipe (-c)")
    if kind in ("kraken", "coreml"):
        raise WeightsError(f"{weights.path}: kraken keeps the network with its weights: give its recipe (-c)")
    if kind == "paddle" and not weights.paddle:
        raise WeightsError(f"{weights.path}: which weights Paddle turns round only a network tells: give its recipe (-c)")
    if kind == "paddle":
        arrays = {to_paddle_name(name): tensor.numpy() for name, tensor in weights.state.items()}
        said = _write_paddle(path, arrays | {cell: arrays[flat] for flat, cell in cell_names(arrays).items()}, weights.charset)
    else:
        told: dict[str, Any] = {**weights.metadata, **({LAYOUT: "paddle"} if weights.paddle else {})}
        if weights.charset is not None:
            told["charset"] = weights.charset
        save_weights(path, weights.state, told)
    rows = [Row(weights.names.get(name, name), name, tuple(t.shape), False, "matched") for name, t in weights.state.items()]
    return Conversion(tuple(rows), path, len(rows), said)


def _by_network(weights: WeightsFile, recipe: Recipe, path: Path, kind: Kind, partial: bool) -> Conversion:
    if kind == "paddle" and recipe.get("Architecture.fused"):
        raise WeightsError(
            f"{path}: PaddleOCR trains networks that are not fused and cannot load this one (Architecture.fused: true); "
            "tools/export.py makes an ONNX model of it"
        )
    builder = Builder(recipe, weights.charset)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.globals.seed)  # of what only training uses and the file lacks
        model = builder.model()
    charset = builder.charset
    plan = None if charset is None else same_charset(charset, assumed=weights.charset is None)
    try:
        report = load_into(model, weights, plan, 0.0 if partial else 1.0, architecture=recipe.get("Architecture"))
    except WeightsError as error:
        hint = "" if partial else "\n  --partial converts what is there"
        raise WeightsError(f"{error}{hint}") from error
    state, said = {name: model.state_dict()[name] for name in (*report.matched, *report.unused)}, ""
    if kind == "paddle":
        arrays = paddle_state(state, model)
        said = _write_paddle(path, arrays, charset)
        count = len(arrays)
    elif kind in ("kraken", "coreml"):
        kept = {name: value.to(weights.state[name].dtype) if name in weights.state else value for name, value in state.items()}
        parts = kraken_parts(model, kept, charset, recipe.tree, weights.metadata, path)
        (write_kraken if kind == "kraken" else write_coreml)(path, parts)
        count = len(parts.state)
    else:
        told = {**weights.metadata, "recipe": recipe.tree, **({} if charset is None else {"charset": charset})}
        save_weights(path, state, told)
        count = len(state)
    return Conversion(tuple(_rows(weights, model, report)), path, count, said)


def dictionary_of(path: Path) -> Path:
    """Where the characters of PaddleOCR's weights are written, which do not hold them."""
    return path.with_name(f"{path.stem}_dict.txt")


def _write_paddle(path: Path, arrays: Mapping[str, np.ndarray], charset: Charset | None) -> str:
    """Writes PaddleOCR's weights and, beside them, the dictionary that they do not hold; what to say of it.

    Raises:
        WeightsError: another dictionary of that name is there; nothing is written.
        DataError: a character that a dictionary file cannot hold.
    """
    if charset is None:
        write_paddle(path, arrays)
        return ""
    target = dictionary_of(path)
    if charset.unlisted():
        raise DataError(f"{charset.unlisted()}; PaddleOCR knows no codec", str(target))
    data = dictionary_bytes(charset.entries, target)
    if os.path.lexists(target) and (not target.is_file() or target.read_bytes() != data):
        raise WeightsError(f"{target} exists already and lists other characters; remove it, or give another name for {path.name}")
    write_paddle(path, arrays)
    atomic_write(target, lambda file: file.write(data))
    space = f"Global.use_space_char: {str(charset.use_space_char).lower()}"
    return f"{target}: its {len(charset.entries)} characters (Global.character_dict_path), {space}"


def _rows(weights: WeightsFile, model: nn.Module, report: MatchReport) -> list[Row]:
    names, linear = _names(weights, model), transposed(model)
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    rows = [Row(names.get(n, n), n, shapes[n], weights.paddle and n in linear, "matched") for n in report.matched]
    rows += [Row(names.get(n, n), n, there, False, f"other shape ({_shape(here)} here)") for n, there, here in report.mismatched]
    rows += [Row("", name, shapes[name], False, "fresh: only training uses it") for name in report.unused]
    rows += [Row("", name, shape, False, "missing") for name, shape in report.missing]
    return rows + [Row(names.get(name, name), "", shape, False, "unexpected") for name, shape in report.unexpected]


def _names(weights: WeightsFile, model: Any) -> dict[str, str]:
    """The file's name of each tensor of the network that it calls otherwise."""
    if not hasattr(model, "sub_models"):
        weights = sub_weights(weights, weights.sub_model)
    with torch.no_grad():
        return fitted(weights, model).weights.names


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"
