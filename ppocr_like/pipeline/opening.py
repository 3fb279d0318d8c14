"""From what a user names to a model that runs: bundle, run folder or weights, whatever its task."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from ppocr_like.config import Recipe
from ppocr_like.config.nodes import item_node
from ppocr_like.config.plugins import import_plugins
from ppocr_like.errors import WeightsError
from ppocr_like.imports import quick_imports
from ppocr_like.pipeline.canvas import following, follows_line
from ppocr_like.pipeline.locate import on_onnx, open_onnx
from ppocr_like.pipeline.normalise import NORMALIZE, normalisation, outside
from ppocr_like.pipeline.preprocess import Preprocess, effective_postprocess
from ppocr_like.pipeline.runner import Runner, runner
from ppocr_like.pipeline.spec import FILE, Spec

logger = logging.getLogger("ppocr_like")


def open_model(
    model: str | Path,
    recipe: Recipe | None = None,
    *,
    batch_size: int | None = None,
    device: str = "cpu",
    threads: int | None = None,
) -> Runner[Any, Any]:
    """A bundle or another ONNX model (`locate.open_onnx`) on ONNX Runtime; anything else (run folder, weights, prefix) in
    PyTorch, which is imported only then.

    Args:
        model: what the user names.
        recipe: for weights that do not carry theirs; wins over the one they carry. Of a bundle it replaces pre-processing and
            post-processing, so that thresholds can be tried without another export.
        batch_size: images per call of the network; None: 16 lines, or one page.
        device: for PyTorch.
        threads: of ONNX Runtime; None lets it choose.

    Raises:
        WeightsError: nothing usable there.
        ConfigError: a plugin of the recipe, the command line or the environment that cannot be imported.
    """
    if on_onnx(model):
        import_plugins(recipe.plugins if recipe is not None else ())
        spec, backend = open_onnx(model, threads)
        if recipe is not None:
            spec = with_recipe(spec, recipe, str(model))
        return runner(spec, backend, batch_size)
    with quick_imports():
        from ppocr_like.pipeline.torch_backend import torch_runner

    return torch_runner(model, recipe, batch_size=batch_size, device=device)


def with_recipe(spec: Spec, recipe: Recipe, source: str) -> Spec:
    """A bundle's Spec with the pre-processing and post-processing of a recipe; a folded normalisation stays in the graph.

    Raises:
        WeightsError: the recipe is of another model_type.
    """
    theirs = Spec.from_recipe(recipe, spec.charset)
    if theirs.model_type != spec.model_type:
        raise WeightsError(
            f"{source} is of model_type {spec.model_type!r}, the recipe {recipe.source} of {theirs.model_type!r}; give the "
            "recipe it was trained with, or none"
        )
    if follows_line(spec):
        theirs = following(theirs)
    transforms = theirs.transforms
    if spec.folded is not None:
        transforms = outside(transforms, normalisation(Preprocess(theirs).chain), spec.folded)
    changed = replace(spec, transforms=transforms, postprocess=theirs.postprocess, bucket=theirs.bucket, settings=theirs.settings)
    _say_changes(spec, changed, source)
    return changed


def _say_changes(bundle: Spec, recipe: Spec, source: str) -> None:
    """Names the values in which the recipe, which wins, differs from the bundle."""
    ours, theirs = effective_postprocess(bundle), effective_postprocess(recipe)
    changes = [f"{key} {theirs[key]} instead of {ours.get(key)}" for key in theirs if theirs[key] != ours.get(key)]
    if _running(bundle) != _running(recipe):
        changes.append("other Eval transforms")
    if changes:
        logger.info("the recipe wins over %s/%s: %s", source, FILE, ", ".join(changes))


def _running(spec: Spec) -> list[tuple[str, dict[str, Any]]]:
    """The steps of a chain that run on images, the normalisation aside."""
    nodes = [item_node(node, "PreProcess.transform_ops", "transform") for node in spec.transforms]
    return [(node.name, node.args) for node in nodes if node.name not in (NORMALIZE, "KeepKeys")]
