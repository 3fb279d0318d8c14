"""Make a language model of labels, which `PostProcess: {name: CTCLabelDecode, decoder: beam, lm: FILE}` reads.

python tools/make_lm.py -c configs/rec/svtr_ft.yml --out output/lm
python tools/make_lm.py -c my.yml --corpus books.txt letters.txt --out output/lm.npz

Without --corpus it is made of the recipe's training texts. Texts go through the recipe's own rules: TextNormalize, dictionary or
codec, text direction. A corpus is UTF-8, best in lines as long as those that are read. Writes ARPA, for other programs, and
a table that loads faster; a name that ends in .arpa or .npz asks for one of them. Then tools/tune.py finds the weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ppocr_like.cli.arguments import CommandParser, recipe_from, recipe_parser


def make_parser(prog: str | None = None) -> CommandParser:
    parser = recipe_parser(__doc__, prog)
    parser.add_argument("--out", type=Path, required=True, help="the files to write; missing folders are made")
    parser.add_argument("--corpus", nargs="+", default=[], metavar="FILE", help="texts to count instead of the training texts")
    parser.add_argument("--training", action="store_true", help="count the training texts beside those of --corpus")
    parser.add_argument("--order", type=int, default=6, metavar="N", help="longest n-grams, 2 to 8 (default: 6)")
    return parser


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    args = make_parser(prog).parse_args(argv)
    recipe = recipe_from(args)

    from ppocr_like.components import load_components
    from ppocr_like.config.reads import recipe_reads
    from ppocr_like.outputs import claim
    from ppocr_like.tune.corpus import recipe_corpus
    from ppocr_like.tune.language_model import make_language_model, model_files, write_language_model

    load_components(recipe.plugins)
    written = model_files(args.out)
    lm = recipe.get("PostProcess.lm")  # the model that is made anew may stand in the recipe already
    files, images = recipe_reads(recipe)
    reads = [file for file in files if file != lm]
    claim(written, [*reads, *args.corpus], images=images, advice="choose another name with --out")
    made = make_language_model(recipe_corpus(recipe, args.corpus, args.training or not args.corpus), args.order)
    write_language_model(made, written)
    for line in made.told():
        print(line)
    print(f"written: {', '.join(f'{path} ({path.stat().st_size / 1e6:.1f} MB)' for path in written)}")
    print(f"to read with it: -o PostProcess.decoder=beam PostProcess.lm={written[-1]}; tools/tune.py finds its weight")
    return 0
