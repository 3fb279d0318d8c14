"""A training step of every recipe on a device that is not there (`tests.far`): nothing is fetched, and no two devices meet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EVERY = [path for part in ("cls", "det", "rec") for path in (ROOT / "configs" / part).glob("*.yml")]
RECIPES = sorted(str(path.relative_to(ROOT)) for path in EVERY)
FEW = ["configs/rec/svtr_ft.yml"]  # in every run; the thorough one has all
SHARES = 4


def steps(recipes: list[str]) -> dict[str, dict[str, object]]:
    """What `tests.far` prints, by recipe."""
    command = [sys.executable, "-m", "tests.far", *recipes]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-2000:]
    return {told.pop("recipe"): told for told in map(json.loads, done.stdout.splitlines())}


def test_a_step_fetches_nothing() -> None:
    assert steps(FEW) == {recipe: {"waits": {}} for recipe in FEW}


@pytest.mark.thorough
@pytest.mark.parametrize("share", range(SHARES))
def test_no_recipe_of_ours_does(share: int) -> None:
    mine = RECIPES[share::SHARES]
    assert len(mine) > 5
    assert steps(mine) == {recipe: {"waits": {}} for recipe in mine}
