"""Weights of others as a file of this program, and a recipe that trains on from them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ppocr_like.atomic import write_text
from ppocr_like.config.recipe import Recipe, load_recipe
from ppocr_like.errors import WeightsError
from ppocr_like.finetune.starts import Start, start_of
from ppocr_like.outputs import claim
from ppocr_like.weights.convert import convert
from ppocr_like.weights.files import load_weights
from ppocr_like.weights.rapidocr_package import PREFIX
from ppocr_like.weights.resolve import resolve

MINE = "my_data"  # where the data of the recipe stand until somebody names theirs
_HEAD = """# Trains on from {weights}. Put your data under Train.dataset and Eval.dataset:
# tools/train.py -c {recipe}
# tools/make_dict.py makes the dictionary; tools/finetune.py writes such a recipe for data that it looks at.
"""


def keep_weights(source: str, target: str | Path, *, recipe: str | Path | None = None, network: str | None = None) -> str:
    """Writes the weights that `source` means to `target`, with their own recipe, or one of their network, and their characters.

    Args:
        source: as `Global.pretrained_model` takes it.
        recipe: where a recipe for fine-tuning goes; None: none is written.
        network: recipe of the source's network, where the weights do not say it.

    Returns:
        What was written, in a line.

    Raises:
        WeightsError: unknown weights, or weights of another network.
        DataError: a target that cannot be written.
    """
    path = Path(target)
    claim([path, *([recipe] if recipe else [])], [network], advice="give another name for the new file")
    if source == f"{PREFIX}cls":
        told = f"convert_weights {source} {target} -c configs/cls/line_direction.yml keeps a classifier"
        raise WeightsError(f"{source}: recognisers and detectors are kept here; {told}")
    found = resolve(source)
    task = "det" if source == f"{PREFIX}det" or load_weights(found).task == "det" or _of_pages(network) else "rec"
    start = start_of(str(found), task, network)
    tree = _tree(start, task)
    own = (
        start.weights.recipe is not None and network is None
    )  # then the file's recipe stays, with the canvases it was trained on
    done = convert(found, path, None if own else Recipe.from_tree(tree))
    if recipe is not None:
        tree["Global"]["pretrained_model"] = os.fspath(target)
        head = _HEAD.format(weights=path.name, recipe=recipe)
        write_text(recipe, head + Recipe.from_tree(tree).to_yaml())
    return done.summary() + (f"; recipe: {recipe}" if recipe else "")


def _of_pages(network: str | None) -> bool:
    return network is not None and load_recipe(network).get("Architecture.model_type") == "det"


def _tree(start: Start, task: str) -> dict[str, Any]:
    tree = start.recipe(task)
    tree["Global"] |= {"epoch_num": 10, "save_model_dir": "output/my", "save_inference_dir": "output/my/inference"}
    if task == "rec":
        tree["Global"] |= {"character_dict_path": f"{MINE}/dict.txt", "max_text_length": 120}
    for section, name in (("Train", "train.txt"), ("Eval", "val.txt")):
        dataset = {"name": "SimpleDataSet", "data_dir": MINE, "label_file_list": [f"{MINE}/{name}"]}
        tree[section]["dataset"] = {**dataset, **tree[section]["dataset"]}
    return tree
