"""All that is asked of one recipe, as one row. What fails is told in the row; nothing is raised."""

from __future__ import annotations

import logging
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ppocr_like.charset import Charset
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe, load_recipe
from ppocr_like.errors import ConfigError, ExportError

from .reference import Case, evaluated, filled, trained
from .samples import on_samples
from .trial import exported, ten_steps

STAGES = ("validates", "builds", "weights", "outputs", "training", "steps", "export")
ASCII = [chr(code) for code in range(33, 127)]


def row(name: str, path: Path | None, case: Case | None, dicts: Path | None, stages: tuple[str, ...] = STAGES) -> dict[str, Any]:
    """Everything about one recipe.

    Args:
        name: of the row.
        path: the recipe; None where there is only a case, whose architecture is then built.
        case: PaddleOCR's outputs; None where there are none.
        dicts: folder with dictionaries, found by file name.
        stages: of `STAGES`, those wanted.
    """
    load_components()
    torch.set_num_threads(1)
    found: dict[str, Any] = {
        **dict.fromkeys(("validates", "parameters", "weights", "outputs", "training", "steps", "export")),
        **{"recipe": name, "reference": case.path.name if case else None, "builds": False, "reasons": {}, "seconds": {}},
    }
    try:
        charset = case.charset if case is not None else None
    except Exception as error:  # noqa: BLE001 (a damaged case is told in its row)
        found["reasons"]["reference"] = f"{type(error).__name__}: {error}"
        case = charset = None
    if path is None and case is None:
        return found
    with _quiet(), tempfile.TemporaryDirectory() as folder:
        _ask(found, path, case, charset, dicts, stages, Path(folder))
    return found


def _ask(
    found: dict[str, Any],
    path: Path | None,
    case: Case | None,
    charset: Charset | None,
    dicts: Path | None,
    stages: tuple[str, ...],
    folder: Path,
) -> None:
    kept: dict[str, Any] = {}

    def stage(name: str, make: Callable[[], Any], *needs: str) -> None:
        """Runs a stage that was asked for and whose forerunners succeeded; its result stands in the row."""
        if name not in stages or any(need not in kept for need in needs):
            return
        start = time.perf_counter()
        try:
            kept[name] = make()
        except ConfigError as error:
            found["reasons"][name] = "; ".join(str(p) for p in error.problems)
        except Exception as error:  # noqa: BLE001 (whatever a recipe of somebody's brings about is told in its row)
            found["reasons"][name] = f"{type(error).__name__}: {error}" if str(error) else _place(error)
        found["seconds"][name] = round(time.perf_counter() - start, 2)

    if path is not None:
        stage("validates", lambda: _validated(path, dicts))
        found["validates"] = "validates" in kept
        found["notes"] = kept.get("validates", [])
        try:
            recipe = _loaded(path, dicts, folder)
        except ConfigError as error:
            found["reasons"].setdefault("validates", str(error))
            return
    else:
        assert case is not None
        recipe = Recipe.from_tree({"Global": {"epoch_num": 1}, "Architecture": case.architecture})
    reads = recipe.get("Architecture.model_type") == "rec"
    letters = Charset(ASCII, bool(recipe.get("Global.use_space_char"))) if reads else None
    stage("builds", lambda: Builder(recipe, charset or letters).model())
    model = kept.get("builds")
    found["builds"] = model is not None
    if model is None:
        return
    found["parameters"] = sum(p.numel() for p in model.parameters())
    found["trainable"] = sum(p.numel() for p in model.parameters() if p.requires_grad)
    if case is not None:
        stage("weights", lambda: filled(case, model, folder), "builds")
        found["weights"] = kept.get("weights")
        stage("outputs", lambda: evaluated(case, model), "weights")
        stage("training", lambda: trained(case, model), "weights")
        found["outputs"], found["training"] = kept.get("outputs"), kept.get("training")
        found["reference_trainable"] = case.content.get("n_trainable")
    if path is None:
        return
    stage("steps", lambda: ten_steps(on_samples(recipe, folder, letters), letters), "builds", "validates")
    if "steps" in kept:
        fresh, losses = kept["steps"]
        found["steps"] = {"losses": losses, "lower": losses[-1] < losses[0]}
        models = [(fresh, letters), *([(model, charset if reads else None)] if "weights" in kept else [])]
        stage("export", lambda: _exported_by_one(on_samples(recipe, folder, letters), models, folder), "steps")
        if "export" in kept:
            difference, shapes = kept["export"]
            found["export"] = {"difference": difference, "shapes": shapes}


def _exported_by_one(recipe: Recipe, models: list[tuple[Any, Charset | None]], folder: Path) -> tuple[float, int]:
    """With the first weights that can be verified: at some, rounding alone decides what the network answers."""
    refusal: ExportError | None = None
    for model, charset in models:
        try:
            return exported(recipe, model, charset, folder)
        except ExportError as error:
            refusal = error
    assert refusal is not None
    raise refusal


def _dictionary(told: object, dicts: Path | None) -> Path | None:
    """The file of a recipe's dictionary: where the recipe says, or of that name in `dicts`."""
    if not isinstance(told, str):
        return None
    if Path(told).is_file():
        return Path(told)
    return next(iter(sorted(dicts.rglob(Path(told).name))), None) if dicts is not None and dicts.is_dir() else None


def _loaded(path: Path, dicts: Path | None, folder: Path) -> Recipe:
    """The recipe with its dictionary: only the path is changed. One that is nowhere is a file of ASCII."""
    told = load_recipe(path).get("Global.character_dict_path")
    if told is None:
        return load_recipe(path)
    place = _dictionary(told, dicts)
    if place is None:
        place = folder / "dict.txt"
        place.write_text("\n".join(ASCII) + "\n", encoding="utf-8")
    return load_recipe(path, [f"Global.character_dict_path={place}"])


def _validated(path: Path, dicts: Path | None) -> list[str]:
    """Notes of a recipe that is good as it stands."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = _loaded(path, dicts, Path(folder))
        Builder(recipe).check()
    return recipe.notes


def _place(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}: {last.line}"


@contextmanager
def _quiet() -> Any:
    """Without what a run would say."""
    log = logging.getLogger("ppocr_like")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
