"""Evaluate weights on every evaluation set of a recipe.

python tools/eval.py -c configs/rec/svtr_ft.yml -o Global.pretrained_model=output/svtr_ft [--report lines.json]
torchrun --nproc_per_node=4 tools/eval.py ...    # every process measures its share
python tools/eval.py -c configs/system/typed_pages.yml -o System.det=output/det System.rec=output/rec [--report pages.html]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ppocr_like.cli.arguments import recipe_from, recipe_parser


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    parser = recipe_parser(__doc__, prog)
    parser.add_argument("--report", type=Path, metavar="FILE", help="write every sample as JSON; of pages also as .html")
    args = parser.parse_args(argv)
    recipe = recipe_from(args)

    from ppocr_like.components import load_components
    from ppocr_like.config.reads import recipe_reads
    from ppocr_like.engine import evaluate, main_process, report, set_up_console
    from ppocr_like.engine.manifest import write_json
    from ppocr_like.evaluation.system import evaluate_system, is_system, write_report
    from ppocr_like.outputs import claim

    set_up_console(recipe.get("Global.debug") is True)  # the section itself is checked with the rest
    load_components(recipe.plugins)
    if args.report and main_process():
        files, images = recipe_reads(recipe)
        claim([args.report], files, images=images, advice="choose another file with --report")
    if is_system(recipe):  # torchrun: here and below every rank has the results of all
        pages = evaluate_system(recipe, say=print)
        if not main_process():
            return 0
        for page_set in pages:
            print(f"{page_set.name}: {page_set.text()}")
        if args.report:
            write_report(recipe, pages, args.report)
            print(f"every page: {args.report}")
        return 0
    evaluations = evaluate(recipe, keep=None if args.report else 0)
    if not main_process():
        return 0
    for evaluation in evaluations:
        print(f"{evaluation.name}: {evaluation.text()}")
    if args.report:
        write_json(args.report, {evaluation.name: report(evaluation) for evaluation in evaluations})
        print(f"every sample: {args.report}")
    return 0
