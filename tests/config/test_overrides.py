"""`-o`: grammar, lists by index, transforms by name, and what cannot be applied."""

from __future__ import annotations

import copy

import pytest

from ppocr_like.config.overrides import apply_overrides, merge
from ppocr_like.errors import ConfigError

TREE = {
    "Global": {"epoch_num": 8, "pretrained_model": None},
    "Train": {
        "dataset": {
            "label_file_list": ["a.txt", "b.txt"],
            "transforms": [{"DecodeImage": {"img_mode": "BGR"}}, {"RecAug": None}, {"Flip": {"p": 1}}, {"Flip": {"p": 2}}],
        },
        "loader": {"shuffle": True, "num_workers": 4},
    },
    "Loss": {"parts": [{"name": "CTCLoss", "weight": 1.0}, {"name": "NRTRLoss"}]},
}


def applied(*items: str) -> dict:
    tree = copy.deepcopy(TREE)
    apply_overrides(tree, list(items))
    return tree


def refused(*items: str) -> str:
    with pytest.raises(ConfigError) as error:
        applied(*items)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10", 10),
        ("1e-4", 0.0001),
        ("a=b=c", "a=b=c"),
        ("https://x/y?a=1&b=2", "https://x/y?a=1&b=2"),
        ("", None),
        ("null", None),
        ("[0, 2000]", [0, 2000]),
        ("true", True),
        ("'10'", "10"),
        (" x ", "x"),
        ("{a: 1}", {"a": 1}),
    ],
)
def test_the_value_is_yaml_behind_the_first_equals_sign(text: str, value: object) -> None:
    assert applied(f"Global.pretrained_model={text}")["Global"]["pretrained_model"] == value


def test_several_keys_under_one_parent_all_arrive() -> None:
    loader = applied("Train.loader.num_workers=0", "Train.loader.shuffle=False", "Train.loader.drop_last=True")["Train"]["loader"]
    assert loader == {"shuffle": False, "num_workers": 0, "drop_last": True}


def test_items_are_applied_in_order() -> None:
    assert applied("Global.epoch_num=1", "Global.epoch_num=2")["Global"]["epoch_num"] == 2


def test_a_mapping_merges_into_a_mapping() -> None:
    assert applied("Train.loader={num_workers: 1, drop_last: true}")["Train"]["loader"] == {
        "shuffle": True,
        "num_workers": 1,
        "drop_last": True,
    }


def test_a_mapping_with_replace_takes_the_whole_place() -> None:
    assert applied("Train.loader={_replace_: true, num_workers: 1}")["Train"]["loader"] == {"num_workers": 1}


def test_the_word_replace_is_no_key_that_was_set() -> None:
    tree = {"Eval": {"datasets": {"old": {"a": 1}}}}
    touched = apply_overrides(tree, ["Eval.datasets={new: {a: 2}, _replace_: true}"])
    assert tree == {"Eval": {"datasets": {"new": {"a": 2}}}}
    assert touched == {"Eval.datasets.new.a"}


def test_missing_and_null_mappings_are_made() -> None:
    assert applied("Architecture.Neck.name=X")["Architecture"] == {"Neck": {"name": "X"}}
    assert applied("Global.pretrained_model.sub=1")["Global"]["pretrained_model"] == {"sub": 1}


def test_list_items_by_index() -> None:
    dataset = applied("Train.dataset.label_file_list.1=c.txt", "Train.dataset.transforms.0.DecodeImage.img_mode=RGB")["Train"][
        "dataset"
    ]
    assert dataset["label_file_list"] == ["a.txt", "c.txt"]
    assert dataset["transforms"][0] == {"DecodeImage": {"img_mode": "RGB"}}


def test_a_transform_by_name_also_without_arguments() -> None:
    assert applied("Train.dataset.transforms.RecAug.tia_prob=0.2")["Train"]["dataset"]["transforms"][1] == {
        "RecAug": {"tia_prob": 0.2}
    }
    by_index = applied("Train.dataset.transforms.1.RecAug.tia_prob=0.2")
    assert by_index == applied("Train.dataset.transforms.RecAug.tia_prob=0.2")


def test_two_arguments_of_one_transform_by_name() -> None:
    items = ("Train.dataset.transforms.RecAug.tia_prob=0.2", "Train.dataset.transforms.RecAug.crop_prob=0.1")
    assert applied(*items)["Train"]["dataset"]["transforms"][1] == {"RecAug": {"tia_prob": 0.2, "crop_prob": 0.1}}


def test_a_whole_transform_by_name_merges() -> None:
    assert applied("Train.dataset.transforms.RecAug={tia_prob: 0}")["Train"]["dataset"]["transforms"][1] == {
        "RecAug": {"tia_prob": 0}
    }


def test_a_list_item_with_a_name_key_by_name() -> None:
    assert applied("Loss.parts.CTCLoss.weight=2")["Loss"]["parts"][0] == {"name": "CTCLoss", "weight": 2}


def test_another_component_in_the_place_of_an_item() -> None:
    transforms = applied("Train.dataset.transforms.0={Flip: {p: 3}}", "Train.dataset.transforms.2={Flip: {q: 4}}")["Train"][
        "dataset"
    ]["transforms"]
    assert transforms[0] == {"Flip": {"p": 3}}
    assert transforms[2] == {"Flip": {"p": 1, "q": 4}}
    parts = applied("Loss.parts.0={weight: 2}", "Loss.parts.1={name: SARLoss, weight: 3}")["Loss"]["parts"]
    assert parts == [{"name": "CTCLoss", "weight": 2}, {"name": "SARLoss", "weight": 3}]


def test_a_name_that_stands_twice_asks_for_the_index() -> None:
    message = refused("Train.dataset.transforms.Flip.p=3")
    assert "'Flip' stands 2 times" in message
    assert "Train.dataset.transforms.2 and Train.dataset.transforms.3" in message
    assert applied("Train.dataset.transforms.3.Flip.p=3")["Train"]["dataset"]["transforms"][3] == {"Flip": {"p": 3}}


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("Train.dataset.transforms.RecAgu.p=3", "no item of the list is called 'RecAgu'; nearest: RecAug"),
        ("Train.dataset.transforms.9.X.p=3", "Train.dataset.transforms.9: the list has 4 items"),
        ("Train.dataset.label_file_list.x=3", "use an index"),
        ("Global.epoch_num.sub=1", "Global.epoch_num: is 8: there is no 'sub' under it"),
        ("Global.epoch_num", "write key.sub=value"),
        ("=3", "write key.sub=value"),
        ("Global..x=3", "write key.sub=value"),
        ("Global.epoch_num=[1", "is not YAML"),
        ("Global.epoch_num=*x", "is not YAML"),
    ],
)
def test_what_cannot_be_applied(item: str, words: str) -> None:
    assert words in refused(item)


def test_all_mistakes_are_reported_together() -> None:
    assert refused("Global.epoch_num", "Train.dataset.transforms.X.p=1", "Global.epoch_num=[").startswith("-o: 3 problems")


def test_the_paths_that_were_set_are_returned() -> None:
    tree = copy.deepcopy(TREE)
    touched = apply_overrides(
        tree, ["Train.dataset.transforms.RecAug.tia_prob=0", "Train.loader={shuffle: false, num_workers: 0}"]
    )
    assert touched == {"Train.dataset.transforms.1.RecAug.tia_prob", "Train.loader.shuffle", "Train.loader.num_workers"}


def test_merge_leaves_its_arguments_alone() -> None:
    base, over = {"a": {"b": 1}}, {"a": {"c": 2}, "l": [1]}
    assert merge(base, over) == {"a": {"b": 1, "c": 2}, "l": [1]}
    assert (base, over) == ({"a": {"b": 1}}, {"a": {"c": 2}, "l": [1]})
