"""Turn an experiment file of kraken into a recipe; of each key is said what became of it.

python tools/kraken_recipe.py experiment.yml --out my.yml
python tools/kraken_recipe.py --out my.yml -- ketos --workers 4 train -f page -t pages.txt -r 0.0005

kraken's defaults stand in the recipe where the experiment says nothing. Status 2: it cannot be read, or makes no recipe.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from ppocr_like.cli.arguments import CommandParser


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    given = sys.argv[1:] if argv is None else list(argv)
    cut = given.index("--") if "--" in given else len(given)
    command = given[cut + 1 :]
    parser = make_parser(prog)
    args = parser.parse_args(given[:cut])
    if bool(command) == (args.experiment is not None):
        parser.error("give an experiment file, or behind -- a command line (ketos train ...)")

    from ppocr_like.atomic import write_text
    from ppocr_like.convert.kraken_experiment import read_command, read_experiment
    from ppocr_like.convert.kraken_recipe import kraken_recipe
    from ppocr_like.errors import DataError
    from ppocr_like.outputs import claim

    made = kraken_recipe(read_command(command) if command else read_experiment(args.experiment))
    out = Path(args.out)
    claim([out], [args.experiment], advice="choose another file with --out")
    if out.exists() and not args.force:
        raise DataError("exists; give another --out, or --force to replace it", str(out))
    write_text(out, made.text(shlex.join(command) or args.experiment))
    for line in (*made.fates, "", *made.notes):
        print(line)
    print(f"{out}: try it with tools/check.py -c {out}, train with tools/train.py -c {out}")
    return 0


def make_parser(prog: str | None = None) -> CommandParser:
    """The whole parser, for what stands before a `--`."""
    parser = CommandParser(__doc__, prog)
    parser.add_argument("experiment", nargs="?", metavar="EXPERIMENT", help="a YAML file for ketos --config")
    parser.add_argument("--out", required=True, metavar="RECIPE", help="the recipe to write")
    parser.add_argument("--force", action="store_true", help="replace a recipe that exists")
    return parser
