"""The arguments of `tools/infer.py` on the command line."""

from __future__ import annotations

import argparse

from ppocr_like.config.cli import add_password, recipe_parser
from ppocr_like.pipeline.page_files import PDF_TEXT, SKIP
from ppocr_like.pipeline.read_pages import DEFAULT_KINDS, KINDS


def arguments(description: str) -> argparse.Namespace:
    """What stands on the command line; mistakes in it end the program with status 2 and the usage."""
    parser = recipe_parser(description, required=False)
    parser.add_argument("images", nargs="*", help="images and folders; default Global.infer_img, Global.infer_list")
    parser.add_argument("--out", help="folder for the results; default that of Global.save_res_path, else output/infer")
    add_password(parser)
    parser.add_argument("--font", help="font file for the pictures; default: the best of those installed")
    parser.add_argument("--batch-size", type=int, metavar="N", help="images per call of the network; default 16 lines, 1 page")
    parser.add_argument("--device", default="cpu", help="for PyTorch: cpu, cuda, mps (a bundle runs on the CPU)")
    _add_alone(parser.add_argument_group("one model alone"))
    _add_pages(parser.add_argument_group("whole pages"))
    args = parser.parse_args()
    _check(parser, args)
    return args


def _add_alone(alone: argparse._ArgumentGroup) -> None:
    alone.add_argument("--model", help="bundle, run folder or weights; default Global.pretrained_model")
    alone.add_argument("--max-pages", type=int, metavar="N", default=50, help="most pictures (default 50; 0: none)")
    alone.add_argument("--heat-map", action="store_true", help="also draw a detector's probabilities over each page")


def _add_pages(pages: argparse._ArgumentGroup) -> None:
    pages.add_argument("--det", help="detector: bundle, run folder or weights")
    pages.add_argument("--rec", help="recogniser: bundle, run folder or weights")
    pages.add_argument("--cls", help="classifier of lines' directions, likewise: lines upside down are turned; default: none")
    pages.add_argument("--cls-thresh", type=float, metavar="P", default=0.9, help="turn lines above it (default 0.9)")
    pages.add_argument(
        "--det-postprocess", nargs="+", default=[], metavar="NAME=V", help="values in place of the detector's: unclip_ratio=1.8"
    )
    pages.add_argument("--format", default=",".join(DEFAULT_KINDS), help=f"some of {','.join(KINDS)} (default %(default)s)")
    pages.add_argument("--lang", default="", metavar="CODES", help="languages of the text, which hOCR and ALTO name: de or de,la")
    pages.add_argument(
        "--pdf-text",
        default=SKIP,
        choices=PDF_TEXT,
        help="of PDF pages that have text already, in a searchable PDF: skip leaves them as they are, add lays what is read over "
        "them all the same (default %(default)s)",
    )
    pages.add_argument("--min-confidence", type=float, default=0.5, metavar="P", help="leave out lines below it (default 0.5)")
    pages.add_argument("--order", default="auto", choices=("auto", "rows", "none"), help="of the lines; auto knows columns")
    pages.add_argument("--tile", type=int, metavar="PX", help="search larger pages in tiles of this size; default: only strips")
    pages.add_argument("--threads", type=int, metavar="N", help="of ONNX Runtime; default: it chooses")
    pages.add_argument("--overwrite", action="store_true", help="start anew in a folder with results of other models")


def _check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """What an option alone does not tell."""
    if bool(args.det) != bool(args.rec):
        parser.error("whole pages need --det and --rec; one model alone is given with --model")
    if args.cls and not args.det:
        parser.error("--cls stands beside --det and --rec; one model alone is given with --model")
    if args.det_postprocess and not args.det:
        parser.error("--det-postprocess stands beside --det and --rec; of one model alone -c and -o change it")
    if args.lang and not args.det:
        parser.error("--lang stands beside --det and --rec; one model alone writes no format that names languages")
    if args.det and (args.model or args.config or args.heat_map):
        parser.error("--model, -c and --heat-map are for one model alone, not beside --det and --rec")
    if args.det and len(args.opt) == 1 and len(args.opt[0]) == 1 and "=" not in args.opt[0][0]:
        args.out, args.opt = args.out or args.opt[0][0], []  # beside --det, -o names the folder
    if args.opt and not args.config:
        parser.error("-o changes a recipe: give it with -c, or use --model, --out and the names of the images")
    if any(number is not None and number < 1 for number in (args.batch_size, args.threads)) or args.max_pages < 0:
        parser.error("--batch-size and --threads must be 1 or more, --max-pages 0 or more")
