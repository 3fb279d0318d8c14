"""Probability maps of an evaluation set, computed once and kept on the disk."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ppocr_like.config import Builder, Recipe
from ppocr_like.config.overrides import item_name
from ppocr_like.config.yaml_io import unshared
from ppocr_like.data.base import Dataset
from ppocr_like.data.loader import build_loader
from ppocr_like.data.watch import watched
from ppocr_like.engine.evaluator import infer
from ppocr_like.engine.objective import Objective
from ppocr_like.errors import ConfigError, DataError, Problem
from ppocr_like.metrics.det import missed
from ppocr_like.metrics.det_match import Counts, GroundTruth
from ppocr_like.outside import LARGE, load_json, pairs, text_of

logger = logging.getLogger("ppocr_like")

RESIZE = "DetResizeForTest"
INDEX = "index.json"
VERSION = 1


@dataclass(frozen=True, eq=False)
class KeptMap:
    """The map of one image of the set, and what is on the image.

    Args:
        path: of the image.
        map_file: float32 (H, W) .npy.
        source: (width, height) of the image in px.
        truth: its boxes.
    """

    path: str
    map_file: Path
    source: tuple[float, float]
    truth: GroundTruth

    def probabilities(self) -> np.ndarray:
        return np.load(self.map_file)


@dataclass(frozen=True)
class MapSet:
    """The maps of a set at one size.

    Args:
        maps: of the images that could be used.
        lost: counts of the images that could not: all their boxes are missed.
    """

    maps: list[KeptMap]
    lost: Counts


def resize_place(recipe: Recipe) -> tuple[str, dict[str, Any]] | None:
    """(YAML path, arguments) of the evaluation chain's DetResizeForTest; None without one."""
    chain = recipe.get("Eval.dataset.transforms")
    for number, item in enumerate(chain if isinstance(chain, list) else []):
        if item_name(item) == RESIZE:
            args = item.get(RESIZE, {k: v for k, v in item.items() if k != "name"})
            return f"Eval.dataset.transforms.{number}", args if isinstance(args, dict) else {}
    return None


def side_of(recipe: Recipe) -> int | None:
    """`limit_side_len` of the evaluation chain; None where the size is set otherwise."""
    found = resize_place(recipe)
    side = found[1].get("limit_side_len") if found else None
    if found and not any(found[1].get(name) is not None for name in ("limit_side_len", "image_shape", "resize_long")):
        return 736  # what DetResizeForTest takes then
    return side if isinstance(side, int) else None


def with_side(recipe: Recipe, side: int | None) -> Recipe:
    """The recipe with another `limit_side_len` (px); the same one for None.

    Raises:
        ConfigError: the evaluation chain sets the size in another way.
    """
    if side is None or side == side_of(recipe):
        return recipe
    found = resize_place(recipe)
    if found is None or side_of(recipe) is None:
        place = found[0] if found else "Eval.dataset.transforms"
        raise ConfigError([Problem(place, f"sizes can be tried only with a {RESIZE} that has limit_side_len")])
    tree = unshared(recipe.tree)
    number = int(found[0].rpartition(".")[2])
    tree["Eval"]["dataset"]["transforms"][number] = {RESIZE: {"limit_type": "min", **found[1], "limit_side_len": side}}
    return Recipe.from_tree(tree)


def compute_maps(
    recipe: Recipe, objective: Objective, weights: Path, set_name: str, folder: Path, progress: bool = True
) -> MapSet:
    """The maps of an evaluation set, read from `folder` where they were computed before from the same weights, images and chain.

    Args:
        recipe: with the size wanted.
        objective: its network on the device, in evaluation mode.
        weights: the file it was filled from.
        set_name: one of `Builder.eval_names()`.
        folder: where map sets are kept; float32, 4 bytes per px.

    Raises:
        DataError: no image of the set can be used, or nothing can be written.
    """
    builder = Builder(recipe)
    dataset = builder.dataset("Eval", set_name)
    place = folder / outputs_digest(builder, dataset, weights, set_name)
    kept_outputs(place, lambda unfinished: _fill(unfinished, builder, dataset, objective, progress), "maps")
    maps, labels = _kept(place)
    lost = sum(map(missed, labels), Counts())
    if not maps:
        raise DataError(f"no image of the evaluation set {set_name!r} could be used", str(dataset.label_files[0]))
    return MapSet(maps, lost)


def _kept(place: Path) -> tuple[list[KeptMap], list[str]]:
    """The maps of a set, and the labels of images that could not be used."""
    try:
        content = load_json(place / INDEX, LARGE)
        maps = [
            KeptMap(
                text_of(entry["path"]),
                place / text_of(entry["map"]),
                (entry["source"][0], entry["source"][1]),
                GroundTruth([pairs(points) for points in entry["polygons"]], entry["ignore"]),
            )
            for entry in content["pages"]
        ]
        return maps, [text_of(label) for label in content["lost"]]
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(f"is damaged ({error}); remove its folder", str(place / INDEX)) from error


def _fill(folder: Path, builder: Builder, dataset: Dataset, objective: Objective, progress: bool) -> None:
    """Computes all maps into a folder."""
    pages: list[dict[str, Any]] = []
    lost: list[str] = []
    with (
        build_loader(dataset, builder.loader("Eval"), seed=0, train=False) as loader,
        torch.inference_mode(),
    ):
        for batch in watched(loader, "maps") if progress else loader.batches(0):
            lost += [sample.info.text for sample in batch["rejected"]]
            if not batch["info"]:
                continue
            maps, arrays = infer(objective, batch, lambda outputs, _: list(outputs["maps"]))
            for number, info in enumerate(batch["info"]):
                name = f"{len(pages):06d}.npy"
                np.save(folder / name, np.ascontiguousarray(maps[number][0], np.float32))
                height, width = (float(v) for v in arrays["shape"][number][:2])
                polygons = [np.asarray(points, float).tolist() for points in arrays["polys"][number]]
                ignore = [bool(tag) for tag in arrays["ignore_tags"][number]]
                pages.append({"path": info.path, "map": name, "source": [width, height], "polygons": polygons, "ignore": ignore})
    (folder / INDEX).write_text(json.dumps({"pages": pages, "lost": lost}), encoding="utf-8")


def kept_outputs(place: Path, fill: Callable[[Path], None], what: str) -> None:
    """Makes sure that a folder of outputs is there and complete: `fill` makes them beside it, unless they were made before.

    Args:
        place: the folder, with an `index.json` when it is there.
        fill: gets an empty folder; writes the outputs and the index.
        what: "maps", for messages.

    Raises:
        DataError: nothing can be written there.
    """
    if (place / INDEX).is_file():
        logger.info("%s: %s (computed before)", what, place)
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=place.parent))
    except OSError as error:
        told = f"{what} cannot be kept there ({error.strerror or error}); choose --out"
        raise DataError(told, str(place.parent)) from error
    try:
        fill(unfinished)
        os.replace(unfinished, place)
    except OSError as error:
        raise DataError(f"{what} cannot be written ({error.strerror or error})", str(place)) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def outputs_digest(builder: Builder, dataset: Dataset, weights: Path, set_name: str) -> str:
    """Changes with the weights, the network, the evaluation chain, the labels and the images (by size and time)."""
    digest = hashlib.sha256(weights.read_bytes())
    node, _ = builder.dataset_node("Eval", set_name)
    digest.update(json.dumps([VERSION, builder.recipe.get("Architecture"), node], sort_keys=True, default=str).encode())
    for index in range(len(dataset)):
        info = dataset.info(index)
        digest.update(f"{info.path}\0{info.text}\0".encode("utf-8", "replace"))
        try:
            state = os.stat(info.path)
        except OSError:
            continue
        digest.update(f"{state.st_size} {state.st_mtime_ns}".encode())
    return digest.hexdigest()[:24]
