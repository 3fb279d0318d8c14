"""Make synthetic lines: texts of a corpus in many fonts, on paper that is not clean.

    python tools/synth.py --corpus texts.txt --fonts fonts/ --out train_data/synth --count 20000
    python tools/synth.py --corpus texts.txt --fonts fonts/ --out train_data/plates --count 5000 --dict dict.txt --lmdb
        --boost O0Q8B --set boost_ratio=0.5 length=[4,9]

The label file (or LMDB folder) is mixed with real lines by ratio_list: 10 real to 1 synthetic, up to 5 to 1 where some characters
are misread. Interrupted, it goes on when the same command is given again. `--list` names every setting.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from ppocr_like.cli.arguments import CommandParser


class ListSettings(argparse.Action):
    """`--list`."""

    def __call__(self, *_: Any, **__: Any) -> None:
        from dataclasses import MISSING, Field, fields

        from ppocr_like.synth.settings import SynthSettings

        def usual(field: Field[Any]) -> str:
            if field.default_factory is not MISSING:
                return f"default {field.default_factory()}"
            return "needed" if field.default is MISSING else f"default {field.default!r}"

        print("\n".join(f"{f.name} ({usual(f)}): {f.metadata['doc']}" for f in fields(SynthSettings)))
        sys.exit(0)


def make_parser(prog: str | None = None) -> CommandParser:
    parser = CommandParser(__doc__, prog)
    parser.add_argument("--corpus", nargs="+", required=True, metavar="TXT", help="text files, UTF-8, a text in each line")
    parser.add_argument("--fonts", nargs="+", required=True, metavar="PATH", help="font files, folders of them")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for the lines")
    parser.add_argument("--count", type=int, required=True, metavar="N", help="lines that shall be there")
    parser.add_argument("--backgrounds", metavar="DIR", help="images of paper; default: paper is made up")
    parser.add_argument("--boost", default="", metavar="CHARS", help="characters that should come more often")
    parser.add_argument("--set", nargs="+", action="append", default=[], metavar="KEY=VALUE", help="another setting, see --list")
    parser.add_argument("--dict", metavar="TXT", help="dictionary: only texts that it can write (and spaces)")
    parser.add_argument("--visual", action="store_true", help="right-to-left labels as on the page: text_direction ltr, paddle")
    parser.add_argument("--lmdb", action="store_true", help="write an LMDB folder for LMDBDataSet")
    parser.add_argument("--suffix", default=".png", choices=(".png", ".jpg"), help="of the images (default .png)")
    parser.add_argument("--seed", type=int, default=0, help="another one, other lines (default 0)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one per core)")
    parser.add_argument("--list", action=ListSettings, nargs=0, help="name every setting")
    return parser


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    parser = make_parser(prog)
    args = parser.parse_args(argv)
    if args.count < 1 or (args.workers is not None and args.workers < 1):
        parser.error("--count and --workers must be 1 or more")

    from ppocr_like.charset import Charset
    from ppocr_like.config.typecheck import fit
    from ppocr_like.config.yaml_io import parse
    from ppocr_like.errors import ConfigError
    from ppocr_like.synth.dataset import writable
    from ppocr_like.synth.settings import SynthSettings
    from ppocr_like.synth.write import make_lines

    tree = {"corpus": args.corpus, "fonts": args.fonts, "backgrounds": args.backgrounds, "boost": args.boost}
    for item in [item for group in args.set for item in group]:
        key, equals, value = item.partition("=")
        if not equals:
            parser.error(f"--set {item}: write key=value")
        tree[key] = parse(value, f"--set {key}")[0]
    if args.boost and "boost_ratio" not in tree:
        tree["boost_ratio"] = 0.3
    settings, problems = fit(tree, SynthSettings, "")
    if problems:
        raise ConfigError(problems, "settings")
    allowed = sorted(writable(Charset.from_file(args.dict, True))) if args.dict else None
    options = {
        "visual": args.visual,
        "reads": [args.dict] if args.dict else [],
        "seed": args.seed,
        "lmdb": args.lmdb,
        "suffix": args.suffix,
        "workers": args.workers,
    }
    print(make_lines(settings, args.count, args.out, allowed=allowed, **options).text())
    return 0
