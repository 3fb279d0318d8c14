"""Which libraries and rooms `check` loads: a recipe is checked about as soon as torch is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
