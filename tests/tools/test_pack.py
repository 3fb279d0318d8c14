"""tools/pack.py as a user calls it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ppocr_like.cli.pack import main
from ppocr_like.data.arrow_file import ArrowFile
from ppocr_like.errors import ConfigError
from tests.data.arrow_lines import png
from tests.data.lines.pages import archive

ROOT = Path(__file__).parents[2]


def call(*arguments):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "tools/pack.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)


def test_packs_the_shipped_lines(tmp_path):
    labels = ROOT / "train_data/typewritten_fr/val.txt"
    count = sum(1 for line in labels.read_text(encoding="utf-8").splitlines() if line.strip())
    done = call(labels, "--data-dir", ROOT / "train_data", "--out", tmp_path / "out", "--threads", 2)
    assert done.returncode == 0, done.stderr
    assert f"{count:,} records of {count:,} lines" in done.stdout
    again = call(labels, "--data-dir", ROOT / "train_data", "--out", tmp_path / "out")
    assert f"{count:,} lines were packed by an earlier call" in again.stdout


def test_what_cannot_be_read_is_said(tmp_path):
    done = call(tmp_path / "gone.txt", "--data-dir", tmp_path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "gone.txt" in done.stderr
    assert "Traceback" not in done.stderr


def pairs(folder):
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.png").write_bytes(png(30 + number))
        (folder / f"{number}.gt.txt").write_text(f"line {number}\n")


def test_pairs_to_an_arrow_file_and_from_there_to_a_folder(tmp_path):
    pairs(tmp_path / "lines")
    done = call(tmp_path / "lines" / "*.png", "--out", tmp_path / "set.arrow", "--threads", 2)
    assert done.returncode == 0 and "set.arrow: 5 records of 5 lines" in done.stdout, done.stderr
    done = call(tmp_path / "set.arrow", "--out", tmp_path / "lmdb", "--workers", 1)
    assert "lmdb: 5 records of 5 lines" in done.stdout, done.stderr


def test_pages_and_a_set_of_a_recipe(tmp_path, capsys):
    archive(tmp_path / "pages")
    pages = str(tmp_path / "pages" / "*.xml")
    assert main([pages, "--out", str(tmp_path / "all.arrow"), "--threads", "1"]) == 0
    assert "all.arrow: 12 records of 12 lines" in capsys.readouterr().out
    assert main([pages, "--out", str(tmp_path / "box.arrow"), "--linetype", "bbox", "--fill", "black"]) == 0
    assert ArrowFile(str(tmp_path / "box.arrow")).kind == "bbox"
    keys = f"name: XMLDataSet, manifests: {tmp_path / 'pages' / 'all.txt'}, partition: 0.75"
    chain = "transforms: [{DecodeImage: {img_mode: BGR}}, {CTCLabelEncode: null}, {KeepKeys: {keep_keys: [image]}}]"
    sections = "".join(f"{name}: {{dataset: {{{keys}, {chain}}}}}\n" for name in ("Train", "Eval"))
    recipe = tmp_path / "recipe.yml"
    recipe.write_text("Global: {codec: auto, epoch_num: 1, max_text_length: 20}\nArchitecture: {model_type: rec}\n" + sections)
    for section, count in (("Train", 9), ("Eval", 3)):
        assert main(["-c", str(recipe), "--section", section, "--out", str(tmp_path / f"{section}.arrow")]) == 0
        assert f"{section}.arrow: {count} records of {count} lines" in capsys.readouterr().out


def test_what_does_not_go_together_is_said(tmp_path, capsys):
    for arguments, message in (
        ((), "give inputs (or --manifest), or a recipe with -c"),
        (("a.txt",), "label files need --data-dir"),
        (("a.xml", "-c", "r.yml"), "give inputs (or --manifest), or a recipe with -c"),
        (("a.xml", "--threads", "0"), "at least 1 is needed"),
        (("a.png", "--fill", "black"), "--fill: only pages are cut into lines"),
        (("-c", "r.yml", "--linetype", "bbox"), "with -c the recipe says what is packed"),
    ):
        with pytest.raises(SystemExit) as stop:
            main([*arguments, "--out", str(tmp_path / "set.arrow")])
        assert stop.value.code == 2 and message in capsys.readouterr().err
    with pytest.raises(ConfigError, match="no file is called so"):
        main([str(tmp_path / "no*.xml"), "--out", str(tmp_path / "set.arrow")])
