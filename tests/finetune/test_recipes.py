"""The recipes that begin one's own hold what `finetune` trains with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ppocr_like.config import load_recipe
from ppocr_like.finetune.starts import TEMPLATES

ROOT = Path(__file__).parents[2]
OWN = {
    *("Global.max_minutes", "Global.pretrained_model", "Global.save_model_dir", "Global.save_inference_dir", "Global.device"),
    *("Global.character_dict_path", "Global.max_text_length", "Architecture"),  # what data and start decide
    *(f"{section}.dataset.{key}" for section in ("Train", "Eval") for key in ("name", "data_dir", "label_file_list")),
}


def leaves(node: Any, path: str = "") -> dict[str, Any]:
    """Path -> value; lists are values."""
    if path in OWN:
        return {}
    if isinstance(node, dict) and node:
        return {p: v for key, child in node.items() for p, v in leaves(child, f"{path}.{key}".lstrip(".")).items()}
    return {path: node}


@pytest.mark.parametrize("task", ["rec", "det"])
def test_a_recipe_says_what_finetune_does(task: str) -> None:
    assert leaves(load_recipe(ROOT / "configs" / task / "finetune.yml").tree) == leaves(
        load_recipe(TEMPLATES / f"{task}.yml").tree
    )
