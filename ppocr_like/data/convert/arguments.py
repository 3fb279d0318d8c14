"""The command line of tools/convert_data.py: one subcommand per format."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ppocr_like.config.cli import add_password
from ppocr_like.data.convert import icdar
from ppocr_like.data.convert.base import Reader
from ppocr_like.data.convert.coco_text import SPLITS, CocoText
from ppocr_like.data.convert.crops import OCRS_FILTER, LineFilter
from ppocr_like.data.convert.easyocr import EasyOcrCrops
from ppocr_like.data.convert.hiertext import ILLEGIBLE, LEVELS, HierText
from ppocr_like.data.convert.icdar2019 import LEVELS as LEVELS_RECTS
from ppocr_like.data.convert.icdar2019 import Icdar2019, ReCTS
from ppocr_like.data.convert.labelme import TEXT_FROM, Labelme
from ppocr_like.data.convert.ppocrlabel import CROPS, LABELS, STATE, PPOCRLabel, RecGt
from ppocr_like.data.convert.target import CROP_FORMATS, Target
from ppocr_like.data.convert.total_text import TotalText
from ppocr_like.outputs import claim

FILTERS = {"ocrs": OCRS_FILTER, "none": LineFilter()}


def parser(description: str) -> argparse.ArgumentParser:
    """The whole parser; `format` is the subcommand."""
    main = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    main.epilog = "convert_data.py --from-predictions RESULTS --out DIR: see convert_data.py --from-predictions --help"
    formats = main.add_subparsers(dest="format", required=True, metavar="FORMAT")

    one = formats.add_parser("hiertext", help="HierText's gt/*.jsonl.gz (one JSON object)")
    one.add_argument("source", help="gt/train.jsonl.gz, packed or not")
    _common(one, "folder of the images")
    one.add_argument("--level", choices=LEVELS, default="line", help="boxes of lines or words (default: %(default)s)")
    one.add_argument(
        "--illegible", choices=ILLEGIBLE, default="ignore", help="what becomes of illegible text: an ignored box, nothing, text"
    )

    one = formats.add_parser("icdar", help="a folder of gt_*.txt, one per image")
    one.add_argument("source", help="folder of the .txt files")
    _common(one, "folder of the images (default: that of the .txt files)", required=False)
    one.add_argument(
        "--form", choices=icdar.FORMS, default="auto", help="of a line's coordinates: 4 points, left top right bottom, n points"
    )
    one.add_argument("--extra-columns", type=int, metavar="N", help="columns between coordinates and text (MLT, RCTW: 1)")
    one.add_argument("--keep-quotes", action="store_true", help="leave texts in their quotes")
    one.add_argument("--encoding", default="utf-8", help="of the files (default: %(default)s, with or without byte-order mark)")

    one = formats.add_parser("coco-text", help="one JSON file as COCO-Text, TextOCR or COCO write it")
    one.add_argument("source", help="the JSON file, packed or not")
    _common(one, "folder that the file names are relative to")
    one.add_argument("--split", choices=SPLITS, default="all", help="take images of one `set` only (COCO-Text)")
    one.add_argument("--illegible-text", metavar="TEXT", help="a text that means illegible (TextOCR: .)")

    _icdar2019(formats)

    one = formats.add_parser("total-text", help="Total-Text's folder of poly_gt_*.txt")
    one.add_argument("source", help="folder of the .txt files")
    _common(one, "folder of the images, or one above several")

    one = formats.add_parser("easyocr", help="EasyOCR's folder of crops with labels.csv (filename,words)")
    one.add_argument("source", help="the folder, or its labels.csv")
    _common(one, "folder of the crops (default: that of labels.csv)", required=False)
    one.set_defaults(task="rec")

    one = formats.add_parser("labelme", help="a folder of labelme's .json files")
    one.add_argument("source", help="folder of the .json files")
    _common(one, "folder of the images (default: as each file says)", required=False)
    one.add_argument("--text-from", choices=TEXT_FROM, default="label", help="where a shape's text stands (default: %(default)s)")

    one = formats.add_parser("ppocrlabel", help="PPOCRLabel's Label.txt")
    one.add_argument("source", help="the folder of images, or its Label.txt")
    _common(one, "folder of the images (default: that of Label.txt)", required=False)
    one.add_argument("--confirmed", action="store_true", help="only images that fileState.txt marks as done")
    one.add_argument("--ready-crops", action="store_true", help="with --task rec: the crops of rec_gt.txt instead of new ones")
    return main


def _icdar2019(formats: Any) -> None:
    """LSVT, ArT and ReCTS."""
    for name, file, what in (
        ("lsvt", "train_full_labels.json", "ICDAR 2019 LSVT's full labels"),
        ("art", "train_labels.json", "ICDAR 2019 ArT"),
    ):
        one = formats.add_parser(name, help=f"{what}, one JSON file")
        one.add_argument("source", help=file)
        _common(one, "folder of the images, or one above several")
        one.add_argument("--ready-crops", action="store_true", help="with --task rec: the images are crops (ArT's task 2)")
    one = formats.add_parser("rects", help="ICDAR 2019 ReCTS, one JSON file per image")
    one.add_argument("source", help="folder of the .json files")
    _common(one, "folder of the images")
    one.add_argument("--level", choices=tuple(LEVELS_RECTS), default="line", help="lines or characters (default: %(default)s)")


def predictions_parser(description: str) -> argparse.ArgumentParser:
    """Of `--from-predictions`, the way from a model's results to labels that a person corrects."""
    main = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    main.add_argument("--from-predictions", required=True, metavar="RESULTS", help="folder that tools/infer.py wrote")
    main.add_argument("--out", required=True, metavar="DIR", help="folder for PPOCRLabel: the images and Label.txt")
    main.add_argument("--below", type=float, default=1.01, metavar="P", help="only pages with a line less certain than this")
    main.add_argument("--force", action="store_true", help="replace a Label.txt that exists")
    add_password(main)
    return main


def _common(part: argparse.ArgumentParser, images: str, required: bool = True) -> None:
    part.add_argument("--images", required=required, metavar="DIR", help=images)
    part.add_argument("--task", choices=("det", "rec"), default="det", help="boxes, or crops with texts (default: %(default)s)")
    part.add_argument("--out", required=True, metavar="FILE", help="the label file")
    part.add_argument("--data-dir", metavar="DIR", help="what image paths are relative to, as in the recipe (default: --out's)")
    part.add_argument("--val-share", type=float, default=0.0, metavar="SHARE", help="so much of the images goes into --val-out")
    part.add_argument("--val-out", metavar="FILE", help="the validation label file (default: val.txt beside --out)")
    part.add_argument("--max-images", type=int, metavar="N", help="stop after N images")
    part.add_argument("--skip-bad", action="store_true", help="count broken lines and records instead of stopping at the first")
    part.add_argument(
        "--order-corners", action="store_true", help="put the corners of quadrangles that cross themselves in their order"
    )
    part.add_argument("--keep-empty", action="store_true", help="det: write images without any box, too: pages without text")
    part.add_argument("--crops", metavar="DIR", help="rec: folder of the crops (default: beside --out)")
    part.add_argument("--crop-format", choices=CROP_FORMATS, default=".jpg", help="rec: (default: %(default)s)")
    part.add_argument("--quality", type=int, default=95, metavar="Q", help="rec: of JPEG crops (default: %(default)s)")
    part.add_argument(
        "--filter",
        choices=sorted(FILTERS),
        help="rec: ocrs takes horizontal lines of 10 px and more that their words fill (default for hiertext); none takes all",
    )
    part.add_argument("--force", action="store_true", help="replace label files that exist")


def ready_crops(args: argparse.Namespace) -> Iterable[tuple[Path, str, str]] | None:
    """(image, text, place) of each crop where the source has crops instead of pages; None where it has pages.

    Raises:
        ValueError: crops as boxes of a detector.
    """
    if args.format != "easyocr" and not getattr(args, "ready_crops", False):
        return None
    if args.task != "rec":
        raise ValueError("the source has crops with their texts, which no detector can be trained on; give --task rec")
    match args.format:
        case "easyocr":
            return EasyOcrCrops(args.source, args.images)
        case "ppocrlabel":
            return RecGt(args.source)
        case _:
            return Icdar2019(args.source, args.images, args.skip_bad).crops()


def reader(args: argparse.Namespace) -> Reader:
    """The reader that the arguments name.

    Raises:
        ValueError: an argument that it does not accept.
        DataError: see the reader.
    """
    made = _reader(args)
    made.order_corners = args.order_corners
    return made


def _reader(args: argparse.Namespace) -> Reader:
    skip = {"skip_bad": args.skip_bad}
    match args.format:
        case "hiertext":
            return HierText(args.source, args.images, args.level, args.illegible, args.task == "rec", **skip)
        case "icdar":
            quotes = args.keep_quotes
            return icdar.Icdar(args.source, args.images, args.form, args.extra_columns, args.encoding, keep_quotes=quotes, **skip)
        case "lsvt" | "art":
            return Icdar2019(args.source, args.images, **skip)
        case "rects":
            return ReCTS(args.source, args.images, args.level, **skip)
        case "total-text":
            return TotalText(args.source, args.images, **skip)
        case "coco-text":
            return CocoText(args.source, args.images, args.split, args.illegible_text, **skip)
        case "labelme":
            return Labelme(args.source, args.images, args.text_from, **skip)
        case _:
            return PPOCRLabel(args.source, args.images, args.confirmed, **skip)


def target(args: argparse.Namespace) -> Target:
    """Where the result goes.

    Raises:
        ValueError: a share, number or quality out of range.
    """
    if args.max_images is not None and args.max_images < 1:
        raise ValueError(f"--max-images is {args.max_images}; at least 1")
    return Target(
        labels=Path(args.out),
        data_dir=Path(args.data_dir) if args.data_dir else None,
        val_share=args.val_share,
        val_labels=Path(args.val_out) if args.val_out else None,
        crops=Path(args.crops) if args.crops else None,
        crop_format=args.crop_format,
        quality=args.quality,
        max_images=args.max_images,
        overwrite=args.force,
    )


def claim_target(args: argparse.Namespace, place: Target) -> None:
    """Makes sure that the label files can be written, and that none of them is one that the reader reads.

    Raises:
        DataError: it is, or cannot be written.
    """
    source = Path(args.source)
    files = [source]
    if source.is_dir():
        endings = {
            "icdar": (".txt",),
            "total-text": (".txt",),
            "labelme": (".json",),
            "rects": (".json",),
            "easyocr": (".csv",),
        }.get(args.format, ())
        files = [path for path in source.iterdir() if path.suffix.lower() in endings]
        files += [source / name for name in (LABELS, STATE, CROPS)] if args.format == "ppocrlabel" else []
    images = [str(args.images or (source if source.is_dir() else source.parent))]
    claim(place.files, files, images=images, advice="choose another file with --out (and --val-out)")


def wanted(args: argparse.Namespace) -> LineFilter:
    """Which boxes become crops."""
    return FILTERS[args.filter or ("ocrs" if args.format == "hiertext" else "none")]
