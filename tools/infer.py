"""Read pages; or lines, or find text regions, with one model alone. Writes text, JSON, other formats and pictures of the results.

python tools/infer.py --det output/det/inference --rec output/rec/inference scans/ letter.pdf --out text
python tools/infer.py --model output/svtr_ft/inference line.jpg folder_of_lines
python tools/infer.py --model output/db_mv3_ft/inference page.jpg folder_of_pages --heat-map
python tools/infer.py page.jpg -c configs/det/db_mv3_ft.yml -o Global.pretrained_model=output/db_mv3_ft PostProcess.box_thresh=0.5

A model is an exported bundle or a PP-OCR model in ONNX (both run without PyTorch), a run folder, or a weights file. Weights of
this program carry their recipe; -c is needed for others, and to try other thresholds: its Eval transforms and PostProcess win
over those of the model.
Pages that an earlier call has read are not read again. Status 1: some images could not be used; they are named at the end.
"""

import sys

from ppocr_like.config.cli import run
from ppocr_like.pipeline.arguments import arguments
from ppocr_like.pipeline.commands import read_alone, read_whole_pages
from ppocr_like.printable import one_line


def main() -> int:
    args = arguments(__doc__ or "")
    read = read_whole_pages if args.det else read_alone
    said, failed = read(args, lambda line: print(line, flush=True))
    for line in said:
        print(line)
    for failure in failed:
        sys.stderr.write(f"not read: {one_line(failure)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    run(main)
