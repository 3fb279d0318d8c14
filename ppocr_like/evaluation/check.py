"""`tools/check.py` for a recipe of a detector and a recogniser together."""

from __future__ import annotations

import os

from ppocr_like.config import Recipe
from ppocr_like.errors import ConfigError
from ppocr_like.evaluation.system import check_system, read_truth


def check_pages(recipe: Recipe, data: bool) -> tuple[list[str], bool]:
    """What to say of the recipe, and whether it is good.

    Args:
        data: also read the label files and look for the images.

    Raises:
        DataError: a label file is missing, or a label is broken.
    """
    try:
        checked = check_system(recipe)
    except ConfigError as error:
        return [str(error)], False
    lines, good = [f"{recipe.source}: good"], True
    for name, dataset in checked.sets.items() if data else ():
        pages = read_truth(dataset)
        missing = [page.source for page in pages if not os.path.isfile(page.source)]
        first = f", the first {missing[0]}" if missing else ""
        lines.append(f"{name}: {len(pages)} pages, {len(missing)} missing images{first}")
        good = good and bool(pages) and not missing
    return lines, good
