"""How fast a recipe trains, evaluates and runs on this machine, and what holds it back (docs/benchmark.md).

    python tools/benchmark.py -c configs/rec/svtr_ft.yml
    python tools/benchmark.py -c configs/rec/svtr_ft.yml --quick --only step loop
    python tools/benchmark.py -c configs/rec/svtr_ft.yml --json now.json --picture now.png --against before.json

No weights are kept.
"""

import json
import logging
import sys

from PIL import Image

from ppocr_like.atomic import atomic_write, write_text
from ppocr_like.components import load_components
from ppocr_like.config import cli
from ppocr_like.config.reads import recipe_reads
from ppocr_like.outputs import claim
from ppocr_like.report.speed.arguments import add_arguments, settings_from


def main() -> int:
    parser = cli.recipe_parser(__doc__ or "")
    add_arguments(parser)
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    parser.add_argument("--against", metavar="FILE", help="figures that --json wrote before: say what changed by more than 10 %%")
    parser.add_argument("--picture", metavar="FILE", help="draw the figures as bars (PNG)")
    args = parser.parse_args()
    # Torch comes with these: not before the arguments are understood.
    from ppocr_like.engine import Interrupted
    from ppocr_like.report.benchmark import benchmark
    from ppocr_like.report.speed.compare import against, load_figures

    before = load_figures(args.against) if args.against else None
    logging.getLogger("ppocr_like").setLevel(logging.WARNING)  # the trainer's own lines are not what is asked for here
    recipe = cli.recipe_from(args)
    files, images = recipe_reads(recipe)
    outputs = [file for file in (args.json, args.picture, args.profile) if file]
    claim(outputs, [*files, args.against], images=images, advice="choose another file with --json, --picture or --profile")
    load_components(recipe.plugins)
    try:
        result = benchmark(recipe, settings_from(args), lambda text: print(text, file=sys.stderr), sys.stderr.isatty())
    except Interrupted as signal:
        return signal.status
    print(result.table())
    if before is not None:
        print(f"\nAgainst {args.against}:\n{against(before, result.figures)}")
    if args.json:
        write_text(args.json, json.dumps(result.figures, indent=2) + "\n")
    if args.picture:
        picture = Image.fromarray(result.picture())
        atomic_write(args.picture, lambda file: picture.save(file, "PNG"))
    return 0


if __name__ == "__main__":
    cli.run(main)
