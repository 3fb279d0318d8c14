"""`python tools/make_lm.py --help` tells what it does; the code is in ppocr_like/cli/make_lm.py."""

from ppocr_like.cli.make_lm import main
from ppocr_like.cli.process import run

if __name__ == "__main__":
    run(main)
