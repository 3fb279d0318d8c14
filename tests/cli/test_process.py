"""The commands' common beginning and end, and tools/check.py as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ppocr_like.cli import arguments, process
from ppocr_like.config import Recipe
from ppocr_like.errors import DataError

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "configs/rec/svtr_ft.yml"


def parsed(*args: str) -> Recipe:
    return arguments.recipe_from(arguments.recipe_parser("test").parse_args(["-c", str(SHIPPED), *args]))


def test_a_repeated_option_keeps_every_item() -> None:
    recipe = parsed("-o", "Global.epoch_num=3", "Global.seed=4", "-o", "Train.loader.num_workers=0")
    assert (recipe.get("Global.epoch_num"), recipe.get("Global.seed"), recipe.get("Train.loader.num_workers")) == (3, 4, 0)


def test_an_error_of_the_user_s_is_a_message_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> int:
        raise DataError("is empty", "lines.txt", 3)

    with pytest.raises(SystemExit) as stop:
        process.run(main)
    assert stop.value.code == 2
    assert capsys.readouterr().err == "error: lines.txt, line 3: is empty\n"


@pytest.mark.parametrize("status", [0, 1])
def test_the_status_is_what_main_returns(status: int) -> None:
    with pytest.raises(SystemExit) as stop:
        process.run(lambda: status)
    assert stop.value.code == status


def test_a_defect_of_the_program_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        process.run(lambda: 1 // 0)


def check(*args: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs tools/check.py in the repository's root; `path` is added to PYTHONPATH."""
    command = [sys.executable, str(ROOT / "tools" / "check.py"), *args]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(str(p) for p in (ROOT, path) if p), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_check_says_good_and_shows_the_effective_recipe() -> None:
    done = check("-c", "configs/rec/svtr_ft.yml", "-o", "Global.epoch_num=77", "--print")
    assert (done.returncode, done.stderr) == (0, "")
    assert "epoch_num: 77" in done.stdout
    assert done.stdout.endswith("configs/rec/svtr_ft.yml: good\n")


def test_check_with_data_looks_at_every_set() -> None:
    done = check("-c", "configs/rec/svtr_ft.yml", "--data", "--sample", "3")
    assert done.returncode in (0, 1)
    assert done.stderr == ""
    for name in ("Train:", "Eval typewritten_fr:", "Eval fraktur_archiscribe:"):
        assert name in done.stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["-c", "none.yml"], "none.yml: 1 problem"),
        (["-c", "configs/rec/svtr_ft.yml", "-o", "Global.epoch_num"], "write key.sub=value"),
        (["-c", "configs/rec/svtr_ft.yml", "-o", "Global.plugins=[no_such_package]"], "cannot import 'no_such_package'"),
        (["-c", "configs/rec/svtr_ft.yml", "--sample", "0"], "--sample"),
        ([], "-c"),
    ],
)
def test_check_refuses_with_status_2_and_no_traceback(args: list[str], words: str) -> None:
    done = check(*args)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_check_lists_problems_also_of_a_plugin_s_component_with_status_1(tmp_path: Path) -> None:
    (tmp_path / "my_steps.py").write_text(
        "from ppocr_like.registry import TRANSFORMS\nfrom ppocr_like.transforms.base import Transform\n"
        "@TRANSFORMS.register()\nclass Upside(Transform):\n    def __init__(self, p: float = 0.5) -> None:\n        self.p = p\n"
        "    def __call__(self, sample, rng):\n        return sample\n"
    )
    upside = "Train.dataset.transforms.1={Upside: {p: much}}"
    overrides = ["-o", "Global.plugins=[my_steps]", upside, "-o", "Global.epoch_nums=7"]
    done = check("-c", "configs/rec/svtr_ft.yml", *overrides, path=tmp_path)
    assert done.returncode == 1
    assert "2 problems" in done.stdout
    assert "Global.epoch_nums: unknown key; nearest: epoch_num" in done.stdout
    assert "Train.dataset.transforms.1.Upside.p: is 'much', but a number is needed" in done.stdout


TOOLS = sorted(path.stem for path in (ROOT / "tools").glob("*.py"))
WATCH = """
import os, runpy, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print("policy:", os.environ.get("OMP_WAIT_POLICY"))
            raise SystemExit(0)
sys.meta_path.insert(0, Watch())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
WITH_TORCH = {
    **{key: ["-c", "configs/rec/svtr_ft.yml"] for key in ["benchmark", "check", "eval", "export", "train", "tune"]},
    "convert_weights": ["no.pdparams", "no.safetensors"],
    "make_dict": ["--from", "no.safetensors", "--out", "no.txt"],
    "infer": ["--model", "pretrained/db_mv3.safetensors", "train_data", "--out", "no"],
}


def first_policy(tool: str, **environment: str) -> str:
    """What OMP_WAIT_POLICY is when a tool first asks for torch; empty when it ends without."""
    kept = {name: value for name, value in os.environ.items() if name not in process.WAITING}
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(ROOT / "tools" / f"{tool}.py"), *WITH_TORCH.get(tool, ["--help"])],
        cwd=ROOT,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return next((line for line in done.stdout.splitlines() if line.startswith("policy:")), "")


@pytest.mark.parametrize("tool", TOOLS)
def test_waiting_threads_sleep_from_the_start(tool: str) -> None:
    """OpenMP reads its environment when torch is imported."""
    assert first_policy(tool) == ("policy: passive" if tool in WITH_TORCH else "")


@pytest.mark.parametrize(("name", "value", "wanted"), [("OMP_WAIT_POLICY", "active", "active"), ("GOMP_SPINCOUNT", "99", "None")])
def test_the_user_decides_how_threads_wait(name: str, value: str, wanted: str) -> None:
    assert first_policy("train", **{name: value}) == f"policy: {wanted}"
