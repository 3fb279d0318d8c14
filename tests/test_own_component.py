"""docs/components.md, followed: a package outside the repository is trained, exported and read with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.engine.helpers import make_data, tiny_recipe

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "components.md").read_text(encoding="utf-8")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the page's package, the tests' lines of digits, and a recipe with the page's nodes."""
    (code,) = re.findall(r"```python\n# my_ocr/__init__\.py\n(.*?)```", PAGE, re.S)
    (tmp_path / "plugins" / "my_ocr").mkdir(parents=True)
    (tmp_path / "plugins" / "my_ocr" / "__init__.py").write_text(code, encoding="utf-8")
    make_data(tmp_path / "data")
    (nodes,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    told = yaml.safe_load(nodes.replace("      ...\n", ""))
    tree = tiny_recipe(tmp_path / "data", tmp_path / "run", Global__epoch_num=1, Train__loader__num_workers=0)
    tree["Global"].update(told["Global"])
    tree["Architecture"]["Backbone"] = told["Architecture"]["Backbone"]
    tree["Loss"] = told["Loss"]
    tree["Train"]["dataset"]["transforms"].insert(1, told["Train"]["dataset"]["transforms"][1])
    (tmp_path / "my.yml").write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    return tmp_path


def tool(place: Path, name: str, *arguments: str, plugins: bool = True) -> str:
    path = os.pathsep.join([str(ROOT), *([str(place / "plugins")] if plugins else [])])
    command = [sys.executable, str(ROOT / "tools" / f"{name}.py"), *arguments]
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.thorough
def test_the_page_is_true(place: Path) -> None:
    assert "good" in tool(place, "check", "-c", "my.yml")
    tool(place, "train", "-c", "my.yml")
    weights = (f"Global.pretrained_model={place / 'run'}", f"Global.save_inference_dir={place / 'run' / 'inference'}")
    tool(place, "export", "-c", "my.yml", "-o", *weights)
    image = str(place / "data" / "img" / "eval_0.png")
    read = tool(place, "infer", "--model", str(place / "run" / "inference"), image, "--out", str(place / "out"), plugins=False)
    assert "eval_0.png" in read, "the bundle needs the package no more"


def test_mistakes_in_own_nodes_are_found_like_others(place: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "check.py"), "-c", "my.yml"]
    command += ["-o", "Architecture.Backbone.channel=3", "Train.dataset.transforms.Darken.most=2"]
    path = os.pathsep.join([str(ROOT), str(place / "plugins")])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place, env=environment)
    assert done.returncode == 1
    assert "Architecture.Backbone.channel: unknown key; nearest: channels" in done.stdout
    assert "most is 2.0; a share of at least 0, below 1, is needed" in done.stdout
