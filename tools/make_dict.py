"""`python tools/make_dict.py --help` tells what it does; the code is in ppocr_like/cli/make_dict.py."""

from ppocr_like.cli.make_dict import main
from ppocr_like.cli.process import run

if __name__ == "__main__":
    run(main)
