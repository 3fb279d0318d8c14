"""Find better values for the post-processing of a trained model, without training.

Of a detector the thresholds: the maps are computed once, then hundreds of settings are judged in seconds.

python tools/tune.py -c configs/det/db_mv3_ft.yml -o Global.pretrained_model=output/db_mv3_ft
python tools/tune.py -c my.yml -o Global.pretrained_model=my_run --grid unclip_ratio=1.5,1.8,2.2 side=736,960 --write
python tools/tune.py -c configs/system/typed_pages.yml --grid unclip_ratio=1.4,1.8,2.2 --by hmean_text

Of a recogniser the temperature that makes its confidences true; with a language model also lm_weight and length_bonus.

python tools/tune.py -c my.yml -o Global.pretrained_model=my_run PostProcess.decoder=beam PostProcess.lm=lm.npz --write

With a recipe of a system (a detector and a recogniser), settings are judged by what is read: boxes that cut letters count less.
Choose on pages or lines that are neither trained on nor reported on: Eval.dataset.label_file_list says which. --write puts the
best values into the recipe file; comments and layout stay. --into-weights puts them into the recipe that the weights carry.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ppocr_like.cli.arguments import CommandParser, recipe_from, recipe_parser

if TYPE_CHECKING:
    from ppocr_like.evaluation.tuning import SystemTuning
    from ppocr_like.tune.api import Tuning
    from ppocr_like.tune.decoding import DecoderTuning


def make_parser(prog: str | None = None) -> CommandParser:
    parser = recipe_parser(__doc__, prog)
    parser.add_argument(
        "--grid",
        nargs="+",
        default=[],
        metavar="NAME=V,V",
        help="values to try: thresh, box_thresh, unclip_ratio, use_dilation, score_mode, side (limit_side_len in px); of a "
        "system min_confidence instead of side; of a recogniser lm_weight, length_bonus, temperature",
    )
    parser.add_argument("--set", dest="set_name", help="evaluation set to choose on (default: the first)")
    parser.add_argument(
        "--by",
        help="what should be best: hmean (default), precision, recall; of a system hmean_text (default), hmean_exact, cer; of a "
        "recogniser cer (default), wer, acc",
    )
    parser.add_argument("--out", type=Path, help="folder for outputs, results and curves (default: output/tune/<recipe>)")
    parser.add_argument("--write", action="store_true", help="put the best values into the recipe file")
    parser.add_argument(
        "--into-weights", action="store_true", help="of a recogniser: put them into the recipe within the weights (.safetensors)"
    )
    return parser


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    parser = make_parser(prog)
    args = parser.parse_args(argv)
    recipe = recipe_from(args)

    from ppocr_like.components import load_components
    from ppocr_like.config.reads import recipe_reads
    from ppocr_like.config.yaml_io import dump_inline
    from ppocr_like.engine import set_up_console
    from ppocr_like.evaluation import tuning as system_tuning
    from ppocr_like.evaluation.system import is_system
    from ppocr_like.evaluation.tuning import tune_system
    from ppocr_like.outputs import claim
    from ppocr_like.tasks import task_of
    from ppocr_like.tune import api, decoding, tune
    from ppocr_like.tune.api import write_recipe
    from ppocr_like.tune.decoding import tune_decoder
    from ppocr_like.tune.grid import parse_grid
    from ppocr_like.tune.keep import keep_in_weights, weights_to_keep_in

    set_up_console(recipe.get("Global.debug") is True)
    load_components(recipe.plugins)
    out = args.out or Path("output/tune") / Path(args.config).stem
    files, images = recipe_reads(recipe)
    results = [out / name for name in ("results.json", "curves.png")]
    claim(results, files, images=images, advice="choose another folder with --out")
    if args.write:
        claim([Path(args.config).resolve()], advice="give a recipe that can be changed, or leave --write out")
    lines = not is_system(recipe) and task_of(recipe.get("Architecture.model_type")).reads_text
    weights = weights_to_keep_in(recipe) if args.into_weights and lines else None
    if args.into_weights and not lines:
        parser.error("--into-weights is for recognisers; give --write")
    known = system_tuning.INDICATORS if is_system(recipe) else decoding.INDICATORS if lines else api.INDICATORS
    by = args.by or known[0]
    if by not in known:
        parser.error(f"--by {by} is not for this recipe; choose of {', '.join(known)}")
    tuning: Tuning | SystemTuning | DecoderTuning
    if is_system(recipe):
        tuning = tune_system(recipe, args.grid, set_name=args.set_name, indicator=by)
    elif lines:
        tuning = tune_decoder(recipe, args.grid, out, set_name=args.set_name, indicator=by)
    else:
        tuning = tune(recipe, parse_grid(args.grid), out, set_name=args.set_name, indicator=by)
    print(tuning.table())
    print(tuning.summary())
    print(f"written: {', '.join(map(str, tuning.write_results(out)))}")
    changes = tuning.changes()
    if weights is not None:
        kept = keep_in_weights(weights, recipe, changes)
        print(f"{weights} now carries PostProcess: {dump_inline(kept)}")
    if not changes:
        print("the recipe's own values are the best of these")
    elif args.write:
        write_recipe(args.config, changes)
        print(f"{args.config} now has " + ", ".join(f"{path}: {dump_inline(value)}" for path, value in changes.items()))
    else:
        print("to use the best: --write, or -o " + " ".join(f"{path}={dump_inline(value)}" for path, value in changes.items()))
    return 0
