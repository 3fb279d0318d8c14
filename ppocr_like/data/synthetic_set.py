"""SyntheticDataSet: lines that are drawn while training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property, lru_cache

import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.config.typecheck import fit
from ppocr_like.contracts import Rejected, Request, SampleInfo
from ppocr_like.data.base import Record
from ppocr_like.data.cache import FileKey
from ppocr_like.data.drawn import DrawnDataset
from ppocr_like.data.synth.lines import LineMaker, Plan, encode
from ppocr_like.data.synth.settings import SynthSettings
from ppocr_like.data.synth.write import look_generator, plan_generator
from ppocr_like.errors import ConfigError
from ppocr_like.registry import DATASETS
from ppocr_like.transforms.base import Transform

NAME = "synthetic"


@DATASETS.register()
class SyntheticDataSet(DrawnDataset):
    """Lines of a corpus, made when they are asked for: each epoch has the same texts in another look.

    What sample i says, its font and its size follow from `seed` and i; ink, paper and camera also from the epoch. So runs
    repeat, whatever the number of workers, and widths are known for `bucket_by_width`. In evaluation the look is always the
    same one.

    Args:
        settings: as of `tools/synth.py` (`corpus` and `fonts` at least); see docs/data.md.
        size: samples.
        transforms: the chain, built. The first decodes, as of files.
        ratio_list: share drawn in each epoch.
        ext_op_transform_idx: how many transforms run on the further samples that a transform asks for.
        strict: stop at a sample that cannot be used.
        seed: of everything drawn.
        mode: "train" or "eval".
        charset: the run's: texts with other characters are not drawn.

    Raises:
        ConfigError: settings that are unknown or wrong.
        DataError: corpus, fonts or backgrounds that cannot be used.
    """

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
        charset: Charset | None = None,
    ) -> None:
        checked, problems = fit(settings, SynthSettings, "settings")
        if problems:
            raise ConfigError(problems, type(self).__name__)
        if size < 1:
            raise ValueError(f"size is {size}; at least 1 is needed")
        super().__init__((NAME,), ratio_list, transforms, ext_op_transform_idx, strict, seed, mode)
        self.settings: SynthSettings = checked
        self.size = size
        self.allowed = None if charset is None else writable(charset)
        self.size_extra = repr((asdict(checked), size, seed, None if self.allowed is None else sorted(self.allowed)))
        self.maker  # noqa: B018 (says at once what is missing)
        self._plan = lru_cache(maxsize=256)(self._planned)

    @cached_property
    def maker(self) -> LineMaker:
        return LineMaker(self.settings, self.allowed)

    def counts(self) -> list[int]:
        return [self.size]

    def source_key(self, number: int) -> FileKey:
        return FileKey.of(self.settings.corpus[0])

    def _planned(self, index: int) -> Plan:
        return self.maker.plan(plan_generator(self.seed, index))

    def record(self, index: int) -> Record:
        self.locate(index)
        path = f"{NAME}:{index}:0:0"
        return Record(SampleInfo(index, NAME, index + 1, path, self._plan(index).text), [path])

    def _drawn(self, request: Request) -> tuple[SampleInfo, Rejected | None, np.random.Generator]:
        info, error, rng = super()._drawn(request)
        epoch, repeat = (request.epoch, request.repeat) if self.train else (0, 0)
        return SampleInfo(info.index, info.file, info.line, f"{NAME}:{info.index}:{epoch}:{repeat}", info.text), error, rng

    def read_image(self, path: str) -> np.ndarray:
        """The line as the bytes of a bitmap file: a decoder brings it into whatever order of channels the recipe wants."""
        _, index, epoch, repeat = path.split(":")
        image = self.maker.draw(self._plan(int(index)), look_generator(self.seed, int(epoch), int(index), int(repeat)))
        return np.frombuffer(encode(image, ".bmp"), np.uint8)

    def image_size(self, path: str, exif: bool) -> tuple[int, int]:
        return self._plan(int(path.split(":")[1])).size

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "_plan"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._plan = lru_cache(maxsize=256)(self._planned)


def writable(charset: Charset) -> set[str]:
    """Characters that a charset can write; where it is lower case, also their upper case."""
    characters = {character for entry in charset.labels[1:] for character in entry}
    return characters | {c.upper() for c in characters if len(c.upper()) == 1} if charset.lower else characters
