"""Export: a trained model as a folder that other runtimes take unchanged, verified before it is called done."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ppocr_like.config import Builder, Recipe
from ppocr_like.config.loader import AUTO
from ppocr_like.config.reads import recipe_reads
from ppocr_like.config.single import single_model, sub_model_names
from ppocr_like.data.base import Dataset
from ppocr_like.errors import ConfigError, DataError, ExportError, Problem
from ppocr_like.export.choices import TOLERANCE
from ppocr_like.export.exporter import Exporter, exporter_of
from ppocr_like.export.graph import write_graph
from ppocr_like.export.pair import PAIR_CONFIG, PAIR_PARAMS, bundles_beside, write_pair
from ppocr_like.export.rapidocr import CONFIG, PARAMS, write_rapidocr
from ppocr_like.export.variants import Accuracy, line_recipe, measure, quantise, static_recipe
from ppocr_like.export.verify import SetCheck, ShapeCheck, Verifier, metric_line
from ppocr_like.modeling.fuse import fused_copy
from ppocr_like.outputs import claim
from ppocr_like.pipeline.normalise import Affine, normalisation, outside
from ppocr_like.pipeline.onnx_backend import MODEL
from ppocr_like.pipeline.opening import open_model
from ppocr_like.pipeline.preprocess import Preprocess
from ppocr_like.pipeline.spec import FILE, LANGUAGE_MODEL, Spec
from ppocr_like.pipeline.torch_backend import TorchBackend, own_width, reads_any_width, trained_model
from ppocr_like.postprocess.ngram.table import read_model, write_table
from ppocr_like.weights import pretrained

logger = logging.getLogger("ppocr_like")


@dataclass(frozen=True)
class ExportReport:
    """What was written and how it was verified."""

    folder: Path
    shapes: list[ShapeCheck]
    sets: list[SetCheck] = field(default_factory=list)
    others: list[Accuracy] = field(default_factory=list)


def export(
    recipe: Recipe,
    *,
    verify_data: bool = True,
    tolerance: float = TOLERANCE,
    fold_normalize: str | None = None,
    sub_model: str | None = None,
    static: tuple[int, int] | None = None,
    int8: str | None = None,
    pair: Sequence[str | Path] = (),
    say: Callable[[str], None] = logger.info,
) -> ExportReport:
    """Writes `model.onnx`, `inference.yml`, `rapidocr_params.json` and `rapidocr.yaml` to `Global.save_inference_dir`.

    Written to a folder beside, verified there, then moved: a failed export leaves an earlier bundle as it was.

    Args:
        recipe: with `Global.pretrained_model` (or `checkpoints`, which wins) and `Global.save_inference_dir`.
        verify_data: compare both networks on the evaluation sets; False only on random tensors.
        tolerance: largest difference of a probability.
        fold_normalize: "pixels" or "half": normalise within the graph, which then takes this range (`pipeline.normalise`).
        sub_model: which network of a distillation is exported; None: `Global.pretrained_sub_model`, else the student.
        static: (height, width) px: a graph for one image of that size, nothing free. What that changes is measured, too.
        int8: "all" or "matmul": `variants.quantise`, after the float graph was verified; measured, too.
        pair: other bundles to read whole pages with in RapidOCR: `pair.write_pair` writes its settings into the new bundle.
        say: gets a line per finished check.

    Raises:
        ConfigError, WeightsError, DataError, ExportError: the bundle was not written, an earlier one is as it was.
    """
    target = _target(recipe)
    sub_model = sub_model or recipe.globals.pretrained_sub_model
    if sub_model_names(recipe):
        recipe = single_model(recipe, sub_model)
    dynamic, recipe = recipe, recipe if static is None else static_recipe(recipe, static)
    backend, exporter, source = _trained(recipe, sub_model)
    recipe, exporter = (recipe, exporter) if static else _following(recipe, exporter, backend)
    beside = bundles_beside(exporter.spec.model_type, pair)
    exporter.size = static
    builder = Builder(recipe, exporter.spec.charset)
    affine = None if fold_normalize is None else _fold(exporter, fold_normalize)
    sets = _open_sets(builder) if verify_data else {}
    _claim(recipe, target, source, bool(beside))
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        _fresh_folder(temporary)
        say(f"weights {source}: {exporter.summary()}")
        _write(temporary, target, exporter, backend.model, affine, say)
        report = _verified(temporary, target, exporter, backend, builder, sets, tolerance, affine, say)
        if static is not None and sets:
            report.others.extend(_as_trained(exporter, dynamic, backend, say))
        if int8 is not None:
            report.others.extend(_int8(temporary, int8, exporter, builder, sets, affine, say))
        _move(temporary, target)
    except OSError as error:
        raise ExportError(f"cannot write the bundle to {target}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _say_end(target, {**beside, exporter.spec.model_type: target} if beside else {}, say)
    return report


def _say_end(target: Path, pair: dict[str, Any], say: Callable[[str], None]) -> None:
    """The last lines; the settings for whole pages are written then."""
    say(f"bundle written to {target}")
    if pair:
        say(f"RapidOCR's settings for whole pages: {write_pair(target, **pair)[-1]}")


def _verified(
    folder: Path,
    target: Path,
    exporter: Exporter,
    backend: TorchBackend,
    builder: Builder,
    sets: dict[str, Dataset],
    tolerance: float,
    affine: Affine | None,
    say: Callable[[str], None],
) -> ExportReport:
    """Runs the bundle in `folder` beside the trained model; it will stand at `target`."""
    verifier = Verifier(exporter, open_model(folder), backend, tolerance, affine)
    shapes = verifier.check_shapes()
    for shape in shapes:
        size = f"{shape.batch} x {shape.height} x {shape.width} px"
        say(f"ONNX Runtime against torch, {size}: largest difference {shape.difference:.2e}{_by_rounding(shape)}")
    return ExportReport(target, shapes, [_verify_set(verifier, builder, name, dataset, say) for name, dataset in sets.items()])


def _as_trained(exporter: Exporter, recipe: Recipe, backend: TorchBackend, say: Callable[[str], None]) -> list[Accuracy]:
    """The evaluation sets at the sizes of the recipe itself, to be seen beside those of a static one."""
    charset = exporter.spec.charset
    recipe, _ = _following(recipe, exporter_of(Spec.from_recipe(recipe, charset), recipe, backend.model), backend)
    builder = Builder(recipe, charset)
    found = []
    for name, dataset in _open_sets(builder).items():
        numbers = measure(exporter, builder, dataset, backend, builder.postprocess())
        say(f"evaluation set {name}: as trained, of any size: {metric_line(numbers)}")
        found.append(Accuracy(name, "dynamic", numbers))
    return found


def _int8(
    folder: Path,
    form: str,
    exporter: Exporter,
    builder: Builder,
    sets: dict[str, Dataset],
    affine: Affine | None,
    say: Callable[[str], None],
) -> list[Accuracy]:
    """Quantises the verified graph and measures what is left of its accuracy."""
    before, after = quantise(folder / MODEL, form)
    say(f"int8 weights ({form}): {before / 1e6:.2f} MB became {after / 1e6:.2f} MB")
    bundle = open_model(folder)
    found = []
    for name, dataset in sets.items():
        numbers = measure(exporter, builder, dataset, bundle.backend, bundle.postprocess, affine)
        say(f"evaluation set {name}: int8  {metric_line(numbers)}")
        found.append(Accuracy(name, "int8", numbers))
    if not sets:
        say("note: the accuracy with int8 weights was not measured, as no evaluation set was read")
    return found


def _trained(recipe: Recipe, sub_model: str | None) -> tuple[TorchBackend, Exporter, Path]:
    """The trained network, what its bundle will say, and the weights' file."""
    builder = Builder(recipe)
    task = builder.task
    dictionary = None if not builder.reads_text or _without_dictionary(recipe) else builder.known_charset
    settings = replace(recipe.globals, pretrained_model=recipe.globals.checkpoints or recipe.globals.pretrained_model)
    weights, _ = pretrained(settings, dictionary, as_is=True, task=task)
    if weights is None:
        raise ConfigError([Problem("Global.pretrained_model", "is missing; which weights shall be exported?")], recipe.source)
    if weights.charset is None and dictionary is not None:
        weights = replace(weights, charset=dictionary)
    model, _, charset = trained_model(weights, recipe, sub_model)
    exporter = exporter_of(Spec.from_recipe(recipe, charset), recipe, model)
    return TorchBackend(model), exporter, weights.path


def _following(recipe: Recipe, exporter: Exporter, backend: TorchBackend) -> tuple[Recipe, Exporter]:
    """A recogniser's recipe and exporter with canvases that follow the lines, where the network takes any width."""
    free = reads_any_width(exporter.spec, backend.model)
    own = own_width(exporter.spec, backend.model) if free else None
    changed = line_recipe(recipe, exporter.spec.bucket, own) if free else None
    if changed is None:
        return recipe, exporter
    return changed, exporter_of(Spec.from_recipe(changed, exporter.spec.charset), changed, backend.model)


def _fold(exporter: Exporter, range_name: str) -> Affine:
    """Leaves to the chain of `exporter.spec` only what makes the graph's input range; gives the rest, which the graph does."""
    step = normalisation(Preprocess(exporter.spec).chain)
    wanted = Affine.of(step)
    transforms = outside(exporter.spec.transforms, step, range_name)
    exporter.spec = replace(exporter.spec, transforms=transforms, folded=range_name)
    return wanted.after(Affine.of(normalisation(Preprocess(exporter.spec).chain)))


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
    """A dictionary or codec file that is not there does not matter when the weights carry their characters."""
    codec = recipe.globals.codec
    path = recipe.globals.character_dict_path if codec is None else codec if isinstance(codec, str) and codec != AUTO else None
    return path is not None and not Path(path).is_file()


def _claim(recipe: Recipe, target: Path, source: Path, pair: bool) -> None:
    """Makes sure that the bundle can be written there without replacing the weights or what the recipe names.

    Raises:
        DataError: it cannot.
    """
    files, images = recipe_reads(recipe)
    language_model = (LANGUAGE_MODEL,) if recipe.get("PostProcess.lm") else ()
    names = (FILE, MODEL, PARAMS, CONFIG, *language_model, *((PAIR_PARAMS, PAIR_CONFIG) if pair else ()))
    outputs = [target / name for name in names] if target.exists() else [target]
    reads: list[str | Path] = [source, *(file for file in files if os.path.isfile(file))]
    claim(outputs, reads, images=images, advice="choose another Global.save_inference_dir")


def _fresh_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _write(folder: Path, target: Path, exporter: Exporter, model: Any, affine: Affine | None, say: Callable[[str], None]) -> None:
    """All files of the bundle into `folder`."""
    spec = exporter.spec
    if spec.postprocess.get("lm"):
        with open(folder / LANGUAGE_MODEL, "wb") as file:
            write_table(read_model(spec.postprocess["lm"]), file)
        spec = replace(spec, postprocess={**spec.postprocess, "lm": LANGUAGE_MODEL})
    (folder / FILE).write_text(spec.to_yaml(), encoding="utf-8")
    write_graph(fused_copy(model), folder / MODEL, exporter.layout, exporter.metadata(), affine)
    params, notes = exporter.rapidocr(target / MODEL)
    if exporter.header:
        write_rapidocr(folder, exporter.header, params)
    for note in notes:
        say(f"note: {note}")


def _open_sets(builder: Builder) -> dict[str, Dataset]:
    """The evaluation sets by name, before anything is written."""
    try:
        return {name: builder.dataset("Eval", name) for name in builder.eval_names()}
    except (ConfigError, DataError) as error:
        raise ExportError(
            f"{error}\nThe bundle is verified on the evaluation sets, and they cannot be read: mend them, or verify on random "
            "tensors only (--no-verify-data)"
        ) from error


def _verify_set(verifier: Verifier, builder: Builder, name: str, dataset: Dataset, say: Callable[[str], None]) -> SetCheck:
    check = verifier.check_set(builder, name, dataset)
    exporter = verifier.exporter
    equal = f"all {exporter.results} equal" if not check.other else f"{exporter.results} of {check.other} not equal, by rounding"
    say(f"evaluation set {name}: torch {metric_line(check.torch)}")
    say(f"evaluation set {name}: ONNX  {metric_line(check.onnx)}")
    largest = f"largest difference {check.difference:.2e}{_by_rounding(check)}"
    say(f"evaluation set {name}: {largest} in {check.lines} {exporter.unit}, {equal}")
    return check


def _by_rounding(check: ShapeCheck | SetCheck) -> str:
    """Of a difference above the tolerance: how much float32 takes the network itself from float64."""
    return "" if check.rounding is None else f" (by rounding: {check.rounding:.2e} between float32 and float64)"


def _move(temporary: Path, target: Path) -> None:
    """A new folder appears at once; in one that exists only the bundle's own files are replaced."""
    if not target.exists():
        os.replace(temporary, target)
        return
    for file in sorted(temporary.iterdir()):
        os.replace(file, target / file.name)
