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

import argparse
import sys

from ppocr_like.config.cli import recipe_parser, run
from ppocr_like.pipeline.commands import read_alone, read_whole_pages
from ppocr_like.pipeline.read_pages import DEFAULT_KINDS, KINDS
from ppocr_like.printable import one_line


def arguments() -> argparse.Namespace:
    parser = recipe_parser(__doc__, required=False)
    parser.add_argument("images", nargs="*", help="images and folders; default Global.infer_img, Global.infer_list")
    parser.add_argument("--out", help="folder for the results; default that of Global.save_res_path, else output/infer")
    parser.add_argument("--password", help="of PDF files that need one")
    parser.add_argument("--font", help="font file for the pictures; default: the best of those installed")
    parser.add_argument("--batch-size", type=int, metavar="N", help="images per call of the network; default 16 lines, 1 page")
    parser.add_argument("--device", default="cpu", help="for PyTorch: cpu, cuda, mps (a bundle runs on the CPU)")
    alone = parser.add_argument_group("one model alone")
    alone.add_argument("--model", help="bundle, run folder or weights; default Global.pretrained_model")
    alone.add_argument("--max-pages", type=int, metavar="N", default=50, help="most pictures (default 50; 0: none)")
    alone.add_argument("--heat-map", action="store_true", help="also draw a detector's probabilities over each page")
    pages = parser.add_argument_group("whole pages")
    pages.add_argument("--det", help="detector: bundle, run folder or weights")
    pages.add_argument("--rec", help="recogniser: bundle, run folder or weights")
    pages.add_argument("--cls", help="classifier of lines' directions, likewise: lines upside down are turned; default: none")
    pages.add_argument("--cls-thresh", type=float, metavar="P", default=0.9, help="turn lines above it (default 0.9)")
    pages.add_argument(
        "--det-postprocess", nargs="+", default=[], metavar="NAME=V", help="values in place of the detector's: unclip_ratio=1.8"
    )
    pages.add_argument("--format", default=",".join(DEFAULT_KINDS), help=f"some of {','.join(KINDS)} (default %(default)s)")
    pages.add_argument("--min-confidence", type=float, default=0.5, metavar="P", help="leave out lines below it (default 0.5)")
    pages.add_argument("--order", default="auto", choices=("auto", "rows", "none"), help="of the lines; auto knows columns")
    pages.add_argument("--tile", type=int, metavar="PX", help="search larger pages in tiles of this size; default: only strips")
    pages.add_argument("--threads", type=int, metavar="N", help="of ONNX Runtime; default: it chooses")
    pages.add_argument("--overwrite", action="store_true", help="start anew in a folder with results of other models")
    args = parser.parse_args()
    if bool(args.det) != bool(args.rec):
        parser.error("whole pages need --det and --rec; one model alone is given with --model")
    if args.cls and not args.det:
        parser.error("--cls stands beside --det and --rec; one model alone is given with --model")
    if args.det_postprocess and not args.det:
        parser.error("--det-postprocess stands beside --det and --rec; of one model alone -c and -o change it")
    if args.det and (args.model or args.config or args.heat_map):
        parser.error("--model, -c and --heat-map are for one model alone, not beside --det and --rec")
    if args.det and len(args.opt) == 1 and len(args.opt[0]) == 1 and "=" not in args.opt[0][0]:
        args.out, args.opt = args.out or args.opt[0][0], []  # beside --det, -o names the folder
    if args.opt and not args.config:
        parser.error("-o changes a recipe: give it with -c, or use --model, --out and the names of the images")
    if any(number is not None and number < 1 for number in (args.batch_size, args.threads)) or args.max_pages < 0:
        parser.error("--batch-size and --threads must be 1 or more, --max-pages 0 or more")
    return args


def main() -> int:
    args = arguments()
    read = read_whole_pages if args.det else read_alone
    said, failed = read(args, lambda line: print(line, flush=True))
    for line in said:
        print(line)
    for failure in failed:
        sys.stderr.write(f"not read: {one_line(failure)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    run(main)
