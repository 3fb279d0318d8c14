"""From the arguments of `tools/infer.py` to what is said at its end."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ppocr_like.config.cli import recipe_from
from ppocr_like.config.yaml_io import parse
from ppocr_like.errors import ConfigError, Problem, WeightsError
from ppocr_like.pipeline.infer import TEXT, infer
from ppocr_like.pipeline.inputs import SUFFIXES, find_images, read_list
from ppocr_like.pipeline.kinds import open_model
from ppocr_like.pipeline.ocr import OCR
from ppocr_like.pipeline.page_files import PDF as PDF_KIND
from ppocr_like.pipeline.page_files import SKIP
from ppocr_like.pipeline.page_sources import PDF
from ppocr_like.pipeline.read_pages import check_kinds, model_mark, read_pages

Said = tuple[list[str], list[str]]
OUT = "output/infer"
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")  # BCP 47, without a look at its registry


def read_alone(args: argparse.Namespace, say: Callable[[str], None]) -> Said:
    """One model over images; (lines for the end, failures).

    Raises:
        WeightsError, DataError, ConfigError: see `open_model`, `infer`.
    """
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
    kinds = [kind for kind in (part.strip() for part in args.format.split(",")) if kind]
    check_kinds(kinds)
    languages = _languages(args.lang)
    left_out: list[str] = []
    images = find_images(args.images, SUFFIXES | set(PDF), left_out.append)
    settings = {
        "det": model_mark(args.det),
        "rec": model_mark(args.rec),
        "min_confidence": args.min_confidence,
        "order": args.order,
        "tile": args.tile,
    }
    changes = _values(args.det_postprocess)
    if changes:
        settings["det_postprocess"] = changes
    if languages:
        settings["languages"] = languages
    if args.pdf_text != SKIP and PDF_KIND in kinds:
        settings["pdf_text"] = args.pdf_text
    if args.cls:
        settings |= {"cls": model_mark(args.cls), "cls_thresh": args.cls_thresh}
    try:
        ocr = OCR(
            args.det,
            args.rec,
            args.cls,
            det_postprocess=changes,
            cls_thresh=args.cls_thresh,
            min_confidence=args.min_confidence,
            order=args.order,
            tile=args.tile,
            batch_size=args.batch_size,
            threads=args.threads,
            device=args.device,
        )
    except ValueError as error:
        raise ConfigError([], str(error)) from error
    out = Path(args.out or OUT)
    reads = (args.det, args.rec, args.cls, args.font)
    options: dict[str, Any] = {"kinds": kinds, "font": args.font, "overwrite": args.overwrite, "password": args.password}
    options |= {"languages": languages, "pdf_text": args.pdf_text}
    summary = read_pages(ocr, images, out, settings=settings, reads=reads, **options)
    before = f", {summary.before} were read before" if summary.before else ""
    said = [f"{summary.read} pages read ({summary.lines} lines){before}; results: {out}"]
    return said + [f"note: {note}" for note in (*left_out, *summary.notes)], summary.failed


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
    wrong = [item for item in items if not all(item.partition("="))]
    if wrong:
        raise ConfigError([Problem(item, "write NAME=VALUE") for item in wrong], "--det-postprocess")
    return {name: parse(value, name)[0] for name, _, value in (item.partition("=") for item in items)}
