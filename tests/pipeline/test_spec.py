"""inference.yml."""

import pytest
import yaml

from ppocr_like.charset import Charset
from ppocr_like.config import BucketByWidth, Recipe
from ppocr_like.errors import WeightsError
from ppocr_like.pipeline import Spec

UNPRINTABLE = [chr(c) for c in range(1, 0x3001) if not chr(c).isprintable()]
STRANGE = [
    "1",
    "null",
    "~",
    "true",
    " ",
    "\u3000",
    "\u00a0",
    "\u2028",
    "\x85",
    "'",
    '"',
    "#",
    "é",
    "e\u0301",
    "ch",
    "-",
    "=",
    "\ufeff",
    "😀",
    *UNPRINTABLE,
]


def test_strange_entries_survive_the_file():
    spec = Spec(
        [{"DecodeImage": None}],
        {"name": "CTCLabelDecode"},
        Charset(STRANGE, True, lower=True, direction="paddle"),
        BucketByWidth(32),
    )
    back = Spec.from_tree(yaml.safe_load(spec.to_yaml()))
    assert back.charset == spec.charset
    assert back.bucket == BucketByWidth(32, 32, 1280)
    assert (back.transforms, back.postprocess) == (spec.transforms, spec.postprocess)


def test_the_layout_is_paddleocrs():
    tree = Spec([{"DecodeImage": None}], {"name": "CTCLabelDecode"}, Charset("ab", True), model_name="m").to_tree()
    assert tree["Global"] == {"model_name": "m"}
    assert tree["PreProcess"] == {"transform_ops": [{"DecodeImage": None}]}
    assert tree["PostProcess"] == {"name": "CTCLabelDecode", "character_dict": ["a", "b"], "use_space_char": True}


def test_the_chain_is_that_of_the_first_evaluation_set():
    tree = {
        "Global": {"max_text_length": 7},
        "Eval": {"dataset": {"transforms": [{"A": None}]}, "datasets": {"one": {"transforms": [{"B": None}]}, "two": None}},
    }
    spec = Spec.from_recipe(Recipe.from_tree(tree), Charset("a"))
    assert spec.transforms == [{"B": None}] and spec.settings == {"max_text_length": 7}
    with pytest.raises(WeightsError, match=r"Eval\.dataset\.transforms is missing"):
        Spec.from_recipe(Recipe.from_tree({"Eval": {}}), Charset("a"))
