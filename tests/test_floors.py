"""The floors of docs/architecture.md: a room imports only from floors below it. Read from the sources, not by running them.

The small modules of floor 0 may use each other.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ppocr_like"
FLOORS = {
    **dict.fromkeys(
        (
            "registry",
            "errors",
            "charset",
            "codec",
            "contracts",
            "geometry",
            "imports",
            "atomic",
            "memory",
            "outputs",
            "outside",
            "printable",
            "tasks",
            "text",
        ),
        0,
    ),
    **dict.fromkeys(("config", "documents"), 1),
    **dict.fromkeys(("draw", "transforms", "postprocess", "metrics", "modeling", "losses", "optim"), 2),
    **dict.fromkeys(("data", "weights"), 3),
    **dict.fromkeys(("convert", "doctor", "synth"), 4),
    **dict.fromkeys(("engine", "pipeline"), 5),
    **dict.fromkeys(("export", "tune"), 6),
    "report": 7,
    **dict.fromkeys(("benchmark", "evaluation", "finetune"), 8),
    "components": 9,
    "cli": 10,
    "__main__": 11,
}
WITHOUT_TORCH = (
    *(room for room, floor in FLOORS.items() if floor <= 1),
    *("draw", "transforms", "postprocess", "metrics", "cli", "__main__"),
)
WITHOUT_CONFIG = ("documents", "draw", "transforms", "postprocess", "metrics", "modeling", "losses", "optim")
ON_DEMAND = ("ppocr_like.pipeline.torch_backend",)
WITHOUT_FILES = ("modeling", "losses", "optim")
MODULES = sorted(PACKAGE.rglob("*.py"))
TOOLS = sorted((ROOT / "tools").glob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, full name) of everything that a file imports, at its top or within functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}, line {node.lineno}: write the full name of the module"
            if node.module == "ppocr_like":
                yield from ((node.lineno, f"ppocr_like.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, node.module or ""


def violations(path: Path) -> list[str]:
    room, found = room_of(path), []
    for line, module in imports(path):
        top, _, rest = module.partition(".")
        wrong = ""
        if top == "ppocr_like":
            other = rest.partition(".")[0]
            if other in ("", "__version__") or FLOORS[other] == 0:
                continue
            if other != room and FLOORS[other] >= FLOORS[room]:
                wrong = f"{room} (floor {FLOORS[room]}) imports {other} (floor {FLOORS[other]})"
            elif other == "config" and room in WITHOUT_CONFIG:
                wrong = f"{room} knows no recipes"
        elif top in ("torch", "torchvision") and room in WITHOUT_TORCH:
            wrong = f"{room} runs without torch"
        elif top in ("yaml", "json", "pickle", "cv2", "PIL") and room in WITHOUT_FILES:
            wrong = f"{room} reads no files"
        if wrong:
            found.append(f"{name_of(path)}, line {line}: {wrong}")
    return found


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path) for path in MODULES} - {"__init__"}
    assert rooms == set(FLOORS)


def test_the_plan_and_this_test_agree() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    written = {}
    for floor, rooms in re.findall(r"^\| (\d+) \| ([^|]+) \|", text, re.M):
        written.update(dict.fromkeys(re.findall(r"`(\w+)`", rooms), int(floor)))
    assert written == {room: floor for room, floor in FLOORS.items() if room not in ("components", "__main__")}


def test_the_plan_names_files_that_are_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_/]+\.py)`", text)
    assert len(named) > 20
    assert not [name for name in named if not (PACKAGE / name).exists() and not (ROOT / name).exists()]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down(path: Path) -> None:
    if path.parent == PACKAGE and path.stem == "__init__":
        inside = {name for _, name in imports(path) if name != "typing" and not name.startswith("typing.")}
        assert inside <= {"ppocr_like.pipeline.ocr", "ppocr_like.pipeline.ocr.OCR"}  # loaded when asked for
    else:
        assert violations(path) == []


def test_this_test_sees_a_violation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path / "ppocr_like")
    path = tmp_path / "ppocr_like" / "transforms" / "bad.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "import torch.nn\ndef f():\n    from ppocr_like.data import base\nfrom ppocr_like import config\nimport numpy\n"
    )
    assert [v.partition(": ")[2] for v in violations(path)] == [
        "transforms runs without torch",
        "transforms knows no recipes",
        "transforms (floor 2) imports data (floor 3)",
    ]


@pytest.mark.parametrize("room", [*WITHOUT_TORCH, "pipeline"])
def test_importing_it_imports_no_torch(room: str) -> None:
    code = f"import importlib, pkgutil, sys; m = importlib.import_module('ppocr_like.{room}')\n"
    code += "for x in pkgutil.walk_packages(getattr(m, '__path__', []), m.__name__ + '.'):\n"
    code += f"    x.name in {ON_DEMAND!r} or importlib.import_module(x.name)\n"
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("path", TOOLS, ids=name_of)
def test_tools_are_short_and_work_through_the_rooms(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 80
    assert "sys.path" not in text


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_and_functions_are_of_readable_length(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and node.end_lineno and node.end_lineno - node.lineno >= 60
        if sum(isinstance(part, ast.stmt) for part in ast.walk(node)) > 5  # a table in one return statement may be long
    ]
    assert long == []


BANNED = {"eval", "exec", "breakpoint"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_that_the_house_rules_forbid(path: Path) -> None:
    found, banned = [], {*BANNED, "print"} if room_of(path) != "cli" else BANNED
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in banned:
            found.append(f"line {node.lineno}: {node.func.id}()")
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            found.append(f"line {node.lineno}: bare except")
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            found.append(f"line {node.lineno}: star import")
        if isinstance(node, ast.keyword) and node.arg == "weights_only" and ast.unparse(node.value) != "True":
            found.append(f"line {node.value.lineno}: unsafe torch.load")
    assert found == []
