"""`python tools/eval.py --help` tells what it does; the code is in ppocr_like/cli/eval.py."""

from ppocr_like.cli.eval import main
from ppocr_like.cli.process import run

if __name__ == "__main__":
    run(main)
