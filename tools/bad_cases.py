"""Show lines that are wrong or likely wrong, as a page for the browser: of a folder of results doubtful ones, or those that two
models read differently; of a report of tools/eval.py those that differ from what the labels say.

python tools/infer.py --det DET --rec REC pages/ --out read
python tools/bad_cases.py read --out bad.html
python tools/bad_cases.py read --against read_by_the_old_model --out bad.html
python tools/eval.py -c recipe.yml --report lines.json
python tools/bad_cases.py lines.json --out bad.html
"""

import argparse
import os
from pathlib import Path

from ppocr_like.config import cli
from ppocr_like.documents.predictions import read_predictions
from ppocr_like.errors import DataError
from ppocr_like.report.bad_cases import SHOWN, bad_cases_html, find_bad_cases, how_many
from ppocr_like.report.eval_report import wrong_lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", help="folder that tools/infer.py wrote, or a report (.json) of tools/eval.py")
    parser.add_argument("--against", metavar="DIR", help="results of another model for the same images")
    parser.add_argument("--out", type=Path, default=Path("bad_cases.html"), help="the page (default %(default)s)")
    parser.add_argument("--lines", type=int, default=SHOWN, metavar="N", help="most lines on it (default %(default)s)")
    args = parser.parse_args()
    if args.lines < 1:
        parser.error("--lines must be 1 or more")
    if os.path.isfile(args.results):
        if args.against:
            parser.error("--against compares two folders of results; a report is compared with its labels")
        cases = wrong_lines(args.results)
    else:
        others = read_predictions(args.against) if args.against else None
        cases = find_bad_cases(read_predictions(args.results), others)
    try:
        args.out.write_text(bad_cases_html(cases, args.results, args.lines), encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror or error})", str(args.out)) from error
    print(f"{args.out}: {how_many(len(cases), args.lines)}")


if __name__ == "__main__":
    cli.run(main)
