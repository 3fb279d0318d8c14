from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ppocr_like.engine.checkpoint import (
    differences,
    load_checkpoint,
    resolve_checkpoint,
    rng_state,
    save_checkpoint,
    set_rng_state,
)
from ppocr_like.errors import CheckpointError

SAVE = """
import resource, sys, torch
from pathlib import Path
from ppocr_like.engine.checkpoint import save_checkpoint
from ppocr_like.errors import CheckpointError
limit = int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    save_checkpoint(Path(sys.argv[1]), {"model": {"w": torch.zeros(100_000)}})
except CheckpointError as error:
    print(error)
    sys.exit(3)
"""


def save_elsewhere(path: Path, limit: int = 0, user: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*(user or []), sys.executable, "-c", SAVE, str(path), str(limit)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_full_disk_keeps_the_earlier_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "latest.ckpt"
    path.write_bytes(b"earlier")
    result = save_elsewhere(path, limit=50_000)
    assert result.returncode == 3, result.stderr
    assert f"cannot write {path}: File too large" in result.stdout
    assert path.read_bytes() == b"earlier"
    assert os.listdir(tmp_path) == ["latest.ckpt"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 50_000


@pytest.mark.thorough
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_no_permission_keeps_the_earlier_checkpoint(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o755)
    for parent in tmp_path.parents:
        if parent == Path("/tmp"):
            break
        os.chmod(parent, 0o755)
    path = tmp_path / "latest.ckpt"
    path.write_bytes(b"earlier")
    result = save_elsewhere(path, user=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    if "No module named" in result.stderr or "can't open" in result.stderr or "Permission denied: '/root" in result.stderr:
        pytest.skip("the other user cannot read the Python environment")
    assert result.returncode == 3, result.stderr
    assert "Permission denied" in result.stdout
    assert path.read_bytes() == b"earlier"


def test_generators_continue_where_they_were() -> None:
    state = rng_state()
    drawn = (random.random(), np.random.rand(), torch.rand(3))
    set_rng_state(state)
    again = (random.random(), np.random.rand(), torch.rand(3))
    assert drawn[:2] == again[:2]
    assert torch.equal(drawn[2], again[2])


def test_state_of_generators_loads_safely(tmp_path: Path) -> None:
    torch.save(rng_state(), tmp_path / "rng.pt")
    drawn = (random.random(), np.random.rand(), torch.rand(1).item())
    set_rng_state(torch.load(tmp_path / "rng.pt", weights_only=True))
    assert drawn == (random.random(), np.random.rand(), torch.rand(1).item())


def test_incomplete_and_newer_checkpoints(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.ckpt", {"model": {}})
    with pytest.raises(CheckpointError, match="incomplete checkpoint, without optimizer"):
        load_checkpoint(tmp_path / "a.ckpt")
    torch.save({"format": "ppocr_like checkpoint", "version": 99}, tmp_path / "b.ckpt")
    with pytest.raises(CheckpointError, match="version 99"):
        load_checkpoint(tmp_path / "b.ckpt")
    (tmp_path / "empty.ckpt").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"truncated or no checkpoint \(.* bytes.*Global.pretrained_model"):
        load_checkpoint(tmp_path / "empty.ckpt")


def test_code_in_a_checkpoint_does_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"format": "ppocr_like checkpoint", "x": Evil()}, tmp_path / "evil.ckpt")
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "evil.ckpt")
    assert not (tmp_path / "ran").exists()


def test_a_run_folder_a_file_and_a_prefix_mean_the_same(tmp_path: Path) -> None:
    (tmp_path / "latest.ckpt").write_bytes(b"")
    for source in (tmp_path, tmp_path / "latest.ckpt", tmp_path / "latest"):
        assert resolve_checkpoint(source) == tmp_path / "latest.ckpt"
    with pytest.raises(CheckpointError, match="It takes a run folder"):
        resolve_checkpoint(tmp_path / "latst")


def test_differences_name_the_leaves() -> None:
    before = {"a": {"b": [1, {"c": 2}]}, "same": 1, "gone": 0}
    now = {"a": {"b": [1, {"c": 3}]}, "same": 1, "new": None}
    assert [str(d) for d in differences(before, now)] == [
        "a.b.1.c: 2 in the checkpoint, 3 in the recipe",
        "gone: 0 in the checkpoint, 'absent' in the recipe",
        "new: 'absent' in the checkpoint, None in the recipe",
    ]
