"""This program beside an earlier commit of it: both are measured in turns, on the same machine, with the same packages.

Whatever else the machine does meets both alike, so the ratio of two figures of one turn says more than the figures themselves.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ppocr_like.benchmark.compare import leaves, load_figures
from ppocr_like.benchmark.timing import SMALLER_IS_BETTER, Figure, figure, told
from ppocr_like.errors import DataError

BASE, NOW = "base", "now"
NOTABLE = 0.03  # a change that is told in a word, where every turn agrees about its direction
_TOOL = Path("tools") / "benchmark.py"


def alternate(commit: str, arguments: Sequence[str], turns: int, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Figures of a commit (`base`) and of the files as they are (`now`), by turns.

    The commit is checked out into a folder of its own, which is removed at the end. Both run in processes of this Python, in the
    current folder, so that they read the same recipe, data and weights.

    Args:
        commit: by any name that git knows.
        arguments: of `tools/benchmark.py`, for both.
        turns: how often each is measured.
        say: is told what begins.

    Returns:
        `commits` (name -> commit), `machine`, `ratios` (figure -> now / base, one for each turn, with its quartiles), and the
        figures of every turn under `base` and `now`.

    Raises:
        DataError: this is no working copy of the repository, git does not know the commit, or a measurement fails.
    """
    root = _root()
    commits = {BASE: _commit(root, commit), NOW: _commit(root, "HEAD") + (" with changes" if _changed(root) else "")}
    found: dict[str, list[dict[str, Any]]] = {BASE: [], NOW: []}
    with tempfile.TemporaryDirectory(prefix="benchmark_") as scratch, _checked_out(root, commit, Path(scratch)) as base:
        trees = {BASE: base, NOW: root}
        for turn in range(turns):
            for name in (BASE, NOW) if turn % 2 == 0 else (NOW, BASE):
                say(f"turn {turn + 1} of {turns}: {name} ({commits[name]})")
                found[name].append(_measured(trees[name], arguments, Path(scratch) / "figures.json", name))
    return {"commits": commits, "machine": found[NOW][-1]["machine"], "ratios": ratios(found[BASE], found[NOW]), **found}


def ratios(base: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
    """Of every figure that all turns have: now / base, with the quartiles of the turns."""
    pairs = [(dict(leaves(before, "")), dict(leaves(after, ""))) for before, after in zip(base, now, strict=True)]
    found = {}
    for path, entry in pairs[0][1].items() if pairs else ():
        both = [(before.get(path), after.get(path)) for before, after in pairs]
        values = [b["value"] / a["value"] for a, b in both if a and b and a["value"] and a["unit"] == b["unit"] == entry["unit"]]
        if len(values) == len(pairs):
            found[path] = {**figure(values, f"x {entry['unit']}"), "least": min(values), "most": max(values)}
    return found


def table(result: Mapping[str, Any]) -> str:
    """For people: the machine, the commits, and a row for each figure."""
    machine = result["machine"]
    rows = [
        f"{machine['processor']} ({machine.get('instructions', 'instruction sets not known')}), {machine['cores']} cores, "
        f"{machine['threads']} threads, torch {machine['torch']}",
        *(f"{name}: {commit}" for name, commit in result["commits"].items()),
        f"now / base: the median of {len(result[NOW])} turns (the least to the most of them)",
        "",
    ]
    medians = {name: _medians(result[name]) for name in (BASE, NOW)}
    cells = [("figure", BASE, NOW, "now / base", "")]
    for path, ratio in result["ratios"].items():
        spread = f"{ratio['value']:.3f} ({ratio['least']:.3f} to {ratio['most']:.3f})"
        cells.append((path, told(medians[BASE][path]), told(medians[NOW][path]), spread, _word(ratio)))
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    rows += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    if len(cells) == 1:
        rows.append("no figure that both have")
    return "\n".join(rows)


def _word(ratio: Figure) -> str:
    """ "better" or "worse" where no turn says otherwise."""
    if abs(ratio["value"] - 1) < NOTABLE or ratio["least"] <= 1 <= ratio["most"]:
        return ""
    return "better" if (ratio["value"] < 1) == (ratio["unit"].removeprefix("x ") in SMALLER_IS_BETTER) else "worse"


def _medians(turns: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
    """Of every figure the median of its turns; the quartiles are those of the turns."""
    values: dict[str, list[Figure]] = {}
    for turn in turns:
        for path, entry in leaves(turn, ""):
            values.setdefault(path, []).append(entry)
    return {path: figure([entry["value"] for entry in entries], entries[0]["unit"]) for path, entries in values.items()}


def _measured(tree: Path, arguments: Sequence[str], figures: Path, name: str) -> dict[str, Any]:
    figures.unlink(missing_ok=True)
    paths = [str(tree), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, str(tree / _TOOL), *arguments, "--json", str(figures)]
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode or not figures.exists():
        last = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise DataError(f"the benchmark of {name} ended with status {done.returncode}:\n{last}", str(tree / _TOOL))
    return load_figures(figures)


@contextmanager
def _checked_out(root: Path, commit: str, scratch: Path) -> Iterator[Path]:
    """A working copy of the commit beside the one that is used; it is gone afterwards."""
    tree = scratch / BASE
    _git(root, "worktree", "add", "--detach", str(tree), commit)
    try:
        if not (tree / _TOOL).is_file():
            raise DataError(f"the commit {commit} has no {_TOOL}; give a later one", str(root))
        yield tree
    finally:
        _git(root, "worktree", "remove", "--force", str(tree))


def _root() -> Path:
    """The working copy that this package belongs to."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists() or not (here / _TOOL).is_file():
        raise DataError("is no working copy of the repository, which a comparison with a commit needs: clone it", str(here))
    return here


def _commit(root: Path, name: str) -> str:
    """Short hash and first line of a commit."""
    if name.startswith("-"):
        raise DataError(f"{name!r} is no commit", str(root))
    try:
        _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    except DataError:
        raise DataError(f"git knows no commit {name!r}", str(root)) from None
    return _git(root, "log", "-1", "--format=%h %s", name).strip()


def _changed(root: Path) -> bool:
    return bool(_git(root, "status", "--porcelain", "--untracked-files=no").strip())


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise DataError(f"git cannot be run ({error.strerror or error}); it is needed for another commit's files") from error
    if done.returncode:
        raise DataError(f"git {' '.join(arguments[:2])} says: {done.stderr.strip()}", str(root))
    return done.stdout
