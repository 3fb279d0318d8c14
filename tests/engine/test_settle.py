"""Codecs in whole runs: classes that the training texts make, entries of several code points or classes, resuming, export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppocr_like.codec import Codec, read_codec
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.contracts import Request
from ppocr_like.engine import evaluate, report, train
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.settle import settle_classes
from ppocr_like.errors import ConfigError, ExportError, OcrError
from ppocr_like.export import export
from ppocr_like.pipeline.opening import open_model
from ppocr_like.weights import load_weights

from .helpers import tiny_recipe

load_components()
SPELT = {"1": "a\u0308", "2": "\ufb00", "3": "\ufb00a\u0308"}  # what some digits of the pictures are called in these labels
MAPPING = {"a\u0308": [1], "\ufb00": [2, 3], **{digit: [number] for number, digit in enumerate("0456789", 4)}}
ONCE = {"Global__epoch_num": 1, "Train__loader__num_workers": 0, "Global__cal_metric_during_train": False}


def recipe(data: Path, folder: Path, codec: Any, **over: Any) -> Recipe:
    tree = tiny_recipe(data, folder, **{**ONCE, **over})
    tree["Global"]["codec"] = codec
    for section in ("Train", "Eval"):
        (source,) = tree[section]["dataset"]["label_file_list"]
        text = Path(source).read_text(encoding="utf-8")
        lines = [line.partition("\t")[::2] for line in text.splitlines()]
        file = folder.parent / f"{folder.name}_{section}.txt"
        spelt = [f"{name}\t{''.join(SPELT.get(c, c) for c in label)}\n" for name, label in lines]
        file.write_text("".join(spelt), encoding="utf-8")
        tree[section]["dataset"]["label_file_list"] = [str(file)]
    return Recipe.from_tree(tree)


def test_entries_of_several_code_points_and_of_several_classes_are_trained(data: Path, tmp_path: Path) -> None:
    made = recipe(data, tmp_path / "run", MAPPING)
    dataset = Builder(made).dataset("Train")
    for sample in (dataset.fetch(request) for request in _requests(dataset)):
        classes = sample["label"][: int(sample["length"])].tolist()
        assert Builder(made).charset.decode(classes).text == sample["info"].text
        assert classes.count(1) == sample["info"].text.count("a\u0308")
        assert classes.count(2) == classes.count(3) == sample["info"].text.count("\ufb00")
    train(made)
    weights = load_weights(tmp_path / "run")
    assert read_codec(tmp_path / "run" / "codec.json") == Codec(MAPPING).mapping
    assert weights.charset == open_model(tmp_path / "run").spec.charset == Codec(MAPPING)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["labels"]["train"]["unknown"] == {}
    wanted = Recipe.from_tree({**made.tree, "Global": {**made.tree["Global"], "pretrained_model": str(tmp_path / "run")}})
    assert 0.0 <= evaluate(wanted)[0].metrics["acc"] <= 1.0
    with pytest.raises(ExportError, match=r"LATIN SMALL LIGATURE FF\) with the classes \[2, 3\].*know no codec"):
        export(wanted.changed("Global", {**wanted.tree["Global"], "save_inference_dir": str(tmp_path / "bundle")}))
    assert not (tmp_path / "bundle").exists()


def _requests(dataset: Any) -> list[Any]:
    return [Request(int(index), 1) for index in dataset.epoch_indices(1)]


def test_auto_is_the_code_points_of_the_training_texts(data: Path, tmp_path: Path) -> None:
    made = recipe(data, tmp_path / "run", "auto")
    Builder(made).check()
    with pytest.raises(ConfigError, match=r"Global\.codec: auto: the classes are those of the training texts"):
        _ = Builder(made).charset
    train(made)
    file = tmp_path / "run" / "codec.json"
    assert list(read_codec(file)) == sorted("0456789a\u0308\ufb00")
    settled = Recipe.from_tree(made.tree).changed("Global.codec", str(file))
    assert Builder(settled).charset == load_weights(tmp_path / "run").charset
    assert f"codec: {file}" in (tmp_path / "run" / "config.yml").read_text(encoding="utf-8")

    labels = Path(made.get("Train.dataset.label_file_list")[0])
    labels.write_text(labels.read_text(encoding="utf-8").replace("9", "z"), encoding="utf-8")
    file.unlink()
    again = {**made.tree["Global"], "checkpoints": str(tmp_path / "run"), "epoch_num": 2, "max_unknown": 1.0}
    train(made.changed("Global", again))
    assert list(read_codec(file)) == sorted("0456789a\u0308\ufb00"), "a resume takes the classes of the checkpoint"
    with pytest.raises(OcrError, match="holds an earlier run"):
        train(made)
    assert "9" in read_codec(file), "a run that is refused leaves the earlier one's file"


def test_a_codec_goes_into_a_bundle_where_every_class_is_a_text(data: Path, tmp_path: Path) -> None:
    mapping = {**{key: value for key, value in MAPPING.items() if len(value) == 1}, "\ufb00": [2], "x": [3]}
    made = recipe(data, tmp_path / "run", mapping)
    train(made)
    more = {"pretrained_model": str(tmp_path / "run"), "save_inference_dir": str(tmp_path / "bundle")}
    export(made.changed("Global", {**made.tree["Global"], **more}))
    charset = open_model(tmp_path / "bundle").spec.charset
    assert charset is not None and charset.decode([1, 2, 4]).text == "a\u0308\ufb000"


@pytest.mark.parametrize(("resize", "good"), [("fail", False), ("union", False), ("add", False), ("new", True), ("both", True)])
def test_weights_beside_a_codec_need_the_mode_new(data: Path, tmp_path: Path, resize: str, good: bool) -> None:
    made = recipe(data, tmp_path / "run", MAPPING, Global__pretrained_model="weights", Global__charset_resize=resize)
    if good:
        assert settle_classes(made, Ranks(), tmp_path) is made
        assert read_codec(tmp_path / "codec.json") == Codec(MAPPING).mapping
    else:
        with pytest.raises(
            ConfigError, match=r"Global\.codec: stands beside Global\.pretrained_model; set .*charset_resize: new"
        ):
            settle_classes(made, Ranks(), tmp_path)
    said = f"Global.charset_resize: {resize} is an old name of {'new' if good else 'union'}"
    assert (said in made.notes) == (resize in ("add", "both"))


def test_new_is_the_training_alphabet_and_keeps_the_rows_it_knows(data: Path, tmp_path: Path) -> None:
    train(recipe(data, tmp_path / "old", MAPPING))
    old = load_weights(tmp_path / "old")
    more = {"Global__pretrained_model": str(tmp_path / "old"), "Global__charset_resize": "new"}
    made = recipe(data, tmp_path / "new", "auto", **more, Optimizer__lr={"name": "Const", "learning_rate": 1e-12})
    train(made)
    new = load_weights(tmp_path / "new")
    assert new.charset is not None and list(new.charset.keys) == sorted("0456789a\u0308\ufb00")
    name = next(key for key in old.state if key.startswith("head") and key.endswith("bias"))
    for digit in "0456789":
        rows = [np.asarray(w.state[name])[w.charset.index(digit)] for w in (old, new)]
        assert rows[0] == pytest.approx(rows[1], abs=1e-6)


@pytest.mark.parametrize(
    ("codec", "message"),
    [
        ({"a": [1], "b": [1]}, r"Global\.codec: 'a' .* and 'b' .* both have the classes \[1\]"),
        ("none.json", r"Global\.codec: none\.json: cannot read the codec"),
        ({"a": "x"}, r"Global\.codec"),
        ([1], r"Global\.codec: is \[1\]"),
    ],
)
def test_what_is_no_codec_is_a_mistake_of_the_recipe(data: Path, tmp_path: Path, codec: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Builder(recipe(data, tmp_path / "run", codec)).check()


def test_auto_counts_what_the_chain_spells(data: Path, tmp_path: Path) -> None:
    made = recipe(data, tmp_path / "run", "auto", Global__max_text_length=12)
    for section in ("Train", "Eval"):
        made.tree[section]["dataset"]["transforms"].insert(1, {"TextNormalize": {"form": "NFKC"}})
    train(made)
    assert list(read_codec(tmp_path / "run" / "codec.json")) == sorted("0456789f\u00e4")
    told = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["labels"]
    assert told["train"]["unknown"] == told["eval"]["unknown"] == {}


def test_characters_of_the_evaluation_set_alone_stay_errors_and_are_counted(data: Path, tmp_path: Path) -> None:
    made = recipe(data, tmp_path / "run", "auto", Global__max_text_length=12)
    labels = Path(made.get("Eval.dataset.label_file_list")[0])
    labels.write_text(labels.read_text(encoding="utf-8").replace("\n", "\u00e9\u0363\n"), encoding="utf-8")
    train(made)
    assert "\u00e9" not in read_codec(tmp_path / "run" / "codec.json")
    told = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["labels"]["eval"]["unknown"]
    assert {character: part["count"] for character, part in told.items()} == {"\u00e9": 6, "\u0363": 6}
    log = (tmp_path / "run" / "train.log").read_text(encoding="utf-8")
    assert "evaluation set eval: 12 of" in log and "\u00e9 U+00E9 (6; " in log and "U+0363 (6; " in log
    settled = Recipe.from_tree({**made.tree, "Global": {**made.tree["Global"], "pretrained_model": str(tmp_path / "run")}})
    (evaluation,) = evaluate(settled.changed("Global.codec", str(tmp_path / "run" / "codec.json")), keep=None)
    assert evaluation.metrics["acc"] == 0.0 and evaluation.metrics["n"] == 6
    found = report(evaluation)
    assert found["labels"]["unknown"]["\u0363"]["count"] == 6
    assert all(line["reference"].endswith("\u00e9\u0363") for line in found["lines"])


@pytest.mark.slow
def test_entries_of_several_code_points_and_classes_are_learned(data: Path, tmp_path: Path) -> None:
    seldom = {f"Global__{key}": 60 for key in ("epoch_num", "eval_batch_epoch", "save_epoch_step")}
    more = {**seldom, "Global__save_batch_step": None, "Global__eval_at_start": False, "Global__max_text_length": 12}
    made = recipe(data, tmp_path / "run", MAPPING, **more, Optimizer__lr={"name": "Const", "learning_rate": 5e-3})
    for section in ("Train", "Eval"):
        made.tree[section]["dataset"] = {**made.tree["Eval"]["dataset"], **_train_labels(made)}
    assert train(made).best.value > 0.8


def _train_labels(made: Recipe) -> dict[str, Any]:
    return {"label_file_list": made.get("Train.dataset.label_file_list")}
