"""The dataset doctor on sets with every kind of ailment."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe, load_recipe
from ppocr_like.doctor.examine import examine
from ppocr_like.doctor.findings import DoctorReport, shown
from tests.data.helpers import Folder

RECIPE = Path(__file__).parents[2] / "configs" / "rec" / "svtr_ft.yml"


@pytest.fixture(scope="module", autouse=True)
def _components() -> None:
    load_components()


def builder(folder: Folder, train: str, evaluation: str, *more: str) -> Builder:
    folder.write("dict.txt", "\n".join("abcdefghijklmnopqrstuvwxyz"))
    overrides = [
        f"Train.dataset.data_dir={folder.root}",
        f"Train.dataset.label_file_list=[{train}]",
        "Train.dataset.ratio_list=1.0",
        f"Eval.dataset.data_dir={folder.root}",
        f"Eval.dataset.label_file_list=[{evaluation}]",
        "Eval.datasets=null",
        f"Global.character_dict_path={folder.root / 'dict.txt'}",
        "Global.max_text_length=20",
        *([] if set(FIXED) & set(more) else NARROW),
        *more,
    ]
    return Builder(load_recipe(RECIPE, overrides))


NARROW = [f"{section}.loader.bucket_by_width.min_width=64" for section in ("Train", "Eval")]
FIXED = [f"{section}.loader.bucket_by_width=null" for section in ("Train", "Eval")]


def found(report: DoctorReport, number: int) -> dict[str, int]:
    return {kind: finding.count for kind, finding in report.sets[number].findings.items()}


def healthy(folder: Folder, name: str, words: list[str], first: int) -> str:
    rows = [f"{folder.image(f'{name}/{n}.png', 200, 24, value=first + n)}\t{word}" for n, word in enumerate(words)]
    return folder.write(f"{name}.txt", "\n".join(rows) + "\n")


def test_good_sets_have_no_problem(folder: Folder) -> None:
    files = healthy(folder, "train", ["abc", "def ghi"], 1), healthy(folder, "eval", ["xyz"], 50)
    report = examine(builder(folder, *files), progress=False)
    assert report.problems == 0 and not report.sampled
    assert [part.name for part in report.sets] == ["Train", "Eval eval"]
    assert [(part.lines, part.examined) for part in report.sets] == [(2, 2), (1, 1)]
    assert report.sets[0].characters["d"] == 1 and report.sets[0].characters[" "] == 1
    assert report.untrained == {"x": 1, "y": 1, "z": 1} and "q" in report.unseen and "a" not in report.unseen
    text = report.text()
    assert "no problem found" in text and "nothing to complain about" in text


def test_each_ailment_is_found_with_its_place(folder: Folder) -> None:
    for n in range(9):
        folder.image(f"{n}.png", 200, 24, value=n)
    folder.image("narrow.png", 10, 24, value=99)
    shutil.copy(folder.root / "0.png", folder.root / "copy.png")
    whole = (folder.root / "1.png").read_bytes()
    folder.write("cut.png", whole[: len(whole) // 2])
    train = folder.write(
        "train.txt",
        "\n".join(
            [
                "0.png\tabc",
                "gone.png\tabc",
                "cut.png\tabc",
                "no delimiter here",
                "2.png\t",
                "",
                "3.png\t" + "a" * 21,
                "4.png\t123",
                "5.png\taé1",
                "narrow.png\taabbccddee",
                "copy.png\tother",
                "6.png\tdef",
                "6.png\tdef",
            ]
        ),
    )
    evaluation = folder.write("eval.txt", "7.png\tdef\ncopy.png\tabc\n6.png\tx\n")
    report = examine(builder(folder, train, evaluation), progress=False)
    assert found(report, 0) == {
        "missing image": 1,
        "unreadable image": 1,
        "line without a delimiter": 1,
        "empty label": 1,
        "label too long": 1,
        "no known characters": 1,
        "characters outside the dictionary": 3 + 2,
        "label does not fit the width": 1,
        "crop higher than wide": 1,
        "same path again": 1,
        "same image again": 1,
        "same image, other label": 1,
    }
    assert found(report, 1) == {
        "image also in training": 2,
        "path also in training": 2,
        "text also in training": 2,
    }
    assert report.sets[0].unknown == {"1": 2, "2": 1, "3": 1, "é": 1}
    assert report.problems == 10 + 2
    places = {kind: finding.places[0] for kind, finding in report.sets[0].findings.items()}
    assert places["missing image"] == f"{train}, line 2: {folder.root / 'gone.png'}"
    assert f"{train}, line 4" in places["line without a delimiter"]
    assert f"{train}, line 5" in places["empty label"], "blank lines count"
    assert (
        "line 10" in places["label does not fit the width"]
        and "needs 15 steps, a canvas of 64 px has 8" in places["label does not fit the width"]
    )
    assert "line 11" in places["same image, other label"] and "line 1 'abc'" in places["same image, other label"]
    leak = report.sets[1].findings["image also in training"].places
    assert f"{evaluation}, line 2" in leak[0] and f"{train}, line 1" in leak[0]
    text = report.text()
    for part in ("PROBLEM", "U+00E9", "Global.max_text_length", "12 kinds of problems"):
        assert part in text


def test_the_fixed_canvas_limits_ctc(folder: Folder) -> None:
    train = folder.write("t.txt", f"{folder.image('a.png', 900, 24)}\tabcdefghijkl\n")
    evaluation = healthy(folder, "eval", ["xyz"], 50)
    FIXED.append("Train.dataset.transforms.RecResizeImg.image_shape=[3,48,80]")
    report = examine(builder(folder, train, evaluation, *FIXED), progress=False)
    assert found(report, 0) == {"label does not fit the width": 1}
    assert "needs 12 steps, a canvas of 80 px has 10" in report.text()


SVTR = (
    "img_size: [32, 100], out_char_num: 25, out_channels: 16, embed_dim: [8, 8, 8], depth: [1, 1, 1], num_heads: [1, 1, 1], "
    "mixer: [Local, Global, Global], local_mixer: [[7, 11], [7, 11], [7, 11]]"
)
NETWORKS = {
    "STN_ON": (
        "Transform: {name: STN_ON, tps_inputsize: [32, 64], tps_outputsize: [32, 100], num_control_points: 20, "
        f"tps_margins: [0.05, 0.05], stn_activation: none}}, Backbone: {{name: SVTRNet, {SVTR}}}, "
        "Neck: {name: SequenceEncoder, encoder_type: reshape}",
        "[3, 64, 256]",
    ),
    "TPS": (
        "Transform: {name: TPS, num_fiducial: 20, loc_lr: 0.1, model_name: small}, "
        "Backbone: {name: MobileNetV3, scale: 0.5, model_name: small, small_stride: [1, 2, 2, 2]}, "
        "Neck: {name: SequenceEncoder, encoder_type: rnn, hidden_size: 8}",
        "[3, 32, 95]",
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_steps_are_those_that_the_network_gives(folder: Folder, name: str) -> None:
    """Behind a transform, which may give images of another width; and where convolutions round."""
    parts, shape = NETWORKS[name]
    chains = [f"{section}.dataset.transforms.RecResizeImg.image_shape={shape}" for section in ("Train", "Eval")]
    more = [*FIXED, *chains, "Global.pretrained_model=null", "Global.max_text_length=80"]

    def made(train: str, evaluation: str) -> Builder:
        tree = copy.deepcopy(builder(folder, train, evaluation, *more).recipe.tree)
        head = {"name": "CTCHead"}
        tree["Architecture"] = {"model_type": "rec", "algorithm": "CRNN", **yaml.safe_load(f"{{{parts}}}"), "Head": head}
        tree["Loss"] = {"name": "CTCLoss"}
        return Builder(Recipe.from_tree(tree))

    evaluation = healthy(folder, "eval", ["xyz"], 50)
    channels, height, width = yaml.safe_load(shape)
    model = made(evaluation, evaluation).model()
    steps = model.check_input(channels, height, width)["ctc"][1]
    assert steps != width // model.out_spec.stride[1]  # what the stride tells is not it
    fits, long = ("abcdefghij" * 8)[:steps], ("abcdefghij" * 8)[: steps + 1]
    report = examine(made(healthy(folder, "train", [fits, long], 1), evaluation), progress=False)
    assert found(report, 0) == {"label does not fit the width": 1}
    assert f"needs {steps + 1} steps, a canvas of {width} px has {steps}" in report.text()


def multi_scale(folder: Folder, train: str, data: str, sampler: str) -> DoctorReport:
    more = [
        f"Train.dataset={{name: MultiScaleDataSet, data_dir: '{folder.root}', label_file_list: ['{train}'], {data} transforms: ["
        "{DecodeImage: {img_mode: BGR}}, {CTCLabelEncode: }, {KeepKeys: {keep_keys: [image, label, length, valid_ratio]}}]}",
        f"Train.sampler={{name: MultiScaleSampler, scales: [[320, 32], [160, 48]], first_bs: 1, {sampler}}}",
        "Train.dataset.ratio_list=1.0",
        "Train.loader={batch_size_per_card: 4, num_workers: 0, bucket_by_width: null}",
    ]
    files = [train, healthy(folder, "eval", ["xyz"], 50)]
    folder.write("dict.txt", "\n".join("abcdefghijklmnopqrstuvwxyz"))
    overrides = [
        *more,
        f"Eval.dataset.data_dir={folder.root}",
        f"Eval.dataset.label_file_list=[{files[1]}]",
        "Eval.datasets=null",
        f"Global.character_dict_path={folder.root / 'dict.txt'}",
        "Global.max_text_length=50",
    ]
    return examine(Builder(load_recipe(RECIPE, overrides)), progress=False)


def test_a_sampler_of_several_canvases_asks_for_all_of_them(folder: Folder) -> None:
    words = ["abcdefghijklmnopqrst", "abcdefghijklmnopqrstu"]
    report = multi_scale(folder, healthy(folder, "train", words, 1), "", "fix_bs: false")
    assert found(report, 0) == {"label does not fit the width": 1}
    assert "needs 21 steps, a canvas of 160 px has 20" in report.text()


def test_canvases_follow_the_shape_of_a_line(folder: Folder) -> None:
    rows = [f"{folder.image(f'{n}.png', width, 32, value=n)}\tabcdefghijklmnopq" for n, width in enumerate((64, 128, 156, 320))]
    train = folder.write("t.txt", "\n".join(rows) + "\n")
    report = multi_scale(folder, train, "ds_width: true,", "max_w: 300")
    assert found(report, 0) == {"label does not fit the width": 2}
    places = report.sets[0].findings["label does not fit the width"].places
    assert "line 1" in places[0] and "needs 17 steps, a canvas of 64 x 32 px has 8" in places[0]
    assert "line 2" in places[1] and "128 x 32 px has 16" in places[1]


def test_of_several_images_the_narrowest_counts(folder: Folder) -> None:
    names = [folder.image(f"{n}.png", width, 24, value=n) for n, width in enumerate((200, 20))]
    train = folder.write("t.txt", f'["{names[0]}", "{names[1]}"]\tabcdefghijkl\n')
    report = examine(builder(folder, train, healthy(folder, "eval", ["xyz"], 50)), progress=False)
    assert found(report, 0) == {"crop higher than wide": 1, "label does not fit the width": 1}


def test_all_images_of_a_line_are_looked_at(folder: Folder) -> None:
    names = [folder.image(f"{n}.png", 200, 24, value=n) for n in range(2)]
    train = folder.write("t.txt", f'["{names[0]}", "{names[1]}", "gone.png"]\tabc\n')
    evaluation = folder.write("e.txt", f"{names[1]}\txyz\n")
    report = examine(builder(folder, train, evaluation), progress=False)
    assert found(report, 0) == {"missing image": 1}
    assert found(report, 1) == {"image also in training": 1, "path also in training": 1}


def test_a_sample_is_a_part_and_says_so(folder: Folder) -> None:
    files = healthy(folder, "train", ["abc"] * 40, 1), healthy(folder, "eval", ["xyz"], 50)
    report = examine(builder(folder, *files), sample=7, progress=False)
    assert [part.examined for part in report.sets] == [7, 1] and report.sampled
    assert "7 of them looked at" in report.text() and "Only a sample" in report.text()


def test_threads_change_nothing(folder: Folder) -> None:
    words = ["abc", "x1", "", "defé"] * 80
    train = folder.write("t.txt", "".join(f"{folder.image(f'{n}.png', 50, 24, value=n)}\t{w}\n" for n, w in enumerate(words)))
    made = builder(folder, train, healthy(folder, "eval", ["xyz"], 50))
    assert examine(made, progress=False, threads=1).to_dict() == examine(made, progress=False, threads=4).to_dict()


def test_a_set_that_cannot_be_read_does_not_hide_the_others(folder: Folder) -> None:
    train = healthy(folder, "train", ["abc", "d1"], 1)
    report = examine(builder(folder, train, str(folder.root / "gone.txt")), progress=False)
    assert "gone.txt" in report.sets[1].error and report.problems == 2
    assert "cannot be read" in report.text() and "characters outside" in report.text()


def test_the_report_as_json(folder: Folder) -> None:
    report = examine(
        builder(folder, healthy(folder, "train", ["abc", "é"], 1), healthy(folder, "eval", ["x"], 9)), progress=False
    )
    data = json.loads(report.to_json())
    assert data["problems"] == report.problems == 2
    train = data["sets"][0]
    assert train["characters"] == {"a": 1, "b": 1, "c": 1, "é": 1} and train["unknown"] == {"é": 1}
    assert {f["kind"] for f in train["findings"]} == {"characters outside the dictionary", "no known characters"}
    assert all(f["problem"] and f["advice"] and f["places"] for f in train["findings"])


def test_labels_in_another_unicode_form_than_the_dictionary(folder: Folder) -> None:
    made = builder(folder, healthy(folder, "train", ["ab\u0301c", "de\u0301", "ok"], 1), healthy(folder, "eval", ["x"], 9))
    folder.write("dict.txt", "\n".join([*"abcdefghijklmnopqrstuvwxyz", "\u00e9"]))
    report = examine(made, progress=False)
    kind = "label not in NFC, as the dictionary is"  # of "b" with an acute there is no other form
    assert found(report, 0) == {"characters outside the dictionary": 2, kind: 1}
    assert "all labels are in NFD (1 have decomposed characters)" in report.text()
    assert "write `TextNormalize: {form: NFC}` before the step that encodes, in Train and in Eval" in report.text()

    for section in ("Train", "Eval"):
        made.recipe.tree[section]["dataset"]["transforms"].insert(1, {"TextNormalize": {"form": "NFC"}})
    report = examine(Builder(Recipe.from_tree(made.recipe.tree)), progress=False)
    assert found(report, 0) == {"characters outside the dictionary": 1}
    for section in ("Train", "Eval"):
        made.recipe.tree[section]["dataset"]["transforms"][1] = {"TextNormalize": {"form": "NFD"}}
    report = examine(Builder(Recipe.from_tree(made.recipe.tree)), progress=False)
    assert "1 entries of the dictionary are not in NFD, the recipe's form, so no label holds them: \u00e9 U+00E9" in report.text()


def test_labels_of_both_forms_are_said_and_what_looks_alike_over_all_sets(folder: Folder) -> None:
    train = healthy(folder, "train", ["d\u00e9", "de\u0301", "l'an"], 1)
    report = examine(builder(folder, train, healthy(folder, "eval", ["l\u2019an"], 9)), progress=False)
    assert found(report, 0)["label not in NFC"] == 1 and "are written in two ways" in report.text()
    (alike,) = report.alike
    assert alike.counts == {"'": 1, "\u2019": 1} and alike.place.endswith("eval/0.png: 'l\u2019an'")
    assert "note: look alike: apostrophes within words: ' (1), \u2019 U+2019 (1)" in report.text()
    assert report.to_dict()["alike"][0]["what"] == "apostrophes within words" and "looks" not in report.to_dict()["sets"][0]


@pytest.mark.parametrize(
    ("character", "expected"), [("a", "a"), (" ", "U+0020"), ("é", "é U+00E9"), ("\u0364", "U+0364"), ("\t", "U+0009")]
)
def test_characters_are_shown_so_that_one_sees_them(character: str, expected: str) -> None:
    assert shown(character) == expected


def test_pictures_that_show_nothing_or_the_wrong_thing(folder: Folder) -> None:
    """Black ones, 1 x 1, too many characters, crops on their side; and a copy that was compressed again."""
    rng = np.random.default_rng(3)

    def page(name: str, width: int, height: int) -> str:
        image = rng.integers(225, 240, (height, width, 3)).astype(np.uint8)
        for left in range(4, width - 6, 9):
            image[int(rng.integers(2, height // 2)) : height - 3, left : left + int(rng.integers(2, 7))] = 20
        cv2.imwrite(str(folder.root / name), image)
        return name

    cv2.imwrite(str(folder.root / "black.png"), np.zeros((24, 200, 3), np.uint8))
    cv2.imwrite(str(folder.root / "dot.png"), np.zeros((1, 1, 3), np.uint8))
    rows = [f"{page(f'{n}.png', 300, 32)}\tabcdef" for n in range(4)]
    rows += ["black.png\tabc", "dot.png\tabc", f"{page('full.png', 20, 16)}\tabcdefghijklmno", f"{page('side.png', 24, 90)}\tabc"]
    train = folder.write("t.txt", "\n".join(rows) + "\n")
    cv2.imwrite(str(folder.root / "again.jpg"), cv2.imread(str(folder.root / "2.png")), [cv2.IMWRITE_JPEG_QUALITY, 70])
    evaluation = folder.write("e.txt", f"again.jpg\tabcdef\n{page('new.png', 300, 32)}\tabcdef\nagain.jpg\tother\n")
    report = examine(builder(folder, train, evaluation), progress=False)
    for kind, line in (
        ("image of one colour", 5),
        ("image too small to show text", 6),
        ("more characters than the image has room for", 7),
        ("crop higher than wide", 8),
    ):
        finding = report.sets[0].findings[kind]
        assert finding.count == 1 and finding.problem and f"t.txt, line {line}: " in finding.places[0], kind
    near = report.sets[1].findings["nearly the same image in training"]
    assert near.count == 1 and "e.txt, line 1: " in near.places[0] and "t.txt, line 3: " in near.places[0]
    assert "8 lines to train on; PaddleOCR's guide advises 5,000" in report.text()
