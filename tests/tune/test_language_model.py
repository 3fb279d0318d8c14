"""Language models of a recipe's texts: labels in the order of the network, by the recipe's rules."""

from pathlib import Path

import pytest
import yaml

from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.errors import ConfigError, DataError
from ppocr_like.postprocess.ngram.scorer import LabelScorer
from ppocr_like.postprocess.ngram.table import read_model
from ppocr_like.tune.corpus import recipe_corpus
from ppocr_like.tune.language_model import make_language_model, model_files, write_language_model

ROOT = Path(__file__).parents[2]


def recipe(folder, entries="abcdé", **settings):
    load_components()
    (folder / "dict.txt").write_text("".join(f"{entry}\n" for entry in entries), encoding="utf-8")
    tree = yaml.safe_load((ROOT / "configs" / "rec" / "svtr_ft.yml").read_text(encoding="utf-8"))
    tree["Global"] |= {"character_dict_path": str(folder / "dict.txt"), **settings}
    for section in ("Train", "Eval"):
        chain = tree[section]["dataset"]["transforms"]
        place = next(i for i, step in enumerate(chain) if "CTCLabelEncode" in step)
        chain.insert(place, {"TextNormalize": {"form": "NFC"}})
    return Recipe.from_tree(tree)


def corpus(folder, text):
    path = folder / "corpus.txt"
    path.write_text(text, encoding="utf-8")
    return [path]


def test_texts_go_through_the_rules_of_the_recipe(tmp_path):
    found = recipe_corpus(recipe(tmp_path), corpus(tmp_path, " ae\u0301\u00a0b \n\r\n\ncZd\r\n"), training=False)
    assert [[found.charset.labels[number] for number in line] for line in found.lines] == [["a", "é", " ", "b"], ["c", "d"]]
    assert found.unknown == {"Z": 1} and found.labels == 6


def test_right_to_left_texts_are_counted_in_the_order_of_the_page(tmp_path):
    found = recipe_corpus(recipe(tmp_path, "אבג12"), corpus(tmp_path, "אב 12\n"), training=False)
    assert "".join(found.charset.labels[number] for number in found.lines[0]) == "12 בא"
    made = make_language_model(found)
    assert made.estimate.model.direction == found.charset.direction != "ltr"


def test_both_kinds_of_file_hold_the_same_model(tmp_path):
    lines = ["ab cab", "a bad cab", "dad", "bad dab"] * 5
    made = make_language_model(recipe_corpus(recipe(tmp_path), corpus(tmp_path, "\n".join(lines)), training=False), 4)
    assert made.held_out == 2 and 1 < made.perplexity < 6
    assert "n-grams: 9 of 1" in "\n".join(made.told()) and "perplexity" in made.told()[-1]
    files = model_files(tmp_path / "lm")
    write_language_model(made, files)
    assert [path.name for path in files] == ["lm.arpa", "lm.npz"] and model_files("lm.arpa") == [Path("lm.arpa")]
    first, second = (LabelScorer(read_model(path), made.corpus.charset) for path in files)
    for line in made.corpus.lines:
        assert first.score(line) == pytest.approx(second.score(line), abs=1e-5)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "not one label"), ("Z\nXY\n", "not one label"), ("img/1.png\tab\nimg/2.png\tb\n", "looks like a label file")],
)
def test_a_corpus_without_texts_is_refused(tmp_path, text, said):
    with pytest.raises(DataError, match=said):
        recipe_corpus(recipe(tmp_path), corpus(tmp_path, text), training=False)


def test_a_wrong_order_and_a_detector_are_refused(tmp_path):
    made = recipe_corpus(recipe(tmp_path), corpus(tmp_path, "ab"), training=False)
    with pytest.raises(ConfigError, match="is 9; it must be from 2 to 8"):
        make_language_model(made, 9)
    assert make_language_model(made).perplexity is None
    tree = yaml.safe_load((ROOT / "configs" / "det" / "db_mv3_ft.yml").read_text(encoding="utf-8"))
    with pytest.raises(ConfigError, match="a recogniser"):
        recipe_corpus(Recipe.from_tree(tree))
