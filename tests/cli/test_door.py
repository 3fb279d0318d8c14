"""`ppocr-like COMMAND`, which does what `tools/` do."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import ppocr_like
from ppocr_like.cli import convert_data, door
from ppocr_like.cli.arguments import recipe_parser

ROOT = Path(__file__).parents[2]


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "ppocr_like", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def test_there_is_a_command_for_each_tool() -> None:
    tools = {path.stem for path in (ROOT / "tools").glob("*.py")}
    files = {path.stem for path in (ROOT / "ppocr_like" / "cli").glob("*.py")}
    assert {command.replace("-", "_") for command in door.COMMANDS} == tools
    assert files - tools == {"__init__", "arguments", "companion", "door", "process"}


def test_the_installed_command_is_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    setuptools = pytest.importorskip("setuptools")
    asked: dict = {}
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: asked.update(arguments))
    runpy.run_path(str(ROOT / "setup.py"))
    assert asked["entry_points"] == {"console_scripts": ["ppocr-like = ppocr_like.cli.door:start"]}


def test_its_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        door.main(["--help"])
    said = capsys.readouterr().out
    assert stop.value.code == 0 and all(f"\n  {command} " in said for command in door.COMMANDS)
    assert "\n  train            Train a recipe\n" in said and "tools/" not in said


def test_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        door.main(["--version"])
    assert capsys.readouterr().out.strip() == ppocr_like.__version__


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["trian", "-c", "x.yml"], "ppocr-like: error: unknown command 'trian'; nearest: train"),
        (["quux"], "ppocr-like: error: unknown command 'quux'; known: finetune, check, train, "),
        ([], "ppocr-like: error: the following arguments are required: COMMAND"),
        (["-c", "x.yml"], "ppocr-like: error: "),
        (["train"], "ppocr-like train: error: give a recipe with -c"),
    ],
)
def test_what_is_mistyped_is_named(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        door.main(arguments)
    assert stop.value.code == 2 and says in capsys.readouterr().err


def test_examples_name_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    about = "python tools/make_dict.py a.txt\ntorchrun --nproc_per_node=4 tools/train.py -c ...\nwhat tools/infer.py wrote"
    parser = recipe_parser(about, "ppocr-like make-dict")
    wanted = "ppocr-like make-dict a.txt\ntorchrun --nproc_per_node=4 -m ppocr_like train -c ...\nwhat ppocr-like infer wrote"
    assert wanted in parser.format_help()
    assert about in recipe_parser(about, "make_dict.py").format_help()
    with pytest.raises(SystemExit):
        convert_data.main(["rects", "--help"], "ppocr-like convert-data")
    assert capsys.readouterr().out.startswith("usage: ppocr-like convert-data rects ")


def test_messages_and_status_are_those_of_the_tool(tmp_path: Path) -> None:
    for command in ("check", "make-dict"):
        options = ["-c", "none.yml"] if command == "check" else ["none.txt", "--out", str(tmp_path / "x.txt")]
        tool = [sys.executable, f"tools/{command.replace('-', '_')}.py", *options]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        old = subprocess.run(tool, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        new = call(command, *options)
        assert (new.returncode, new.stdout, new.stderr) == (old.returncode, old.stdout, old.stderr)
        assert new.returncode == 2 and "none" in new.stderr


def test_names_with_underscores_are_accepted_too() -> None:
    done = call("make_dict", "--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: ppocr-like make-dict ")
