"""A commit and the files as they are, in turns: in a small repository whose benchmark takes no time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ppocr_like.benchmark import alternating
from ppocr_like.benchmark.alternating import alternate, ratios, table
from ppocr_like.benchmark.machine import describe
from ppocr_like.cli.benchmark import main
from ppocr_like.errors import DataError

ROOT = Path(__file__).parents[2]
# Says where it runs and with what, and how long the package that it imports takes.
TOOL = """
import argparse, json, os
from package import MS
parser = argparse.ArgumentParser()
parser.add_argument("--json")
args, rest = parser.parse_known_args()
with open("calls.txt", "a") as calls:
    print(MS, *rest, file=calls)
def entry(value, unit):
    return {"value": value, "low": value, "high": value, "n": 1, "unit": unit}
machine = {"processor": "Abacus", "instructions": "beads", "cores": 2, "threads": 1, "torch": "2"}
same = len(open("calls.txt").readlines())
step = {"ms": entry(MS + same, "ms"), "own": {f"{MS}": entry(1.0, "s")}}
figures = {"limits": {"memory": entry(7.0 + same % 2, "GB/s")}, "step": step}
json.dump({**figures, "machine": machine}, open(args.json, "w"))
"""


def git(root: Path, *arguments: str) -> str:
    who = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    return subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two commits, of which the first takes twice as long, and a current folder elsewhere."""
    root = tmp_path / "repository"
    (root / "tools").mkdir(parents=True)
    (root / "tools" / "benchmark.py").write_text(TOOL)
    (root / ".gitignore").write_text("__pycache__/\n")  # what Python leaves in a person's folder, too
    git(root, "init", "-q")
    for text, message in (("MS = 200.0\n", "slow"), ("MS = 100.0\n", "fast")):
        (root / "package.py").write_text(text)
        git(root, "add", ".")
        git(root, "commit", "-q", "-m", message)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(alternating, "_root", lambda: root)
    return root


def test_both_are_measured_in_turns_and_nothing_stays(repository: Path) -> None:
    said: list[str] = []
    result = alternate("HEAD~1", ["-c", "my.yml", "--only", "step"], 3, said.append)
    calls = Path("calls.txt").read_text().splitlines()
    assert [call.split(" ", 1)[0] for call in calls] == ["200.0", "100.0", "100.0", "200.0", "200.0", "100.0"]
    assert {call.split(" ", 1)[1] for call in calls} == {"-c my.yml --only step"}
    assert len(said) == 6 and said[0].startswith("turn 1 of 3: base (") and "slow" in said[0] and "fast" in said[1]
    assert git(repository, "worktree", "list").count("\n") == 1 and not git(repository, "status", "--porcelain")
    ratio = result["ratios"]["step / ms"]
    assert [ratio["least"], ratio["value"], ratio["most"]] == sorted([102 / 201, 103 / 204, 106 / 205])
    assert set(result["ratios"]) == {"limits / memory", "step / ms"}  # what one of them alone has is left out
    rows = table(result).splitlines()
    assert rows[0] == "Abacus (beads), 2 cores, 1 threads, torch 2"
    assert rows[1].startswith("base: ") and rows[1].endswith(" slow") and rows[2].endswith(" fast")
    (row,) = [row for row in rows if row.startswith("step / ms")]
    assert "204 ms" in row and "103 ms" in row and "0.507 (0.505 to 0.517)" in row and row.endswith("better")
    (row,) = [row for row in rows if row.startswith("limits")]
    assert not row.endswith(("better", "worse"))  # the turns do not agree


def test_changes_that_are_not_committed_are_measured_and_said(repository: Path) -> None:
    (repository / "package.py").write_text("MS = 400.0\n")
    result = alternate("HEAD", [], 1)
    assert result["commits"]["now"].endswith("fast with changes") and result["commits"]["base"].endswith("fast")
    assert result["ratios"]["step / ms"]["value"] == 402 / 101


@pytest.mark.parametrize(
    ("commit", "told"),
    [("nowhere", "git knows no commit 'nowhere'"), ("--all", "'--all' is no commit"), ("HEAD~9", "no commit 'HEAD~9'")],
)
def test_a_commit_that_is_none(repository: Path, commit: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        alternate(commit, [], 1)


def test_a_measurement_that_fails_is_told_with_its_last_words(repository: Path) -> None:
    (repository / "package.py").write_text("raise SystemExit('no such recipe')\n")
    with pytest.raises(DataError, match=r"the benchmark of now ended with status 1:\nno such recipe"):
        alternate("HEAD", [], 1)
    assert git(repository, "worktree", "list").count("\n") == 1


def test_a_commit_without_the_tool(repository: Path) -> None:
    git(repository, "rm", "-q", "tools/benchmark.py")
    git(repository, "commit", "-q", "-m", "none")
    with pytest.raises(DataError, match=r"the commit HEAD has no tools.benchmark\.py"):
        alternate("HEAD", [], 1)
    assert git(repository, "worktree", "list").count("\n") == 1


def test_the_command_passes_its_other_arguments_on(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = str(ROOT / "configs" / "rec" / "svtr_ft.yml")
    arguments = ["-c", recipe, "--base=HEAD~1", "--quick", "--json", "out.json", "--turns", "1", "-o", "Global.seed=2"]
    assert main(arguments) == 0
    assert Path("calls.txt").read_text().splitlines()[0] == f"200.0 -c {recipe} --quick -o Global.seed=2"
    assert "now / base" in capsys.readouterr().out
    assert json.loads(Path("out.json").read_text())["ratios"]["step / ms"]["value"] == 102 / 201
    with pytest.raises(SystemExit):
        main(["-c", recipe, "--base", "HEAD", "--picture", "x.png"])
    assert "leave out --against, --picture and --profile" in capsys.readouterr().err


def test_what_has_a_figure_of_another_unit_is_no_pair() -> None:
    def turn(unit: str) -> dict:
        return {"a": {"value": 1.0, "low": 1.0, "high": 1.0, "n": 1, "unit": unit}}

    assert ratios([turn("ms")], [turn("s")]) == {} and list(ratios([turn("ms")], [turn("ms")])) == ["a"]


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_the_machine_says_its_instruction_sets() -> None:
    told = describe(torch.device("cpu"))["instructions"]
    assert told.endswith(f"PyTorch: {torch.backends.cpu.get_cpu_capability()}")
    if "AVX2" in told:
        assert "avx2" in told.split(", ")
