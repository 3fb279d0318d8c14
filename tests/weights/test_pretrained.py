"""The recipe's keys to weights and plan."""

from dataclasses import dataclass

import pytest
import torch

from ppocr_like.charset import Charset
from ppocr_like.errors import WeightsError
from ppocr_like.weights import charset_of_weights, pretrained, save_weights


@dataclass
class Globals:
    pretrained_model: str | None = None
    charset_resize: str = "fail"
    pretrained_sub_model: str | None = None
    character_dict_path: str | None = "dict.txt"
    codec: str | None = None
    checkpoints: str | None = None


@pytest.fixture
def weights(tmp_path):
    save_weights(tmp_path / "w.safetensors", {"w": torch.ones(1)}, {"charset": Charset("abc", use_space_char=True)})
    return str(tmp_path / "w")


def test_without_weights_the_recipes_dictionary_rules():
    assert pretrained(Globals(), Charset("ab"))[1].identical
    with pytest.raises(WeightsError, match="no weights given"):
        pretrained(Globals(), None)


def test_training_resizes_and_use_does_not(weights):
    with pytest.raises(WeightsError, match="charset_resize"):
        pretrained(Globals(weights), Charset("abd"))
    _, plan = pretrained(Globals(weights, "union"), Charset("abd"))
    assert plan.charset.labels == ("blank", "a", "b", "c", " ", "d")
    for dictionary in (Charset("abd"), None):
        found, plan = pretrained(Globals(weights), dictionary, as_is=True)
        assert plan.identical and plan.charset == found.charset == Charset("abc", use_space_char=True)


def test_a_recipe_without_a_dictionary_takes_the_characters_of_its_weights(weights, caplog):
    """PaddleOCR's default of 0-9 and a-z would write every label in lower case."""
    caplog.set_level("INFO")
    own = Charset("abC", use_space_char=True)
    save_weights(weights + ".safetensors", {"w": torch.ones(1)}, {"charset": own})
    for mode in ("fail", "union"):
        plan = pretrained(Globals(weights, mode, character_dict_path=None), Charset.from_file(None))[1]
        assert plan.identical and plan.charset == own and not plan.charset.lower
        assert "character_dict_path is not set: the characters are those of" in caplog.text
        assert charset_of_weights(Globals(weights, mode, character_dict_path=None)) == own
    _, plan = pretrained(Globals(weights, "new", character_dict_path=None), Charset.from_file(None))
    assert plan.charset == Charset.from_file(None) and set(plan.kept) == {"a", "b"}
    of_codec = Globals(weights, character_dict_path=None, codec="codec.json")
    for named in (Globals(weights, "new", character_dict_path=None), Globals(weights), of_codec):
        assert charset_of_weights(named) is None
    assert charset_of_weights(Globals("nowhere", character_dict_path=None)) is None
    assert charset_of_weights(Globals(character_dict_path=None)) is None


def test_weights_that_do_not_say_their_characters(tmp_path, caplog):
    torch.save({"w": torch.ones(1)}, tmp_path / "w.pth")
    _, plan = pretrained(Globals(str(tmp_path / "w.pth"), "union"), Charset("ab"))
    assert plan.assumed and plan.charset == Charset("ab") and "does not say its characters" in caplog.text
    with pytest.raises(WeightsError, match="give the recipe"):
        pretrained(Globals(str(tmp_path / "w.pth")), None, as_is=True)


def test_a_detector_has_no_characters_and_takes_no_recogniser(tmp_path, weights):
    recipes = {task: {"Architecture": {"model_type": task}} for task in ("det", "rec")}
    save_weights(tmp_path / "det.safetensors", {"w": torch.ones(1)}, {"recipe": recipes["det"]})
    torch.save({"w": torch.ones(1)}, tmp_path / "foreign.pth")
    assert pretrained(Globals(), None, task="det") == (None, None)
    for name in ("det", "foreign"):
        found, plan = pretrained(Globals(str(tmp_path / name)), None, task="det", as_is=True)
        assert found is not None and found.task == ("det" if name == "det" else None) and plan is None
    for source in (weights, str(tmp_path / "det")):
        task = "det" if source == weights else "rec"
        with pytest.raises(WeightsError, match=f"weights of model_type .*, the recipe's Architecture.model_type is {task}"):
            pretrained(Globals(source), Charset("abc") if task == "rec" else None, task=task)
