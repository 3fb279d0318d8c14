"""MultiScaleDataSet: label files whose lines are brought to the canvas that the sampler asks for."""

from __future__ import annotations

from collections.abc import Sequence

from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.registry import DATASETS
from ppocr_like.transforms.base import Transform
from ppocr_like.transforms.rec_resize import SVTRRecResizeImg

IMAGE_SHAPE = (3, 48, 320)  # where no sampler asks for a size: the middle one in PaddleOCR's recipes


@DATASETS.register("MSTextRecDataset")  # PaddleX's name of the same thing
@DATASETS.register()
class MultiScaleDataSet(SimpleDataSet):
    """SimpleDataSet with a resize step of its own before the last transform (KeepKeys), as PaddleOCR's MultiScaleDataSet.

    The step keeps the ratio, normalises to [-1, 1] and pads to the right (`SVTRRecResizeImg`), giving `image` and
    `valid_ratio`. A chain that has a resize step already keeps its own, which obeys the sampler as well.

    Args:
        ds_width: MultiScaleSampler puts lines of about the same shape into a batch and lets the canvas follow. Shapes come
            from the images' headers (PaddleOCR reads them from two more columns of the label file, which may stand here).
        data_dir, label_file_list, transforms, ratio_list, delimiter, ext_op_transform_idx, strict, seed, mode: see SimpleDataSet.
    """

    def __init__(
        self,
        data_dir: str,
        label_file_list: str | list[str],
        transforms: Sequence[Transform] = (),
        ratio_list: float | list[float] = 1.0,
        delimiter: str = "\t",
        ext_op_transform_idx: int = 2,
        ds_width: bool = False,
        strict: bool = False,
        seed: int = 0,
        mode: str = "train",
    ) -> None:
        transforms = self.complete_chain(transforms)
        super().__init__(data_dir, label_file_list, transforms, ratio_list, delimiter, ext_op_transform_idx, strict, seed, mode)
        self.ds_width = ds_width

    @staticmethod
    def complete_chain(transforms: Sequence[Transform]) -> list[Transform]:
        """The chain as it will run: a resize step before the last one, unless there is one."""
        chain = list(transforms)
        if not any("valid_ratio" in step.gives and "image" in step.gives and "image" in step.needs for step in chain[:-1]):
            chain.insert(max(0, len(chain) - 1), SVTRRecResizeImg(IMAGE_SHAPE))
        return chain
