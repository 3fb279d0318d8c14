"""Write a dictionary: the characters of label files, one per line, sorted, without the space; or those that a model knows.

    python tools/make_dict.py train_data/typewritten_fr/train.txt train_data/fraktur_archiscribe/train.txt --out dict.txt
    python tools/make_dict.py --from pretrained/svtr_small.safetensors --out dict.txt

Make it from training labels only. --from takes weights, a run folder, a bundle, an ONNX file with its characters in it, or
PaddleOCR's folder with inference.yml, and keeps the order of the classes. Status 2: a file cannot be used.
"""

from __future__ import annotations

from collections.abc import Sequence

from ppocr_like.cli.arguments import CommandParser

RARE = 10


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    parser = CommandParser(__doc__, prog)
    parser.add_argument("labels", nargs="*", help="label files: image<TAB>text")
    parser.add_argument("--from", dest="model", metavar="MODEL", help="write the characters of this model instead")
    parser.add_argument("--out", required=True, help="the dictionary")
    parser.add_argument(
        "--min-count", type=int, default=1, metavar="N", help="leave out characters that occur fewer than N times"
    )
    parser.add_argument("--delimiter", default="\t", help="between image and text (default: a tab)")
    parser.add_argument("--force", action="store_true", help="replace the dictionary if it exists")
    args = parser.parse_args(argv)
    if bool(args.labels) == (args.model is not None):
        parser.error("give label files, or --from MODEL")

    from ppocr_like.outputs import claim
    from ppocr_like.report.dictionary import count_characters, describe_character, refuse_existing, write_dictionary

    refuse_existing(args.out, args.force)
    claim([args.out], [*args.labels, args.model], advice="choose another file with --out")
    if args.model is not None:
        from ppocr_like.report.model_charset import write_model_dictionary  # with it torch, which label files do not need

        print(write_model_dictionary(args.model, args.out))
        return 0
    counts = count_characters(args.labels, args.delimiter)
    entries = write_dictionary(args.out, counts, args.min_count, args.force)
    print(
        f"{args.out}: {len(entries)} different characters of {sum(counts.values())} in the labels; "
        "the space is not listed: set Global.use_space_char: true"
    )
    rare = [entry for entry in entries if counts[entry] <= RARE]
    if rare:
        print(f"seldom ({RARE} times or fewer; worth a look for mistyped labels):")
    for entry in sorted(rare, key=lambda e: (counts[e], e)):
        print(f"  {counts[entry]:3d}  {describe_character(entry)}")
    return 0
