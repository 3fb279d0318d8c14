"""`--help` and mistaken arguments answer at once: torch is not loaded for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = sorted(path.stem for path in (ROOT / "tools").glob("*.py"))
CALL = """
import runpy, sys
sys.argv = [sys.argv[1], *sys.argv[2:]]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print("loaded:", *[name for name in ("torch", "onnx", "sympy") if name in sys.modules])
"""


@pytest.mark.parametrize("tool", TOOLS)
def test_no_torch_for_the_help(tool: str) -> None:
    done = subprocess.run([sys.executable, "-c", CALL, f"tools/{tool}.py", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("usage:"), done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"
