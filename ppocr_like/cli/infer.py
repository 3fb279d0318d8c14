"""Read pages; or lines, or find text regions, with one model alone. Writes text, JSON, other formats and pictures of the results.

python tools/infer.py --det output/det/inference --rec output/rec/inference scans/ letter.pdf --out text
python tools/infer.py --model output/svtr_ft/inference line.jpg folder_of_lines
python tools/infer.py --model output/db_mv3_ft/inference page.jpg folder_of_pages --heat-map
python tools/infer.py page.jpg -c configs/det/db_mv3_ft.yml -o Global.pretrained_model=output/db_mv3_ft PostProcess.box_thresh=0.5

A model is an exported bundle or a PP-OCR model in ONNX (both run without PyTorch), a run folder, or a weights file. Weights of
this program carry their recipe; -c is needed for others, and to try other thresholds: its Eval transforms and PostProcess win
over those of the model.
Pages that an earlier call has read are not read again. Status 1: some images could not be used; they are named at the end.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ppocr_like.cli.arguments import CommandParser, add_password, recipe_from, recipe_parser
from ppocr_like.errors import ConfigError, Problem, WeightsError
from ppocr_like.printable import one_line

KINDS, DEFAULT_KINDS = "txt,json,page,alto,hocr,pdf,picture", "txt,json,picture"  # of `pipeline.read_pages`
Said = tuple[list[str], list[str]]
OUT = "output/infer"
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")  # BCP 47, without a look at its registry


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    args = arguments(argv, prog)
    read = read_whole_pages if args.det else read_alone
    said, failed = read(args, lambda line: print(line, flush=True))
    for line in said:
        print(line)
    for failure in failed:
        sys.stderr.write(f"not read: {one_line(failure)}\n")
    return 1 if failed else 0


def arguments(argv: Sequence[str] | None = None, prog: str | None = None) -> argparse.Namespace:
    """What stands on the command line; mistakes in it end the program with status 2 and the usage."""
    parser = make_parser(prog)
    args = parser.parse_args(argv)
    _check(parser, args)
    return args


def make_parser(prog: str | None = None) -> CommandParser:
    parser = recipe_parser(__doc__, prog, required=False)
    parser.add_argument("images", nargs="*", help="images and folders; default Global.infer_img, Global.infer_list")
    parser.add_argument("--out", help="folder for the results; default that of Global.save_res_path, else output/infer")
    add_password(parser)
    parser.add_argument("--font", help="font file for the pictures; default: the best of those installed")
    parser.add_argument("--batch-size", type=int, metavar="N", help="images per call of the network; default 16 lines, 1 page")
    parser.add_argument("--device", default="cpu", help="for PyTorch: cpu, cuda, mps (a bundle runs on the CPU)")
    _add_alone(parser.add_argument_group("one model alone"))
    _add_pages(parser.add_argument_group("whole pages"))
    return parser


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
    pages.add_argument("--format", default=DEFAULT_KINDS, help=f"some of {KINDS} (default %(default)s)")
    pages.add_argument("--lang", default="", metavar="CODES", help="languages of the text, which hOCR and ALTO name: de or de,la")
    pages.add_argument(
        "--pdf-text",
        default="skip",
        choices=("skip", "add"),
        help="of PDF pages that have text already, in a searchable PDF: skip leaves them as they are, add lays what is read over "
        "them all the same (default %(default)s)",
    )
    pages.add_argument("--min-confidence", type=float, default=0.5, metavar="P", help="leave out lines below it (default 0.5)")
    pages.add_argument("--order", default="auto", choices=("auto", "rows", "none"), help="of the lines; auto knows columns")
    pages.add_argument("--tile", type=int, metavar="PX", help="search larger pages in tiles of this size; default: only strips")
    told = "narrowest canvas that lines are read on: short lines take less time; default: the recogniser's own, 320 for most"
    pages.add_argument("--narrowest", type=int, metavar="PX", help=told)
    pages.add_argument("--threads", type=int, metavar="N", help="of ONNX Runtime; default: all processors, 1 of each process")
    told = "processes that read pages, each with models of its own; 0 or auto: as many as there are processors (default 1)"
    pages.add_argument("--workers", type=_workers, metavar="N", default=1, help=told)
    pages.add_argument("--overwrite", action="store_true", help="start anew in a folder with results of other models")


def _workers(text: str) -> int:
    """A number of processes; 0: as many as there are processors.

    Raises:
        ArgumentTypeError: anything else.
    """
    if text != "auto" and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes; give one, or auto")
    return 0 if text == "auto" else int(text)


def _check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """What an option alone does not tell."""
    if bool(args.det) != bool(args.rec):
        parser.error("whole pages need --det and --rec; one model alone is given with --model")
    if args.cls and not args.det:
        parser.error("--cls stands beside --det and --rec; one model alone is given with --model")
    if args.det_postprocess and not args.det:
        parser.error("--det-postprocess stands beside --det and --rec; of one model alone -c and -o change it")
    if args.workers != 1 and not args.det:
        parser.error("--workers stands beside --det and --rec; one model alone is run by this process")
    if args.lang and not args.det:
        parser.error("--lang stands beside --det and --rec; one model alone writes no format that names languages")
    if args.det and (args.model or args.config or args.heat_map):
        parser.error("--model, -c and --heat-map are for one model alone, not beside --det and --rec")
    if args.det and len(args.opt) == 1 and len(args.opt[0]) == 1 and "=" not in args.opt[0][0]:
        args.out, args.opt = args.out or args.opt[0][0], []  # beside --det, -o names the folder
    if args.opt and not args.config:
        parser.error("-o changes a recipe: give it with -c, or use --model, --out and the names of the images")
    numbers = (args.batch_size, args.threads, args.narrowest)
    if any(number is not None and number < 1 for number in numbers) or args.max_pages < 0:
        parser.error("--batch-size, --threads and --narrowest must be 1 or more, --max-pages 0 or more")


def read_alone(args: argparse.Namespace, say: Callable[[str], None]) -> Said:
    """One model over images; (lines for the end, failures).

    Raises:
        WeightsError, DataError, ConfigError: see `open_model`, `infer`.
    """
    from ppocr_like.pipeline.infer import TEXT, infer
    from ppocr_like.pipeline.inputs import find_images, read_list
    from ppocr_like.pipeline.opening import open_model

    recipe = recipe_from(args) if args.config else None
    settings = recipe.globals if recipe else None
    model = args.model or (settings and (settings.checkpoints or settings.pretrained_model))
    if not model:
        raise WeightsError(
            "no model given: use --model (bundle, run folder, weights), --det and --rec, or -c with Global.pretrained_model"
        )
    sources = list(args.images)
    if not sources and settings:
        sources = [settings.infer_img] if settings.infer_img else []
        sources += read_list(settings.infer_list) if settings.infer_list else []
    left_out: list[str] = []
    images = find_images(sources, say=left_out.append)
    result = Path(settings.save_res_path) if settings and settings.save_res_path else Path(OUT)
    folder, name = (result.parent, result.name) if result.suffix == ".txt" else (result, TEXT)
    summary = infer(
        open_model(model, recipe, batch_size=args.batch_size, device=args.device),
        images,
        args.out or folder,
        text_name=name,
        font=args.font,
        max_pages=args.max_pages,
        password=args.password,
        heat_map=args.heat_map,
        reads=(model, args.config, args.font),
        say=say,
    )
    shown = ", ".join(map(str, summary.files[:4])) + (f" and {len(summary.files) - 4} more" if len(summary.files) > 4 else "")
    said = [f"{summary.read} of {len(images)} images read; results: {shown}"]
    return said + [f"note: {note}" for note in (*left_out, *summary.notes)], summary.failed


def read_whole_pages(args: argparse.Namespace, say: Callable[[str], None]) -> Said:
    """A detector and a recogniser over pages; (lines for the end, failures).

    Raises:
        WeightsError, DataError, ConfigError: see `OCR`, `read_pages`.
    """
    import cv2

    from ppocr_like.data.apart import cores
    from ppocr_like.memory import share_heaps
    from ppocr_like.pipeline.inputs import SUFFIXES, find_images
    from ppocr_like.pipeline.ocr import OCR
    from ppocr_like.pipeline.page_sources import PDF
    from ppocr_like.pipeline.read_pages import check_kinds, read_pages

    kinds = [kind for kind in (part.strip() for part in args.format.split(",")) if kind]
    check_kinds(kinds)
    languages = _languages(args.lang)
    left_out: list[str] = []
    images = find_images(args.images, SUFFIXES | set(PDF), left_out.append)
    settings = _settings(args, kinds, languages)
    cv2.setNumThreads(1)  # pages and lines are read side by side: OpenCV's own threads would take turns with them
    share_heaps()
    try:
        ocr = OCR(
            args.det,
            args.rec,
            args.cls,
            det_postprocess=_values(args.det_postprocess),
            cls_thresh=args.cls_thresh,
            min_confidence=args.min_confidence,
            order=args.order,
            tile=args.tile,
            narrowest=args.narrowest,
            batch_size=args.batch_size,
            threads=args.threads,
            device=args.device,
        )
    except ValueError as error:
        raise ConfigError([], str(error)) from error
    out = Path(args.out or OUT)
    reads = (args.det, args.rec, args.cls, args.font)
    options: dict[str, Any] = {"kinds": kinds, "font": args.font, "overwrite": args.overwrite, "password": args.password}
    options |= {"languages": languages, "pdf_text": args.pdf_text, "workers": args.workers or cores()}
    summary = read_pages(ocr, images, out, settings=settings, reads=reads, **options)
    before = f", {summary.before} were read before" if summary.before else ""
    said = [f"{summary.read} pages read ({summary.lines} lines){before}; results: {out}"]
    return said + [f"note: {note}" for note in (*left_out, *summary.notes)], summary.failed


def _settings(args: argparse.Namespace, kinds: Sequence[str], languages: Sequence[str]) -> dict[str, Any]:
    """What the results depend on."""
    from ppocr_like.pipeline.page_files import PDF, SKIP
    from ppocr_like.pipeline.read_pages import model_mark

    settings: dict[str, Any] = {"det": model_mark(args.det), "rec": model_mark(args.rec)}
    settings |= {name: getattr(args, name) for name in ("min_confidence", "order", "tile")}
    if changes := _values(args.det_postprocess):
        settings["det_postprocess"] = changes
    if languages:
        settings["languages"] = languages
    if args.pdf_text != SKIP and PDF in kinds:
        settings["pdf_text"] = args.pdf_text
    if args.narrowest:
        settings["narrowest"] = args.narrowest
    if args.cls:
        settings |= {"cls": model_mark(args.cls), "cls_thresh": args.cls_thresh}
    return settings


def _languages(text: str) -> list[str]:
    """Of codes with commas between.

    Raises:
        ConfigError: one is no code of a language.
    """
    codes = [code for code in (part.strip() for part in text.split(",")) if code]
    wrong = [code for code in codes if not LANGUAGE.fullmatch(code)]
    if wrong:
        raise ConfigError(
            [Problem(code, "is no code of a language; write de, en or sr-Latn (BCP 47)") for code in wrong], "--lang"
        )
    return codes


def _values(items: Sequence[str]) -> dict[str, Any]:
    """Of `NAME=VALUE` items, values as in YAML.

    Raises:
        ConfigError: an item of another form.
    """
    from ppocr_like.config.yaml_io import parse

    wrong = [item for item in items if not all(item.partition("="))]
    if wrong:
        raise ConfigError([Problem(item, "write NAME=VALUE") for item in wrong], "--det-postprocess")
    return {name: parse(value, name)[0] for name, _, value in (item.partition("=") for item in items)}
