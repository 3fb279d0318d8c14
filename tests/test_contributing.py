"""CONTRIBUTING.md: its worked example is a component as it says, and its commands exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_worked_example_works(tmp_path: Path) -> None:
    """Its files in a copy of the package: the test passes, ruff is content, the component is found."""
    shutil.copytree(ROOT / "ppocr_like", tmp_path / "ppocr_like", ignore=shutil.ignore_patterns("__pycache__"))
    blocks = re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, re.S)
    assert [name for name, _ in blocks] == ["ppocr_like/transforms/mirror.py", "tests/transforms/test_mirror.py"]
    for name, text in blocks:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    ask = (
        "from ppocr_like.components import load_components; from ppocr_like.registry import TRANSFORMS; load_components(); "
        "print(TRANSFORMS.get('Mirror').__module__)"
    )
    for command, wanted in (
        (["-m", "pytest", "-q", "-p", "no:cacheprovider", blocks[1][0]], "3 passed"),
        (["-m", "ruff", "check", "--no-cache", *(name for name, _ in blocks)], "All checks passed"),
        (["-m", "ruff", "format", "--no-cache", "--check", *(name for name, _ in blocks)], "already formatted"),
        (["-c", ask], "ppocr_like.transforms.mirror"),
    ):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
        )
        assert done.returncode == 0 and wanted in done.stdout, done.stdout + done.stderr


def test_every_target_it_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = {word for line in re.findall(r"`make ([a-z -]+)`", PAGE) for word in line.split()}
    assert {"test-thorough", "lint", "types"} <= named <= targets


def test_what_ci_leaves_out_is_what_the_page_says() -> None:
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    called = set(re.findall(r"make ([a-z-]+)", run))
    assert {"lint", "types", "test", "test-thorough", "test-portable", "test-rapidocr"} <= called
    assert not called & {"test-slow", "parity"}


def test_pre_commit_runs_what_lint_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    lint = (ROOT / "Makefile").read_text(encoding="utf-8").split("\nlint:")[1].split("\n\n")[0]
    for hook in hooks:
        program = hook["entry"].removeprefix(".venv/bin/").removesuffix(" --force-exclude")
        assert f"$(BIN)/{program} ." in lint, program
