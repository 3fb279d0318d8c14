"""Capitals and small letters for labels that are all upper case, as another recogniser reads them in the images.

    python pretrained/give_case.py train_data/rec/receipts_sroie_train.txt --out train_data/rec/receipts_cased_train.txt

The labels stay as they are but for the case of their letters. A line whose letters the recogniser reads otherwise is left out
where it reads small letters in it; where it reads none, the label is taken as it stands.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2

from ppocr_like.atomic import write_text
from ppocr_like.pipeline.lines import Recogniser
from ppocr_like.pipeline.narrow import narrowed
from ppocr_like.pipeline.ocr import with_long_lines
from ppocr_like.pipeline.opening import open_model
from ppocr_like.weights.rapidocr_package import is_rapidocr, rapidocr_model

NARROWEST = 96  # px of the narrowest canvas


def cased(label: str, read: str) -> str | None:
    """The label with the case of what was read; None: what was read does not tell."""
    letters = "".join(read.split())
    if letters.upper() == "".join(label.split()).upper() and len(letters) == len("".join(label.split())):
        given = iter(letters)
        return "".join(one if one.isspace() else next(given) for one in label)
    return None if any(one.islower() for one in letters) else label


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, help="label file; its images are named from its folder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="rapidocr:rec", help="an ONNX file or bundle (default: %(default)s)")
    args = parser.parse_args()
    model = open_model(rapidocr_model(args.model) if is_rapidocr(args.model) else args.model)
    assert isinstance(model, Recogniser), f"{args.model} is no recogniser"
    rows = [row.split("\t") for row in args.labels.read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows, start=1):
        if len(row) != 2:
            parser.error(f"{args.labels}, line {number}: has {len(row) - 1} tabs; image<TAB>text is needed")
    images = (cv2.imread(str(args.labels.parent / name)) for name, _ in rows)
    kept = []
    for (name, label), result in zip(rows, narrowed(with_long_lines(model), NARROWEST).stream(images), strict=True):
        new = None if result.line is None else cased(label, result.line.text)
        if new is not None:
            kept.append((name, label, new))
    write_text(args.out, "".join(f"{name}\t{new}\n" for name, _, new in kept))
    print(f"{len(rows)} lines: {sum(label != new for _, label, new in kept)} changed, {len(rows) - len(kept)} left out")


if __name__ == "__main__":
    main()
