"""The repository as a whole: what is shipped, what is pinned, that it stays small and clean."""

import ast
import re
import runpy
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from ppocr_like.charset import Charset
from ppocr_like.data.label_index import LabelIndex
from ppocr_like.documents.formats.label_line import parse_line

ROOT = Path(__file__).parents[1]
SETS = {
    "typewritten_fr": {"train": 712, "val": 104, "test": 360},
    "fraktur_archiscribe": {"train": 231, "test": 214},
}
SOURCES = [path for folder in ("ppocr_like", "tools") for path in sorted((ROOT / folder).rglob("*.py"))]


@cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def pins():
    """Package (lower case) -> version, of requirements.txt."""
    rows = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return {name.lower(): version for name, _, version in (row.partition("==") for row in rows if row and row[0] != "#")}


def lines(name, part):
    index = LabelIndex(ROOT / "train_data" / name / f"{part}.txt")
    for position in range(len(index)):
        names, text, _ = parse_line(index.read(position), "\t")
        yield names[0], text


@pytest.mark.parametrize("name", SETS)
def test_example_lines_are_all_there(name):
    parts = {part: list(lines(name, part)) for part in SETS[name]}
    assert {part: len(rows) for part, rows in parts.items()} == SETS[name]
    named = [image for rows in parts.values() for image, _ in rows]
    there = {path.relative_to(ROOT / "train_data").as_posix() for path in (ROOT / "train_data" / name / "img").iterdir()}
    assert sorted(named) == sorted(there)  # each once, none besides
    assert (ROOT / "train_data" / name / "LICENSE-NOTE.md").read_text(encoding="utf-8").count("CC BY 4.0") >= 1


@pytest.mark.parametrize("name", SETS)
def test_no_page_or_work_is_in_two_parts(name):
    ending = r"_\d{3}\.jpg$" if name == "typewritten_fr" else r"_[0-9a-f]{8}\.jpg$"
    parts = [{re.sub(ending, "", image) for image, _ in lines(name, part)} for part in SETS[name]]
    assert all(parts)
    assert sum(map(len, parts)) == len(set.union(*parts))


def test_the_weights_know_the_characters_of_the_general_set():
    """Fine-tuning with `union` adds only what the six sets of the pretraining lack."""
    pretrained = Charset.from_file(ROOT / "train_data/pretrain_dict.txt", True)
    example = Charset.from_file(ROOT / "train_data/dict.txt", True)
    assert not pretrained.duplicates
    assert not example.duplicates
    unknown = [entry for entry in example.labels[1:] if pretrained.index(entry) is None]
    assert len(unknown) <= 3, unknown
    assert all(not set(pretrained.unknown(text)) for _, text in lines("fraktur_archiscribe", "train"))


def test_the_repository_stays_small():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    total = sum((ROOT / name).stat().st_size for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())
    assert total < 80_000_000


def test_every_pin_is_within_its_range(monkeypatch):
    """requirements.txt against setup.py: the same packages, and versions that the ranges allow."""
    setuptools = pytest.importorskip("setuptools")
    requirements = pytest.importorskip("packaging.requirements")
    asked = {}
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: asked.update(arguments))
    runpy.run_path(str(ROOT / "setup.py"))
    wanted = [requirements.Requirement(text) for text in [*asked["install_requires"], *asked["extras_require"]["dev"]]]
    assert {requirement.name.lower() for requirement in wanted} == set(pins())
    for requirement in wanted:
        assert requirement.specifier.contains(pins()[requirement.name.lower()]), requirement


def test_the_program_imports_only_what_it_asks_for():
    """Every package imported under ppocr_like/ and tools/ is the standard library's, our own, in requirements.txt or an extra."""
    known = {"cv2": "opencv-python-headless", "yaml": "pyyaml", "PIL": "pillow"}
    extras = {"wandb", "coremltools"}  # in setup.py; too large for the tests, which skip what needs it
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for name in (module.split(".")[0] for module in modules):
                ours = name == "ppocr_like" or name in sys.stdlib_module_names
                assert ours or name in extras or known.get(name, name).lower() in pins(), f"{path}: {name}"


def test_files_are_short():
    """At most 400 lines a file and 80 a tool, so that a file stays one idea."""
    for path in SOURCES:
        limit = 80 if path.parent.name == "tools" else 400
        assert len(path.read_text(encoding="utf-8").splitlines()) <= limit, path


def test_functions_are_short():
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 70, f"{path}: {node.name}"


def forbidden(node, may_print):
    """What a node does that no file of the program may do, or None."""
    match node:
        case ast.Call(func=ast.Name(id="print")) if not may_print:
            return "print"
        case ast.Call(func=ast.Name(id="eval" | "exec" as name)):
            return name
        case ast.Attribute(value=ast.Name(id="sys"), attr="path"):
            return "sys.path"
        case ast.ImportFrom(names=[ast.alias(name="*")]):
            return "star import"
        case ast.ExceptHandler(type=None):
            return "bare except"
        case ast.ExceptHandler(type=ast.Name(id="Exception" | "BaseException"), body=[ast.Continue() | ast.Pass()]):
            return "swallowed exception"
        case ast.keyword(arg="weights_only", value=ast.Constant(value=False)):
            return "unsafe torch.load"
        case ast.Attribute(value=ast.Name(id="yaml"), attr="load" | "unsafe_load" | "full_load"):
            return "unsafe YAML"
        case ast.Global():
            return "global"
    return None


@pytest.mark.parametrize(
    "code", ["print(1)", "eval('1')", "sys.path.append('x')", "from x import *", "torch.load(f, weights_only=False)"]
)
def test_the_rules_see_what_they_forbid(code):
    assert any(forbidden(node, may_print=False) for node in ast.walk(ast.parse(code)))
    assert not any(
        forbidden(node, may_print=False) for node in ast.walk(ast.parse("model.eval(); torch.load(f, weights_only=True)"))
    )


def test_house_rules():
    found = []
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            what = forbidden(node, may_print=path.parent.name in ("tools", "cli"))
            if what:
                found.append(f"{path}:{getattr(node, 'lineno', '')}: {what}")
    assert not found
