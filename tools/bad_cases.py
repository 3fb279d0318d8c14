"""`python tools/bad_cases.py --help` tells what it does; the code is in ppocr_like/cli/bad_cases.py."""

from ppocr_like.cli.bad_cases import main
from ppocr_like.cli.process import run

if __name__ == "__main__":
    run(main)
