"""`python tools/infer.py --help` tells what it does; the code is in ppocr_like/cli/infer.py."""

from ppocr_like.cli.infer import main
from ppocr_like.cli.process import run

if __name__ == "__main__":
    run(main)
