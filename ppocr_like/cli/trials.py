"""Try settings of a fine-tuning on data of your own, each with several seeds and the same processor time, and compare them.

python tools/trials.py my_trials.yml --out output/trials [--only SET TRIAL ...]

The plan names sets and trials:
    minutes: 10                                   # of processor time for each training
    sets: {letters: {data: [my_data/train.txt]}}
    trials: {as it is: [], averaged: [Global.use_ema=true]}

A part of each set is kept from all trainings, and every result is measured on it. Trials that are done are not made again, one
that was stopped goes on: start the command as often as you like. OUT/table.md has the results.
"""

from __future__ import annotations

from collections.abc import Sequence

from ppocr_like.cli.arguments import CommandParser


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    parser = CommandParser(__doc__, prog)
    parser.add_argument("plan", help="YAML file of sets and trials (docs/finetune.md)")
    parser.add_argument("--out", default="output/trials", help="folder of all runs and of the table (default %(default)s)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="sets and trials; others are left as they are")
    args = parser.parse_args(argv)

    from ppocr_like.components import load_components
    from ppocr_like.engine import set_up_console
    from ppocr_like.finetune.trial_plan import read_plan
    from ppocr_like.finetune.trials import run_trials

    set_up_console()
    load_components([])
    for row in run_trials(read_plan(args.plan), args.out, args.only, say=print):
        print(row)
    return 0
