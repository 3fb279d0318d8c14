"""`python tools/weights.py --help` tells what it does; the code is in ppocr_like/cli/weights.py."""

from ppocr_like.cli.process import run
from ppocr_like.cli.weights import main

if __name__ == "__main__":
    run(main)
