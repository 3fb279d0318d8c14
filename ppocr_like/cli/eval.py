"""Evaluate weights on every evaluation set of a recipe.

python tools/eval.py -c configs/rec/svtr_ft.yml -o Global.pretrained_model=output/svtr_ft [--report FOLDER]
torchrun --nproc_per_node=4 tools/eval.py ...    # every process measures its share
python tools/eval.py -c configs/system/typed_pages.yml -o System.det=output/det System.rec=output/rec [--report pages.html]

--report FOLDER writes the test report of a recogniser: report.html for a browser, report.txt, report.json.
--report FILE.json writes every sample; of pages also FILE.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ppocr_like.cli.arguments import recipe_from, recipe_parser


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    parser = recipe_parser(__doc__, prog)
    parser.add_argument(
        "--report",
        type=Path,
        metavar="PLACE",
        help="a folder for a test report, or a file for every sample (.json, of pages also .html)",
    )
    args = parser.parse_args(argv)
    recipe = recipe_from(args)

    from ppocr_like.components import load_components
    from ppocr_like.config.reads import recipe_reads
    from ppocr_like.engine import evaluate, main_process, report, set_up_console
    from ppocr_like.engine.manifest import write_json
    from ppocr_like.errors import ConfigError, Problem
    from ppocr_like.evaluation.system import evaluate_system, is_system, write_report
    from ppocr_like.outputs import claim
    from ppocr_like.report.line_report import HTML, report_files, write_line_report

    set_up_console(recipe.get("Global.debug") is True)  # the section itself is checked with the rest
    load_components(recipe.plugins)
    folder = args.report if args.report and not _is_file(args.report) else None
    if folder and is_system(recipe):
        raise ConfigError([Problem("--report", f"{folder}: of pages name a file that ends in .html or .json")], recipe.source)
    if args.report and main_process():
        files, images = recipe_reads(recipe)
        claim(
            report_files(folder) if folder else [args.report], files, images=images, advice="choose another place with --report"
        )
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
    evaluations = evaluate(recipe, keep=None if args.report and not folder else 0, analyse=bool(folder))
    if not main_process():
        return 0
    for evaluation in evaluations:
        for text in (evaluation.text(), *evaluation.beside_texts()):
            print(f"{evaluation.name}: {text}")
    if folder:
        model = recipe.get("Global.checkpoints") or recipe.get("Global.pretrained_model")
        write_line_report(evaluations, folder, str(model), recipe.source)
        print(f"test report: {folder / HTML}")
    elif args.report:
        write_json(args.report, {evaluation.name: report(evaluation) for evaluation in evaluations})
        print(f"every sample: {args.report}")
    return 0


def _is_file(place: Path) -> bool:
    """Whether `--report` means a file: by its name, or because there is one."""
    return place.suffix.lower() in (".json", ".html", ".htm") or place.is_file()
