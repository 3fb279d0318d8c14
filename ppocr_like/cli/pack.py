"""Pack lines and their texts into one LMDB folder, or into one file as kraken compiles it.

    python tools/pack.py train.txt more.txt --data-dir my_data --out my_data/lmdb/train
    python tools/pack.py 'archive/*.xml' --out archive.arrow
    python tools/pack.py 'lines/*.png' --out lmdb/lines
    python tools/pack.py -c recipe.yml --section Eval --out eval.arrow

What is given may be label files (image path<TAB>text), pages in ALTO or PAGE XML, line images with a .gt.txt beside each, or
compiled .arrow files; patterns in quotes are read by the program. With -c it is a data set of the recipe: its filters, split and
partition hold. An LMDB folder is for LMDBDataSet, PaddleOCR and deep-text-recognition-benchmark; a name that ends in .arrow gives
the file that ArrowDataSet and `ketos train -f binary` read. An interrupted LMDB folder goes on when the same command is given
again; an .arrow file is there when it is complete. Lines that cannot be used are counted and named in left_out.tsv. Status 2:
something cannot be read or written.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from ppocr_like.cli.arguments import recipe_from, recipe_parser

_KINDS = ("labels", "xml", "alto", "page", "path", "arrow")


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    parser = recipe_parser(__doc__, prog, required=False)
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="label files, XML pages, line images or .arrow files")
    parser.add_argument("--out", required=True, metavar="PLACE", help="an LMDB folder, or a file that ends in .arrow")
    parser.add_argument("--from", dest="kind", choices=_KINDS, help="what the inputs are (default: by the ending of the first)")
    parser.add_argument(
        "--manifest", action="append", default=[], metavar="FILE", help="list of inputs, one in a line; repeatable"
    )
    parser.add_argument("--data-dir", metavar="DIR", help="of label files: folder that the image paths are relative to")
    parser.add_argument("--delimiter", default="\t", help="of label files: between image path and text (default: a tab)")
    parser.add_argument("--section", choices=("Train", "Eval"), default="Train", help="with -c: which data set (default: Train)")
    parser.add_argument("--name", metavar="SET", help="with --section Eval: the name of the set in Eval.datasets")
    parser.add_argument("--linetype", choices=("auto", "baselines", "bbox"), help="of pages: how lines are cut (default: auto)")
    parser.add_argument("--fill", choices=("paper", "black"), help="of pages: what is outside a line's outline (default: paper)")
    parser.add_argument("--keep-empty", action="store_true", help="lines without text, too")
    parser.add_argument("--cut", choices=("baselines", "bbox"), help="how the lines of an .arrow file are marked as cut")
    parser.add_argument(
        "--no-check", action="store_true", help="do not decode the images; only missing and empty ones are left out"
    )
    parser.add_argument(
        "--threads", "--workers", type=int, metavar="N", help="that read, cut and check images (default: one per core)"
    )
    args = parser.parse_args(argv)
    if args.threads is not None and args.threads < 1:
        parser.error(f"--threads {args.threads}: at least 1 is needed")
    _check(parser, args)

    from ppocr_like.data.pack import pack, pack_set

    common: dict[str, Any] = {"check": not args.no_check}
    if args.config is None and args.kind == "labels" and not args.out.lower().endswith(".arrow"):
        made = pack(args.inputs, args.data_dir, args.out, delimiter=args.delimiter, threads=args.threads, **common)
    else:
        dataset, told = _of_recipe(args) if args.config is not None else _of_inputs(args)
        keys = [dataset.source_key(number) for number in range(len(dataset.label_files))]
        told = {**told, **common, "files": [[key.path, key.size, key.mtime] for key in keys]}
        reads = [*args.inputs, *args.manifest, args.config]
        made = pack_set(dataset, args.out, told, cut=args.cut, workers=args.threads, reads=reads, **common)
    print(made.text())
    return 0


def _check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Says what does not go together, and sets `kind` where it is not given."""
    if (args.config is not None) == bool(args.inputs or args.manifest):
        parser.error("give inputs (or --manifest), or a recipe with -c")
    pages = [f"--{name}" for name in ("linetype", "fill") if getattr(args, name) is not None]
    if args.config is not None:
        if pages or args.kind or args.keep_empty or args.data_dir:
            parser.error("with -c the recipe says what is packed; change its data set with -o")
        return
    if args.kind is None:
        first = (args.inputs or ["x.xml"])[0].lower()
        endings = {".xml": "xml", ".arrow": "arrow", ".txt": "labels", ".tsv": "labels", ".csv": "labels"}
        images = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
        by_ending = next((kind for ending, kind in endings.items() if first.endswith(ending)), None)
        args.kind = by_ending or ("path" if first.endswith(images) else "labels")
    if pages and args.kind not in ("xml", "alto", "page"):
        parser.error(f"{' and '.join(pages)}: only pages are cut into lines")
    if args.kind == "labels" and (args.data_dir is None or args.manifest):
        parser.error("label files need --data-dir, and no --manifest")


def _of_recipe(args: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """(data set, what it is) of a recipe."""
    from ppocr_like.charset import Charset
    from ppocr_like.components import load_components
    from ppocr_like.config.build import Builder
    from ppocr_like.engine.line_files import judge_left_out

    recipe = recipe_from(args)
    load_components(recipe.plugins)
    builder = Builder(recipe, Charset.from_file(None))
    dataset = builder.dataset(args.section, args.name)
    judge_left_out(dataset, args.name or args.section)
    return dataset, {"section": args.section, "set": builder.dataset_node(args.section, args.name)[0]}


def _of_inputs(args: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """The same of files."""
    if args.kind == "labels":
        from ppocr_like.data.simple import SimpleDataSet

        return SimpleDataSet(args.data_dir, args.inputs, delimiter=args.delimiter), {}
    from ppocr_like.data.lines.arrow_set import ArrowDataSet
    from ppocr_like.data.lines.path_set import PathDataSet

    keys: dict[str, Any] = {
        "manifests": args.manifest,
        "files": args.inputs,
        "empty": "keep" if args.keep_empty else "skip",
        "mode": "eval",
    }
    told = {"from": args.kind, **keys}
    if args.kind == "path":
        return PathDataSet(**keys), told
    if args.kind == "arrow":
        return ArrowDataSet(**keys), told
    from ppocr_like.data.lines.xml_set import XMLDataSet

    cut = {name: getattr(args, name) for name in ("linetype", "fill") if getattr(args, name) is not None}
    return XMLDataSet(**keys, **cut, format=args.kind, cache="none"), {**told, **cut}
