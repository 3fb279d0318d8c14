"""A model's pre-processing: the evaluation chain of its recipe, run on images without labels."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import cv2
import numpy as np
from PIL import Image, ImageOps

from ppocr_like.config.binder import Binder
from ppocr_like.config.nodes import item_node, named_node
from ppocr_like.config.words import Words
from ppocr_like.contracts import Rejected
from ppocr_like.data.samplers import canvas_widths
from ppocr_like.errors import ConfigError, DataError
from ppocr_like.outside import LARGE, read_file
from ppocr_like.pipeline.spec import Spec
from ppocr_like.registry import POSTPROCESSES, TRANSFORMS, announce
from ppocr_like.tasks import task_of
from ppocr_like.transforms.base import Transform, run_chain
from ppocr_like.transforms.decode import MAX_PIXELS
from ppocr_like.transforms.flatten import DAMAGED, flattened, flattened_array
from ppocr_like.transforms.header_tiff import tiff_header

DECODE = "DecodeImage"
ROOMS = ("ppocr_like.transforms", "ppocr_like.postprocess")  # what runs at inference; none of it needs torch


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image ready for the network.

    Args:
        picture: (H, W, 3) uint8 BGR as decoded (upright by its Exif orientation), for showing.
        tensor: (C, h, w) float32.
        valid_ratio: share of the tensor's width that a line fills, (0, 1].
        shape: (4,) float64 [H, W, ratio_h, ratio_w] px of a page; None where the chain does not give it.
    """

    picture: np.ndarray
    tensor: np.ndarray
    valid_ratio: float = 1.0
    shape: np.ndarray | None = None

    @property
    def held(self) -> int:
        """Bytes."""
        return self.picture.nbytes + self.tensor.nbytes


@runtime_checkable
class HasImage(Protocol):
    """A page of a file (`page_sources.PageSource`): read when it is needed."""

    def image(self) -> Any: ...


Source = str | Path | bytes | np.ndarray | Image.Image | HasImage


def source_name(source: Source) -> str:
    """How messages and results call an image."""
    if isinstance(source, Image.Image):
        source = str(getattr(source, "filename", "") or "image")
    return "image" if isinstance(source, (np.ndarray, bytes)) else str(source)


def decoded(path: str | Path) -> np.ndarray:
    """(H, W, 3) uint8 BGR of an image file, upright, as every model gets it.

    Raises:
        DataError: missing or unreadable.
    """
    return _decoded(encoded(path, str(path)), str(path))


def plain(source: Source, name: str) -> str | Path | np.ndarray:
    """A path, or a picture (H, W, 3) or (H, W) uint8 BGR, of whatever stands for an image.

    Raises:
        DataError: it stands for none, or cannot be read.
    """
    if isinstance(source, HasImage):
        source = cast(Source, source.image())
    if isinstance(source, Image.Image):
        return of_pillow(source, name)
    if isinstance(source, bytes):
        return _decoded(encoded(source, name), name)
    if not isinstance(source, (str, Path, np.ndarray)):
        raise DataError(f"{type(source).__name__}: give a path, bytes, a picture of Pillow's or a NumPy array", name)
    return source


def _decoded(data: np.ndarray, name: str) -> np.ndarray:
    try:
        return TRANSFORMS.get(DECODE)(img_mode="BGR")({"image": data, "img_path": name}, np.random.default_rng(0))["image"]
    except Rejected as error:
        raise DataError(f"{error.reason}: {error.detail}" if error.detail else error.reason, name) from error


def encoded(source: str | Path | bytes, name: str) -> np.ndarray:
    """An image file as a uint8 vector.

    Raises:
        DataError: it cannot be read, or holds several pages, of which nobody said which is meant.
    """
    try:
        data = np.frombuffer(source if isinstance(source, bytes) else read_file(source, LARGE), np.uint8)
    except OSError as error:
        raise DataError(f"cannot read the image ({error.strerror or error})", name) from error
    if data[:5].tobytes() == b"%PDF-":
        raise DataError("is a PDF, no image; OCR.pages and tools/infer.py --det --rec read the pages of a PDF file", name)
    if data[:2].tobytes() in (b"II", b"MM") and (header := tiff_header(data)) is not None and header.following:
        raise DataError("holds several pages; OCR.pages and tools/infer.py read each of them", name)
    return data


def of_pillow(image: Image.Image, name: str) -> np.ndarray:
    """(H, W, 3) uint8 BGR of a picture of Pillow's, upright, on white.

    Raises:
        DataError: it is too large, or its file is damaged.
    """
    if image.width * image.height > MAX_PIXELS:
        raise DataError(f"image too large: {image.width} x {image.height} px; at most {MAX_PIXELS:,}", name)
    try:
        return flattened(ImageOps.exif_transpose(image))
    except DAMAGED as error:
        raise DataError(f"unreadable image: it cannot be decoded ({error})", name) from error


def spec_binder(spec: Spec) -> Binder:
    """What makes the parts of a Spec."""
    announce(*ROOMS)
    exact = bool(spec.settings.get("paddle_exact"))
    return Binder(Words(spec.settings), spec.model_type, lambda: spec.charset, lambda: exact)


def spec_postprocess(spec: Spec) -> Any:
    """The post-processing of a Spec."""
    node = named_node(spec.postprocess, "PostProcess", "postprocess")
    return spec_binder(spec).bind(POSTPROCESSES, node).make()


def effective_postprocess(spec: Spec) -> dict[str, Any]:
    """The post-processing with every argument, also those that are left at their defaults."""
    made = spec_postprocess(spec)
    names = [name for name in inspect.signature(type(made)).parameters if name != "charset" and hasattr(made, name)]
    return {"name": spec.postprocess.get("name"), **{name: getattr(made, name) for name in names}}


class Preprocess:
    """Images -> network inputs, equal to the evaluation's.

    Args:
        spec: see `Spec`.

    Raises:
        ConfigError: a transform that is unknown or refuses its arguments.
    """

    def __init__(self, spec: Spec) -> None:
        binder = spec_binder(spec)
        nodes = [node for node in spec.transforms if not _is_label_step(node)]
        chain: list[Transform] = binder.transforms(nodes, "PreProcess.transform_ops")
        names = [item_node(node, "", "transform").name for node in nodes]
        at = names.index(DECODE) if DECODE in names else -1
        if at >= 0:
            self.decoder, self.img_mode = chain[at], getattr(chain[at], "img_mode", "BGR")
        else:
            self.decoder, self.img_mode = TRANSFORMS.get(DECODE)(img_mode="BGR"), "BGR"
        self.chain = chain[at + 1 :]
        self.bucket = spec.bucket
        self.line_shape = None if task_of(spec.model_type).pages else self._line_shape()
        self._rng = np.random.default_rng(0)  # evaluation chains draw nothing; the contract asks for one

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of a recogniser's or classifier's canvas."""
        if self.line_shape is None:
            raise AttributeError("a detector takes images of any size")
        return self.line_shape

    def _line_shape(self) -> tuple[int, int, int]:
        given = [getattr(step, "image_shape", None) for step in self.chain]
        shapes = [tuple(shape) for shape in given if shape is not None]
        if not shapes:
            raise ConfigError(
                [], "PreProcess.transform_ops: no step with image_shape (RecResizeImg); the network needs a fixed height"
            )
        channels, height, width = shapes[-1] if len(shapes[-1]) == 3 else (3, *shapes[-1])
        return channels, height, width

    def __call__(self, source: Source) -> Prepared:
        """One image: a path, an encoded file as bytes, a picture of Pillow's, or an (H, W, 3) BGR or (H, W) gray uint8 array.

        Raises:
            DataError: missing or unreadable file, an array of another kind, an image that a transform cannot use.
        """
        name = source_name(source)
        try:
            picture = self._decode(source, name)
            sample: dict[str, Any] = {"image": picture}
            size = self._canvas(picture)
            if size is not None:
                sample["target_size"] = size
            sample = run_chain(self.chain, sample, self._rng)
        except Rejected as error:
            raise DataError(f"{error.reason}: {error.detail}" if error.detail else error.reason, name) from error
        except cv2.error as error:
            raise DataError(f"OpenCV error: {' '.join(str(error).split())}", name) from error
        shown = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if self.img_mode == "RGB" else picture
        tensor = np.ascontiguousarray(sample["image"], np.float32)
        return Prepared(shown, tensor, float(sample.get("valid_ratio", 1.0)), sample.get("shape"))

    def _decode(self, source: Source, name: str) -> np.ndarray:
        source = plain(source, name)
        if isinstance(source, np.ndarray):
            picture = as_bgr(source, name)
            if self.img_mode == "RGB":
                picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
            elif self.img_mode == "GRAY":
                picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
            return self.decoder({"image": picture}, self._rng)["image"]
        return self.decoder({"image": encoded(source, name), "img_path": name}, self._rng)["image"]

    def _canvas(self, picture: np.ndarray) -> tuple[int, int] | None:
        if self.bucket is None or self.line_shape is None:
            return None
        height = self.line_shape[1]
        step = self.bucket.step
        least = step if self.bucket.min_width is None else self.bucket.min_width
        size = np.array([[picture.shape[1], picture.shape[0]]])
        margin = max((int(getattr(one, "margin", 0)) for one in self.chain), default=0)
        return int(canvas_widths(size, height, step, least, self.bucket.max_width, margin)[0]), height


def _is_label_step(node: object) -> bool:
    """Steps that read the label or the polygons made of it, which are not there, or choose what goes into a batch."""
    name = item_node(node, "PreProcess.transform_ops", "transform").name
    return name == "KeepKeys" or (name in TRANSFORMS and bool({"label", "polys"} & {*TRANSFORMS.get(name).needs}))  # type: ignore[attr-defined]


def as_bgr(image: np.ndarray, name: str) -> np.ndarray:
    """An array as (H, W, 3) BGR."""
    if image.dtype != np.uint8:
        raise DataError(f"an array of {image.dtype}; give uint8, (H, W, 3) in BGR order or (H, W)", name)
    if image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 1):
        image = image.reshape(image.shape[:2])
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.size else image
    if image.ndim == 3 and image.shape[2] == 4:
        return flattened_array(image)
    if image.ndim != 3 or image.shape[2] != 3:
        raise DataError(f"an array of shape {image.shape}; give (H, W, 3) in BGR order or (H, W)", name)
    return image
