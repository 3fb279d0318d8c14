"""`python tools/trials.py --help` tells what it does; the code is in ppocr_like/cli/trials.py."""

from ppocr_like.cli.process import run
from ppocr_like.cli.trials import main

if __name__ == "__main__":
    run(main)
