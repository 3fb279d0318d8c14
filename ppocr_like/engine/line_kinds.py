"""Do a run's lines look as those did that its weights were trained on? What differs is told before the first step.

A network of kraken's is trained on lines that were cut along baselines, or on upright boxes that are straightened, and on gray
lines, or on those of two levels; its file says so (`seg_type`, `one_channel_mode`), and weights of this program say it by the
KrakenLine of their recipe. kraken warns where the data are of the other kind, and so does this.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppocr_like.config.overrides import step_arguments
from ppocr_like.contracts import Rejected
from ppocr_like.data.base import Dataset
from ppocr_like.data.lines.arrow_set import ArrowDataSet
from ppocr_like.data.lines.xml_set import XMLDataSet
from ppocr_like.transforms.kraken_line import KrakenLine
from ppocr_like.weights import WeightsFile

logger = logging.getLogger("ppocr_like")
PROBED = 12  # lines that are looked at
_CUT = {"baselines": "lines cut along baselines", "bbox": "straightened boxes"}
_LEVELS = {"1": "lines of two levels", "L": "gray lines", "RGB": "lines in colour"}


@dataclass(frozen=True)
class LineKind:
    """How the lines looked that weights were trained on.

    Args:
        source: the weights' file.
        cut: "baselines" or "bbox"; None: not known.
        mode: "1", "L" or "RGB"; None: not known.
    """

    source: str
    cut: str | None
    mode: str | None


def kind_of(weights: WeightsFile | None) -> LineKind | None:
    """None where the weights do not say, and where no KrakenLine made their lines."""
    node = None if weights is None else step_arguments(weights.recipe or {}, KrakenLine.__name__)
    if weights is None or node is None:
        return None
    cut = weights.metadata["seg_type"] if "seg_type" in weights.metadata else node.get("linetype", "baselines")
    mode = weights.metadata.get("one_channel_mode") or node.get("mode")
    return LineKind(str(weights.path), cut if cut in _CUT else None, str(mode) if str(mode) in _LEVELS else None)


def tell_line_kinds(kind: LineKind | None, train_set: Dataset | None, eval_sets: Iterable[Any]) -> None:
    """Warns of what differs between the weights, the recipe's KrakenLine and the data.

    Args:
        kind: of the weights that a run starts from.
        eval_sets: `EvalSet`s.
    """
    sets = {"train": train_set} if train_set is not None else {}
    sets |= {part.name: part.loader.dataset for part in eval_sets}
    for name, dataset in sets.items():
        for said in line_misfits(kind, dataset):
            logger.warning("%s: %s", name, said)


def line_misfits(kind: LineKind | None, dataset: Dataset) -> list[str]:
    """What differs for one data set, each with what to change."""
    step = next((step for step in dataset.transforms if isinstance(step, KrakenLine)), None)
    if step is None:
        if kind is None or not dataset.transforms:
            return []
        return [
            f"{kind.source} was trained on lines as KrakenLine makes them (inverted, white columns beside them), and transforms "
            "hold no KrakenLine: put it in the place of the resize step"
        ]
    said = []
    if kind is not None and kind.cut is not None and kind.cut != step.linetype:
        said.append(
            f"{kind.source} was trained on {_CUT[kind.cut]} (linetype: {kind.cut}), and KrakenLine makes its lines as "
            f"{_CUT[step.linetype]} are: set KrakenLine.linetype: {kind.cut}, or expect to train it anew for such lines"
        )
    data = dataset.cut_as() if isinstance(dataset, (XMLDataSet, ArrowDataSet)) else step.linetype
    if data != step.linetype:
        way = "set linetype of the data set likewise, " if isinstance(dataset, XMLDataSet) else "compile the lines likewise, "
        said.append(
            f"{type(dataset).__name__} gives {'upright boxes' if data == 'bbox' else _CUT[data]}, and KrakenLine is for "
            f"{_CUT[step.linetype]} (linetype: {step.linetype}): {way}or set KrakenLine.linetype: {data}"
        )
    return said + _mode_misfits(kind, step, dataset)


def _mode_misfits(kind: LineKind | None, step: KrakenLine, dataset: Dataset) -> list[str]:
    made = step.mode if step.mode != "auto" else "RGB" if step.channels == 3 else "L"
    if kind is None or kind.mode is None:
        return []
    if kind.mode != made:
        return [
            f"{kind.source} was trained on {_LEVELS[kind.mode]} (mode {kind.mode}), and KrakenLine makes {_LEVELS[made]}: set "
            f"KrakenLine.mode: '{kind.mode}'"
        ]
    if made == "L" and of_two_levels(dataset):
        return [
            f"{kind.source} was trained on gray lines (mode L), and the images have two levels: it will read them worse; give "
            "the gray images that they were made of"
        ]
    return []


def of_two_levels(dataset: Dataset) -> bool:
    """Whether all images that are looked at have black and white alone; False where none can be read."""
    found = []
    for index in np.unique(np.linspace(0, len(dataset) - 1, PROBED).astype(int)).tolist() if len(dataset) else ():
        try:
            image = dataset.picture(dataset.record(index).paths[0])
        except (Rejected, IndexError):
            continue
        found.append(bool(np.isin(image, (image.min(), image.max())).all()) if image.size else False)
    return bool(found) and all(found)
