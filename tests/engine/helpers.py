"""A tiny data set of drawn digits, a tiny recipe, and runs of the real tools in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import yaml
from safetensors import safe_open

from ppocr_like.engine.run import Hook, Run, StepResult

ROOT = Path(__file__).parents[2]
TRAIN, EVAL = 22, 6  # samples; the last batch of an epoch is not full


class StopAt(Hook):
    """Ends a run after a step, as early stopping does."""

    def __init__(self, step: int) -> None:
        self.step = step

    def after_step(self, run: Run, result: StepResult) -> None:
        if run.progress.step == self.step:
            run.state.stop_reason = "enough"


def make_data(folder: Path) -> None:
    """Lines of digits, 32 px high, of two widths; a dictionary; label files train.txt, eval.txt and other.txt."""
    rng = np.random.default_rng(0)
    (folder / "img").mkdir(parents=True)
    (folder / "dict.txt").write_text("\n".join("0123456789") + "\n", encoding="utf-8")
    for name, count in (("train", TRAIN), ("eval", EVAL), ("other", EVAL)):
        lines = []
        for number in range(count):
            text = "".join(str(digit) for digit in rng.integers(0, 10, 3 + number % 2))
            image = np.full((32, 96, 3), 255, np.uint8)
            cv2.putText(image, text, (4, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 2)
            cv2.imwrite(str(folder / "img" / f"{name}_{number}.png"), image)
            lines.append(f"img/{name}_{number}.png\t{text}\n")
        (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")


def tiny_recipe(data: Path, run: Path, **over: Any) -> dict[str, Any]:
    """A recipe that trains in seconds. `over`: values by dotted path with `__` for dots."""
    chain = [
        {"DecodeImage": {"img_mode": "BGR", "channel_first": False}},
        {"CTCLabelEncode": None},
        {"RecResizeImg": {"image_shape": [3, 32, 96]}},
        {"KeepKeys": {"keep_keys": ["image", "label", "length"]}},
    ]
    augmented = [chain[0], {"RecAug": {}}, *chain[1:]]
    shape = {"name": "SimpleDataSet", "data_dir": str(data)}
    backbone = {"name": "MobileNetV1Enhance", "scale": 0.125, "last_conv_stride": [1, 2], "last_pool_type": "avg"}
    tree: dict[str, Any] = {
        "Global": {
            "epoch_num": 2, "save_model_dir": str(run), "print_batch_step": 1, "log_smooth_window": 3, "save_epoch_step": 1,
            "save_batch_step": 1, "character_dict_path": str(data / "dict.txt"), "max_text_length": 8, "seed": 7,
            "num_threads": 1, "device": "cpu", "cal_metric_during_train": True,
        },
        "Optimizer": {"name": "Adam", "lr": {"name": "Cosine", "learning_rate": 1e-3, "warmup_epoch": 1}},
        "Architecture": {
            "model_type": "rec", "algorithm": "SVTR_LCNet", "Transform": None,
            "Backbone": {**backbone, "last_pool_kernel_size": [2, 2]},
            "Neck": {"name": "SequenceEncoder", "encoder_type": "svtr", "dims": 16, "depth": 1, "hidden_dims": 16},
            "Head": {"name": "CTCHead", "fc_decay": 1e-5},
        },
        "Loss": {"name": "CTCLoss"},
        "PostProcess": {"name": "CTCLabelDecode"},
        "Metric": {"name": "RecMetric", "main_indicator": "acc"},
        "Train": {
            "dataset": {**shape, "label_file_list": [str(data / "train.txt")], "transforms": augmented},
            "loader": {"shuffle": True, "batch_size_per_card": 4, "drop_last": False, "num_workers": 1},
        },
        "Eval": {
            "dataset": {**shape, "label_file_list": [str(data / "eval.txt")], "transforms": chain},
            "loader": {"shuffle": False, "batch_size_per_card": 4, "drop_last": False, "num_workers": 0},
        },
    }  # fmt: skip
    for path, value in over.items():
        *parents, last = path.split("__")
        node = tree
        for key in parents:
            node = node.setdefault(key, {})
        node[last] = value
    return tree


def write_recipe(path: Path, tree: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def start(tool: str, recipe: Path, *options: str, **popen: Any) -> subprocess.Popen[str]:
    """Starts tools/<tool>.py on a recipe. Options with "=" go behind -o."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    arguments = [sys.executable, str(ROOT / "tools" / f"{tool}.py"), "-c", str(recipe)]
    keys = [option for option in options if "=" in option]
    arguments += [*(["-o", *keys] if keys else []), *(option for option in options if "=" not in option)]
    popen = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **popen}
    return subprocess.Popen(arguments, cwd=recipe.parent, env=environment, **popen)


def run(tool: str, recipe: Path, *options: str, expect: int = 0, **popen: Any) -> str:
    """Runs a tool to its end and returns what it printed; its status must be `expect`."""
    process = start(tool, recipe, *options, **popen)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == expect, f"status {process.returncode}, expected {expect}:\n{output}"
    return output


def kill_after(process: subprocess.Popen[str], seconds: float, signum: int = getattr(signal, "SIGKILL", signal.SIGTERM)) -> str:
    """Sends a signal after a while (the process may be done by then) and returns the output."""
    time.sleep(seconds)
    process.send_signal(signum)
    return process.communicate(timeout=60)[0]


def records(folder: Path) -> list[dict[str, Any]]:
    """metrics.jsonl without the entries that depend on the clock."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    clock = ("time", "samples_per_s", "data_wait", "eta_s", "fps")
    return [{k: v for k, v in json.loads(line).items() if k not in clock} for line in lines]


def weights(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a checkpoint or a safetensors file."""
    if path.suffix == ".ckpt":
        return torch.load(path, weights_only=True)["model"]
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def assert_equal_weights(left: Path, right: Path) -> None:
    """To the last bit."""
    a, b = weights(left), weights(right)
    assert a.keys() == b.keys()
    different = [name for name in a if not torch.equal(a[name], b[name])]
    assert not different, f"{len(different)} of {len(a)} tensors differ: {different[:5]}"


def same_run(left: Path, right: Path) -> None:
    """Equal last state, best weights and records."""
    assert_equal_weights(left / "latest.ckpt", right / "latest.ckpt")
    assert_equal_weights(left / "best_accuracy.safetensors", right / "best_accuracy.safetensors")
    a, b = (torch.load(folder / "latest.ckpt", weights_only=True) for folder in (left, right))
    assert a["progress"] == b["progress"]
    assert all(torch.equal(x, y) for x, y in zip(a["rng"], b["rng"], strict=True) for x, y in [(x["torch"], y["torch"])])
    for name, moments in a["optimizer"]["moments"].items():
        for key, value in moments.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(b["optimizer"]["moments"][name][key])), (name, key)
    assert records(left) == records(right)
