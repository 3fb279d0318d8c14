"""Filling models."""

from pathlib import Path

import pytest
import torch
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.errors import WeightsError
from ppocr_like.weights import WeightsFile, load_into, resize_charset, same_charset


class Tiny(nn.Module):
    def __init__(self, classes: int, width: int = 4, name: str = "body") -> None:
        super().__init__()
        self.add_module(name, nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width)))
        self.fc = nn.Linear(width, classes)

    def class_parameters(self) -> dict[str, str]:
        return {"fc.weight": "ctc", "fc.bias": "ctc"}


def file_of(model, charset=None, recipe=None):
    return WeightsFile(model.state_dict(), charset, recipe, {}, Path("given.safetensors"))


def test_rows_move_by_character_and_new_ones_stay_fresh():
    old, new = Charset("abc", use_space_char=True), Charset("cxa", use_space_char=True)
    plan = resize_charset(old, new, "new")
    source, model = Tiny(old.num_classes), Tiny(new.num_classes)
    fresh = model.fc.weight.detach().clone()
    report = load_into(model, file_of(source, old), plan, 0.5)
    for label in "ca ":
        assert torch.equal(model.fc.weight[new.index(label)], source.fc.weight[old.index(label)])
        assert torch.equal(model.fc.bias[new.index(label)], source.fc.bias[old.index(label)])
    assert torch.equal(model.fc.weight[0], source.fc.weight[0])
    assert torch.equal(model.fc.weight[new.index("x")], fresh[new.index("x")])
    assert report.share == 1.0 and report.fresh_rows == 1
    assert "body.1.num_batches_tracked" not in report.matched


def test_union_keeps_old_rows_to_the_bit():
    old = Charset("abc", use_space_char=True)
    plan = resize_charset(old, Charset("é"), "union")
    source, model = Tiny(old.num_classes), Tiny(plan.charset.num_classes)
    load_into(model, file_of(source, old), plan, 1.0)
    assert torch.equal(model.fc.weight[: old.num_classes], source.fc.weight)


def test_weights_without_step_counters_match_wholly():
    charset = Charset("abc")
    given = file_of(Tiny(4), charset)
    del given.state["body.1.num_batches_tracked"]
    assert load_into(Tiny(4), given, same_charset(charset), 1.0).share == 1.0


def test_below_the_floor_nothing_is_changed_and_the_cause_is_named():
    charset = Charset("abc")
    model = Tiny(4)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    given = file_of(Tiny(4, width=8), charset, {"Architecture": {"Backbone": {"scale": 1.0, "name": "X"}}})
    with pytest.raises(WeightsError) as caught:
        load_into(model, given, same_charset(charset), 0.5, architecture={"Backbone": {"scale": 0.5, "name": "X"}})
    text = str(caught.value)
    assert "12.5%" in text and "50.0%" in text and "body.0.weight: file 8x3, model 4x3" in text
    assert "another size" in text and "Architecture.Backbone.scale: weights 1.0, recipe 0.5" in text
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_another_architecture_is_said():
    charset = Charset("abc")
    with pytest.raises(WeightsError, match="another architecture"):
        load_into(Tiny(4), file_of(Tiny(4, name="other"), charset), same_charset(charset), 0.5)


def test_weights_used_as_they_are_must_match_wholly():
    charset = Charset("abc")
    given = file_of(Tiny(4, width=8), charset)
    with pytest.raises(WeightsError, match=r"only 12\.5% .* as they are, all must match") as caught:
        load_into(Tiny(4), given, same_charset(charset), 1.0)
    assert "pretrained_min_match" not in str(caught.value)  # no recipe can lower it


def test_nothing_matching_is_an_error_even_with_floor_zero():
    with pytest.raises(WeightsError, match=r"only 0\.0%"):
        load_into(Tiny(4), WeightsFile({"x": torch.ones(1)}, None, None, {}, Path("g.pth")), None, 0.0)


def test_table_lists_what_did_not_match():
    charset = Charset("abc")
    given = file_of(Tiny(4), charset)
    given.state["extra.weight"] = torch.ones(2, 3)
    del given.state["body.0.bias"]
    table = load_into(Tiny(4), given, same_charset(charset), 0.5).table()
    assert "7 matched (87.5% of the model), 1 missing, 1 unexpected" in table
    assert "extra.weight 2x3" in table and "body.0.bias 4" in table


def test_a_head_that_contradicts_its_character_set_is_an_error():
    with pytest.raises(WeightsError, match="7 rows, but the file's character set has 4 classes"):
        load_into(Tiny(4), file_of(Tiny(7), Charset("abc")), same_charset(Charset("abc")), 0.5)


def test_unknown_characters_need_a_matching_head_or_mode_new():
    charset = Charset("abc")
    assert load_into(Tiny(4), file_of(Tiny(4)), same_charset(charset, assumed=True), 0.5).share == 1.0
    with pytest.raises(WeightsError, match="does not say which characters"):
        load_into(Tiny(4), file_of(Tiny(7)), same_charset(charset, assumed=True), 0.5)
    report = load_into(Tiny(4), file_of(Tiny(7)), same_charset(charset, assumed=True, mode="new"), 0.5)
    assert [name for name, *_ in report.mismatched] == ["fc.weight", "fc.bias"]


def test_nan_in_weights_is_an_error():
    given = file_of(Tiny(4), Charset("abc"))
    given.state["body.0.weight"][0, 0] = float("nan")
    with pytest.raises(WeightsError, match=r"NaN.*body\.0\.weight"):
        load_into(Tiny(4), given, same_charset(Charset("abc")), 0.5)
