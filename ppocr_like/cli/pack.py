"""Pack label files and their images into one LMDB folder, for data of many small files.

    python tools/pack.py train.txt more.txt --data-dir my_data --out my_data/lmdb/train

Train.dataset: {name: LMDBDataSet, data_dir: my_data/lmdb/train, ...} reads it, as PaddleOCR and deep-text-recognition-benchmark
do. Interrupted, it goes on when the same command is given again. Images that cannot be used are counted and named in
left_out.tsv beside the data. Status 2: something cannot be read or written.
"""

from __future__ import annotations

from collections.abc import Sequence

from ppocr_like.cli.arguments import CommandParser


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    parser = CommandParser(__doc__, prog)
    parser.add_argument("label_files", nargs="+", metavar="LABELS", help="label files: image path<TAB>text")
    parser.add_argument("--data-dir", required=True, metavar="DIR", help="folder that the image paths are relative to")
    parser.add_argument("--out", required=True, metavar="DIR", help="the LMDB folder")
    parser.add_argument("--delimiter", default="\t", help="between image path and text (default: a tab)")
    parser.add_argument(
        "--no-check", action="store_true", help="do not decode the images; only missing and empty ones are left out"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="that read and check images (default: one per core)")
    args = parser.parse_args(argv)
    if args.threads is not None and args.threads < 1:
        parser.error(f"--threads {args.threads}: at least 1 is needed")

    from ppocr_like.data.pack import pack

    made = pack(
        args.label_files,
        args.data_dir,
        args.out,
        delimiter=args.delimiter,
        check=not args.no_check,
        threads=args.threads,
    )
    print(made.text())
    return 0
