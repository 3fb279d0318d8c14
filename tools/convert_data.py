"""Turns other programs' annotations into label files, for detection, or into line crops with their texts, for recognition.

    python tools/convert_data.py hiertext gt/train.jsonl.gz --images train --out train.txt --level word
    python tools/convert_data.py hiertext gt/train.jsonl.gz --images train --task rec --out rec/train.txt --max-images 1000
    python tools/convert_data.py icdar ch4_gt --images ch4_images --out train.txt --val-share 0.1
    python tools/convert_data.py ppocrlabel my_pages --confirmed --out train.txt
    python tools/convert_data.py --from-predictions read --below 0.8 --out to_correct

Nothing is left under the names of the label files until they are complete. Status 2: something cannot be read or written.
"""

import sys

from ppocr_like.config import cli
from ppocr_like.data.convert.arguments import (
    claim_target,
    parser,
    predictions_parser,
    reader,
    ready_crops,
    target,
    wanted,
)
from ppocr_like.data.convert.write import convert_det, convert_rec, relabel
from ppocr_like.documents.predictions import read_predictions
from ppocr_like.report.corrections import write_corrections


def main() -> None:
    if any(argument.startswith("--from-predictions") for argument in sys.argv[1:]):
        wish = predictions_parser(__doc__ or "").parse_args()
        pages = read_predictions(wish.from_predictions)
        print(write_corrections(pages, wish.out, wish.below, overwrite=wish.force, password=wish.password).text())
        return
    commands = parser(__doc__ or "")
    args = commands.parse_args()
    try:
        place = target(args)
        claim_target(args, place)
        crops = ready_crops(args)
        if crops is not None:
            made = relabel(crops, place)
        elif args.task == "rec":
            made = convert_rec(reader(args), place, wanted(args))
        else:
            made = convert_det(reader(args), place, args.keep_empty)
    except ValueError as error:
        commands.error(str(error))
    print(made.text())


if __name__ == "__main__":
    cli.run(main)
