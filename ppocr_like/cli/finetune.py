"""Make the best model of your own lines or pages that some minutes buy: a recipe is written, trained by, and the model exported.

python tools/finetune.py my_data/train.txt --minutes 30                       # lines: image<TAB>text
python tools/finetune.py my_data/train.txt --start rapidocr:rec --minutes 30  # from the model that rapidocr brings
python tools/finetune.py my_pages.txt --minutes 60                            # pages with boxes: image<TAB>JSON
python tools/finetune.py 'my_archive/*.xml' --out output/archive              # ALTO or PAGE XML: a recogniser of their lines
python tools/finetune.py 'my_archive/*.xml' --task det --out output/lines     # the same pages: a detector of their lines

A part of the data is held back, whole pages where the names show them, and measured before and after. The recipe is an ordinary
one, beside the run: edit it, and train again with tools/train.py -c. A run that was stopped goes on with tools/train.py --resume.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence

from ppocr_like.cli.arguments import CommandParser

MINUTES = 30.0


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    began = time.perf_counter()
    parser = CommandParser(__doc__, prog)
    parser.add_argument("data", nargs="+", help="label files (UTF-8), lists of XML files, or patterns of XML files; of one kind")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of the training (default %(default)g)")
    parser.add_argument("--start", metavar="WEIGHTS", help="begin with these: a file, a run folder, rapidocr:rec, rapidocr:det")
    parser.add_argument("--network", metavar="RECIPE", help="recipe of the start's network, for weights that do not say it")
    parser.add_argument("--task", choices=["rec", "det"], help="det: a detector of pages in XML (default: what the data are for)")
    parser.add_argument(
        "--characters",
        choices=["union", "new"],
        default="union",
        help="union: what the start can read and the labels' characters (default); new: the labels' characters alone, which is "
        "faster where the start knows thousands",
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=1,
        metavar="N",
        help="that train together and share the lines of a step, such as one for each GPU (default 1)",
    )
    parser.add_argument("--out", default="output/finetune", help="run folder (default %(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier run in that folder")
    parser.add_argument("--plan", action="store_true", help="only write the recipe and what it names, and tell why it is so")
    args = parser.parse_args(argv)

    from ppocr_like.components import load_components
    from ppocr_like.engine import Interrupted, set_up_console
    from ppocr_like.finetune.api import finetune

    set_up_console()
    load_components([])
    try:
        outcome = finetune(
            args.data,
            args.out,
            minutes=args.minutes,
            start=args.start,
            network=args.network,
            task=args.task,
            characters=args.characters,
            processes=args.processes,
            overwrite=args.overwrite,
            plan_only=args.plan,
            command=f"{parser.prog} {shlex.join(sys.argv[1:] if argv is None else argv)}",
            began=began,
        )
    except Interrupted as signal:
        return signal.status
    for line in outcome.lines():
        print(line)
    return 0
