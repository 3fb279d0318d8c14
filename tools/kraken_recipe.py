"""`python tools/kraken_recipe.py --help` tells what it does; the code is in ppocr_like/cli/kraken_recipe.py."""

from ppocr_like.cli.kraken_recipe import main
from ppocr_like.cli.process import run

if __name__ == "__main__":
    run(main)
