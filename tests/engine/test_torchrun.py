"""Several ranks under torchrun: killed, stopped, started again; what is printed is printed once."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from .helpers import ROOT, assert_equal_weights, records, run, tiny_recipe, write_recipe

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the processes in /proc")


def launch(ranks: int, tool: str, recipe: Path, *options: str, restarts: int = 0) -> subprocess.Popen[str]:
    """torchrun with a tool. Options with "=" go behind -o, those with "--" before them do not."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]
    command += [f"--max-restarts={restarts}", "--monitor-interval=0.2", str(ROOT / "tools" / f"{tool}.py"), "-c", str(recipe)]
    own = [option for option in options if option.startswith("--")]
    keys = [option for option in options if option not in own]
    command += [*(["-o", *keys] if keys else []), *own]
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=recipe.parent, env=environment, **pipe)


def rank_process(agent: int, rank: int) -> int:
    """Process id of a rank of the launcher `agent`."""
    for pid in Path(f"/proc/{agent}/task/{agent}/children").read_text(encoding="ascii").split():
        if f"RANK={rank}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return int(pid)
    raise AssertionError(f"rank {rank} does not run")


def until(process: subprocess.Popen[str], sign: str) -> str:
    """Reads the output up to the line that holds `sign`."""
    text = ""
    assert process.stdout is not None
    for line in process.stdout:
        text += line
        if sign in line:
            return text
    raise AssertionError(f"no {sign!r} in:\n{text}")


def ended(process: subprocess.Popen[str], seconds: float = 120) -> tuple[str, float]:
    """The rest of the output, and after how many seconds the last process ended."""
    start = time.perf_counter()
    try:
        return process.communicate(timeout=seconds)[0], time.perf_counter() - start
    finally:
        process.kill()


@pytest.fixture(scope="module")
def two(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of two ranks that nothing interrupted."""
    folder = tmp_path_factory.mktemp("two")
    process = launch(2, "train", write_recipe(folder / "recipe.yml", tree(data, folder / "run")))
    output, _ = ended(process)
    assert process.returncode == 0, output
    return folder / "run"


def tree(data: Path, folder: Path) -> dict:
    return tiny_recipe(data, folder, Global__epoch_num=4, Global__use_sync_bn=True, Train__loader__batch_size_per_card=2)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_rank_is_started_again(data: Path, two: Path, tmp_path: Path, rank: int) -> None:
    recipe = write_recipe(tmp_path / "recipe.yml", tree(data, tmp_path / "run"))
    process = launch(2, "train", recipe, restarts=3)
    for step in (8, 17):
        until(process, f"global_step: {step},")
        os.kill(rank_process(process.pid, rank), signal.SIGKILL)
    output, _ = ended(process)
    assert process.returncode == 0, output
    assert "resumed from" in output
    assert_equal_weights(two / "latest.ckpt", tmp_path / "run" / "latest.ckpt")
    assert_equal_weights(two / "best_accuracy.safetensors", tmp_path / "run" / "best_accuracy.safetensors")
    assert records(two) == records(tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_the_others_of_a_killed_rank_end_with_an_error(data: Path, tmp_path: Path, rank: int) -> None:
    recipe = write_recipe(tmp_path / "recipe.yml", {**tree(data, tmp_path / "run")})
    process = launch(2, "train", recipe, "Global.epoch_num=500")
    until(process, "global_step: 8,")
    os.kill(rank_process(process.pid, rank), signal.SIGKILL)
    output, seconds = ended(process)
    assert process.returncode == 1
    assert re.search(rf"error.*: rank {1 - rank} of 2 has lost another rank.*Global.checkpoints=", output), output
    assert seconds < 30
    print(f"rank {rank} killed: the launcher ended after {seconds:.1f} s")
    assert torch.load(tmp_path / "run" / "latest.ckpt", weights_only=True)["progress"]["step"] >= 7  # the last one saved


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_once(data: Path, two: Path, tmp_path: Path, signum: int) -> None:
    folder = tmp_path / "run"
    recipe = write_recipe(tmp_path / "recipe.yml", tree(data, folder))
    process = launch(2, "train", recipe, "Global.save_batch_step=null")
    until(process, "global_step: 8,")
    process.send_signal(signum)
    output, _ = ended(process)
    assert process.returncode != 0
    assert output.count("is saved. To continue") == 1, output
    progress = torch.load(folder / "latest.ckpt", weights_only=True)["progress"]
    assert progress["step"] >= 8
    process = launch(2, "train", recipe, f"Global.checkpoints={folder}")
    output, _ = ended(process)
    assert process.returncode == 0, output
    assert_equal_weights(two / "latest.ckpt", folder / "latest.ckpt")


def count_lines(output: str, pattern: str) -> int:
    return len(re.findall(pattern, output, re.MULTILINE))


@pytest.mark.slow
def test_evaluation_prints_once(data: Path, two: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "recipe.yml", tree(data, tmp_path / "run"))
    alone = run("eval", recipe, f"Global.pretrained_model={two}")
    process = launch(3, "eval", recipe, f"Global.pretrained_model={two}", f"--report={tmp_path / 'lines.json'}")
    output, _ = ended(process)
    assert process.returncode == 0, output
    assert count_lines(output, r"^eval: ") == count_lines(output, "^every sample: ") == 1, output
    numbers: Callable[[str], list[str]] = lambda text: re.findall(r"^eval: (.*), fps", text, re.MULTILINE)  # noqa: E731
    assert numbers(output) == numbers(alone)


@pytest.mark.slow
def test_a_test_report_is_that_of_one_process(data: Path, two: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "recipe.yml", tree(data, tmp_path / "run"))
    run("eval", recipe, f"Global.pretrained_model={two}", "--report", str(tmp_path / "alone"))
    process = launch(3, "eval", recipe, f"Global.pretrained_model={two}", f"--report={tmp_path / 'three'}")
    output, _ = ended(process)
    assert process.returncode == 0, output
    alone, three = (json.loads((tmp_path / name / "report.json").read_text())["sets"]["eval"] for name in ("alone", "three"))
    for one in (alone, three):
        for name in ("metrics", "calibration"):  # seconds, and the last bits of sums
            one.pop(name)
    assert three == alone


@pytest.mark.slow
def test_mistakes_are_said_once(data: Path, tmp_path: Path) -> None:
    broken = tiny_recipe(data, tmp_path / "run", Train__dataset__label_file_list=[str(tmp_path / "missing.txt")])
    process = launch(2, "train", write_recipe(tmp_path / "recipe.yml", broken))
    output, seconds = ended(process)
    assert process.returncode != 0
    assert count_lines(output, "missing.txt") == 1, output
    assert count_lines(output, "^error") == 1, output
    print(f"ended after {seconds:.1f} s")
