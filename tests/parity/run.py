"""PaddleOCR's recipes and answers against ours, from any folders of the reference cases' format.

    python tests/parity/run.py --models parity/models --ops parity/ops --configs paddleocr/configs --json out.json

For each recipe: does it validate as it stands (only its dictionary's path is changed), build, take a `.pdparams` file with
nothing missing, give PaddleOCR's outputs in evaluation and, with a guide, in training, learn in ten steps on one batch of two
small samples, and export to ONNX with parity? Then every case of the folder `ops`. A folder that is not given is left out.
Status 1 when something failed.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = (".yml", ".yaml")
SECONDS = 1800.0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--models", type=Path, metavar="FOLDER", help="outputs of networks, <recipe>.json")
    made.add_argument("--ops", type=Path, metavar="FOLDER", help="results of everything but networks")
    made.add_argument("--configs", type=Path, metavar="FOLDER", help="recipes, in any depth")
    made.add_argument("--dicts", type=Path, metavar="FOLDER", help="dictionaries by file name (default: `dicts` beside configs)")
    made.add_argument("--json", type=Path, metavar="FILE", help="also write all figures there")
    made.add_argument("--only", action="append", default=[], metavar="PATTERN", help="recipes or files, *mobile*; repeatable")
    made.add_argument("--stages", default="", help="some of: validates builds weights outputs training steps export")
    made.add_argument("--jobs", type=int, default=1, help="recipes at a time")
    made.add_argument("--seconds", type=float, default=SECONDS, help="that a recipe may take")
    return made


def tasks_of(args: argparse.Namespace, stages: tuple[str, ...]) -> list[tuple]:
    """Arguments of `report.row`: every recipe with its case, and cases whose recipe is not there."""
    from tests.parity.recipes.reference import cases_of

    cases = cases_of(args.models) if args.models else {}
    dicts = args.dicts or (args.configs.parent / "dicts" if args.configs else None)
    tasks = []
    for path in sorted(p for p in args.configs.rglob("*") if p.suffix in SUFFIXES) if args.configs else []:
        name = str(path.relative_to(args.configs))
        tasks.append((name, path, cases.pop(name, None), dicts, stages))
    tasks += [(name, None, case, dicts, stages) for name, case in cases.items()]
    return [task for task in tasks if wanted(task[0], args.only)]


def wanted(name: str, patterns: list[str]) -> bool:
    return not patterns or any(fnmatch.fnmatch(name, pattern) or pattern in name for pattern in patterns)


def say(line: str) -> None:
    sys.stderr.write(line + "\n")


def recipe_rows(args: argparse.Namespace) -> list[dict[str, Any]]:
    from tests.parity.processes import in_processes
    from tests.parity.recipes.report import STAGES, row
    from tests.parity.table import cells, verdict

    stages = tuple(args.stages.replace(",", " ").split()) or STAGES
    unknown = [stage for stage in stages if stage not in STAGES]
    if unknown:
        raise SystemExit(f"unknown stage {unknown[0]}; there are {' '.join(STAGES)}")
    tasks = tasks_of(args, stages)
    rows: dict[int, dict[str, Any]] = {}
    for number, found, reason in in_processes(row, tasks, max(args.jobs, 1), args.seconds):
        name, _, case, *_ = tasks[number]
        if found is None:
            found = {
                "recipe": name,
                "reference": case and case.path.name,
                "builds": False,
                "reasons": {"run": reason},
                "seconds": {},
            }
        rows[number] = found
        say(f"[{len(rows)}/{len(tasks)}] {name}: {verdict(found)} {' | '.join(cells(found))}")
    return [rows[number] for number in sorted(rows)]


def main() -> int:
    args = parser().parse_args()
    for folder in (args.models, args.ops, args.configs):
        if folder is not None and not folder.is_dir():
            raise SystemExit(f"{folder} is no folder")
    from tests.parity.ops.outcome import FAILED, files_of, outcomes
    from tests.parity.table import BAD, ops_text, text, verdict

    start = time.perf_counter()
    rows = recipe_rows(args) if args.models or args.configs else []
    found = []
    for path in files_of(args.ops) if args.ops else []:
        if wanted(path.stem, args.only) or not args.only:
            found += list(outcomes(path))
            say(f"{path.name}: {sum(o.file == path.stem for o in found)} cases")
    if rows:
        print(text(rows))
    if found:
        print(ops_text(found))
    print(f"{time.perf_counter() - start:.0f} s")
    if args.json:
        told = {"recipes": [{**row, "verdict": verdict(row)} for row in rows], "ops": [vars(o) for o in found]}
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")
    return int(any(verdict(row) == BAD for row in rows) or any(o.kind == FAILED for o in found))


if __name__ == "__main__":
    if not __package__:  # as a file: start again as a module of this repository, from wherever that is done
        above = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONPATH": above}
        os.execve(sys.executable, [sys.executable, "-m", "tests.parity.run", *sys.argv[1:]], environment)
    sys.exit(main())
