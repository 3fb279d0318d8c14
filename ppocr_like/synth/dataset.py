"""SyntheticDataSet: lines that are drawn while training, alone or among real ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.config.typecheck import fit
from ppocr_like.contracts import Rejected, Request, SampleInfo
from ppocr_like.data.base import Record, Texts
from ppocr_like.data.cache import FileKey
from ppocr_like.data.drawn import DrawnDataset
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.data.sizes import header_size
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.registry import DATASETS
from ppocr_like.synth.lines import LineMaker, Plan, encode
from ppocr_like.synth.settings import SynthSettings
from ppocr_like.synth.write import look_generator, plan_generator
from ppocr_like.text import BASES
from ppocr_like.transforms.base import Transform

NAME = "synthetic"


@DATASETS.register()
class SyntheticDataSet(DrawnDataset):
    """Lines of a corpus, made when they are asked for: each epoch has the same texts in another look.

    What sample i says, its font and its size follow from `seed` and i; ink, paper and camera also from the epoch. So runs
    repeat, whatever the number of workers, and widths are known for `bucket_by_width`. In evaluation the look is always the
    same one. Real lines stand before the synthetic ones where `label_file_list` names some.

    Args:
        settings: as of `tools/synth.py` (`corpus` and `fonts` at least); see docs/data.md.
        size: synthetic samples.
        transforms: the chain, built. The first decodes, as of files.
        ratio_list: share drawn in each epoch: one number for all, or one for each label file and, last, one for the synthetic
            lines.
        data_dir: as of SimpleDataSet, for the label files.
        label_file_list: of real lines.
        delimiter: as of SimpleDataSet.
        ext_op_transform_idx: how many transforms run on the further samples that a transform asks for.
        strict: stop at a sample that cannot be used.
        seed: of everything drawn.
        mode: "train" or "eval".
        charset: the run's: texts with other characters are not drawn.

    Raises:
        ConfigError: settings that are unknown or wrong; label files as in SimpleDataSet.
        DataError: corpus, fonts or backgrounds that cannot be used.
    """

    further_sources = 1  # beside the label files: one more number in ratio_list

    def __init__(
        self,
        settings: dict,
        size: int = 100000,
        transforms: Sequence[Transform] = (),
        ratio_list: float | list[float] = 1.0,
        ext_op_transform_idx: int = 2,
        strict: bool = False,
        seed: int = 0,
        mode: str = "train",
        data_dir: str | None = None,
        label_file_list: str | list[str] | None = None,
        delimiter: str = "\t",
        charset: Charset | None = None,
    ) -> None:
        checked, problems = fit(settings, SynthSettings, "settings")
        if problems:
            raise ConfigError(problems, type(self).__name__)
        if size < 1:
            raise ValueError(f"size is {size}; at least 1 is needed")
        self.real = None
        if label_file_list:
            if data_dir is None:
                missing = Problem("data_dir", "is missing; image paths in the label files are relative to it")
                raise ConfigError([missing], type(self).__name__)
            self.real = SimpleDataSet(data_dir, label_file_list, (), 1.0, delimiter, seed=seed, mode=mode)
        sources = (*(self.real.label_files if self.real else ()), NAME)
        super().__init__(sources, ratio_list, transforms, ext_op_transform_idx, strict, seed, mode, "sources")
        self.settings: SynthSettings = checked
        self.size = size
        self.charset = charset
        self.allowed = None if charset is None else writable(charset)
        allowed = None if self.allowed is None else sorted(self.allowed)
        direction = None if charset is None else charset.direction
        real = None if self.real is None else self.real.size_extra
        self.size_extra = repr((asdict(checked), size, seed, allowed, direction, real))
        self.maker  # noqa: B018 (says at once what is missing)
        self._plan = lru_cache(maxsize=256)(self._planned)

    @cached_property
    def maker(self) -> LineMaker:
        direction = "rtl" if self.charset is None else self.charset.direction
        return LineMaker(self.settings, self.allowed, BASES.get(direction, "letters"))

    def use_cache(self, cache_dir: str | Path) -> None:
        super().use_cache(cache_dir)
        if self.real is not None:
            self.real.use_cache(cache_dir)

    def counts(self) -> list[int]:
        return [*(self.real.counts() if self.real else ()), self.size]

    @cached_property
    def first(self) -> int:
        """Number of the first synthetic sample."""
        return len(self.real) if self.real else 0

    def source_key(self, number: int) -> FileKey:
        if self.real is not None and number < len(self.label_files) - 1:
            return self.real.source_key(number)
        return FileKey.of(self.settings.corpus[0])

    def _planned(self, number: int) -> Plan:
        return self.maker.plan(plan_generator(self.seed, number))

    def record(self, index: int) -> Record:
        self.locate(index)
        if self.real is not None and index < self.first:
            return self.real.record(index)
        number = index - self.first
        path = f"{NAME}:{number}:0:0"
        return Record(SampleInfo(index, NAME, number + 1, path, self._label(number)), [path])

    def _label(self, number: int) -> str:
        """As the label files of the run's text direction have it."""
        text = self._plan(number).text
        return text if self.charset is None else self.charset.label(text)

    def label_texts(self) -> Iterator[Texts]:
        """Of the real lines; synthetic ones hold no character that the charset lacks."""
        return self.real.label_texts() if self.real is not None else iter(())

    def _drawn(self, request: Request) -> tuple[SampleInfo, Rejected | None, np.random.Generator]:
        info, error, rng = super()._drawn(request)
        if request.index < self.first:
            return info, error, rng
        epoch, repeat = (request.epoch, request.repeat) if self.train else (0, 0)
        path = f"{NAME}:{info.index - self.first}:{epoch}:{repeat}"
        return replace(info, path=path), error, rng

    def read_image(self, path: str) -> np.ndarray:
        """A synthetic line as the bytes of a bitmap file: a decoder brings it into the order of channels the recipe wants."""
        number, epoch, repeat = _parts(path)
        if number is None:
            return super().read_image(path)
        image = self.maker.draw(self._plan(number), look_generator(self.seed, epoch, number, repeat))
        return np.frombuffer(encode(image, ".bmp"), np.uint8)

    def image_size(self, path: str, exif: bool) -> tuple[int, int]:
        number = _parts(path)[0]
        return header_size(path, exif) if number is None else self._plan(number).size

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "_plan"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._plan = lru_cache(maxsize=256)(self._planned)


def _parts(path: str) -> tuple[int | None, int, int]:
    """(number, epoch, repeat) of a synthetic line; the number of a real one is None."""
    if not path.startswith(f"{NAME}:"):
        return None, 0, 0
    number, epoch, repeat = path.split(":")[1:]
    return int(number), int(epoch), int(repeat)


def writable(charset: Charset) -> set[str]:
    """Characters that a charset can write; where it is lower case, also their upper case."""
    characters = {character for entry in charset.keys for character in entry}
    return characters | {c.upper() for c in characters if len(c.upper()) == 1} if charset.lower else characters
