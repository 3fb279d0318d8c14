"""Files are whole or not there; what was saved before survives a failure."""

import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
import torch

from ppocr_like.errors import CheckpointError
from ppocr_like.weights import atomic_write, load_weights, save_weights


def test_parents_are_made_and_nothing_is_left_beside(tmp_path):
    target = tmp_path / "a" / "b" / "w.bin"
    atomic_write(target, lambda file: file.write(b"one"))
    atomic_write(target, lambda file: file.write(b"two"))
    assert target.read_bytes() == b"two" and os.listdir(target.parent) == ["w.bin"]


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()])
def test_a_failing_writer_leaves_the_old_file(tmp_path, error):
    target = tmp_path / "w.bin"
    target.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise error

    with pytest.raises(type(error)):
        atomic_write(target, fail)
    assert target.read_bytes() == b"old" and os.listdir(tmp_path) == ["w.bin"]


LIMITED = """
    import resource, sys, torch
    from ppocr_like.errors import CheckpointError
    from ppocr_like.weights import atomic_write, save_weights
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    state = {"w": torch.ones(100_000)}
    for save in (lambda: save_weights(sys.argv[1] + "/w.safetensors", state),
                 lambda: atomic_write(sys.argv[1] + "/latest.ckpt", lambda f: torch.save(state, f))):
        try:
            save()
        except CheckpointError as error:
            print("refused:", error)
"""


def test_a_file_size_limit_is_told_and_the_old_files_survive(tmp_path):
    """A real process under RLIMIT_FSIZE, which acts as a disk that fills up while writing."""
    save_weights(tmp_path / "w.safetensors", {"w": torch.zeros(3)})
    torch.save({"w": torch.zeros(3)}, tmp_path / "latest.ckpt")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED), str(tmp_path)],
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": "."},
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2 and all("File too large" in line and "untouched" in line for line in lines), done.stdout + done.stderr
    assert sorted(os.listdir(tmp_path)) == ["latest.ckpt", "w.safetensors"]
    assert load_weights(tmp_path / "w.safetensors").state["w"].shape == (3,)
    assert load_weights(tmp_path / "latest.ckpt").state["w"].shape == (3,)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CheckpointError, match="nothing was written"):
        atomic_write(tmp_path / "file" / "w.bin", lambda file: file.write(b"x"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_no_permission_is_told(mode):
    """As another user, in a folder of root's; with 0o700 not even the file's being there can be seen."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(mode)
        (folder / "w.bin").write_bytes(b"old")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.setuid(65534)
                atomic_write(folder / "w.bin", lambda file: file.write(b"new"))
            except CheckpointError as error:
                code = 0 if "Permission denied" in str(error) else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert (folder / "w.bin").read_bytes() == b"old" and os.listdir(folder) == ["w.bin"]
