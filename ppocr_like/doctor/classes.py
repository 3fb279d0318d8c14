"""What the doctor asks of images with classes."""

from __future__ import annotations

from ppocr_like.data.base import Dataset, Record
from ppocr_like.doctor.findings import SetReport
from ppocr_like.doctor.stream import Examiner, Tally, place_of
from ppocr_like.tasks import EXAMINERS

RARE = 0.2  # of an even share: a class that is rarer is told


@EXAMINERS.register("cls")
class ClassExaminer(Examiner):
    """Labels against the list of classes, and how many images each class has.

    Where the chain makes the labels itself (SSLRotateResize) the label file's texts are not looked at.

    Args:
        dataset: the set.
    """

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dataset)
        encode = next((step for step in dataset.transforms if hasattr(step, "label_list")), None)
        self.classes: list[str] | None = None if encode is None else list(encode.label_list)

    def look(self, tally: Tally, record: Record) -> None:
        size = next((size for path in record.paths if (size := self.image(tally, record.info, path)) is not None), None)
        if size is not None:
            tally.numbers["width over height"].append(size[0] / max(size[1], 1))
        if self.classes is None:
            return
        if record.info.text in self.classes:
            tally.counted["classes"][record.info.text] += 1
        else:
            what = f"{place_of(record.info)}: {record.info.text!r} is none of {', '.join(self.classes)}"
            tally.findings.note("unknown class", what)

    def conclude(self, report: SetReport, total: Tally) -> None:
        if self.classes is None:
            report.summary = "labels are made by turning each image"
            return
        counts = total.counted["classes"]
        report.summary = ", ".join(f"{name}: {counts[name]:,}" for name in self.classes)
        even = sum(counts.values()) / len(self.classes)
        for name in self.classes:
            if counts[name] == 0:
                total.findings.note("class without an image", repr(name))
            elif counts[name] < RARE * even:
                total.findings.note("rare class", f"{name!r}: {counts[name]:,} of {sum(counts.values()):,} images")
