"""Which libraries and rooms the commands load: what needs no network does without torch, and a recipe is checked about as soon as
torch is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.engine.helpers import make_data, tiny_recipe

ROOT = Path(__file__).parents[2]
NEEDLESS = (
    *("torch._dynamo", "torch._inductor", "torch.onnx", "torch.utils.tensorboard"),
    *("onnx", "onnxruntime", "sympy", "scipy", "visualdl", "tensorboard", "wandb", "pypdf", "pypdfium2"),
    *("ppocr_like.engine", "ppocr_like.weights", "ppocr_like.pipeline", "ppocr_like.export", "ppocr_like.report"),
)
CALL = f"""
import sys
from ppocr_like.cli.check import main
status = main(["-c", sys.argv[1]])
print("loaded:", *[name for name in {NEEDLESS} if name in sys.modules])
sys.exit(status)
"""


@pytest.mark.parametrize("recipe", ["configs/rec/svtr_ft.yml", "configs/det/db_mv3_ft.yml", "configs/cls/line_direction.yml"])
def test_a_check_loads_what_the_recipe_needs_and_no_more(recipe: str) -> None:
    done = subprocess.run([sys.executable, "-c", CALL, recipe], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"


QUIET = """
import importlib, sys
status = importlib.import_module("ppocr_like.cli." + sys.argv[1]).main(sys.argv[2:])
print("loaded:", *[name for name in ("torch", "onnx", "onnxruntime", "sympy", "scipy", "wandb") if name in sys.modules])
sys.exit(status)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["pack", "-c", "{}/my.yml", "--out", "{}/packed"],
        ["make_lm", "-c", "{}/my.yml", "--out", "{}/lm"],
        ["make_dict", "{}/data/train.txt", "--out", "{}/dict.txt"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_labels_alone_need_no_torch(arguments: list[str], tmp_path: Path) -> None:
    make_data(tmp_path / "data")
    recipe = yaml.safe_dump(tiny_recipe(tmp_path / "data", tmp_path / "run"))
    (tmp_path / "my.yml").write_text(recipe, encoding="utf-8")
    command = [sys.executable, "-c", QUIET, *(argument.format(tmp_path) for argument in arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"
