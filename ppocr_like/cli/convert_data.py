"""Turn other programs' annotations into label files, for detection, or into line crops with their texts, for recognition.

    python tools/convert_data.py hiertext gt/train.jsonl.gz --images train --out train.txt --level word
    python tools/convert_data.py hiertext gt/train.jsonl.gz --images train --task rec --out rec/train.txt --max-images 1000
    python tools/convert_data.py icdar ch4_gt --images ch4_images --out train.txt --val-share 0.1
    python tools/convert_data.py ppocrlabel my_pages --confirmed --out train.txt
    python tools/convert_data.py xml 'my_archive/*.xml' --out train.txt --val-share 0.1
    python tools/convert_data.py --from-predictions read --below 0.8 --out to_correct

Nothing is left under the names of the label files until they are complete. Status 2: something cannot be read or written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppocr_like.cli.arguments import CommandParser, add_password

if TYPE_CHECKING:
    from ppocr_like.convert.crops import LineFilter
    from ppocr_like.convert.target import Target
    from ppocr_like.documents.formats.reader import Reader


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    given = sys.argv[1:] if argv is None else list(argv)
    if any(argument.startswith("--from-predictions") for argument in given):
        print(_corrections(predictions_parser(prog).parse_args(given)))
        return 0
    commands = make_parser(prog)
    args = commands.parse_args(given)
    try:
        print(_converted(args))
    except ValueError as error:
        commands.error(str(error))
    return 0


def _corrections(args: argparse.Namespace) -> str:
    from ppocr_like.documents.predictions import read_predictions
    from ppocr_like.report.corrections import write_corrections

    pages = read_predictions(args.from_predictions)
    return write_corrections(pages, args.out, args.below, overwrite=args.force, password=args.password).text()


def _converted(args: argparse.Namespace) -> str:
    """What was made of which.

    Raises:
        ValueError: an argument that is not accepted.
        DataError: something cannot be read or written.
    """
    from ppocr_like.convert.write import convert_det, convert_rec, relabel

    place = target(args)
    claim_target(args, place)
    crops = ready_crops(args)
    if crops is not None:
        return relabel(crops, place).text()
    if args.task == "rec":
        return convert_rec(reader(args), place, wanted(args)).text()
    return convert_det(reader(args), place, args.keep_empty).text()


def make_parser(prog: str | None = None) -> CommandParser:
    """The whole parser; `format` is the subcommand."""
    main = CommandParser(__doc__, prog)
    main.epilog = f"{main.prog} --from-predictions RESULTS --out DIR: see {main.prog} --from-predictions --help"
    formats = main.add_subparsers(dest="format", required=True, metavar="FORMAT")

    one = formats.add_parser("hiertext", help="HierText's gt/*.jsonl.gz (one JSON object)")
    one.add_argument("source", help="gt/train.jsonl.gz, packed or not")
    _common(one, "folder of the images")
    one.add_argument("--level", choices=("line", "word"), default="line", help="boxes of lines or words (default: %(default)s)")
    one.add_argument(
        "--illegible",
        choices=("ignore", "drop", "keep"),
        default="ignore",
        help="what becomes of illegible text: an ignored box, nothing, text",
    )

    one = formats.add_parser("icdar", help="a folder of gt_*.txt, one per image")
    one.add_argument("source", help="folder of the .txt files")
    _common(one, "folder of the images (default: that of the .txt files)", required=False)
    one.add_argument(
        "--form",
        choices=("auto", "quad", "ltrb", "polygon"),
        default="auto",
        help="of a line's coordinates: 4 points, left top right bottom, n points",
    )
    one.add_argument("--extra-columns", type=int, metavar="N", help="columns between coordinates and text (MLT, RCTW: 1)")
    one.add_argument("--keep-quotes", action="store_true", help="leave texts in their quotes")
    one.add_argument("--encoding", default="utf-8", help="of the files (default: %(default)s, with or without byte-order mark)")

    one = formats.add_parser("coco-text", help="one JSON file as COCO-Text, TextOCR or COCO write it")
    one.add_argument("source", help="the JSON file, packed or not")
    _common(one, "folder that the file names are relative to")
    one.add_argument(
        "--split", choices=("all", "train", "val", "test"), default="all", help="take images of one `set` only (COCO-Text)"
    )
    one.add_argument("--illegible-text", metavar="TEXT", help="a text that means illegible (TextOCR: .)")

    _icdar2019(formats)

    one = formats.add_parser("total-text", help="Total-Text's folder of poly_gt_*.txt")
    one.add_argument("source", help="folder of the .txt files")
    _common(one, "folder of the images, or one above several")

    _programs(formats)

    one = formats.add_parser("xml", help="ALTO or PAGE XML: boxes of the lines, as a detector is trained on them")
    one.add_argument("source", help="an XML file, a pattern or a folder of them, or a list with a path in each line")
    _common(one, "folder of the images (default: as each file says, or beside it)", required=False)
    one.add_argument(
        "--shape",
        choices=("quads", "polygons"),
        default="quads",
        help="the rectangle around a line along its baseline, or its outline as it is (default: %(default)s)",
    )
    return main


def _programs(formats: Any) -> None:
    """Other programs' own files: EasyOCR, labelme, PPOCRLabel."""
    one = formats.add_parser("easyocr", help="EasyOCR's folder of crops with labels.csv (filename,words)")
    one.add_argument("source", help="the folder, or its labels.csv")
    _common(one, "folder of the crops (default: that of labels.csv)", required=False)
    one.set_defaults(task="rec")

    one = formats.add_parser("labelme", help="a folder of labelme's .json files")
    one.add_argument("source", help="folder of the .json files")
    _common(one, "folder of the images (default: as each file says)", required=False)
    one.add_argument(
        "--text-from",
        choices=("label", "description"),
        default="label",
        help="where a shape's text stands (default: %(default)s)",
    )

    one = formats.add_parser("ppocrlabel", help="PPOCRLabel's Label.txt")
    one.add_argument("source", help="the folder of images, or its Label.txt")
    _common(one, "folder of the images (default: that of Label.txt)", required=False)
    one.add_argument("--confirmed", action="store_true", help="only images that fileState.txt marks as done")
    one.add_argument("--ready-crops", action="store_true", help="with --task rec: the crops of rec_gt.txt instead of new ones")


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
    one.add_argument("--level", choices=("line", "char"), default="line", help="lines or characters (default: %(default)s)")


def predictions_parser(prog: str | None = None) -> CommandParser:
    """Of `--from-predictions`, the way from a model's results to labels that a person corrects."""
    main = CommandParser(__doc__, prog)
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
    part.add_argument("--crop-format", choices=(".jpg", ".png"), default=".jpg", help="rec: (default: %(default)s)")
    part.add_argument("--quality", type=int, default=95, metavar="Q", help="rec: of JPEG crops (default: %(default)s)")
    part.add_argument(
        "--filter",
        choices=("none", "ocrs"),
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
    from ppocr_like.convert.easyocr import EasyOcrCrops
    from ppocr_like.convert.ppocrlabel import RecGt
    from ppocr_like.documents.formats.icdar2019 import Icdar2019

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
    from ppocr_like.convert.ppocrlabel import PPOCRLabel
    from ppocr_like.convert.xml_pages import XMLPages
    from ppocr_like.documents.formats.coco_text import CocoText
    from ppocr_like.documents.formats.hiertext import HierText
    from ppocr_like.documents.formats.icdar import Icdar
    from ppocr_like.documents.formats.icdar2019 import Icdar2019, ReCTS
    from ppocr_like.documents.formats.labelme import Labelme
    from ppocr_like.documents.formats.total_text import TotalText

    skip = {"skip_bad": args.skip_bad}
    match args.format:
        case "hiertext":
            return HierText(args.source, args.images, args.level, args.illegible, args.task == "rec", **skip)
        case "icdar":
            quotes = args.keep_quotes
            return Icdar(args.source, args.images, args.form, args.extra_columns, args.encoding, keep_quotes=quotes, **skip)
        case "lsvt" | "art":
            return Icdar2019(args.source, args.images, **skip)
        case "rects":
            return ReCTS(args.source, args.images, args.level, **skip)
        case "total-text":
            return TotalText(args.source, args.images, **skip)
        case "coco-text":
            return CocoText(args.source, args.images, args.split, args.illegible_text, **skip)
        case "xml":
            return XMLPages(args.source, args.images, args.shape, **skip)
        case "labelme":
            return Labelme(args.source, args.images, args.text_from, **skip)
        case _:
            return PPOCRLabel(args.source, args.images, args.confirmed, **skip)


def target(args: argparse.Namespace) -> Target:
    """Where the result goes.

    Raises:
        ValueError: a share, number or quality out of range.
    """
    from ppocr_like.convert.target import Target

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
    from ppocr_like.convert.ppocrlabel import CROPS, LABELS, STATE
    from ppocr_like.convert.xml_pages import XMLPages
    from ppocr_like.outputs import claim

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
    if args.format == "xml":  # a pattern has no folder
        files += XMLPages(args.source).xml_files
        images = sorted({str(args.images or path.parent) for path in files})
    claim(place.files, files, images=images, advice="choose another file with --out (and --val-out)")


def wanted(args: argparse.Namespace) -> LineFilter:
    """Which boxes become crops."""
    from ppocr_like.convert.crops import OCRS_FILTER, LineFilter

    return OCRS_FILTER if (args.filter or args.format) in ("ocrs", "hiertext") else LineFilter()
