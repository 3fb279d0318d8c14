"""Plugins are imported where the user names them, never because a model's file does."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ppocr_like.cli.arguments import recipe_parser
from ppocr_like.config import plugins
from ppocr_like.config.plugins import carried_tree, import_plugins
from ppocr_like.errors import ConfigError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def nothing_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "_on_command_line", [])
    monkeypatch.delenv("PPOCR_LIKE_PLUGINS", raising=False)


def module(folder: Path, name: str) -> Path:
    """A module that leaves a mark when it is imported."""
    mark = folder / f"{name}.ran"
    (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'w').close()\n", encoding="utf-8")
    return mark


def test_from_environment_command_line_and_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    marks = [module(tmp_path, f"plugin_of_this_test_{n}") for n in range(4)]
    monkeypatch.setenv("PPOCR_LIKE_PLUGINS", "plugin_of_this_test_0, plugin_of_this_test_1")
    recipe_parser("x").parse_args(["-c", "r.yml", "--plugin", "plugin_of_this_test_2"])
    import_plugins(["plugin_of_this_test_3"])
    assert all(mark.exists() for mark in marks)


def test_missing_ones_are_named_with_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PPOCR_LIKE_PLUGINS", "no_such_one")
    recipe_parser("x").parse_args(["-c", "r.yml", "--plugin", "no_such_two"])
    with pytest.raises(ConfigError) as error:
        import_plugins(["no_such_three"])
    assert [problem.path for problem in error.value.problems] == ["PPOCR_LIKE_PLUGINS", "--plugin", "Global.plugins.0"]
    assert "cannot import 'no_such_one'" in str(error.value) and "PYTHONPATH" in str(error.value)


@pytest.mark.parametrize("asked", [["evil_one"], "evil_one", {"evil_one": 1}, [3], 7])
def test_what_a_file_asks_for_is_said_and_taken_away(caplog: pytest.LogCaptureFixture, asked: object) -> None:
    tree = {"Global": {"plugins": asked, "seed": 3}, "Architecture": {}}
    with caplog.at_level(logging.WARNING, "ppocr_like"):
        assert carried_tree(tree, "w.safetensors") == {"Global": {"seed": 3}, "Architecture": {}}
    assert tree["Global"] == {"plugins": asked, "seed": 3}
    assert "w.safetensors asks for the plugins" in caplog.text
    assert "--plugin" in caplog.text and "PPOCR_LIKE_PLUGINS" in caplog.text


def test_allowed_ones_are_not_said(caplog: pytest.LogCaptureFixture) -> None:
    assert carried_tree({"Global": {"plugins": ["json"]}}, "w") == {"Global": {}}
    assert not caplog.records


USES = {
    "open_model": "from ppocr_like.pipeline.opening import open_model; open_model('evil.safetensors')",
    "OCR": "from ppocr_like import OCR; OCR('evil.safetensors', 'evil.safetensors')",
    "convert": "from ppocr_like.weights.convert import convert; convert('evil.safetensors', 'new.safetensors')",
}


@pytest.mark.parametrize("use", USES)
def test_a_weights_file_runs_no_code(ink_run, tmp_path: Path, use: str) -> None:
    """In a process of its own, with the module that the file names beside it."""
    from ppocr_like.weights import load_weights, save_weights

    held = load_weights(ink_run.folder)
    tree = {**held.recipe, "Global": {**held.recipe["Global"], "plugins": ["evil"]}}
    save_weights(tmp_path / "evil.safetensors", held.state, {"recipe": tree, "metrics": {}})
    mark = module(tmp_path, "evil")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    command = [sys.executable, "-c", f"import logging; logging.basicConfig()\n{USES[use]}"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0, "its network is unknown without the plugin"
    assert not mark.exists()
    assert "evil.safetensors asks for the plugins evil" in done.stderr
    if use == "open_model":  # the user's own word: the module runs
        environment["PPOCR_LIKE_PLUGINS"] = "evil,tests.ink_net"
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert mark.exists() and "asks for" not in done.stderr


@pytest.mark.thorough
def test_tools_know_the_option(ink_run, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "infer.py"), "--model", str(ink_run.folder), str(ink_run.images[0])]
    command += ["--out", str(tmp_path / "out"), "--plugin", "tests.ink_net"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    command[-1] = "no_such_plugin"
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "--plugin: cannot import 'no_such_plugin'" in done.stderr
