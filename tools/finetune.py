"""`python tools/finetune.py --help` tells what it does; the code is in ppocr_like/cli/finetune.py."""

from ppocr_like.cli.finetune import main
from ppocr_like.cli.process import run

if __name__ == "__main__":
    run(main)
