"""Export: a trained recogniser as a folder that other runtimes take unchanged, verified before it is called done."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ppocr_like.config import Builder, Recipe
from ppocr_like.data.base import Dataset
from ppocr_like.errors import ConfigError, DataError, ExportError, Problem
from ppocr_like.export.graph import write_graph
from ppocr_like.export.rapidocr import write_rapidocr
from ppocr_like.export.verify import TOLERANCE, SetCheck, ShapeCheck, check_set, check_shapes, metric_line
from ppocr_like.pipeline import Recogniser, Spec
from ppocr_like.pipeline.onnx_backend import MODEL
from ppocr_like.pipeline.spec import FILE
from ppocr_like.pipeline.torch_backend import TorchBackend, recipe_spec, trained_model
from ppocr_like.weights import pretrained

logger = logging.getLogger("ppocr_like")


@dataclass(frozen=True)
class ExportReport:
    """What was written and how it was verified."""

    folder: Path
    shapes: list[ShapeCheck]
    sets: list[SetCheck] = field(default_factory=list)


def export(
    recipe: Recipe, *, verify_data: bool = True, tolerance: float = TOLERANCE, say: Callable[[str], None] = logger.info
) -> ExportReport:
    """Writes `model.onnx`, `inference.yml`, `rapidocr_params.json` and `rapidocr.yaml` to `Global.save_inference_dir`.

    They are written to a temporary folder beside, verified there, then moved: a failed export leaves an earlier bundle as
    it was. The components must be registered (`components.load_components`).

    Args:
        recipe: with `Global.pretrained_model` (or `checkpoints`, which wins) and `Global.save_inference_dir`.
        verify_data: compare both networks on the evaluation sets; False only on random tensors.
        tolerance: largest difference of a probability.
        say: gets a line per finished check.

    Raises:
        ConfigError, WeightsError, DataError, ExportError: the bundle was not written, an earlier one is as it was.
    """
    target = _target(recipe)
    dictionary = None if _without_dictionary(recipe) else Builder(recipe).charset
    settings = replace(recipe.globals, pretrained_model=recipe.globals.checkpoints or recipe.globals.pretrained_model)
    weights, _ = pretrained(settings, dictionary, as_is=True)
    if weights is None:
        raise ConfigError([Problem("Global.pretrained_model", "is missing; which weights shall be exported?")], recipe.source)
    if weights.charset is None:
        weights = type(weights)(weights.state, dictionary, weights.recipe, weights.metadata, weights.path)
    model, _, charset = trained_model(weights, recipe)
    spec = recipe_spec(recipe, charset)
    builder = Builder(recipe, charset)
    sets = _open_sets(builder) if verify_data else {}
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        _fresh_folder(temporary)
        backend = TorchBackend(model)
        recogniser = _write(temporary, target, spec, backend)
        say(f"weights {weights.path}: {charset.num_classes} classes")
        shapes = check_shapes(recogniser, backend, tolerance)
        for shape in shapes:
            say(f"ONNX Runtime against torch, {shape.batch} x {shape.width} px: largest difference {shape.difference:.2e}")
        checks = [_verify_set(builder, name, dataset, recogniser, backend, tolerance, say) for name, dataset in sets.items()]
        _move(temporary, target)
    except OSError as error:
        raise ExportError(f"cannot write the bundle to {target}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    say(f"bundle written to {target}")
    return ExportReport(target, shapes, checks)


def _target(recipe: Recipe) -> Path:
    """The folder to write, absolute."""
    given = recipe.globals.save_inference_dir
    if not given:
        raise ConfigError([Problem("Global.save_inference_dir", "is missing; where shall the bundle be written?")], recipe.source)
    target = Path(given).expanduser().resolve()
    if target.exists() and not target.is_dir():
        raise ConfigError([Problem("Global.save_inference_dir", f"{target} is a file; give a folder")], recipe.source)
    return target


def _without_dictionary(recipe: Recipe) -> bool:
    """A dictionary file that is not there does not matter when the weights carry their characters."""
    path = recipe.globals.character_dict_path
    return path is not None and not Path(path).is_file()


def _fresh_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _write(folder: Path, target: Path, spec: Spec, backend: TorchBackend) -> Recogniser:
    """All files of the bundle into `folder`; returns it opened, as a user would."""
    (folder / FILE).write_text(spec.to_yaml(), encoding="utf-8")
    shape = Recogniser.with_backend(spec, backend).preprocess.image_shape
    write_graph(backend.model, folder / MODEL, spec.charset, channels=shape[0], height=shape[1], output=spec.output)
    write_rapidocr(folder, target / MODEL, shape)
    return Recogniser(folder)


def _open_sets(builder: Builder) -> dict[str, Dataset]:
    """The evaluation sets by name, before anything is written."""
    try:
        return {name: builder.dataset("Eval", name) for name in builder.eval_names()}
    except (ConfigError, DataError) as error:
        raise ExportError(
            f"{error}\nThe bundle is verified on the evaluation sets, and they cannot be read: mend them, or verify on random "
            "tensors only (--no-verify-data)"
        ) from error


def _verify_set(
    builder: Builder,
    name: str,
    dataset: Dataset,
    recogniser: Recogniser,
    backend: TorchBackend,
    tolerance: float,
    say: Callable[[str], None],
) -> SetCheck:
    check = check_set(builder, name, dataset, recogniser, backend, tolerance)
    say(f"evaluation set {name}: torch {metric_line(check.torch)}")
    say(f"evaluation set {name}: ONNX  {metric_line(check.onnx)}")
    say(f"evaluation set {name}: largest difference {check.difference:.2e} in {check.lines} lines, all texts equal")
    return check


def _move(temporary: Path, target: Path) -> None:
    """A new folder appears at once; in one that exists only the bundle's own files are replaced."""
    if not target.exists():
        os.replace(temporary, target)
        return
    for file in sorted(temporary.iterdir()):
        os.replace(file, target / file.name)
