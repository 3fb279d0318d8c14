"""What the labels of a run's sets hold that the network cannot use: said at start, and a reason to stop where it is too much."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from ppocr_like.charset import Charset
from ppocr_like.config import Builder
from ppocr_like.data.base import Dataset
from ppocr_like.data.census import Counted, LineCensus, PageCensus, count_further
from ppocr_like.doctor.findings import shown
from ppocr_like.doctor.stream import Examiner
from ppocr_like.errors import TrainingError
from ppocr_like.tasks import EXAMINERS, part

logger = logging.getLogger("ppocr_like")
SHOWN = 12  # characters named in a warning


def examine_labels(dataset: Dataset, builder: Builder, name: str, max_unknown: float | None = None) -> dict[str, Any]:
    """Says what the labels of a set hold that cannot be used, and gives it as plain data (for records and reports).

    Args:
        dataset: of training or evaluation.
        builder: of the network that reads it; its charset is the network's.
        name: of the set, for messages.
        max_unknown: greatest share of unknown characters (training); None: any.

    Raises:
        TrainingError: a greater share of the characters is unknown; no box of the set can be used.
    """
    examiner: type[Examiner] | None = part(EXAMINERS, builder.task, "ppocr_like.doctor")
    census = examiner.census(dataset, builder) if examiner else None
    if census is None:
        _warn_further(count_further(dataset), name)
        return {}
    _warn_further(census.further, name)
    if isinstance(census, LineCensus):
        if census.unknown:
            _judge_unknown(census, builder.charset or Charset(()), builder, name, max_unknown)
    else:
        judge_boxes(census, name, dataset.label_files)
    return census.as_dict()


def unknown_text(census: LineCensus) -> str:
    """The unknown characters with their counts and first places."""
    named = census.most_common()
    rows = [f"{shown(character)} ({part.count:,}; {part.places[0]})" for character, part in named[:SHOWN]]
    return "; ".join(rows) + (f"; and {len(named) - SHOWN} more" if len(named) > SHOWN else "")


def _judge_unknown(census: LineCensus, charset: Charset, builder: Builder, name: str, limit: float | None) -> None:
    total = sum(part.count for part in census.unknown.values())
    head = (
        f"{name}: {total:,} of {census.characters:,} characters ({census.unknown_share:.1%}) are not in the character set and "
        f"are left out of the labels: {unknown_text(census)}"
    )
    if limit is None or census.unknown_share <= limit:
        logger.warning("%s", head)
        return
    raise TrainingError(
        f"{head}\nThat is more than Global.max_unknown: {limit:g}. {advice(census, charset, builder)}, or set Global.max_unknown "
        "higher to train without them"
    )


def advice(census: LineCensus, charset: Charset, builder: Builder) -> str:
    """What to do about unknown characters."""
    steps = []
    others = [character for character in census.unknown if character != " "]
    if builder.settings.codec is not None:
        steps.append("give Global.codec entries for them")
    elif " " in census.unknown:
        steps.append("set Global.use_space_char: true, which adds the space as a class")
    if builder.settings.codec is None and (others or not steps):
        dictionary = builder.settings.character_dict_path
        what = "add them to" if dictionary else "give a dictionary that holds them,"
        steps.append(
            f"{what} Global.character_dict_path{f' ({dictionary})' if dictionary else ''} (tools/make_dict.py writes one)"
        )
    if builder.settings.pretrained_model:
        steps.append("let the weights' character set grow with Global.charset_resize: union")
    if charset.lower:
        steps.append("note that without a dictionary only 0-9 and a-z are known")
    return "To mend it: " + "; ".join(steps)


def judge_boxes(census: PageCensus, name: str, files: Sequence[str]) -> None:
    """Says which boxes of a set of pages cannot be used.

    Raises:
        TrainingError: not one can.
    """
    part = "" if census.pages == census.total else f" (looked at {census.pages:,} of {census.total:,} pages)"
    for fault, found in census.faults.items():
        hint = "; DetLabelEncode: {order_corners: true} puts the corners of quadrangles in order" if "crosses" in fault else ""
        if "no area" in fault or "two" in fault or "fewer" in fault:
            hint = "; give all corners of each text, in their order around it"
        logger.warning(
            "%s: %d of %d boxes cannot be used and count for nothing: %s (first: %s)%s%s",
            name,
            found.count,
            census.boxes,
            fault,
            found.places[0],
            hint,
            part,
        )
    if census.empty:
        logger.info("%s: %d pages without a box: whatever is found there is wrong%s", name, census.empty, part)
    if census.pages and not census.usable:
        told = "; ".join(f"{found.count:,} with {fault} (first: {found.places[0]})" for fault, found in census.faults.items())
        raise TrainingError(
            f"{name}: not one of {census.boxes:,} boxes on {census.pages:,} pages can be used: {census.ignored:,} are marked as "
            f"ignored{f'; {told}' if told else ''}. Each text needs its corners in their order around it (top left, top right, "
            "bottom right, bottom left); DetLabelEncode: {order_corners: true} puts those of crossed quadrangles in order "
            f"({', '.join(files)})"
        )


def _warn_further(further: Counted, name: str) -> None:
    if further.count:
        logger.warning(
            "%s: %d label lines have further columns behind the text, which are not used (first: %s); is the text in another "
            "column, or does it hold the delimiter?",
            name,
            further.count,
            "; ".join(further.places),
        )
