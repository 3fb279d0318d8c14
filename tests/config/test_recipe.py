"""Recipes from files: bases, missing and broken files, aliases that keep an old value."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppocr_like.config import Recipe, load_recipe
from ppocr_like.errors import ConfigError


def write(folder: Path, **files: str) -> Path:
    """Writes `name=text` as name.yml; returns the first file's path."""
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    return folder / f"{next(iter(files))}.yml"


def refused(path: Path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as error:
        load_recipe(path, overrides)
    return str(error.value)


def test_bases_merge_mappings_and_replace_lists(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        child="_base_: base.yml\nGlobal: {epoch_num: 3, l: [9]}\nTrain: {loader: {shuffle: false}}\n",
        base="Global: {epoch_num: 1, seed: 7, l: [1, 2]}\nTrain: {loader: {shuffle: true, num_workers: 2}}\n",
    )
    assert load_recipe(path).tree == {
        "Global": {"epoch_num": 3, "seed": 7, "l": [9]},
        "Train": {"loader": {"shuffle": False, "num_workers": 2}},
    }


def test_bases_are_relative_to_the_file_that_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    write(tmp_path, base="Global: {a: 1}\n")
    write(tmp_path / "sub", middle="_base_: ../base.yml\nGlobal: {b: 2}\n")
    path = write(tmp_path / "sub" / "deep", child="_base_: ../middle.yml\nGlobal: {c: 3}\n")
    monkeypatch.chdir("/")
    assert load_recipe(path).tree == {"Global": {"a": 1, "b": 2, "c": 3}}


def test_of_several_bases_the_later_wins(tmp_path: Path) -> None:
    path = write(tmp_path, child="_base_: [one.yml, two.yml]\n", one="Global: {a: 1, b: 1}\n", two="Global: {b: 2}\n")
    assert load_recipe(path).tree == {"Global": {"a": 1, "b": 2}}


def test_a_base_that_two_bases_share_is_no_circle(tmp_path: Path) -> None:
    path = write(tmp_path, child="_base_: [l.yml, r.yml]\n", l="_base_: top.yml\n", r="_base_: top.yml\n", top="Global: {a: 1}\n")
    assert load_recipe(path).tree == {"Global": {"a": 1}}


def test_replace_takes_the_whole_place(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        child="_base_: base.yml\nOptimizer: {_replace_: true, name: Momentum}\n",
        base="Optimizer: {name: Adam, beta1: 0.9}\n",
    )
    assert load_recipe(path).tree == {"Optimizer": {"name": "Momentum"}}


def test_a_circle_of_bases_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, a="_base_: b.yml\n", b="_base_: c.yml\n", c="_base_: b.yml\n")
    message = refused(path)
    assert "form a circle" in message
    assert message.count("b.yml") >= 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("# only a comment\n", "the file is empty"),
        ("- a\n", "holds a list, not a mapping"),
        ("just text\n", "holds a str, not a mapping"),
        ("Global: {a: 1}\nGlobal: {a: 2}\n", "line 2, column 1: the key 'Global' stands twice"),
        ("Global: [\n", "line 2, column 1"),
        ("_base_: 3\n", "_base_: write a path"),
        ("_base_: nowhere.yml\n", "nowhere.yml: 1 problem"),
    ],
)
def test_files_that_are_no_recipe(tmp_path: Path, text: str, words: str) -> None:
    path = write(tmp_path, recipe=text)
    message = refused(path)
    assert words in message
    assert str(tmp_path) in message


def test_a_missing_file_a_folder_and_one_that_is_not_utf8(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none.yml")
    assert "directory" in refused(tmp_path)
    (tmp_path / "latin.yml").write_bytes(b"Global:\n  x: caf\xe9\n")
    assert "line 2: is not UTF-8" in refused(tmp_path / "latin.yml")


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    (tmp_path / "bom.yml").write_bytes(b"\xef\xbb\xbfGlobal: {a: 1}\r\n")
    assert load_recipe(tmp_path / "bom.yml").tree == {"Global": {"a": 1}}


ALIASED = "Global:\n  n: &n 5\nHead:\n  n: *n\n  other: *n\n"


def test_a_changed_owner_names_the_aliases_that_keep_the_old_value(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, recipe=ALIASED), ["Global.n=6", "Head.other=6"])
    assert recipe.tree == {"Global": {"n": 6}, "Head": {"n": 5, "other": 6}}
    assert len(recipe.notes) == 1
    assert recipe.notes[0].startswith("Head.n keeps 5: it is an alias of Global.n, which is now 6")


def test_nothing_is_said_when_the_owner_stays(tmp_path: Path) -> None:
    assert load_recipe(write(tmp_path, recipe=ALIASED), ["Global.n=5", "Head.n=7"]).notes == []


def test_a_base_s_aliases_keep_their_value_too_and_it_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, child="_base_: base.yml\nGlobal: {n: 6}\n", base=ALIASED)
    assert {note.partition(" ")[0] for note in load_recipe(path).notes} == {"Head.n", "Head.other"}


def test_an_alias_that_global_overrules_anyway_is_not_mentioned(tmp_path: Path) -> None:
    text = (
        "Global:\n  max_text_length: &n 5\nTrain:\n  dataset:\n    transforms:\n      - CTCLabelEncode: {max_text_length: *n}\n"
    )
    assert load_recipe(write(tmp_path, recipe=text), ["Global.max_text_length=9"]).notes == []


def test_a_recipe_from_a_tree_is_a_copy() -> None:
    tree = {"Global": {"epoch_num": 2}}
    recipe = Recipe.from_tree(tree)
    recipe.tree["Global"]["epoch_num"] = 3
    assert tree == {"Global": {"epoch_num": 2}}
    assert recipe.globals.epoch_num == 3
    assert recipe.source == "recipe"


def test_the_effective_recipe_reads_back(tmp_path: Path, shipped) -> None:
    recipe = shipped("Optimizer.lr.learning_rate=1e-05", "Global.pretrained_model='010'")
    (tmp_path / "config.yml").write_text(recipe.to_yaml(), encoding="utf-8")
    assert load_recipe(tmp_path / "config.yml").tree == recipe.tree


def test_a_note_is_kept_once() -> None:
    recipe = Recipe({})
    recipe.note("a")
    recipe.note("a")
    assert recipe.notes == ["a"]


def test_plugins_can_be_read_from_a_recipe_that_is_wrong_elsewhere() -> None:
    assert Recipe({"Global": {"plugins": ["mine", 3], "wrong": 1}}).plugins == ["mine"]
    assert Recipe({"Global": {"plugins": "mine"}}).plugins == []
    assert Recipe({}).plugins == []


def test_a_codec_that_moved_along_with_the_recipe_is_found(tmp_path):
    (tmp_path / "codec.json").write_text("{}", encoding="utf-8")
    file = tmp_path / "config.yml"
    file.write_text("Global: {codec: gone/run/codec.json}\n", encoding="utf-8")
    recipe = load_recipe(file)
    assert recipe.get("Global.codec") == str(tmp_path / "codec.json")
    assert recipe.notes == [f"Global.codec is {tmp_path / 'codec.json'}, beside the recipe, for there is no gone/run/codec.json"]
    typed = load_recipe(file, ["Global.codec=no/codec.json"])
    assert typed.get("Global.codec") == "no/codec.json" and not typed.notes
    (tmp_path / "codec.json").unlink()
    assert load_recipe(file).get("Global.codec") == "gone/run/codec.json"
