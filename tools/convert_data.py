"""`python tools/convert_data.py --help` tells what it does; the code is in ppocr_like/cli/convert_data.py."""

from ppocr_like.cli.convert_data import main
from ppocr_like.cli.process import run

if __name__ == "__main__":
    run(main)
