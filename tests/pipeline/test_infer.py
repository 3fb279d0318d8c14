"""tools/infer.py as a person calls it."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ppocr_like.atomic import atomic_write, write_bytes
from ppocr_like.errors import DataError
from ppocr_like.pipeline import Detector
from ppocr_like.pipeline.infer import infer as run_infer
from ppocr_like.pipeline.inputs import find_images
from ppocr_like.pipeline.opening import open_model
from ppocr_like.transforms.det_label import DetLabelEncode

ROOT = Path(__file__).resolve().parents[2]


def infer(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/infer.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_bundle_run_folder_and_recipe_give_the_same_files(tiny_run, tiny_bundle, tmp_path):
    folder = tiny_run.images[0].parent
    ways = {
        "bundle": ["--model", tiny_bundle, folder, "--out", tmp_path / "bundle"],
        "run": ["--model", tiny_run.folder, *sorted(tiny_run.images), "--out", tmp_path / "run"],
        "recipe": ["-c", tiny_run.recipe, "-o", f"Global.pretrained_model={tiny_run.folder}/best_accuracy",
                   f"Global.infer_img={folder}", "-o", f"Global.save_res_path={tmp_path}/recipe/mine.txt", "--max-pages", 0],
    }  # fmt: skip
    texts = {}
    for name, arguments in ways.items():
        done = infer(*arguments)
        assert done.returncode == 0, done.stderr
        assert f"{len(tiny_run.images)} of {len(tiny_run.images)} images read" in done.stdout
        file = tmp_path / name / ("mine.txt" if name == "recipe" else "predictions.txt")
        rows = [row.split("\t") for row in file.read_text(encoding="utf-8").splitlines()]
        assert rows == [row.split("\t") for row in done.stdout.splitlines()[: len(rows)]]
        texts[name] = [row[:2] for row in rows]
    assert texts["bundle"] == texts["run"] == texts["recipe"]
    assert Image.open(tmp_path / "bundle" / "predictions.png").height > 400
    assert not list((tmp_path / "recipe").glob("*.png"))
    for entry, (path, text) in zip(
        json.loads((tmp_path / "bundle/predictions.json").read_text("utf-8")), texts["bundle"], strict=True
    ):
        assert entry["image"] == path and "".join(c["text"] for c in entry["characters"]) == entry["text"] == text
        assert all(0 <= c["x"] <= entry["width"] and 0 < c["confidence"] <= 1 for c in entry["characters"])


def test_bad_images_are_named_at_the_end_with_status_1(tiny_run, tiny_bundle, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    done = infer(
        "--model", tiny_bundle, tmp_path / "bad.jpg", tiny_run.images[0], tmp_path / "none.jpg", "--out", tmp_path / "out"
    )
    assert done.returncode == 1 and "1 of 3 images read" in done.stdout
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == ["not read", "not read"]
    assert "bad.jpg" in done.stderr and "none.jpg" in done.stderr
    entries = json.loads((tmp_path / "out/predictions.json").read_text("utf-8"))
    assert [("error" in entry) for entry in entries] == [True, False, True]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "nosuch", "x.jpg"], "weights 'nosuch' not found"),
        (["--model", "{run}", "{image}", "--device", "nosuch"], "device 'nosuch' cannot be used"),
        (["x.jpg"], "no model given"),
        (["--model", "{bundle}"], "no images given"),
        (["--model", "{bundle}", "{empty}"], "no images in this folder"),
        (["--model", "{bundle}", "x.jpg", "-o", "Global.infer_img=y"], "give it with -c"),
        (["--model", "{bundle}", "{image}", "--out", "{image}/out"], "cannot be written"),
        (["--model", "{bundle}", "{image}", "--font", "{image}"], "cannot be used as a font"),
    ],
)
def test_what_cannot_be_done_is_told_without_a_traceback(tiny_run, tiny_bundle, tmp_path, arguments, says):
    names = {"run": tiny_run.folder, "bundle": tiny_bundle, "empty": tmp_path, "image": tiny_run.images[0]}
    done = infer(*(argument.format(**names) for argument in arguments))
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr


def pages_of(folder: Path) -> list[dict]:
    return json.loads((folder / "predictions.json").read_text("utf-8"))


def test_a_detector_writes_boxes_label_lines_and_pictures(ink_run, ink_bundle, tmp_path):
    folder = ink_run.images[0].parent
    done = infer("--model", ink_bundle, folder, "--out", tmp_path / "out", "--heat-map")
    assert done.returncode == 0, done.stderr
    assert "5 of 5 images read" in done.stdout and "page0.png\t5 boxes\tscores 0." in done.stdout
    wanted = Detector(ink_bundle)(ink_run.images)
    entries = pages_of(tmp_path / "out")
    rows = (tmp_path / "out/predictions.txt").read_text("utf-8").splitlines()
    for path, page, entry, row in zip(ink_run.images, wanted, entries, rows, strict=True):
        width, height = Image.open(path).size
        assert (entry["image"], entry["width"], entry["height"]) == (str(path), width, height)
        assert sorted(box["points"] for box in entry["boxes"]) == sorted(box.points.tolist() for box in page.boxes)
        tops = [box["points"][0][1] for box in entry["boxes"]]
        assert tops == sorted(tops), "from the top down"
        name, _, label = row.partition("\t")
        assert name == str(path)
        assert json.loads(label) == [{"transcription": "", **box} for box in entry["boxes"]]
        picture, heat = (Image.open(tmp_path / "out" / f"{path.stem}{end}.jpg") for end in ("", "_map"))
        assert picture.size == heat.size and max(picture.size) >= 480


def test_label_lines_of_a_detector_are_read_as_labels(ink_run, ink_bundle, tmp_path):
    """They can be corrected and trained on: PaddleOCR's layout."""
    assert infer("--model", ink_bundle, ink_run.images[0], "--out", tmp_path, "--max-pages", 0).returncode == 0
    _, _, label = (tmp_path / "predictions.txt").read_text("utf-8").rstrip("\n").partition("\t")
    sample = DetLabelEncode()({"label": label}, np.random.default_rng(0))
    assert sample["polys"].shape == (5, 4, 2) and not sample["ignore_tags"].any()
    assert not list(tmp_path.glob("*.jpg"))


@pytest.mark.thorough
def test_bundle_run_folder_and_recipe_find_the_same_boxes(ink_run, ink_bundle, tmp_path):
    images = ink_run.images[:2]
    ways = {
        "bundle": ["--model", ink_bundle, *images],
        "run": ["--model", ink_run.folder, *images, "--plugin", "tests.ink_net"],
        "recipe": [*images, "-c", ink_run.recipe, "-o", f"Global.pretrained_model={ink_run.folder}/best_accuracy"],
    }
    found = {}
    for name, arguments in ways.items():
        done = infer(*arguments[:], "--out", tmp_path / name, "--max-pages", 0)
        assert done.returncode == 0, done.stderr
        found[name] = [[box["points"] for box in entry["boxes"]] for entry in pages_of(tmp_path / name)]
    assert found["bundle"] == found["run"] == found["recipe"] and len(found["run"][0]) == 5
    moved = infer(
        images[0], "-c", ink_run.recipe, "--model", ink_bundle, "-o", "PostProcess.box_thresh=0.9", "--out", tmp_path / "m"
    )
    assert moved.returncode == 0 and 0 < len(pages_of(tmp_path / "m")[0]["boxes"]) < 5


def test_bad_pages_are_named_at_the_end_with_status_1(ink_run, ink_bundle, tmp_path, huge_png):
    (tmp_path / "cut.jpg").write_bytes(ink_run.images[0].read_bytes()[:500])
    done = infer("--model", ink_bundle, tmp_path / "cut.jpg", ink_run.images[0], huge_png, "--out", tmp_path / "out")
    assert done.returncode == 1 and "1 of 3 images read" in done.stdout
    assert "cut.jpg" in done.stderr and "huge.png" in done.stderr and "30000 x 30000 px" in done.stderr
    assert "Traceback" not in done.stderr
    assert [("error" in entry) for entry in pages_of(tmp_path / "out")] == [True, False, True]


def test_pictures_of_pages_of_one_name_do_not_overwrite_each_other(ink_run, ink_bundle, tmp_path):
    for number, name in enumerate(("a/page.png", "b/page.png", "b/page_map.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(ink_run.images[number].read_bytes())
    summary = run_infer(
        Detector(ink_bundle), [str(p) for p in sorted(tmp_path.rglob("*.png"))], tmp_path / "out", heat_map=True, max_pages=2
    )
    assert sorted(path.name for path in (tmp_path / "out").glob("*.jpg")) == [
        "page.jpg", "page_2.jpg", "page_2_map.jpg", "page_map.jpg"
    ]  # fmt: skip
    assert summary.notes == ["not drawn (--max-pages): 1"] and summary.read == 3


def test_a_heat_map_of_lines_is_refused(tiny_run, tiny_bundle, tmp_path):
    done = infer("--model", tiny_bundle, tiny_run.images[0], "--heat-map", "--out", tmp_path)
    assert done.returncode == 2 and "--heat-map shows a detector's probabilities" in done.stderr


class Killed(BaseException):
    """Ends a call as SIGKILL does: nothing after it is done but what the test undoes."""


@pytest.mark.parametrize("kind", ["det", "rec"])
def test_pictures_of_a_killed_call_are_no_pages_of_the_next_one(ink_run, ink_bundle, tiny_bundle, tmp_path, kind, monkeypatch):
    scans = tmp_path / "scans"
    (scans / "out").mkdir(parents=True)
    images = [str(shutil.copy(ink_run.images[0], scans / f"{number}.png")) for number in range(23)]

    def kill(path, content, *rest, **more):
        if str(path).endswith(("1.jpg", "predictions_2.png")):
            (scans / "out" / Path(path).name).write_bytes(b"the disk has it, and then the power fails")
            raise Killed
        return (write_bytes if isinstance(content, bytes) else atomic_write)(path, content, *rest, **more)

    monkeypatch.setattr("ppocr_like.pipeline.pages.write_bytes", kill)
    monkeypatch.setattr("ppocr_like.pipeline.picture.atomic_write", kill)
    model = open_model(ink_bundle if kind == "det" else tiny_bundle)
    with pytest.raises(Killed):
        run_infer(model, images, scans / "out")
    left = {path.name for path in (scans / "out").iterdir() if path.suffix in (".jpg", ".png")}
    assert left == ({"0.jpg", "1.jpg"} if kind == "det" else {"predictions.png", "predictions_2.png"})
    assert find_images([scans]) == images


def test_pictures_of_an_earlier_call_stay_known(ink_run, ink_bundle, tmp_path):
    for image in ink_run.images[:2]:
        run_infer(Detector(ink_bundle), [str(image)], tmp_path)
    assert {path.name for path in tmp_path.glob("*.jpg")} == {"page0.jpg", "page1.jpg"}
    with pytest.raises(DataError, match="no images"):
        find_images([tmp_path])
    run_infer(Detector(ink_bundle), [str(ink_run.images[0])], tmp_path)
    assert len((tmp_path / "pictures.jsonl").read_text().splitlines()) == 2  # not named again


class Terminal(io.StringIO):
    """What the bar takes for a terminal."""

    def isatty(self) -> bool:
        return True


def test_one_model_shows_the_time_left_on_a_terminal_and_nothing_in_a_file(ink_run, ink_bundle, tmp_path, monkeypatch):
    pages, said = [*map(str, ink_run.images), str(tmp_path / "none.png")], []
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        run_infer(Detector(ink_bundle), pages, tmp_path / "out", max_pages=0, say=said.append)
        shown = stream.getvalue()
        if stream.isatty():
            total = len(pages)  # the one that cannot be read counts, too
            assert f"{total}/{total} [" in shown and "<" in shown and "image" in shown
        else:
            assert shown == ""
    assert len(said) == 2 * len(ink_run.images)


def test_lines_that_are_said_stand_beside_the_bar_not_behind_it(ink_run, ink_bundle, tmp_path, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", terminal)
    run_infer(Detector(ink_bundle), map(str, ink_run.images), tmp_path / "out", max_pages=0, say=print)
    rows = [row for row in terminal.getvalue().split("\n") if "boxes" in row]
    assert len(rows) == len(ink_run.images)
    assert all(row.split("\r")[-1].startswith(str(ink_run.images[0].parent)) for row in rows)
