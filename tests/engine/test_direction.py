"""Right-to-left lines from the label file to what people read: trained until they are read, evaluated, and read."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image, ImageDraw, ImageFont, features

from ppocr_like.components import load_components
from ppocr_like.config import load_recipe
from ppocr_like.draw.fonts import choose_font
from ppocr_like.export import export
from ppocr_like.pipeline.opening import open_model
from ppocr_like.text import BASES, LTR, RTL, Base, base_of, to_logical, to_visual
from tests.engine.helpers import run, tiny_recipe, write_recipe

needs_layout = pytest.mark.skipif(not (features.check("raqm") and features.check("fribidi")), reason="Pillow without Raqm")
# By TextNormalize's base_dir; "": without that step. Lines that look like no other one under that rule.
MIXED = {
    "auto": [
        "שלום 12",
        "(דף 7) סוף.",
        "abcd דף 7 אב",
        "abcd בא.",
        "אבגד ab!",
        "سلام ١٢",
        "كتاب 50%",
        "باب abc من",
        "abc: 7",
        "12, ab",
    ],
    "L": ["שלום.", "(דף) abc!", "abc אב 12 גד", "ספר abc", "سلام!", "abc سلام", "كتاب ١٢ باب.", "abc: 7", "12, ab"],
    "R": ["שלום 12.", "(דף 7) abc!", "ספר abc", "سلام!", "كتاب 50%", "abc!", "(ab) 12.", "12, אב"],
}
LINES = ["שלום", "עולם", "ספר 12", "(דף 7)", "סוף.", "אב 3.50 גד", "עד USB חדש", "سلام", "باب ١٢", "كتاب 50%", "abc 7"]


def lines_drawn(folder: Path, lines: list[str], base: Base = "letters") -> None:
    """Pictures as a person sees these lines, a label file, and a dictionary."""
    (folder / "img").mkdir(parents=True)
    file = choose_font("".join(lines), None)
    if any(file.lacks(character) for character in "".join(lines)):
        pytest.skip("no font here has these letters")
    font, rows = ImageFont.truetype(str(file.path), 20, layout_engine=ImageFont.Layout.RAQM), []
    # Parts of the lines alone teach which picture is which letter.
    parts = sorted({part for line in lines for word in line.split() for part in (word, *word) if part.isalnum()})
    for number, line in enumerate([*lines, *parts]):
        direction = {None: None, LTR: "ltr", RTL: "rtl"}[base_of(line, base)]
        width = 8 + int(font.getlength(line, direction=direction))  # the white of a wider canvas could be read as blanks
        canvas = Image.new("RGB", (width, 32), "white")
        ImageDraw.Draw(canvas).text((4, 3), line, font=font, fill=0, direction=direction)
        canvas.save(folder / "img" / f"{number}.png")
        rows.append(f"img/{number}.png\t{line}\n")
    (folder / "train.txt").write_text(10 * "".join(rows), encoding="utf-8")
    (folder / "eval.txt").write_text("".join(rows[: len(lines)]), encoding="utf-8")
    entries = sorted({character for line in lines for character in line if character != " "})
    (folder / "dict.txt").write_text("\n".join(entries) + "\n", encoding="utf-8")


def recipe_of(folder: Path, base_dir: str = "") -> dict[str, Any]:
    chain = [
        {"DecodeImage": {"img_mode": "BGR", "channel_first": False}},
        *([{"TextNormalize": {"form": "NFC", "base_dir": base_dir}}] if base_dir else []),
        {"CTCLabelEncode": None},
        {"RecResizeImg": {"image_shape": [3, 32, 144]}},
        {"KeepKeys": {"keep_keys": ["image", "label", "length"]}},
    ]
    settings: dict[str, Any] = {
        "Global__epoch_num": 15, "Global__use_space_char": True, "Global__max_text_length": 16, "Global__eval_at_start": False,
        "Global__eval_batch_step": [0, 100000], "Global__save_batch_step": None, "Global__save_epoch_step": 1000,
        "Global__cal_metric_during_train": False, "Global__print_batch_step": 100, "Global__plugins": ["tests.column_net"],
        "Optimizer__lr": {"name": "Cosine", "learning_rate": 0.004, "warmup_epoch": 2}, "Train__dataset__transforms": chain,
        "Eval__dataset__transforms": chain, "Train__loader__batch_size_per_card": 11, "Train__loader__num_workers": 0,
        "Architecture__Backbone": {"name": "ColumnBackbone"},
        "Architecture__Neck": {"name": "SequenceEncoder", "encoder_type": "reshape"},
    }  # fmt: skip
    return tiny_recipe(folder, folder / "run", **settings)


@pytest.mark.thorough
@needs_layout
@pytest.mark.parametrize(("base_dir", "direction"), [("auto", "bidi"), ("L", "bidi_ltr"), ("R", "bidi_rtl")])
def test_every_base_direction_is_read_as_it_was_written(tmp_path, base_dir, direction):
    lines, base = MIXED[base_dir], BASES[direction]
    lines_drawn(tmp_path, lines, base)
    assert [to_logical(to_visual(line, None, base).text, None, base).text for line in lines] == lines
    recipe = write_recipe(tmp_path / "recipe.yml", recipe_of(tmp_path, base_dir))
    assert f"text direction {direction} (Global.text_direction: {direction}" in run("train", recipe)
    weights, report = f"Global.pretrained_model={tmp_path / 'run'}", tmp_path / "report.json"
    run("eval", recipe, weights, "--report", str(report))
    found = json.loads(report.read_text(encoding="utf-8"))["eval"]
    assert [line["prediction"] for line in found["lines"]] == [line["reference"] for line in found["lines"]] == lines
    assert found["metrics"]["cer"] == 0.0
    load_components(["tests.column_net"])
    bundle = export(load_recipe(recipe, [weights, f"Global.save_inference_dir={tmp_path / 'bundle'}"])).folder
    images = [str(tmp_path / "img" / f"{number}.png") for number in range(len(lines))]
    for model in (tmp_path / "run", bundle, bundle / "model.onnx"):
        reader = open_model(model)
        assert reader.spec.charset.direction == direction
        readings = list(reader.stream(images))
        assert [reading.line.text for reading in readings] == lines, model
        for reading in readings:  # places follow the letters: on the page they run from left to right
            places = [reading.places()[i] for i in to_visual(reading.line.text, None, base).order]
            assert places == sorted(places)


@pytest.mark.thorough
@needs_layout
def test_what_is_trained_is_what_is_read(tmp_path):
    data = tmp_path / "arabic_and_french"
    lines_drawn(data, LINES)
    recipe = write_recipe(tmp_path / "recipe.yml", recipe_of(data))
    said = run("train", recipe)
    assert "text direction rtl (Global.text_direction: auto" in said
    weights = f"Global.pretrained_model={data / 'run'}"
    report = tmp_path / "report.json"
    run("eval", recipe, weights, "--report", str(report))
    found = json.loads(report.read_text(encoding="utf-8"))["eval"]
    assert found["metrics"]["acc"] == 1.0, [(line["reference"], line["prediction"]) for line in found["lines"]]
    assert [line["reference"] for line in found["lines"]] == LINES == [line["prediction"] for line in found["lines"]]
    load_components(["tests.column_net"])
    bundle = export(load_recipe(recipe, [weights, f"Global.save_inference_dir={tmp_path / 'bundle'}"])).folder
    assert yaml.safe_load((bundle / "rapidocr.yaml").read_text(encoding="utf-8"))["Rec"]["lang_type"] == "arabic"
    images = [str(data / "img" / f"{number}.png") for number in range(len(LINES))]
    for model in (data / "run", bundle, bundle / "model.onnx"):  # the file alone tells its direction, too
        assert read(model, images) == LINES, model
    spec = bundle / "inference.yml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("direction: rtl", "right_to_left: true"), encoding="utf-8")
    assert read(bundle, images)[0] == LINES[0]  # as of a bundle from before: PaddleOCR's rule


def read(model: Path, images: list[str]) -> list[str]:
    reader = open_model(model)
    return [reading.line.text for reading in reader.stream(images)]
