"""Modules and functions that only POSIX systems have are used where they are there, so that the program starts on Windows."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [*sorted((ROOT / "ppocr_like").rglob("*.py")), *sorted((ROOT / "tools").glob("*.py"))]
MODULES = ("resource", "fcntl", "pwd", "grp", "termios", "tty", "pty", "syslog", "posix", "readline", "curses")
SIGNALS = ("SIGHUP", "SIGKILL", "SIGCHLD", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGPIPE", "SIGBUS", "SIGQUIT", "SIGSTOP", "SIGCONT")
FUNCTIONS = (
    "fork", "forkpty", "geteuid", "getuid", "getgid", "getegid", "setsid", "setpgid", "getpgid", "killpg", "nice", "sysconf",
    "getloadavg", "sched_getaffinity", "sched_setaffinity", "pread", "pwrite", "posix_fadvise", "posix_fallocate", "statvfs",
    "mkfifo", "chown", "lchown", "fchown", "wait3", "wait4", "O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC", "O_NONBLOCK", "uname",
)  # fmt: skip


def unguarded(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            inside = any(node in guard.body for guard in ast.walk(ast.parse(text)) if isinstance(guard, ast.Try))
            line = text.splitlines()[node.lineno - 1]
            if not inside and not line.startswith(" "):
                found += [f"{path.name}, line {node.lineno}: imports {name}" for name in names if name.split(".")[0] in MODULES]
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        of, name = node.value.id, node.attr
        if (of == "os" and name in FUNCTIONS) or (of == "signal" and name in SIGNALS):
            guards = (f'hasattr({of}, "{name}")', f'getattr({of}, "{name}"', 'sys.platform == "linux"', 'os.name == "posix"')
            if not any(guard in text for guard in guards):
                found.append(f"{path.name}, line {node.lineno}: uses {of}.{name}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_windows_lacks_is_asked_for_first(path: Path) -> None:
    assert not unguarded(path)


WITHOUT = """
import importlib, os, pkgutil, runpy, signal, sys
import cv2, lmdb, numpy, onnx, onnxruntime, PIL.Image, safetensors.torch, torch, torch.utils.data, tqdm, yaml
import multiprocessing.connection, tempfile
for name in {modules}:
    sys.modules[name] = None  # its import fails from now on
for name in {functions}:
    if hasattr(os, name):
        delattr(os, name)
for name in {signals}:
    if hasattr(signal, name):
        delattr(signal, name)
sys.path.insert(0, {root!r})
import ppocr_like
for module in pkgutil.walk_packages(ppocr_like.__path__, "ppocr_like."):
    importlib.import_module(module.name)
for tool in sorted(os.listdir(os.path.join({root!r}, "tools"))):
    if tool.endswith(".py"):
        runpy.run_path(os.path.join({root!r}, "tools", tool), run_name="imported")
from ppocr_like.benchmark.machine import describe, load_average, peak_memory_mb
assert peak_memory_mb() is None and load_average() == [] and describe(torch.device("cpu"))["cores"] >= 1
{more}
print("whole")
"""

TRAINS = """
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.engine.helpers import make_data, tiny_recipe
from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.engine import train
folder = Path({folder!r})
make_data(folder / "data")
load_components()
tree = tiny_recipe(folder / "data", folder / "run", Global__epoch_num=1, Train__loader__num_workers=0)
assert train(Recipe.from_tree(tree)).steps == 6
tree["Global"].update(epoch_num=2, checkpoints=str(folder / "run"))
assert train(Recipe.from_tree(tree)).steps == 12
"""


def test_everything_imports_and_trains_without_them(tmp_path: Path) -> None:
    """A process from which modules, functions and signals were taken, as if on Windows."""
    pytest.importorskip("lmdb")
    kept = ("sysconf", "O_CLOEXEC", "O_NONBLOCK", "uname")  # the standard library and torch use them after their import here
    functions = [name for name in FUNCTIONS if name not in kept]
    more = TRAINS.format(root=str(ROOT), folder=str(tmp_path))
    code = WITHOUT.format(modules=MODULES, functions=functions, signals=SIGNALS, root=str(ROOT), more=more)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "whole" in done.stdout, done.stderr[-3000:]
