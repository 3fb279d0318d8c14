"""Evaluates weights on a recipe's evaluation sets:
python tools/eval.py -c configs/rec/svtr_ft.yml -o Global.pretrained_model=output/svtr_ft [--report lines.json]"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ppocr_like.components import load_components
from ppocr_like.config import load_recipe
from ppocr_like.engine import evaluate, report, set_up_console
from ppocr_like.errors import OcrError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-c", "--config", required=True, help="the recipe (YAML)")
    parser.add_argument("-o", "--opt", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="override a key of the recipe")
    parser.add_argument("--report", type=Path, help="JSON file with every line: path, reference, prediction, confidence")
    args = parser.parse_args()
    try:
        recipe = load_recipe(args.config, args.opt)
        set_up_console(recipe.globals.debug)
        load_components(recipe.plugins)
        evaluations = evaluate(recipe, keep=None if args.report else 0)
    except OcrError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    for evaluation in evaluations:
        print(f"{evaluation.name}: {evaluation.text()}")
    if args.report:
        content = {evaluation.name: report(evaluation) for evaluation in evaluations}
        args.report.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        print(f"every line: {args.report}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
