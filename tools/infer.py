"""Read line images or find the text regions of pages, as the model is; writes text, JSON and pictures of the results.

python tools/infer.py --model output/svtr_ft/inference line.jpg folder_of_lines
python tools/infer.py --model output/db_mv3_ft/inference page.jpg folder_of_pages --heat-map
python tools/infer.py page.jpg -c configs/det/db_mv3_ft.yml -o Global.pretrained_model=output/db_mv3_ft PostProcess.box_thresh=0.5

The model is an exported bundle (runs without PyTorch), a run folder, or a weights file. Weights of this program carry their
recipe; -c is needed for others, and to try other thresholds: its Eval transforms and PostProcess win over those of the model.
Status 1: some images could not be used; they are named at the end.
"""

import argparse
import sys
from pathlib import Path

from ppocr_like.config.cli import recipe_from, recipe_parser, run
from ppocr_like.errors import WeightsError
from ppocr_like.pipeline.infer import TEXT, infer
from ppocr_like.pipeline.inputs import find_images, read_list
from ppocr_like.pipeline.kinds import open_model


def arguments() -> argparse.Namespace:
    parser = recipe_parser(__doc__, required=False)
    parser.add_argument("images", nargs="*", help="images and folders; default Global.infer_img, Global.infer_list")
    parser.add_argument("--model", help="bundle, run folder or weights; default Global.pretrained_model")
    parser.add_argument("--out", help="folder for the results; default that of Global.save_res_path, else output/infer")
    parser.add_argument("--font", help="font file for the pictures; default: the best of those installed")
    parser.add_argument("--max-pages", type=int, metavar="N", default=50, help="most pictures (default 50; 0: none)")
    parser.add_argument("--heat-map", action="store_true", help="also draw a detector's probabilities over each page")
    parser.add_argument("--batch-size", type=int, metavar="N", help="images per call of the network; default 16 lines, 1 page")
    parser.add_argument("--device", default="cpu", help="for PyTorch: cpu, cuda, mps (a bundle runs on the CPU)")
    args = parser.parse_args()
    if args.opt and not args.config:
        parser.error("-o changes a recipe: give it with -c, or use --model, --out and the names of the images")
    if (args.batch_size is not None and args.batch_size < 1) or args.max_pages < 0:
        parser.error("--batch-size must be 1 or more, --max-pages 0 or more")
    return args


def main() -> int:
    args = arguments()
    recipe = recipe_from(args) if args.config else None
    settings = recipe.globals if recipe else None
    model = args.model or (settings and (settings.checkpoints or settings.pretrained_model))
    if not model:
        raise WeightsError("no model given: use --model (bundle, run folder, weights) or -c with -o Global.pretrained_model=...")
    sources = list(args.images)
    if not sources and settings:
        sources = [settings.infer_img] if settings.infer_img else []
        sources += read_list(settings.infer_list) if settings.infer_list else []
    images = find_images(sources)
    result = Path(settings.save_res_path) if settings and settings.save_res_path else Path("output/infer")
    folder, name = (result.parent, result.name) if result.suffix == ".txt" else (result, TEXT)
    summary = infer(
        open_model(model, recipe, batch_size=args.batch_size, device=args.device),
        images,
        args.out or folder,
        text_name=name,
        font=args.font,
        max_pages=args.max_pages,
        heat_map=args.heat_map,
        say=lambda line: print(line, flush=True),
    )
    shown = ", ".join(map(str, summary.files[:4])) + (f" and {len(summary.files) - 4} more" if len(summary.files) > 4 else "")
    print(f"{summary.read} of {len(images)} images read; results: {shown}")
    for note in summary.notes:
        print(f"note: {note}")
    for failure in summary.failed:
        sys.stderr.write(f"not read: {failure}\n")
    return 1 if summary.failed else 0


if __name__ == "__main__":
    run(main)
