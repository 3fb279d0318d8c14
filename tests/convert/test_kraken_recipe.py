"""kraken's experiment files and command lines as recipes: every key has a fate, and the recipe trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from ppocr_like.cli import kraken_recipe as command
from ppocr_like.codec import make_codec
from ppocr_like.components import load_components
from ppocr_like.config import Builder, load_recipe
from ppocr_like.contracts import FeatureSpec
from ppocr_like.convert.kraken_experiment import Experiment, read_command, read_experiment
from ppocr_like.convert.kraken_options import BY_NAME, OPTIONS
from ppocr_like.convert.kraken_recipe import SCHEDULE_KEYS, KrakenRecipe, kraken_recipe
from ppocr_like.engine import train
from ppocr_like.errors import ConfigError, DataError
from ppocr_like.modeling.backbones.vgsl import DEFAULT, VGSL
from ppocr_like.modeling.heads.vgsl_head import VGSLHead
from ppocr_like.modeling.model import OcrModel
from ppocr_like.weights import save_weights

load_components()


def made(text: str, tmp_path: Path) -> KrakenRecipe:
    path = tmp_path / "experiment.yml"
    path.write_text(text, encoding="utf-8")
    return kraken_recipe(read_experiment(path))


def fates(recipe: KrakenRecipe) -> dict[str, str]:
    return {fate.key: fate.became for fate in recipe.fates}


VALUES: dict[str, Any] = {
    "precision": "bf16-mixed", "seed": 3, "quit": "early", "optimizer": "SGD", "schedule": "reduceonplateau", "resize": "add",
    "format_type": "alto", "linetype": "bbox", "normalization": "NFD", "base_dir": "R", "pl_logger": "tensorboard",
    "epochs": 7, "partition": 0.8, "freq": 0.25, "deterministic": True, "freeze_backbone": 100, "weights_format": "coreml",
    "gamma": None, "arch": "ppocrv6",
}  # fmt: skip


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Weights of a VGSL network of two classes, as their file."""
    spec = "[1,24,0,1 Cr3,3,4 Mp2,2 S1(1x0)1,3 Lbx6 O1c9]"
    backbone = VGSL(FeatureSpec(1), spec)
    model = OcrModel(None, backbone, None, VGSLHead(backbone.out_spec, 3))
    recipe = {
        "Architecture": {"model_type": "rec", "Backbone": {"name": "VGSL", "spec": spec}, "Head": {"name": "VGSLHead"}},
        "Eval": {"dataset": {"transforms": [{"KrakenLine": {"height": 24, "mode": "1"}}]}},
    }
    codec = make_codec({"1": 1, " 2": 2}, "ltr")
    save_weights(tmp_path / "old.safetensors", model.state_dict(), {"recipe": recipe, "charset": codec})
    return tmp_path / "old.safetensors"


def test_every_option_has_one_fate(old: Path) -> None:
    of_kind = {"text": "x", "int": 4, "float": 0.5, "switch": True, "many": ["x"], "codec": "c.json", "count": 1}
    values = {option.name: VALUES.get(option.name, of_kind[option.kind]) for option in OPTIONS}
    values["load"] = str(old)
    recipe = kraken_recipe(Experiment({name: value for name, value in values.items() if value is not None}))
    assert sorted(fate.key for fate in recipe.fates) == sorted(option.name for option in OPTIONS if option.name != "gamma")
    told = fates(recipe)
    assert told["rop_factor"] == "Optimizer.lr.gamma: 0.5"
    assert told["step_size"].startswith("left out: the schedule reduceonplateau")
    assert told["partition"].startswith("left out: evaluation_data is there")
    for name in ("spec", "resume", "legacy_polygons", "test_data", "arch"):
        assert told[name].startswith("left out: "), name
    settings = recipe.tree["Global"]
    assert (settings["charset_resize"], settings["eval_batch_epoch"], settings["seed"]) == ("new", 0.25, 3)
    assert told["resize"].startswith("Global.charset_resize: new (characters of the weights that no training line has")
    assert (told["load"], told["padding"]) == (f"Global.pretrained_model: {old}", "KrakenLine.padding: 4, of Train and Eval")
    assert told["weights_format"].startswith("Global.weights_format: coreml")
    assert told["linetype"] == "XMLDataSet.linetype: bbox, KrakenLine.linetype: bbox"
    assert (settings["use_amp"], settings["amp_dtype"], settings["deterministic"]) == (True, "bfloat16", "warn")
    assert recipe.tree["Optimizer"]["momentum"] == 0.5 and recipe.tree["Optimizer"]["freeze_backbone"] == 100
    assert recipe.tree["Eval"]["dataset"]["manifests"] == ["x"] and "partition" not in recipe.tree["Train"]["dataset"]


def test_kraken_defaults_stand_in_the_recipe() -> None:
    tree = kraken_recipe(Experiment({"training_data": ["pages.txt"]})).tree
    assert tree["Optimizer"]["lr"] == {"name": "constant", "learning_rate": 1e-3, "warmup": 0}
    assert (tree["Optimizer"]["name"], tree["Optimizer"]["weight_decay"], tree["Optimizer"]["clip_norm_global"]) == (
        "AdamW",
        0,
        1,
    )
    assert tree["Global"]["early_stop"] == {"patience": 10, "min_delta": 0.0, "min_epochs": 0, "stop_at": 1.0}
    assert (tree["Global"]["epoch_num"], tree["Global"]["eval_batch_epoch"], tree["Global"]["codec"]) == (None, 1, "auto")
    assert tree["Train"]["loader"]["batch_size_per_card"] == 1
    assert tree["Train"]["dataset"]["partition"] == tree["Eval"]["dataset"]["partition"] == 0.9


def test_the_network_is_krakens() -> None:
    files = {"training_data": ["lines.txt"]}
    tree = kraken_recipe(Experiment(files)).tree
    backbone, line = tree["Architecture"]["Backbone"], {"height": 120, "channels": 1, "padding": 16, "mode": "auto"}
    assert backbone == {"name": "VGSL", "spec": DEFAULT}
    for section in ("Train", "Eval"):
        chain = tree[section]["dataset"]["transforms"]
        assert {"KrakenLine": {**line, "linetype": "bbox"}} in chain  # format path
        assert chain[-1]["KeepKeys"]["keep_keys"] == ["image", "label", "length", "valid_width"]
    pages = kraken_recipe(Experiment({**files, "format_type": "xml", "spec": "[1,48,0,3 Lfys8]", "padding": 3})).tree
    assert pages["Architecture"]["Backbone"]["spec"] == "[1,48,0,3 Lfys8]"
    wanted = {"height": 48, "channels": 3, "padding": 3, "mode": "auto", "linetype": "baselines"}
    assert {"KrakenLine": wanted} in pages["Train"]["dataset"]["transforms"]
    assert "clipped in nearly every step" in fates(kraken_recipe(Experiment(files)))["gradient_clip_val"]


def test_the_network_and_the_characters_of_weights(old: Path) -> None:
    experiment = {"training_data": ["lines.txt"], "load": str(old)}
    recipe = kraken_recipe(Experiment(experiment))
    settings, line = recipe.tree["Global"], {"height": 24, "channels": 1, "padding": 16, "mode": "1", "linetype": "bbox"}
    assert recipe.tree["Architecture"]["Backbone"]["spec"] == "[1,24,0,1 Cr3,3,4 Mp2,2 S1(1x0)1,3 Lbx6 O1c9]"
    assert {"KrakenLine": line} in recipe.tree["Eval"]["dataset"]["transforms"]
    assert settings["pretrained_model"] == str(old)
    assert (settings["codec"], settings["charset_resize"], settings["max_unknown"]) == ({"1": [1], " 2": [2]}, "new", 0.0)
    settings = kraken_recipe(Experiment({**experiment, "resize": "new"})).tree["Global"]
    assert (settings["codec"], settings["charset_resize"]) == ("auto", "new")
    assert "max_unknown" not in settings
    with pytest.raises(ConfigError, match=r"load: weights 'absent\.mlmodel' not found"):
        kraken_recipe(Experiment({**experiment, "load": "absent.mlmodel"}))


@pytest.mark.parametrize("precision", ["16-true", "64-true", "transformer-engine", "transformer-engine-float16"])
def test_precisions_that_are_left_out_say_why(precision: str) -> None:
    recipe = kraken_recipe(Experiment({"training_data": ["p.txt"], "precision": precision}))
    assert fates(recipe)["precision"].startswith("left out: ") and "use_amp" not in recipe.tree["Global"]


def test_blocks_and_unknown_keys_are_told(tmp_path: Path) -> None:
    text = "trian: {}\nlrate: 1\nsegtrain: {epochs: 3}\nrotrain:\npretrain: {}\n"
    told = fates(made(text + "train: {training_data: a.txt, lrat: 1, learning_rate: 2, workers: 3, nonsense_key: 1}", tmp_path))
    assert all(told[block].startswith("left out: no recipe is made") for block in ("segtrain", "rotrain", "pretrain"))
    assert "belongs into the block `train:`" in told["lrate"] or told["lrate"].startswith("Optimizer")
    assert told["train.lrat"].endswith("did you mean lrate?") and told["train.learning_rate"].endswith("did you mean lrate?")
    assert "belongs above the block" in told["train.workers"] and told["train.nonsense_key"] == "left out: no option of kraken's"


def test_numbers_of_yaml_and_flags_as_keys(tmp_path: Path) -> None:
    tree = made("threads: 2\ntrain: {training-data: [a.txt, b.txt], lrate: 5e-4, cos-max: 3, schedule: cosine}", tmp_path).tree
    assert tree["Optimizer"]["lr"]["learning_rate"] == 5e-4 and tree["Optimizer"]["lr"]["cos_t_max"] == 3
    assert tree["Global"]["num_threads"] == 2 and tree["Train"]["dataset"]["manifests"] == ["a.txt", "b.txt"]


def test_a_command_line_says_the_same_as_a_file(tmp_path: Path) -> None:
    words = "ketos -d cpu --workers 0 -r train -f page -r 0.0005 -ss 3 --schedule step -q fixed -N 5 --no-reorder -t a.txt x.xml"
    text = (
        "device: cpu\nnum_workers: 0\ndeterministic: true\ntrain: {format_type: page, lrate: 0.0005, step_size: 3, "
        "schedule: step, quit: fixed, epochs: 5, bidi_reordering: false, training_data: a.txt, ground_truth: [x.xml]}"
    )
    assert kraken_recipe(read_command(words.split())).tree == made(text, tmp_path).tree
    over = kraken_recipe(read_command(["--config", str(tmp_path / "experiment.yml"), "train", "-N", "9"]))
    assert over.tree["Global"]["epoch_num"] == 9 and over.tree["Optimizer"]["lr"]["step_size"] == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("ketos train --lagg 3 x.xml", "nearest: --lag"),
        ("ketos segtrain x.xml", "no recipe is made"),
        ("ketos trian x.xml", "nearest: train"),
        ("ketos train -r much x.xml", "'much', but a number is needed"),
        ("ketos train", "training_data: is missing"),
        ("ketos train -q aneal x.xml", "kraken knows early and fixed"),
        ("ketos train -q fixed x.xml", "would never end"),
        ("ketos train --schedule 1cycle x.xml", "no length for 1cycle"),
        ("ketos train -F 1.5 x.xml", "whole number of epochs"),
        ("ketos train -p 1 x.xml", "nothing is evaluated"),
        ("ketos train --optimizer Adamm x.xml", "kraken knows Adam"),
        ("ketos --precision 8 train x.xml", "16-true"),
        ("ketos train -s [1,48,0,1 x.xml", "spec: .*does not stand in brackets"),
        ("ketos train -s [1,0,0,1_Lfys8] x.xml", "spec: says height 0"),
        ("ketos train -s [1,48,0,2_Lfys8] x.xml", "spec: says 2 channels"),
        ("ketos train -s [1,48,0,1_Lfys8_O2l5] x.xml", "spec: ends with O2l"),
        ("ketos train -s [1,48,0,1_Lfz8] x.xml", "spec: character 11, 'Lfz8'"),
        ("ketos train --pad -1 x.xml", "padding: is -1"),
        ("ketos train --arch crnn x.xml", "kraken knows vgsl and ppocrv6"),
    ],
)
def test_mistakes(words: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        kraken_recipe(read_command([word.replace("_", " ") for word in words.split()]))


@pytest.mark.parametrize(
    ("text", "message"), [("- a\n", "no experiment file"), ("train: {lag: soon}", "train.lag.*whole number")]
)
def test_files_that_are_no_experiments(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        made(text, tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        read_experiment(tmp_path / "absent.yml")


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Twelve pictures of digits, each with its .gt.txt, and their manifest."""
    for number in range(12):
        image = np.full((48, 160, 3), 255, np.uint8)
        cv2.putText(image, f"{number} {number % 5}", (6, 36), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 0), 2)
        cv2.imwrite(str(tmp_path / f"{number:02d}.png"), image)
        (tmp_path / f"{number:02d}.gt.txt").write_text(f"{number} {number % 5}\n", encoding="utf-8")
    (tmp_path / "lines.txt").write_text("".join(f"{number:02d}.png\n" for number in range(12)), encoding="utf-8")
    return tmp_path


def test_the_recipe_trains(lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment, out = lines / "experiment.yml", lines / "my.yml"
    block = {"training_data": [str(lines / "lines.txt")], "quit": "fixed", "epochs": 1, "batch_size": 4, "augment": True}
    block |= {"checkpoint_path": str(lines / "run"), "optimizer": "RMSprop", "schedule": "cosine", "warmup": 2, "partition": 0.7}
    block["spec"] = "[1,32,0,1 Cr3,9,8 Mp4,4 S1(1x0)1,3 Lbx8]"
    experiment.write_text(yaml.safe_dump({"device": "cpu", "workers": 0, "train": block}), encoding="utf-8")
    assert command.main([str(experiment), "--out", str(out)]) == 0
    assert "optimizer: RMSprop -> Optimizer.name: RMSprop" in capsys.readouterr().out
    assert "# " in out.read_text(encoding="utf-8").splitlines()[0]
    recipe = load_recipe(out)
    Builder(recipe).check()
    result = train(recipe)
    assert result.steps == 2 and result.last  # 8 of the 12 lines, and an evaluation of the others
    with pytest.raises(DataError, match="--force"):
        command.main([str(experiment), "--out", str(out)])
    with pytest.raises(DataError, match="would"):
        command.main([str(experiment), "--out", str(experiment), "--force"])


@pytest.mark.parametrize("schedule", SCHEDULE_KEYS)
def test_every_schedule_and_format_makes_a_recipe_without_mistakes(schedule: str, lines: Path) -> None:
    place = list(SCHEDULE_KEYS).index(schedule)
    kind = ("path", "binary", "xml")[place % 3]
    optimizer = ("Adam", "SGD", "RMSprop", "Lamb", "AdamW")[place % 5]
    values = {"schedule": schedule, "epochs": 3, "optimizer": optimizer, "format_type": kind, "bidi_reordering": place % 2 == 0}
    recipe = kraken_recipe(Experiment({**values, "training_data": [str(lines / "lines.txt")]}))
    path = lines / "recipe.yml"
    path.write_text(recipe.text("a test"), encoding="utf-8")
    loaded = load_recipe(path)
    assert loaded.tree == recipe.tree
    Builder(loaded).check()
    assert all(BY_NAME[fate.key] for fate in recipe.fates)


def test_the_arguments_name_one_source(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--out", "x.yml"], ["e.yml", "--out", "x.yml", "--", "ketos", "train"]):
        with pytest.raises(SystemExit):
            command.main(arguments)
        assert "give an experiment file" in capsys.readouterr().err
