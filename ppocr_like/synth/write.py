"""Synthetic lines as a folder of images with a label file, or as one LMDB folder: on all cores; goes on where it was stopped."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from ppocr_like.atomic import atomic_write, open_to_append, write_bytes
from ppocr_like.data.apart import cores
from ppocr_like.data.cache import FileKey
from ppocr_like.data.lmdb_store import FILE
from ppocr_like.data.pack_writer import LEFT_OUT, LOCK, Entry, PackWriter, Part
from ppocr_like.errors import CheckpointError, DataError, OcrError
from ppocr_like.outputs import claim, within
from ppocr_like.outside import load_json
from ppocr_like.synth.lines import LineMaker, encode
from ppocr_like.synth.settings import SynthSettings
from ppocr_like.text import to_visual

LABELS, STATE = "labels.txt", "synth.json"
IN_FOLDER = 1000  # images of one folder: file managers and file systems like no more
TASK = 32  # lines
AHEAD = 4  # tasks per process that are made while earlier ones are written
FORMATS = (".png", ".jpg")


@dataclass(frozen=True)
class Made:
    """What a call gave: lines in `out` now, of these `before` by earlier calls, the label file or LMDB folder."""

    out: str
    lines: int
    before: int

    def text(self) -> str:
        """For people."""
        earlier = f" ({self.before:,} made by an earlier call)" if self.before else ""
        return f"{self.out}: {self.lines:,} lines{earlier}"


def make_lines(
    settings: SynthSettings,
    count: int,
    out: str,
    *,
    allowed: Sequence[str] | None = None,
    visual: bool = False,
    seed: int = 0,
    lmdb: bool = False,
    suffix: str = ".png",
    workers: int | None = None,
    reads: Sequence[str] = (),
    progress: bool = True,
) -> Made:
    """Makes `count` lines in `out`: `labels.txt` with `img/...`, or an LMDB folder.

    Line i depends on the settings, the seed and i alone: neither on the number of processes nor on stops. A greater `count`
    later adds lines.

    Args:
        settings: see there.
        count: lines that shall be there.
        out: folder, made when missing.
        allowed: characters that texts may hold; None: all.
        visual: right-to-left labels stand in the order of the page, not in that of reading.
        seed: of everything drawn.
        lmdb: write an LMDB folder for LMDBDataSet.
        suffix: of the images, one of FORMATS.
        workers: processes; None: one per core.
        reads: what else is read (a dictionary): nothing is written over it.
        progress: a bar.

    Raises:
        DataError: see `LineMaker`; `out` would replace what is read; `out` was made with other settings, or cannot be written.
    """
    if suffix not in FORMATS:
        raise DataError(f"images as {suffix!r}; known: {', '.join(FORMATS)}", out)
    names = (FILE, LOCK, LEFT_OUT) if lmdb else (LABELS, STATE)
    claim([os.path.join(out, name) for name in names], [*settings.corpus, *reads], advice="choose another folder with --out")
    _refuse_backgrounds(settings.backgrounds, out)
    maker = LineMaker(settings, allowed)
    state = {
        "settings": asdict(settings),
        "corpus": [asdict(FileKey.of(path)) for path in settings.corpus],
        "allowed": None if allowed is None else sorted(set(allowed)),
        "fonts": [str(font.path) for font in maker.fonts],
        "seed": seed,
        "suffix": suffix,
        **({"visual": True} if visual else {}),
    }
    sink: _LabelSink | _LmdbSink = _LmdbSink(out, state, count) if lmdb else _LabelSink(out, state)
    with sink:
        before = sink.done
        if before < count:
            with tqdm(total=count, initial=before, desc="lines", unit="line", disable=None if progress else True) as bar:
                for lines in _in_order(maker, seed, suffix, before, count, workers or cores()):
                    sink.add([(to_visual(text).text, image) for text, image in lines] if visual else lines)
                    bar.update(len(lines))
            sink.finish()
        return Made(sink.place, max(before, count), before)


Drawn = list[tuple[str, bytes]]


def _in_order(maker: LineMaker, seed: int, suffix: str, start: int, end: int, workers: int) -> Iterator[Drawn]:
    """The tasks' lines in order. Each process has a pipe: task k goes to process k modulo their number, and comes from there."""
    tasks = [(first, min(first + TASK, end)) for first in range(start, end, TASK)]
    if workers == 1:
        for task in tasks:
            yield _make(maker, seed, suffix, *task)
        return
    context = multiprocessing.get_context("spawn")  # a fork would take over locks of OpenCV's and Pillow's threads
    pipes = [context.Pipe() for _ in range(min(workers, len(tasks)))]
    processes = [context.Process(target=_work, args=(theirs, maker, seed, suffix), daemon=True) for _, theirs in pipes]
    for process, (_, theirs) in zip(processes, pipes, strict=True):
        process.start()
        theirs.close()
    try:
        ahead = AHEAD * len(pipes)
        for number in range(len(tasks) + ahead):
            if number < len(tasks):
                pipes[number % len(pipes)][0].send(tasks[number])
            if 0 <= number - ahead < len(tasks):
                yield _received(pipes[(number - ahead) % len(pipes)][0])
    finally:
        for process in processes:
            process.terminate()


def _received(pipe: Connection) -> Drawn:
    """Raises DataError: what a process met, or that it is gone."""
    try:
        result = pipe.recv()
    except (EOFError, OSError) as error:
        raise DataError("a process that makes lines has ended (out of memory?); try fewer workers") from error
    if isinstance(result, str):
        raise DataError(result)
    return result


def _work(pipe: Connection, maker: LineMaker, seed: int, suffix: str) -> None:
    """What each process does until its pipe is closed."""
    cv2.setNumThreads(1)
    while True:
        try:
            first, end = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(_make(maker, seed, suffix, first, end))
        except OcrError as error:
            pipe.send(str(error))


def _make(maker: LineMaker, seed: int, suffix: str, first: int, end: int) -> Drawn:
    made = []
    for number in range(first, end):
        plan = maker.plan(plan_generator(seed, number))
        image = maker.draw(plan, look_generator(seed, 0, number))
        made.append((plan.text, encode(image, suffix)))
    return made


def plan_generator(seed: int, number: int) -> np.random.Generator:
    """Decides what line `number` says and how large it is."""
    return np.random.Generator(np.random.PCG64([seed, number, 1]))


def look_generator(seed: int, epoch: int, number: int, repeat: int = 0) -> np.random.Generator:
    """Decides how line `number` looks."""
    return np.random.Generator(np.random.PCG64([seed, number, 2, epoch, repeat]))


def _refuse_backgrounds(backgrounds: str | None, out: str) -> None:
    """Lines that an earlier call made must not be paper of the next one."""
    if backgrounds and within(os.path.realpath(backgrounds), os.path.realpath(out)):
        raise DataError(f"lies in the folder of backgrounds ({backgrounds}), whose images are read; choose another --out", out)


class _LabelSink:
    """A folder of images and a label file. A line stands in the label file once its image is whole."""

    def __init__(self, out: str, state: dict[str, Any]) -> None:
        self.folder, self.place = Path(out), os.path.join(out, LABELS)
        self.suffix = state["suffix"]
        _claim(self.folder, state)
        self.done = self._whole_lines()
        try:
            self._file = open_to_append(self.place)
        except OSError as error:
            raise _unwritable(out, error) from error

    def _whole_lines(self) -> int:
        """Lines there; one that a stop left half written is cut off."""
        path = Path(self.place)
        if not path.exists():
            return 0
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            write_bytes(path, whole)
        return whole.count(b"\n")

    def add(self, lines: Drawn) -> None:
        rows: list[str] = []
        try:
            for text, data in lines:
                number = self.done + len(rows)
                name = f"img/{number // IN_FOLDER:04d}/{number:07d}{self.suffix}"
                path = self.folder / name
                write_bytes(path, data, sync=False)
                rows.append(f"{name}\t{text}\n")
            self._file.writelines(rows)
            self._file.flush()
        except CheckpointError as error:
            raise DataError(f"{error}; run the same command again to go on") from error
        except OSError as error:
            raise _unwritable(str(self.folder), error) from error
        self.done += len(rows)

    def finish(self) -> None:
        os.fsync(self._file.fileno())

    def __enter__(self) -> _LabelSink:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class _LmdbSink:
    """An LMDB folder as `tools/pack.py` writes it; how many lines there shall be belongs to its settings."""

    def __init__(self, out: str, state: dict[str, Any], count: int) -> None:
        self.place = out
        self.writer = PackWriter(out, {**json.loads(json.dumps(state)), "count": count})
        self.done = self.writer.state.done

    def add(self, lines: Drawn) -> None:
        entries = [Entry(STATE, self.done + i + 1, "", text, data) for i, (text, data) in enumerate(lines)]
        self.writer.add(Part(len(lines), entries))
        self.done += len(lines)

    def finish(self) -> None:
        self.writer.finish()

    def __enter__(self) -> _LmdbSink:
        self.writer.__enter__()
        return self

    def __exit__(self, *_: Any) -> None:
        self.writer.__exit__(None, None, None)


def _claim(folder: Path, state: dict[str, Any]) -> None:
    """Raises DataError where the folder was made with other settings."""
    path, wanted = folder / STATE, json.loads(json.dumps(state))
    try:
        found = load_json(path) if path.exists() else None
    except DataError as error:
        raise DataError(f"{error}; give another folder") from error
    if found is None:
        if (folder / LABELS).exists():
            raise DataError(f"holds a {LABELS} that tools/synth.py did not write; give another folder", str(folder))
        try:
            atomic_write(path, lambda file: file.write(json.dumps(wanted, ensure_ascii=False, indent=1).encode()))
        except CheckpointError as error:
            raise DataError(str(error), str(folder)) from error
    elif found != wanted:
        before = found if isinstance(found, dict) else {}
        other = ", ".join(key for key in wanted if before.get(key) != wanted[key])
        raise DataError(f"was made with other settings ({other}); give another folder, or remove this one", str(folder))


def _unwritable(folder: str, error: OSError) -> DataError:
    return DataError(f"cannot be written: {error.strerror or error}; run the same command again to go on", folder)
