"""Trains a recipe: python tools/train.py -c configs/rec/svtr_ft.yml -o Global.pretrained_model=pretrained/..."""

from __future__ import annotations

import argparse
import sys

from ppocr_like.components import load_components
from ppocr_like.config import load_recipe
from ppocr_like.engine import Interrupted, set_up_console, train
from ppocr_like.errors import OcrError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-c", "--config", required=True, help="the recipe (YAML)")
    parser.add_argument("-o", "--opt", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="override a key of the recipe")
    args = parser.parse_args()
    try:
        recipe = load_recipe(args.config, args.opt)
        set_up_console(recipe.globals.debug)
        load_components(recipe.plugins)
        train(recipe)
    except OcrError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Interrupted as signal:
        return signal.status
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
