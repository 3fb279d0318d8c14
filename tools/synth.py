"""`python tools/synth.py --help` tells what it does; the code is in ppocr_like/cli/synth.py."""

from ppocr_like.cli.process import run
from ppocr_like.cli.synth import main

if __name__ == "__main__":
    run(main)
