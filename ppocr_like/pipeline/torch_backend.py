"""The network of a run folder or weights file, in PyTorch. Only this module of the room imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.config import Builder, Recipe
from ppocr_like.config.plugins import carried_tree, import_plugins
from ppocr_like.config.single import single_model, sub_model_names
from ppocr_like.contracts import TakesImages
from ppocr_like.errors import WeightsError
from ppocr_like.pipeline.canvas import following
from ppocr_like.pipeline.preprocess import Preprocess
from ppocr_like.pipeline.runner import Runner, runner
from ppocr_like.pipeline.spec import Spec
from ppocr_like.registry import announce
from ppocr_like.tasks import task_of
from ppocr_like.weights import WeightsFile, load_into, load_weights, same_charset, sub_weights

WIDTHS = "valid_width"  # batch entry: px of each image that are no padding
NARROW = 10  # powers of 2 that are tried


class TorchBackend:
    """A model in evaluation mode.

    Args:
        model: `OcrModel`.
        device: where it runs.

    Raises:
        WeightsError: there is no such device.
    """

    def __init__(self, model: nn.Module, device: str = "cpu") -> None:
        try:
            self.device = torch.device(device)
            self.model = model.to(self.device).eval()
        except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
            raise WeightsError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from error

    @property
    def reads(self) -> tuple[str, ...]:
        """What the network reads beside the images where it is there."""
        return tuple(getattr(self.model, "reads", ()))

    @torch.inference_mode()
    def __call__(self, images: np.ndarray, entries: Mapping[str, np.ndarray] | None = None) -> dict[str, np.ndarray]:
        """(N, C, H, W) float32 -> outputs by name, as in evaluation.

        Args:
            images: see above.
            entries: by name what the network `reads` beside them.

        Raises:
            WeightsError: the network cannot take an input of this shape.
        """
        try:
            more = {name: torch.from_numpy(value).to(self.device) for name, value in (entries or {}).items()}
            given = torch.from_numpy(np.ascontiguousarray(images)).to(self.device)
            outputs = self.model(given, more) if more else self.model(given)
        except (RuntimeError, ValueError) as error:  # out of memory too
            shape = " x ".join(map(str, images.shape))
            raise WeightsError(f"the network fails on an input of {shape} ({str(error).splitlines()[0][:200]})") from error
        return {name: (value.float() if value.is_floating_point() else value).cpu().numpy() for name, value in outputs.items()}


def trained_model(
    weights: WeightsFile, recipe: Recipe | None = None, sub_model: str | None = None
) -> tuple[nn.Module, Recipe, Charset | None]:
    """The model of a weights file, ready to use: every tensor found, the character set of the file (None: it reads no text).

    Args:
        weights: see `load_weights`.
        recipe: its architecture; None takes the recipe that stands in the file. The recipe given back is that of one network.
        sub_model: which network of a distillation; None: `Global.pretrained_sub_model`, else the student.

    Raises:
        WeightsError: no recipe anywhere, one of another model_type, or a tensor that does not fit.
    """
    announce("ppocr_like.modeling", "ppocr_like.transforms")
    import_plugins(recipe.plugins if recipe is not None else ())
    recipe = recipe if recipe is not None else recipe_of(weights)
    sub_model = sub_model or weights.sub_model
    if sub_model_names(recipe):
        recipe = single_model(recipe, sub_model)
    weights = sub_weights(weights, sub_model)
    builder = Builder(recipe, weights.charset)
    if weights.task not in (None, builder.task):
        raise WeightsError(
            f"{weights.path} holds weights of model_type {weights.task}, the recipe's Architecture.model_type is {builder.task}; "
            "give the recipe they were trained with"
        )
    model = builder.model()
    charset = builder.charset
    plan = None if charset is None else same_charset(charset, assumed=weights.charset is None)
    load_into(model, weights, plan, 1.0, architecture=recipe.get("Architecture"), as_is=True)
    return model.eval(), recipe, charset


def recipe_of(weights: WeightsFile) -> Recipe:
    """The recipe in a weights file, without the plugins that it names (see `config.plugins`).

    Raises:
        WeightsError: there is none.
    """
    if weights.recipe is None:
        raise WeightsError(f"{weights.path} does not carry its recipe; give it with -c recipe.yml")
    return Recipe.from_tree(carried_tree(weights.recipe, weights.path))


def torch_runner(
    source: str | Path, recipe: Recipe | None = None, *, batch_size: int | None = None, device: str = "cpu"
) -> Runner[Any, Any]:
    """A model from a run folder or a weights file (see `weights.resolve`), with the interface of a bundle's.

    Raises:
        WeightsError: see `load_weights` and `trained_model`.
    """
    model, recipe, charset = trained_model(load_weights(source), recipe)
    spec = Spec.from_recipe(recipe, charset)
    if reads_any_width(spec, model):
        spec = following(spec, own_width(spec, model))  # as its bundle does
    return runner(spec, TorchBackend(model, device), batch_size)


def own_width(spec: Spec, model: nn.Module) -> int | None:
    """px of the narrowest canvas, a power of 2, that a network can take which is told how wide each line is; None for others."""
    if WIDTHS not in getattr(model, "reads", ()) or not isinstance(model, TakesImages):
        return None
    channels, height, _ = Preprocess(spec).image_shape
    for width in (2**power for power in range(NARROW)):
        try:
            model.check_input(channels, height, width)
        except ValueError:
            continue
        return width
    return None


def reads_any_width(spec: Spec, model: nn.Module) -> bool:
    """Whether a model reads lines, and lines of every width, with as many steps as the width gives."""
    if not task_of(spec.model_type).reads_text:
        return False
    return getattr(model, "steps_follow_width", True) and getattr(model, "widest", None) is None
