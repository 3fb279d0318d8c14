"""Pages to label files: `path<TAB>boxes` for detection, crops and `path<TAB>text` for recognition."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from ppocr_like.atomic import write_bytes
from ppocr_like.contracts import Rejected
from ppocr_like.convert.crops import LineFilter, cut
from ppocr_like.convert.target import Converted, LabelFiles, Splitter, Target
from ppocr_like.data.apart import cores
from ppocr_like.data.base import read_image
from ppocr_like.documents.formats.paddle import IGNORED, write_label
from ppocr_like.documents.formats.reader import LeftOut, Reader
from ppocr_like.documents.page import Page
from ppocr_like.errors import CheckpointError, DataError
from ppocr_like.transforms.decode import DecodeImage

_AHEAD = 8  # pages worked at while earlier ones are written down


def convert_det(reader: Reader, target: Target, keep_empty: bool = False, progress: bool = True) -> Converted:
    """Writes the label files of a detector.

    Args:
        reader: the pages.
        target: where to.
        keep_empty: write images without any box, too as pages without text.
        progress: a bar on a terminal.

    Raises:
        DataError: see `Reader`; none of the images exists; a file cannot be written. No label file is left then.
    """
    made = _start(reader, target)
    split = Splitter(target.val_share)
    with LabelFiles(target) as files:
        for page, place in _pages(reader, target, progress):
            if not (page.lines or keep_empty):
                reader.left_out.add("image without boxes", place)
                continue
            number = split(sum(made.images))
            files.write(number, f"{_relative(page.source, target.root)}\t{write_label(page.lines)}")
            made.images[number] += 1
            made.lines[number] += 1
            made.boxes += len(page.lines)
            made.ignored += sum(line.ignored for line in page.lines)
        _something(made, reader)
    return made


def convert_rec(
    reader: Reader, target: Target, wanted: LineFilter | None = None, progress: bool = True, threads: int | None = None
) -> Converted:
    """Cuts crops and writes the label files of a recogniser; `wanted` says which boxes suit. See `convert_det`.

    A crop is named after its image and the box's place in it, so that a repeated conversion writes the same files. Line breaks
    and tabs in a text become spaces.
    """
    made = _start(reader, target)
    split = Splitter(target.val_share)
    wanted = wanted or LineFilter()
    target.claim_crops()
    with ExitStack() as stack:
        files = stack.enter_context(LabelFiles(target))
        pool = stack.enter_context(ThreadPoolExecutor(threads or min(8, cores())))
        tasks = _tasks(_pages(reader, target, progress), wanted, reader.left_out)
        for task, outcome in _in_order(pool, target, tasks):
            if isinstance(outcome, Rejected):
                reader.left_out.add(outcome.reason, f"{task.place}: {task.image}: {outcome.detail}")
                continue
            rows = [(path, text) for path, text in outcome if path is not None]
            for _ in range(len(outcome) - len(rows)):
                reader.left_out.add("box outside the image", task.place)
            if not rows:
                reader.left_out.add("image without usable lines", task.place)
                continue
            number = split(sum(made.images))
            for path, text in rows:
                files.write(number, f"{_relative(path, target.root)}\t{text}")
            made.images[number] += 1
            made.lines[number] += len(rows)
        _something(made, reader)
    return made


def relabel(crops: Iterable[tuple[Path, str, str]], target: Target) -> Converted:
    """Writes label files for crops that exist; (image, text, place) each. `max_images` and `val_share` count crops.

    Raises:
        DataError: none of the crops exists; a file cannot be written.
    """
    left_out = LeftOut()
    made = Converted(target.files, [0] * len(target.files), [0] * len(target.files), left_out=left_out)
    split = Splitter(target.val_share)
    with LabelFiles(target) as files:
        for path, text, place in crops:
            if target.max_images is not None and sum(made.images) >= target.max_images:
                break
            if not os.path.exists(path):
                left_out.add("missing image", f"{place}: {path}")
            elif text in (IGNORED, ""):
                left_out.add("no text", place)
            else:
                number = split(sum(made.images))
                files.write(number, f"{_relative(path, target.root)}\t{text}")
                made.images[number] += 1
                made.lines[number] += 1
        if not sum(made.images):
            raise DataError("none of its crops can be used", left_out.first.get("missing image", str(target.labels)))
    return made


def _start(reader: Reader, target: Target) -> Converted:
    return Converted(target.files, [0] * len(target.files), [0] * len(target.files), left_out=reader.left_out)


def _pages(reader: Reader, target: Target, progress: bool) -> Iterator[tuple[Page, str]]:
    """The pages whose image exists, with a bar; ends after `max_images` of them."""
    given = 0
    with tqdm(total=0, unit=reader.unit, unit_scale=reader.unit == "B", disable=None if progress else True) as bar:
        for page, place in reader:
            bar.total, bar.n = reader.total, reader.done
            bar.set_postfix(images=given, refresh=False)
            bar.update(0)
            if not os.path.isfile(page.source):  # False, too, for a name that no file can have
                reader.left_out.add("missing image", f"{place}: {page.source}")
                continue
            given += 1
            yield page, place
            if target.max_images is not None and given >= target.max_images:
                return


def _something(made: Converted, reader: Reader) -> None:
    if sum(made.lines):
        return
    reasons = "; ".join(
        f"{count:,} x {reason} (first: {reader.left_out.first[reason]})" for reason, count in reader.left_out.counts.items()
    )
    hint = "; check --images" if "missing image" in reader.left_out.counts else ""
    raise DataError(f"nothing to write: {reasons or 'no images'}{hint}", str(made.files[0]))


def _relative(path: str | Path, root: Path) -> str:
    """A path as it stands in a label file: below `root` with slashes, elsewhere with `..`."""
    found = os.path.relpath(path, root).replace(os.sep, "/")
    if "\t" in found or "\n" in found:
        raise DataError("a tab or line break in a path cannot stand in a label file; rename it", str(path))
    return found


@dataclass(frozen=True, eq=False)
class _Task:
    """The crops of one image: (number, points, text) of each; `folder` is their folder's name, `place` as of `Reader`."""

    image: str
    place: str
    chosen: list[tuple[int, np.ndarray, str]]
    folder: str


_Outcome = list[tuple[Path | None, str]] | Rejected


def _tasks(pages: Iterable[tuple[Page, str]], wanted: LineFilter, left_out: LeftOut) -> Iterator[_Task]:
    """The pages with lines that suit."""
    seen: Counter[str] = Counter()
    for page, place in pages:
        chosen, name = _chosen(page, place, wanted, left_out), Path(page.source).stem
        seen[name] += 1  # another image may have the same name: its folder's has a number
        if chosen:
            yield _Task(page.source, place, chosen, name if seen[name] == 1 else f"{name}~{seen[name]}")
        else:
            left_out.add("image without usable lines", place)


def _chosen(page: Page, place: str, wanted: LineFilter, left_out: LeftOut) -> list[tuple[int, np.ndarray, str]]:
    """(number, points, text) of the lines that become crops."""
    chosen = []
    for number, line in enumerate(page.lines):
        reason = wanted.reason(line)
        if reason:
            left_out.add(reason, place)
        else:
            chosen.append((number, line.points, " ".join(line.text.split())))
    return chosen


def _in_order(pool: ThreadPoolExecutor, target: Target, tasks: Iterable[_Task]) -> Iterator[tuple[_Task, _Outcome]]:
    """Each page with the paths and texts of its crops; a few pages are worked at while earlier ones are written down."""
    waiting: deque[tuple[_Task, Future[_Outcome]]] = deque()
    for task in tasks:
        waiting.append((task, pool.submit(_cut_page, task, target)))
        while len(waiting) > _AHEAD:
            done, future = waiting.popleft()
            yield done, future.result()
    while waiting:
        done, future = waiting.popleft()
        yield done, future.result()


def _cut_page(task: _Task, target: Target) -> _Outcome:
    try:
        sample = {"image": read_image(task.image), "img_path": task.image}
        image = DecodeImage("BGR")(sample, np.random.default_rng(0))["image"]
    except Rejected as error:
        return error
    flags = [cv2.IMWRITE_JPEG_QUALITY, target.quality] if target.crop_format == ".jpg" else []
    outcome: list[tuple[Path | None, str]] = []
    for number, points, text in task.chosen:
        crop = cut(image, points)
        if crop is None:
            outcome.append((None, text))
            continue
        path = target.crop_folder / task.folder / f"{number:04d}{target.crop_format}"
        _write_crop(path, cv2.imencode(target.crop_format, crop, flags)[1].tobytes())
        outcome.append((path, text))
    return outcome


def _write_crop(path: Path, data: bytes) -> None:
    try:
        write_bytes(path, data, sync=False)
    except CheckpointError as error:
        raise DataError(str(error)) from error
