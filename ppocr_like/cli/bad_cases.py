"""Show lines that are wrong or likely wrong, as a page for the browser: of a folder of results doubtful ones, or those that two
models read differently; of a report of tools/eval.py those that differ from what the labels say.

python tools/infer.py --det DET --rec REC pages/ --out read
python tools/bad_cases.py read --out bad.html
python tools/bad_cases.py read --against read_by_the_old_model --out bad.html
python tools/eval.py -c recipe.yml --report lines.json
python tools/bad_cases.py lines.json --out bad.html
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ppocr_like.cli.arguments import CommandParser, add_password

SHOWN = 200


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    parser = CommandParser(__doc__, prog)
    parser.add_argument("results", help="folder that tools/infer.py wrote, or a report (.json) of tools/eval.py")
    parser.add_argument("--against", metavar="DIR", help="results of another model for the same images")
    parser.add_argument("--out", type=Path, default=Path("bad_cases.html"), help="the page (default %(default)s)")
    parser.add_argument("--lines", type=int, default=SHOWN, metavar="N", help="most lines on it (default %(default)s)")
    add_password(parser)
    args = parser.parse_args(argv)
    if args.lines < 1:
        parser.error("--lines must be 1 or more")

    from ppocr_like.atomic import write_text
    from ppocr_like.documents.predictions import read_predictions
    from ppocr_like.documents.results import result_files
    from ppocr_like.outputs import claim
    from ppocr_like.pipeline.page_sources import PageSource
    from ppocr_like.report.bad_cases import bad_cases_html, find_bad_cases, how_many
    from ppocr_like.report.eval_report import wrong_lines

    advice = "choose another file with --out"
    if os.path.isfile(args.results):
        if args.against:
            parser.error("--against compares two folders of results; a report is compared with its labels")
        claim([args.out], [args.results], advice=advice)
        cases = wrong_lines(args.results)
        claim([args.out], {PageSource.named(case.page.source).path for case in cases}, advice=advice)
    else:
        results = [folder for folder in (args.results, args.against) if folder]
        pages = [read_predictions(folder) for folder in results]
        sources = {PageSource.named(page.source).path for one in pages for page in one}
        files = [file for folder in results for file in result_files(folder)]
        claim([args.out], [*files, *sources], advice=advice)
        cases = find_bad_cases(*pages)
    write_text(args.out, bad_cases_html(cases, args.results, args.lines, args.password))
    print(f"{args.out}: {how_many(len(cases), args.lines)}")
    return 0
