"""Can the network take the images that the chains give? Tried on small blank images; no data is read."""

from __future__ import annotations

from collections.abc import Sequence

from ppocr_like.config.overrides import item_name
from ppocr_like.config.paddle.stops import unpooled
from ppocr_like.config.recipe import Recipe
from ppocr_like.config.typecheck import REFUSALS
from ppocr_like.contracts import MAX_CANVAS, HeightMisfit, TakesImages
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.registry import TRANSFORMS
from ppocr_like.tasks import task_of

# px: a probe has the remainders that the real size has; networks halve their images at most six times
PERIOD = 64
MOST_SIZES = 16  # canvases that are tried
NOT_THE_INPUT = ("RecConAug",)  # its image_shape is [height, width, channels] of what it joins
PHOTOS = ((640, 480), (1280, 720), (1000, 1400), (333, 517))  # width, height px of images that a resize step is asked about


def input_shape(recipe: Recipe, section: str = "Eval") -> tuple[list[int], str] | None:
    """`image_shape` [channels, height, width] of a section's chain and its YAML path; None where it has none."""
    chain = recipe.get(f"{section}.dataset.transforms")
    for i, item in enumerate(chain if isinstance(chain, list) else []):
        name = item_name(item)
        args = item.get(name, item) if isinstance(item, dict) else None
        shape = _shape_told(name, args)
        if (
            name not in NOT_THE_INPUT
            and isinstance(shape, list)
            and len(shape) == 3
            and all(isinstance(n, int) and n > 0 for n in shape)
        ):
            told = ".image_shape" if isinstance(args, dict) and "image_shape" in args else ""
            return shape, f"{section}.dataset.transforms.{i}.{name}{told}"
    return None


def _shape_told(name: str | None, args: object) -> object:
    """What a step's arguments say about the network's input: `image_shape`, or what its class makes of them."""
    told = getattr(TRANSFORMS.get(name), "shape_of", None) if name is not None and name in TRANSFORMS else None
    if told is not None:
        return told(args if isinstance(args, dict) else {})
    return args.get("image_shape") if isinstance(args, dict) else None


def size_path(recipe: Recipe, section: str) -> str:
    """YAML path of what decides about the size of a section's images."""
    for path in (f"{section}.sampler.scales", f"{section}.loader.bucket_by_width"):
        if recipe.get(path) is not None:
            return path
    found = input_shape(recipe, section)
    return found[1] if found else f"{section}.dataset.transforms"


def input_channels(recipe: Recipe) -> int:
    """Channels of the network's input: the first of `image_shape` in the evaluation chain; else 1 with ToGray, 3 without."""
    found = input_shape(recipe)
    if found:
        return found[0][0]
    chain = recipe.get("Eval.dataset.transforms")
    return 1 if isinstance(chain, list) and any(item_name(item) == "ToGray" for item in chain) else 3


class TriedOnce:
    """A network that is tried at each size once, however often it is asked (`TakesImages`)."""

    def __init__(self, model: TakesImages) -> None:
        self._model = model
        self._known: dict[tuple[int, int, int], dict[str, tuple[int, ...]] | Exception] = {}

    def check_input(self, channels: int, height: int, width: int) -> dict[str, tuple[int, ...]]:
        """See `TakesImages`; what the network refused is refused again, in the same words."""
        size = (channels, height, width)
        if size not in self._known:
            try:
                self._known[size] = self._model.check_input(*size)
            except REFUSALS as error:
                self._known[size] = error
        known = self._known[size]
        if isinstance(known, Exception):
            raise known
        return known


def try_model(recipe: Recipe, model: object) -> None:
    """One blank image through the network: the height of `image_shape` must suit strides and pooling. A detector's parts are
    only held against each other.

    Raises:
        ConfigError: it does not run.
    """
    if not isinstance(model, TakesImages):
        return
    found = input_shape(recipe)
    if found is None and not task_of(recipe.get("Architecture.model_type")).pages:
        return  # networks for lines want a height that nothing tells
    shape, path = found if found else ([input_channels(recipe), PERIOD, PERIOD], "Architecture")
    train = input_shape(recipe, "Train") if found else None
    if train is not None and train[0][:2] != shape[:2]:
        message = f"{train[0]} differs from {shape} of {path} in channels or height; both feed the same network"
        raise ConfigError([Problem(train[1], message)])
    if shape[1] * shape[2] > MAX_CANVAS:
        raise ConfigError([Problem(path, f"{shape}: no machine has the memory for images of more than {MAX_CANVAS:,} px")])
    try:
        model.check_input(*shape)
    except REFUSALS as error:
        more = unpooled(recipe) if isinstance(error, HeightMisfit) else ""
        told = f"{shape}: {error}{more}" if found else str(error)
        raise ConfigError([Problem(path, told)]) from error


def size_problems(recipe: Recipe, model: object, transforms: Sequence[object], path: str) -> list[Problem]:
    """Crops and resized images whose sides the network cannot take, or to which it answers with maps of another size.

    A crop is a transform with `size` (width, height) px, a resize step one with `output_size(width, height)`.

    Args:
        path: where the chain stands.
    """
    if not isinstance(model, TakesImages) or input_shape(recipe) is not None:
        return []
    problems = []
    for i, transform in enumerate(transforms):
        for width, height in _sizes(transform):
            message = _trouble(model, input_channels(recipe), height, width)
            if message:
                problems.append(Problem(f"{path}.{i}.{type(transform).__name__}", message))
                break
    return problems


def _sizes(transform: object) -> list[tuple[int, int]]:
    """(width, height) px that a step is known to give; the others leave it to a later one."""
    if hasattr(transform, "output_size"):
        return [transform.output_size(*photo) for photo in PHOTOS]
    size = getattr(transform, "size", None)
    whole = isinstance(size, tuple) and len(size) == 2 and all(isinstance(n, int) for n in size)
    return [size] if whole else []  # type: ignore[list-item]


def _trouble(model: TakesImages, channels: int, height: int, width: int) -> str:
    probe = (PERIOD + height % PERIOD, PERIOD + width % PERIOD)
    advice = "make both sides multiples of 32"
    try:
        shapes = model.check_input(channels, *probe)
    except REFUSALS as error:
        return f"gives images of {width} x {height} px, of which the network's stride is no divisor: {advice} ({error})"
    other = [shape for shape in shapes.values() if len(shape) == 4 and tuple(shape[2:]) != probe]
    if other:
        more = [after - before for after, before in zip(other[0][2:], probe, strict=True)]
        return f"gives images of {width} x {height} px, the network maps that are {more[1]} x {more[0]} px larger: {advice}"
    return ""


def try_canvases(model: object, channels: int, canvases: Sequence[tuple[int, int]], path: str) -> None:
    """Blank images of the sizes in which batches will come: those of a sampler, or of width buckets.

    Args:
        canvases: (width, height) px; of many those are tried that differ by more than multiples of `PERIOD`, and the extremes.
        path: YAML path of what makes them.

    Raises:
        ConfigError: the sizes that the network cannot take, with its reason for the first.
    """
    if not isinstance(model, TakesImages):
        return
    kinds = {(width % PERIOD, height): (width, height) for width, height in sorted(canvases, reverse=True)}
    tried = sorted({*list(kinds.values())[:MOST_SIZES], *sorted(canvases)[:1], *sorted(canvases)[-1:]})
    wrong: list[tuple[int, int]] = []
    reason = ""
    for width, height in tried:
        refused = _reason(model, (channels, height, width))
        if refused:
            wrong.append((width, height))
            reason = reason or refused
    if wrong:
        sizes = ", ".join(f"{width} x {height}" for width, height in wrong)
        raise ConfigError(
            [Problem(path, f"gives images of {sizes} px (width x height), which the network cannot take: {reason}")]
        )


def _reason(model: TakesImages, size: tuple[int, int, int]) -> str:
    """Why the network cannot take this size; empty where it can."""
    if size[1] * size[2] > MAX_CANVAS:
        return f"no machine has the memory for images of more than {MAX_CANVAS:,} px"
    try:
        model.check_input(*size)
    except REFUSALS as error:
        return (str(error) or type(error).__name__).splitlines()[0]
    return ""


def bucket_widths(step: int, least: int, most: int) -> list[int]:
    """px of all canvases of `bucket_by_width`."""
    return sorted({*(width for width in range(step, most, step) if width >= least), least, most})
