"""kraken's resizing at fine-tuning: `fail`, `union`, `new`, each spelling of the labels, lines of path and of compiled form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.engine.guard import Signals
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.runfolder import RunFolder
from ppocr_like.engine.settle import settle_classes
from ppocr_like.engine.setup import build_run
from ppocr_like.errors import WeightsError
from tests.data.arrow_lines import png, some_lines, write_arrow

from .helpers import tiny_recipe, weights

LINES = ("1 9", "x ẽ", "Ũ ã 1")  # 1 and 9 are known to the weights; the letters are one code point each, two under NFD
NEW = {None: " xãŨẽ", "NFD": " Uaex\u0303"}
OLD = "0123456789"
load_components()


def source(kind: str, folder: Path) -> dict[str, Any]:
    """A data set of LINES."""
    if kind == "path":
        for number, text in enumerate(LINES):
            (folder / f"{number}.png").write_bytes(png(96, 32))
            (folder / f"{number}.gt.txt").write_text(text, encoding="utf-8")
        return {"name": "PathDataSet", "files": str(folder / "*.png")}
    pytest.importorskip("pyarrow")
    lines = [line._replace(text=text) for line, text in zip(some_lines(3), LINES, strict=True)]
    return {"name": "ArrowDataSet", "files": str(write_arrow(folder / "set.arrow", lines))}


def recipe(data: Path, folder: Path, reference: Path, kind: str, form: str | None, **settings: Any) -> Recipe:
    tree = tiny_recipe(data, folder / "run", Train__loader__num_workers=0, **settings)
    tree["Global"]["pretrained_model"] = str(reference)
    chain = tree["Eval"]["dataset"]["transforms"]
    chain.insert(1, {"TextNormalize": {"form": form}})
    made = source(kind, folder)
    tree["Train"]["dataset"], tree["Eval"]["dataset"] = {**made, "transforms": chain}, {**made, "transforms": chain}
    return Recipe.from_tree(tree)


def rows(recipe: Recipe, folder: Path, reference: Path) -> Any:
    """The charset of the fine-tuned network; every row of its head that the weights knew must be as it was there."""
    held = RunFolder(folder / "run")
    try:
        settled = settle_classes(recipe, Ranks(), held.path)
        run = build_run(Builder(settled), held, Ranks(), Signals(), None)
        charset, head = run.parts.charset, run.objective.model.state_dict()["head.fc.weight"]
        assert charset is not None
        before = weights(reference / "best_accuracy.safetensors")["head.fc.weight"]
        assert torch.equal(head[0], before[0])  # the blank
        for character in set(OLD) & set(charset.keys):
            assert torch.equal(head[charset.encode(character)[0]], before[1 + OLD.index(character)]), character
        assert head.shape[0] == charset.num_classes
        run.parts.loader.close()
        return charset
    finally:
        held.close()


@pytest.mark.parametrize("kind", ["path", "binary"])
@pytest.mark.parametrize("form", [None, "NFD"])
def test_new_is_the_alphabet_of_the_training_texts(
    data: Path, reference: Path, tmp_path: Path, kind: str, form: str | None
) -> None:
    settings = {"Global__codec": "auto", "Global__charset_resize": "new"}
    charset = rows(recipe(data, tmp_path, reference, kind, form, **settings), tmp_path, reference)
    assert sorted(charset.keys) == sorted("19" + NEW[form])
    assert len(charset.encode("Ũã" if form is None else "U\u0303a\u0303")) == (2 if form is None else 4)
    assert charset.unknown("5") == ["5"]


@pytest.mark.parametrize("kind", ["path", "binary"])
@pytest.mark.parametrize("form", [None, "NFD"])
def test_union_keeps_what_the_weights_knew(data: Path, reference: Path, tmp_path: Path, kind: str, form: str | None) -> None:
    dictionary = tmp_path / "dict.txt"
    dictionary.write_text("\n".join(["1", "9", *NEW[form].strip()]) + "\n", encoding="utf-8")
    settings = {
        "Global__charset_resize": "union",
        "Global__character_dict_path": str(dictionary),
        "Global__use_space_char": True,
    }
    charset = rows(recipe(data, tmp_path, reference, kind, form, **settings), tmp_path, reference)
    assert sorted(charset.keys) == sorted(OLD + NEW[form])
    assert charset.encode("19 x5") == [2, 10, *charset.encode(" "), *charset.encode("x"), 6]
    assert len(charset.encode("ẽŨã")) == (3 if form is None else 0)
    assert len(charset.encode("e\u0303U\u0303a\u0303")) == (6 if form == "NFD" else 0)


def test_fail_names_the_missing_characters(data: Path, reference: Path, tmp_path: Path) -> None:
    dictionary = tmp_path / "dict.txt"
    dictionary.write_text("1\n9\nx\nŨ\n", encoding="utf-8")
    made = recipe(data, tmp_path, reference, "path", None, Global__character_dict_path=str(dictionary))
    with pytest.raises(WeightsError, match=r"2 new \(x.*Ũ.*charset_resize"):
        rows(made, tmp_path, reference)
