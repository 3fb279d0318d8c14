"""`python tools/convert_weights.py --help` tells what it does; the code is in ppocr_like/cli/convert_weights.py."""

from ppocr_like.cli.convert_weights import main
from ppocr_like.cli.process import run

if __name__ == "__main__":
    run(main)
