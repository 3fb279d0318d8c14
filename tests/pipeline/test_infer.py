"""tools/infer.py as a person calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

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
        (["--model", "{bundle}", "{image}", "--out", "{image}/out"], "cannot write the results"),
        (["--model", "{bundle}", "{image}", "--font", "{image}"], "cannot be used as a font"),
    ],
)
def test_what_cannot_be_done_is_told_without_a_traceback(tiny_run, tiny_bundle, tmp_path, arguments, says):
    names = {"run": tiny_run.folder, "bundle": tiny_bundle, "empty": tmp_path, "image": tiny_run.images[0]}
    done = infer(*(argument.format(**names) for argument in arguments))
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr
