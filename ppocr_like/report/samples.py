"""Pictures of training samples with their targets, from the recipe's own training chain: what the network is really shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from ppocr_like.atomic import write_bytes
from ppocr_like.charset import Charset
from ppocr_like.config.build import Builder
from ppocr_like.contracts import Rejected, Rejections, Request, SampleInfo
from ppocr_like.data.base import Dataset
from ppocr_like.data.loader import build_loader
from ppocr_like.data.spelling import rejected_sample
from ppocr_like.draw.fonts import FontFile, choose_font
from ppocr_like.draw.samples import sample_sheet
from ppocr_like.errors import CheckpointError, DataError
from ppocr_like.outputs import claim
from ppocr_like.transforms.base import Sample
from ppocr_like.transforms.decode import DecodeImage
from ppocr_like.transforms.keep_keys import KeepKeys
from ppocr_like.transforms.normalize import NormalizeImage

_ON_SHEET = 20  # lines
_TEXT, _SMALL, _MARGIN = 20, 12, 8  # px
_SHEETS = re.compile(r"lines_\d+\.png|\d+_.*\.png")


@dataclass
class Drawn:
    """The pictures that were written, and the samples that the chain rejected meanwhile."""

    paths: list[Path] = field(default_factory=list)
    rejected: Rejections = field(default_factory=Rejections)

    def text(self) -> str:
        """For people."""
        count = len(self.paths)
        rows = [f"{count} picture{'' if count == 1 else 's'}, from {self.paths[0]} on" if count else "no picture"]
        for reason, number in self.rejected.counts.items():
            rows.append(f"  rejected {number:>4}  {reason} (first: {self.rejected.examples[reason][0]})")
        return "\n".join(rows)


def draw_samples(builder: Builder, count: int, folder: str | Path, epoch: int = 1, progress: bool = True) -> Drawn:
    """Draws the first `count` samples of an epoch, in the order and with the random numbers of training.

    A detector's sample becomes a sheet of its own; the lines of a recogniser come in sheets of 20 with their labels.

    Args:
        builder: of a checked recipe.
        count: how many samples; rejected ones are counted beside.
        folder: where the PNG files go; made when missing.
        epoch: whose samples are drawn.
        progress: a bar on a terminal while images are measured.

    Raises:
        DataError: no sample can be used; a picture cannot be written. Besides, what the data set raises.
    """
    dataset: Dataset = builder.dataset("Train")
    requests = _requests(builder, dataset, epoch, progress)
    dataset.transforms = [step for step in dataset.transforms if not isinstance(step, KeepKeys)]
    drawn = Drawn()
    samples = islice(_samples(dataset, requests, drawn), count)
    pictures = _line_sheets(samples, dataset, builder.charset) if builder.reads_text else _page_sheets(samples, dataset)
    for name, picture in pictures:
        drawn.paths.append(_write(Path(folder) / f"{name}.png", picture))
    if not drawn.paths:
        raise DataError(f"the training chain rejects every sample: {drawn.rejected.counts}", ", ".join(dataset.label_files))
    return drawn


def claim_sheets(folder: str | Path, images: Sequence[str]) -> None:
    """Makes sure that `draw_samples` can write to `folder` without replacing any of the `images` (folders) that are read.

    Raises:
        DataError: it cannot, and says what to do.
    """
    there = [path for path in Path(folder).glob("*.png") if _SHEETS.fullmatch(path.name)]
    claim([Path(folder) / "lines_001.png", *there], images=images, advice="choose another folder with --draw-to")


def _requests(builder: Builder, dataset: Dataset, epoch: int, progress: bool) -> Iterator[Request]:
    """What training asks for in an epoch, in its order."""
    seed = builder.settings.seed
    settings, sampler = builder.loader("Train"), builder.sampler("Train")
    with build_loader(dataset, settings, seed=seed, train=True, progress=progress, sampler=sampler) as loader:
        plan = loader.plan(epoch)
        return (request for number in range(len(plan)) for request in plan[number])


def _samples(dataset: Dataset, requests: Iterator[Request], drawn: Drawn) -> Iterator[Sample]:
    for request in requests:
        try:
            yield dataset.fetch(request)
        except Rejected as error:
            drawn.rejected.add(rejected_sample(dataset, request, error))


def shown_image(image: np.ndarray, dataset: Dataset) -> np.ndarray:
    """(H, W, 3) uint8 BGR of a chain's `image`: normalisation and channel order taken back."""
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[0] in (1, 3) and image.shape[2] not in (1, 3):
        image = image.transpose(1, 2, 0)
    if image.dtype != np.uint8:
        steps = [step for step in dataset.transforms if isinstance(step, NormalizeImage)]
        # Without a step of its own for it, the resizing step of lines brings levels to [-1, 1].
        levels = (image * steps[-1].std + steps[-1].mean) / steps[-1].scale if steps else (image * 0.5 + 0.5) * 255
        image = np.round(np.clip(levels, 0, 255)).astype(np.uint8)
    if image.ndim == 2 or image.shape[2] == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    rgb = any(isinstance(step, DecodeImage) and step.img_mode == "RGB" for step in dataset.transforms)
    return np.ascontiguousarray(image[:, :, ::-1] if rgb else image)


def _page_sheets(samples: Iterator[Sample], dataset: Dataset) -> Iterator[tuple[str, np.ndarray]]:
    for number, sample in enumerate(samples, start=1):
        image = shown_image(sample["image"], dataset)
        polygons = np.asarray(sample.get("polys", np.zeros((0, 4, 2))), np.float32)
        ignored = np.asarray(sample.get("ignore_tags", np.zeros(len(polygons))), bool)
        maps = {name: value for name, value in sample.items() if _is_map(value, image.shape[:2])}
        yield f"{number:03d}_{Path(sample['info'].path).stem}", sample_sheet(image, polygons, ignored, maps)


def _is_map(value: object, size: tuple[int, ...]) -> bool:
    return isinstance(value, np.ndarray) and value.shape == size


def _line_sheets(samples: Iterator[Sample], dataset: Dataset, charset: Charset | None) -> Iterator[tuple[str, np.ndarray]]:
    number = 0
    while batch := list(islice(samples, _ON_SHEET)):
        number += 1
        font = choose_font("".join(sample["info"].text for sample in batch))
        rows = [_line_row(shown_image(sample["image"], dataset), sample["info"], charset, font) for sample in batch]
        sheet = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)), "white")
        top = 0
        for row in rows:
            sheet.paste(row, (0, top))
            top += row.height
        yield f"lines_{number:03d}", np.asarray(sheet)[:, :, ::-1]


def _line_row(image: np.ndarray, info: SampleInfo, charset: Charset | None, font: FontFile) -> Image.Image:
    """The line as the network gets it; below it the label (characters outside the dictionary in red) and its place."""
    text_font, small = font.size(_TEXT), font.size(_SMALL)
    place = f"{info.place}: {info.path}"
    width = max(image.shape[1], round(text_font.getlength(info.text)), round(small.getlength(place)), 200) + 2 * _MARGIN
    row = Image.new("RGB", (width, image.shape[0] + _TEXT + _SMALL + 4 * _MARGIN), "white")
    row.paste(Image.fromarray(np.ascontiguousarray(image[:, :, ::-1])), (_MARGIN, _MARGIN))
    draw, left, top = ImageDraw.Draw(row), float(_MARGIN), image.shape[0] + _MARGIN + 2
    unknown = set(charset.unknown(info.text)) if charset is not None else set()
    if unknown:
        for character in info.text:
            draw.text((left, top), character, fill="red" if character in unknown else "black", font=text_font)
            left += text_font.getlength(character)
    else:  # in one go, so that combining marks find their letters
        draw.text((left, top), info.text, fill="black", font=text_font)
    draw.text((_MARGIN, top + _TEXT + 6), place, fill="grey", font=small)
    return row


def _write(path: Path, picture: np.ndarray) -> Path:
    try:
        write_bytes(path, cv2.imencode(".png", picture)[1].tobytes(), sync=False)
    except CheckpointError as error:
        raise DataError(str(error)) from error
    return path
