"""Detectors are trained and measured by the same engine: what is different about them."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from det_pages import PAGES_EVAL, PAGES_TRAIN, det_recipe, huge_png
from PIL import Image
from safetensors import safe_open
from torch import nn
from torch.nn import functional as F

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.contracts import FeatureSpec, PageBoxes
from ppocr_like.engine import evaluate, report, train
from ppocr_like.errors import WeightsError
from ppocr_like.registry import BACKBONES, HEADS
from ppocr_like.weights import save_weights

from .helpers import records, run, tiny_recipe, write_recipe

INLINE = {"Train__loader__num_workers": 0, "Global__save_batch_step": None}


def trained(pages: Path, folder: Path, **over: Any) -> None:
    load_components()
    train(Recipe.from_tree(det_recipe(pages, folder, **{**INLINE, **over})))


class Darkness(nn.Module):
    """A detector that needs no training: dark places, less 4 px at their borders, are text."""

    needs: tuple[str, ...] = ()

    def __init__(self, in_spec: FeatureSpec) -> None:
        super().__init__()
        self.out_spec = in_spec
        self.steepness = nn.Parameter(torch.tensor(8.0))

    def forward(self, images: torch.Tensor, targets: Any = None) -> dict[str, torch.Tensor]:
        smooth = F.avg_pool2d(images.mean(1, keepdim=True), 5, 1, 2, count_include_pad=False)
        dark = torch.sigmoid(-self.steepness * smooth)
        return {"maps": -F.max_pool2d(-dark, 9, 1, 4)}


class Stem(nn.Module):
    def __init__(self, in_spec: FeatureSpec) -> None:
        super().__init__()
        self.out_spec = in_spec

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images


@pytest.fixture
def dark(pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a recipe says to evaluate `Darkness`."""
    load_components()
    for registry, name, cls in ((BACKBONES, "Stem", Stem), (HEADS, "Darkness", Darkness)):
        monkeypatch.setitem(registry._classes, (name, None), cls)
    over: dict[str, Any] = {
        "Architecture__Backbone": {"name": "Stem"},
        "Architecture__Neck": None,
        "Architecture__Head": {"name": "Darkness"},
    }
    recipe = Recipe.from_tree(det_recipe(pages, tmp_path / "run", **over))
    save_weights(tmp_path / "dark.safetensors", Builder(recipe).model().state_dict(), {"recipe": recipe.tree})
    return {**over, "Global__pretrained_model": str(tmp_path / "dark.safetensors")}


def boxes_of(evaluation: Any) -> dict[str, list[list[list[int]]]]:
    return {info.path: [np.asarray(box.points).tolist() for box in page.boxes] for info, page in evaluation.lines}


def test_what_is_found_on_a_page_without_text_is_wrong(pages: Path, dark: dict[str, Any], tmp_path: Path) -> None:
    rows = (pages / "eval.txt").read_text(encoding="utf-8").splitlines()
    rows[0] = rows[0].split("\t")[0] + "\t[]"
    measured = []
    for name, kept in (("with.txt", rows), ("without.txt", rows[1:])):
        (tmp_path / name).write_text("\n".join(kept) + "\n", encoding="utf-8")
        over = {**dark, "Eval__dataset__label_file_list": [str(tmp_path / name)]}
        (evaluation,) = evaluate(Recipe.from_tree(det_recipe(pages, tmp_path / "run", **over)))
        assert evaluation.rejected.total == 0
        measured.append(evaluation.metrics)
    assert measured[0]["n"] == measured[1]["n"] + 1 and measured[0]["recall"] == measured[1]["recall"]
    assert measured[0]["precision"] < measured[1]["precision"] and measured[0]["hmean"] < measured[1]["hmean"]


def test_the_result_does_not_depend_on_the_batch_size(pages: Path, dark: dict[str, Any], tmp_path: Path) -> None:
    found, metrics = [], []
    for size in (1, 2, 5):
        over = {**dark, "Eval__loader__batch_size_per_card": size}
        (evaluation,) = evaluate(Recipe.from_tree(det_recipe(pages, tmp_path / "run", **over)), keep=None)
        assert [info.index for info, _ in evaluation.lines] == list(range(PAGES_EVAL))
        found.append(boxes_of(evaluation))
        metrics.append({name: value for name, value in evaluation.metrics.items() if name != "fps"})
    assert metrics[0]["hmean"] > 0.9
    assert found[0] == found[1] == found[2] and metrics[0] == metrics[1] == metrics[2]


def test_it_learns(pages: Path, tmp_path: Path) -> None:
    trained(pages, tmp_path / "run", epochs_of_ratio=12, Global__epoch_num=12, Global__eval_batch_epoch=12, Optimizer__lr=0.01)
    losses = [record["loss_now"] for record in records(tmp_path / "run") if record["kind"] == "train"]
    assert np.mean(losses[-10:]) < 0.75 * np.mean(losses[:10])


def test_run_folder_without_characters(pages: Path, det_reference: Path) -> None:
    with safe_open(det_reference / "best_accuracy.safetensors", "pt") as file:
        metadata = file.metadata()
    assert "charset" not in metadata and json.loads(metadata["recipe"])["Architecture"]["model_type"] == "det"
    content = torch.load(det_reference / "latest.ckpt", weights_only=True)
    assert content["charset"] is None and content["dictionary"] is None
    manifest = json.loads((det_reference / "run.json").read_text(encoding="utf-8"))
    assert "charset_sha256" not in manifest and str(pages / "train.txt") in manifest["files"]
    first = next(record for record in records(det_reference) if record["kind"] == "train")
    assert {"loss", "loss_shrink_maps", "loss_threshold_maps", "loss_binary_maps"} <= set(first)
    steps = [record["samples"] for record in records(det_reference) if record["kind"] == "train"]
    assert steps[-1] == 4 * PAGES_TRAIN
    assert "class" not in (det_reference / "train.log").read_text(encoding="utf-8")


def test_the_tool_reports_every_page(pages: Path, det_reference: Path, tmp_path: Path) -> None:
    over = {"Global__pretrained_model": str(det_reference)}
    recipe = write_recipe(tmp_path / "recipe.yml", det_recipe(pages, tmp_path / "run", **over))
    printed = run("eval", recipe, "--report", str(tmp_path / "pages.json"))
    assert "hmean: " in printed and f"({PAGES_EVAL} samples)" in printed
    lines = json.loads((tmp_path / "pages.json").read_text(encoding="utf-8"))["eval"]["lines"]
    assert [Path(line["path"]).name for line in lines] == [f"eval_{n}.png" for n in range(PAGES_EVAL)]
    assert all("boxes" in line for line in lines)


def test_the_report_holds_boxes(pages: Path, dark: dict[str, Any], tmp_path: Path) -> None:
    (evaluation,) = evaluate(Recipe.from_tree(det_recipe(pages, tmp_path / "run", **dark)), keep=None)
    content = json.loads(json.dumps(report(evaluation)))
    box = content["lines"][0]["boxes"][0]
    assert np.array(box["points"]).shape == (4, 2) and 0.5 < box["score"] <= 1
    assert sum(len(line["boxes"]) for line in content["lines"]) == sum(map(len, boxes_of(evaluation).values()))


def test_a_changed_threshold_changes_the_result_without_training(pages: Path, dark: dict[str, Any], tmp_path: Path) -> None:
    counts = []
    for thresh in (0.3, 1.0):
        over = {**dark, "PostProcess__box_thresh": thresh}
        (evaluation,) = evaluate(Recipe.from_tree(det_recipe(pages, tmp_path / "run", **over)), keep=None)
        counts.append(sum(map(len, boxes_of(evaluation).values())))
    assert counts[0] > counts[1] == 0


def test_weights_of_the_other_kind_are_refused(
    pages: Path, det_reference: Path, data: Path, reference: Path, tmp_path: Path
) -> None:
    load_components()
    for make, folder, source, words in (
        (det_recipe, pages, reference, "weights of model_type rec, the recipe's Architecture.model_type is det"),
        (tiny_recipe, data, det_reference, "weights of model_type det, the recipe's Architecture.model_type is rec"),
    ):
        tree = make(folder, tmp_path / "run", Global__pretrained_model=str(source))
        for use in (train, evaluate):
            with pytest.raises(WeightsError, match=words):
                use(Recipe.from_tree(tree))


def test_pictures_of_training_and_predictions(pages: Path, det_reference: Path, tmp_path: Path) -> None:
    reader = pytest.importorskip("visualdl").LogReader
    trained(pages, tmp_path / "run", Global__use_visualdl=True, Global__epoch_num=1, Global__pretrained_model=str(det_reference))
    (file,) = (tmp_path / "run" / "vdl").iterdir()
    log = reader(file_path=str(file))
    for name in ("image", "shrink_map", "probability", "threshold"):
        assert len(log.get_data("image", f"train/0/{name}")) == 1
    pixels = cv2.imdecode(np.frombuffer(log.get_data("image", "train/0/shrink_map")[0].image.encoded_image_string, np.uint8), 1)
    assert pixels.shape == (64, 64, 3) and set(np.unique(pixels)) == {0, 255}
    assert len(log.get_data("image", "predictions/eval/0")) == 2


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def turned(page: Image.Image) -> bytes:
    """The page as a camera held sideways stores it: Exif says how to show it, and labels are as it is shown."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter for showing
    return encoded(page.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)


@pytest.fixture
def odd(pages: Path, tmp_path: Path) -> tuple[Path, dict[str, bytes], str]:
    """A copy of the pages, an evaluation page in odd encodings, and its label."""
    folder = tmp_path / "data"
    shutil.copytree(pages, folder)
    name, label = (folder / "eval.txt").read_text(encoding="utf-8").splitlines()[1].split("\t")
    page = Image.open(folder / name).convert("RGB")
    rgba = page.convert("RGBA")
    rgba.putalpha(Image.new("L", page.size, 255))
    deep = np.asarray(page.convert("L")).astype(np.uint16) * 257
    files = {
        "plain.png": encoded(page, "PNG"),
        "alpha.png": encoded(rgba, "PNG"),
        "deep.png": encoded(Image.fromarray(deep), "PNG"),
        "gray.png": encoded(page.convert("L"), "PNG"),
        "cmyk.jpg": encoded(page.convert("CMYK"), "JPEG", quality=98, subsampling=0),
        "turned.png": turned(page),
        "dot.png": encoded(page.resize((1, 1)), "PNG"),
    }
    for file, content in files.items():
        (folder / "img" / file).write_bytes(content)
    whole = encoded(page, "JPEG")
    (folder / "img" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    return folder, files, label


def test_odd_encodings_of_one_page_give_one_result(
    odd: tuple[Path, dict[str, bytes], str], dark: dict[str, Any], tmp_path: Path
) -> None:
    """Alpha, 16 bits, gray, CMYK and Exif are handled; the boxes stand as the label does, in the picture as it is shown."""
    folder, files, label = odd
    same = [name for name in files if name != "dot.png"]
    (folder / "eval.txt").write_text("".join(f"img/{name}\t{label}\n" for name in same), encoding="utf-8")
    load_components()
    (evaluation,) = evaluate(Recipe.from_tree(det_recipe(folder, tmp_path / "run", **dark)), keep=None)
    found = {Path(path).name: boxes for path, boxes in boxes_of(evaluation).items()}
    assert evaluation.samples == len(same) and found["plain.png"]
    for name in same:
        if name == "cmyk.jpg":  # lossy
            assert len(found[name]) == len(found["plain.png"])
            assert np.abs(np.array(found[name]) - found["plain.png"]).max() <= 3
        else:
            assert found[name] == found["plain.png"], name


def test_bad_lines_are_counted_with_their_place(
    odd: tuple[Path, dict[str, bytes], str], det_reference: Path, tmp_path: Path
) -> None:
    """A cut JPEG, a label cut in half, no image: rejected, and their boxes count as missed. One pixel is a page."""
    folder, _, label = odd
    triangle = json.dumps([{"transcription": "a", "points": [[10, 10], [90, 10], [10, 40]]}])
    lines = [
        f"img/plain.png\t{label}",
        f"img/cut.jpg\t{label}",
        f"img/plain.png\t{label[: len(label) // 2]}",
        f"img/gone.png\t{label}",
    ]
    lines += [f"img/plain.png\t{triangle}", f"img/dot.png\t{triangle}", f"img/huge.png\t{label}"]
    (folder / "img" / "huge.png").write_bytes(huge_png(30_000, 30_000))
    for name in ("eval", "train"):
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    load_components()
    tree = det_recipe(folder, tmp_path / "run", Global__pretrained_model=str(det_reference))
    (evaluation,) = evaluate(Recipe.from_tree(tree), keep=None)
    assert [info.line for info, _ in evaluation.lines] == [1, 5, 6]
    assert all(isinstance(page, PageBoxes) for _, page in evaluation.lines)
    content = report(evaluation)["rejected"]
    assert {reason: [entry["line"] for entry in entries] for reason, entries in content.items()} == {
        "unreadable image": [2],
        "broken label": [3],
        "missing image": [4],
        "image too large": [7],
    }
    cared = sum(entry["transcription"] != "###" for entry in json.loads(label))
    assert evaluation.metrics["boxes"] == 4 * cared + 2  # the broken label holds none that could be counted

    train(Recipe.from_tree({**tree, "Global": {**tree["Global"], "epoch_num": 1}}))
    (rejected,) = [record["counts"] for record in records(tmp_path / "run") if record["kind"] == "rejected"]
    for reason in content:
        assert rejected[reason] == 1
    log = (tmp_path / "run" / "train.log").read_text(encoding="utf-8")
    assert f"{folder / 'train.txt'}, line 3" in log and max(map(len, log.splitlines())) < 1500


def test_a_page_of_nothing_to_learn_is_no_accident(pages: Path, tmp_path: Path) -> None:
    """All regions of a batch ignored, or none there: the step has a loss and gradients without a NaN."""
    folder = tmp_path / "data"
    shutil.copytree(pages, folder)
    first, *rows = (folder / "train.txt").read_text(encoding="utf-8").splitlines()
    rows = [row.replace('"word"', '"###"') if n % 2 else row.split("\t")[0] + "\t[]" for n, row in enumerate(rows)]
    (folder / "train.txt").write_text("\n".join([first, *rows]) + "\n", encoding="utf-8")
    trained(folder, tmp_path / "run", Global__epoch_num=1, Train__loader__batch_size_per_card=1)
    assert all(np.isfinite(record["loss"]) for record in records(tmp_path / "run") if record["kind"] == "train")


def test_several_sets_and_sizes(pages: Path, det_reference: Path, tmp_path: Path) -> None:
    sets = {"pages": {}, "again": {"label_file_list": [str(pages / "train.txt")]}}
    load_components()
    tree = det_recipe(pages, tmp_path / "run", Eval__datasets=sets, Global__pretrained_model=str(det_reference))
    first, second = evaluate(Recipe.from_tree(tree))
    assert (first.name, first.samples, second.name, second.samples) == ("pages", PAGES_EVAL, "again", PAGES_TRAIN)
