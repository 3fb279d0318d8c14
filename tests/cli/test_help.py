"""`--help` and mistaken arguments answer at once: no library of weight is loaded for them."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = sorted(path.stem for path in (ROOT / "tools").glob("*.py"))
HEAVY = ("torch", "onnx", "onnxruntime", "numpy", "cv2", "PIL", "yaml", "sympy", "scipy", "shapely", "tqdm")
SECONDS = 0.5  # of processor time; a tenth of it is usual
CALL = f"""
import runpy, sys
sys.argv = sys.argv[1:]
try:
    if sys.argv[0].endswith(".py"):
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        runpy.run_module(sys.argv[0], run_name="__main__")
finally:
    print("loaded:", *[name for name in {HEAVY} if name in sys.modules])
"""
COMMANDS = [
    *([f"tools/{tool}.py"] for tool in TOOLS),
    *(["ppocr_like", tool.replace("_", "-")] for tool in TOOLS),
    ["ppocr_like"],
    ["tools/convert_data.py", "icdar"],
    ["tools/convert_data.py", "--from-predictions=x"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_is_quick_and_loads_nothing_of_weight(command: list[str]) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", CALL, *command, "--help"], cwd=ROOT, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0 and done.stdout.startswith("usage:"), done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < SECONDS
