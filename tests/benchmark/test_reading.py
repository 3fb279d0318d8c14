"""How fast pages are read, beside their networks alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from ppocr_like.benchmark.reading import measure_reading
from ppocr_like.cli.benchmark import main
from ppocr_like.components import load_components
from ppocr_like.errors import DataError, WeightsError

load_components(["tests.ink_net"])
ROOT = Path(__file__).resolve().parents[2]


def test_figures_of_a_few_pages(ink_bundle, tiny_bundle, ink_run):
    speed = measure_reading(ink_bundle, tiny_bundle, [str(path) for path in ink_run.images[:2]], threads=1, kinds=["txt"])
    assert (speed.pages, speed.threads, speed.workers) == (2, 1, 1) and speed.padded >= 1
    assert speed.detector > 0 and speed.recogniser > 0 and speed.networks < speed.processor
    assert f"{speed.processor / speed.networks:.2f}" in speed.table() and "2 pages" in speed.table()


def test_what_cannot_be_measured(ink_run, tiny_bundle, ink_bundle, tmp_path):
    with pytest.raises(WeightsError, match="ONNX Runtime"):
        measure_reading(ink_run.folder, tiny_bundle, [str(ink_run.images[0])])
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"bad\.png"):
        measure_reading(ink_bundle, tiny_bundle, [str(tmp_path / "bad.png")])


def test_a_recipe_or_pages(capsys):
    for argv in ([], ["--pages", "scans", "--det", "det"], ["-c", "recipe.yml", "--pages", "scans"]):
        with pytest.raises(SystemExit):
            main(argv)
        assert "--pages with --det and --rec" in capsys.readouterr().err


def test_it_needs_no_torch(ink_bundle, tiny_bundle, ink_run):
    told = "import sys; from ppocr_like.cli.benchmark import main; main(sys.argv[1:]); assert 'torch' not in sys.modules"
    arguments = ["--pages", ink_run.images[0], "--det", ink_bundle, "--rec", tiny_bundle]
    done = subprocess.run([sys.executable, "-c", told, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "networks alone" in done.stdout
