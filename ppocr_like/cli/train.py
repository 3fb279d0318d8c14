"""Train a recipe, or continue a run.

python tools/train.py -c configs/rec/svtr_ft.yml -o Global.pretrained_model=pretrained/...
python tools/train.py -c configs/rec/svtr_ft.yml -o Global.checkpoints=output/svtr_ft
torchrun --nproc_per_node=4 --max-restarts=3 tools/train.py -c ...    # several processes, started again when one dies
"""

from __future__ import annotations

from collections.abc import Sequence

from ppocr_like.cli.arguments import recipe_from, recipe_parser


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    recipe = recipe_from(recipe_parser(__doc__, prog).parse_args(argv))

    from ppocr_like.components import load_components
    from ppocr_like.engine import Interrupted, set_up_console, train

    set_up_console(recipe.get("Global.debug") is True)  # the section itself is checked with the rest
    load_components(recipe.plugins)
    try:
        train(recipe)
    except Interrupted as signal:
        return signal.status
    return 0
