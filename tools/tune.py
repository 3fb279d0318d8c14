"""Find better thresholds for a trained detector: the maps are computed once, then hundreds of settings are judged in seconds.

python tools/tune.py -c configs/det/db_mv3_ft.yml -o Global.pretrained_model=output/db_mv3_ft
python tools/tune.py -c my.yml -o Global.pretrained_model=my_run --grid unclip_ratio=1.5,1.8,2.2 side=736,960 --write

Choose on pages that are neither trained on nor reported on: Eval.dataset.label_file_list says which. --write puts the best
values into the recipe file; comments and layout stay.
"""

from pathlib import Path

from ppocr_like.components import load_components
from ppocr_like.config.cli import recipe_from, recipe_parser, run
from ppocr_like.config.yaml_io import dump_inline
from ppocr_like.engine import set_up_console
from ppocr_like.tune import tune
from ppocr_like.tune.api import write_recipe
from ppocr_like.tune.grid import parse_grid


def main() -> None:
    parser = recipe_parser(__doc__)
    parser.add_argument(
        "--grid",
        nargs="+",
        default=[],
        metavar="NAME=V,V",
        help="values to try: thresh, box_thresh, unclip_ratio, use_dilation, score_mode, side (limit_side_len in px)",
    )
    parser.add_argument("--set", dest="set_name", help="evaluation set to choose on (default: the first)")
    parser.add_argument("--by", default="hmean", choices=("hmean", "precision", "recall"), help="what should be highest")
    parser.add_argument("--out", type=Path, help="folder for maps, results and curves (default: output/tune/<recipe>)")
    parser.add_argument("--write", action="store_true", help="put the best values into the recipe file")
    args = parser.parse_args()
    grid = parse_grid(args.grid)
    recipe = recipe_from(args)
    set_up_console(recipe.get("Global.debug") is True)
    load_components(recipe.plugins)
    out = args.out or Path("output/tune") / Path(args.config).stem
    tuning = tune(recipe, grid, out, set_name=args.set_name, indicator=args.by)
    print(tuning.table())
    count = len(tuning.outcomes)
    per_hundred = 100 * tuning.search_seconds / count
    print(
        f"{count} settings on {tuning.images} images: maps {tuning.map_seconds:.1f} s, search {tuning.search_seconds:.1f} s "
        f"({per_hundred:.2f} s per hundred settings)"
    )
    print(f"written: {', '.join(map(str, tuning.write_results(out)))}")
    changes = tuning.changes()
    if not changes:
        print("the recipe's own values are the best of these")
    elif args.write:
        write_recipe(args.config, changes)
        print(f"{args.config} now has " + ", ".join(f"{path}: {dump_inline(value)}" for path, value in changes.items()))
    else:
        print("to use the best: --write, or -o " + " ".join(f"{path}={dump_inline(value)}" for path, value in changes.items()))


if __name__ == "__main__":
    run(main)
