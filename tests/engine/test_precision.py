"""float16 and bfloat16: the loss scale, and operators whose precision the recipe chooses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from ppocr_like.components import load_components
from ppocr_like.config import GlobalConfig, Recipe
from ppocr_like.config.paddle.amp_ops import AMP_OPS
from ppocr_like.engine.api import train
from ppocr_like.engine.device import Compute, choose_compute
from ppocr_like.engine.precision import MOST_IN_A_ROW, LossScaler, OperatorLists
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.trainer import train_step
from ppocr_like.errors import ConfigError, TrainingError
from ppocr_like.modeling.depthwise import DepthwiseConv2d

from .helpers import assert_equal_weights, records, tiny_recipe
from .test_trainer import batches, made, weights_of

HALF = {"Global__use_amp": True, "Global__amp_dtype": "float16"}
LOW = pytest.mark.parametrize("low", [torch.bfloat16, torch.float16], ids=["bfloat16", "float16"])


def overflow(run: Any, times: int) -> None:
    """The gradients of the next steps are infinite."""
    left = iter(range(times))
    next(iter(run.objective.model.parameters())).register_hook(lambda g: g * float("inf") if next(left, None) is not None else g)


@pytest.mark.parametrize("optimizer", ["Adam", "RMSProp", "Lamb"])
def test_a_step_that_overflows_is_skipped_and_counted(data: Path, tmp_path: Path, optimizer: str) -> None:
    over = {**HALF, "Optimizer__name": optimizer, "Global__scale_loss": 256.0, "Global__use_dynamic_loss_scaling": True}
    with made(data, tmp_path / "run", **over) as run:
        group = batches(run)
        overflow(run, 1)
        before = weights_of(run)
        result = train_step(run, [group[0]])
        assert result is not None and result.losses["count/skipped_steps"] == 1
        assert all(torch.equal(a, b) for a, b in zip(before, weights_of(run), strict=True))
        assert (run.progress.step, run.parts.scaler.skipped, run.parts.scaler.get_scale()) == (1, 1, 128.0)
        result = train_step(run, [group[1]])
        assert result is not None and result.losses["count/skipped_steps"] == 0
        assert result.rates["loss_scale"] == 128.0
        assert any(not torch.equal(a, b) for a, b in zip(before, weights_of(run), strict=True))
        assert all(bool(torch.isfinite(p).all()) for p in run.objective.model.parameters())


def test_a_run_that_only_overflows_stops(data: Path, tmp_path: Path) -> None:
    with made(data, tmp_path / "run", **HALF, Global__scale_loss=1024.0) as run:
        batch = batches(run)[0]
        overflow(run, 2)
        run.parts.scaler.in_a_row = MOST_IN_A_ROW - 1
        with pytest.raises(TrainingError, match=r"overflowed float16 in 50 steps .*scale 1024.*Global\.scale_loss.*bfloat16"):
            train_step(run, [batch])
        assert not run.machine.guard.spoiled  # the state can be saved


@pytest.mark.parametrize(
    ("keys", "scale", "after"),
    [
        ({}, 65536.0, 32768.0),
        ({"scale_loss": 128.0}, 128.0, 128.0),
        ({"scale_loss": 128.0, "use_dynamic_loss_scaling": True}, 128.0, 64.0),
        ({"use_dynamic_loss_scaling": False}, 65536.0, 65536.0),
        ({"paddle_exact": True}, 1.0, 1.0),
    ],
)
def test_the_scale_and_what_an_overflow_does_to_it(keys: dict[str, Any], scale: float, after: float) -> None:
    scaler = Compute(torch.device("cpu"), torch.float16).scaler(GlobalConfig(epoch_num=1, **keys))
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], 0.1)
    assert scaler.get_scale() == scale
    scaler.scale(weight.sum() * float("inf")).backward()
    scaler.step(optimizer)
    scaler.update()
    assert (scaler.get_scale(), scaler.skipped, weight.tolist()) == (after, 1, [1.0, 1.0])
    other = LossScaler("cpu", scale, after != scale)
    other.load_state_dict(scaler.state_dict())
    assert other.state_dict() == scaler.state_dict()


def test_bfloat16_needs_no_scaler() -> None:
    assert not Compute(torch.device("cpu"), torch.bfloat16).scaler(GlobalConfig(epoch_num=1)).is_enabled()


@pytest.mark.thorough
def test_a_float16_run_resumes_to_the_last_bit(data: Path, tmp_path: Path) -> None:
    """Scale and counters too: with 3e38 the first steps overflow."""
    over = {
        **HALF,
        "Global__scale_loss": 3e38,
        "Global__use_dynamic_loss_scaling": True,
        "Global__cal_metric_during_train": False,
    }
    over |= {"Train__loader__num_workers": 0, "Global__eval_at_start": False}
    load_components()
    train(Recipe.from_tree(tiny_recipe(data, tmp_path / "whole", **over)))
    train(Recipe.from_tree(tiny_recipe(data, tmp_path / "parts", **over, Global__epoch_num=1)))
    train(Recipe.from_tree(tiny_recipe(data, tmp_path / "parts", **over, Global__checkpoints=str(tmp_path / "parts"))))
    assert_equal_weights(tmp_path / "whole" / "latest.ckpt", tmp_path / "parts" / "latest.ckpt")
    scalers = [torch.load(tmp_path / name / "latest.ckpt", weights_only=True)["scaler"] for name in ("whole", "parts")]
    assert scalers[0] == scalers[1]
    assert scalers[0]["skipped"] > 6  # the first epoch's and some of the second's
    told = [r for r in records(tmp_path / "whole") if r["kind"] == "train"]
    assert sum(r["count/skipped_steps"] for r in told) == scalers[0]["skipped"]
    for line in (tmp_path / "whole" / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} in the records"))


@LOW
def test_operators_of_the_lists(low: torch.dtype) -> None:
    x, weight = torch.rand(2, 4, 4), torch.rand(4, 4)
    lists = OperatorLists(["matmul_v2", "elementwise_add", "depthwise_conv2d", "batch_norm"], ["softmax", "mean"], "cpu", low)
    image, every = torch.rand(1, 4, 6, 6), torch.rand(4, 4, 3, 3)
    with torch.autocast("cpu", dtype=low):
        assert F.linear(x, weight).dtype is low
        assert x.softmax(-1).dtype is torch.float32
        small = F.conv2d(image, every)
    assert small.dtype is low
    with torch.autocast("cpu", dtype=low), lists:
        for value in (F.linear(x, weight), x @ x, small + small, 1 + small, F.conv2d(image, every[:, :1], groups=4)):
            assert value.dtype is torch.float32
        assert torch.equal(x @ x, torch.matmul(x, x)) and F.conv2d(image, every).dtype is low
        assert F.batch_norm(small, torch.zeros(4), torch.ones(4)).dtype is torch.float32
        assert x.softmax(-1).dtype is F.softmax(x, -1).dtype is x.mean(0).dtype is low
        assert (small * small).dtype is low
    assert torch.equal(F.linear(x, weight), _within(lists, low, lambda: F.linear(x, weight)))


def _within(lists: OperatorLists, low: torch.dtype, what: Any) -> torch.Tensor:
    with torch.autocast("cpu", dtype=low), lists:
        return what()


def test_every_name_stands_for_a_torch_function() -> None:
    homes = (torch, F, torch.Tensor, torch._VF)
    for name, functions in AMP_OPS.items():
        assert functions
        for function in functions:
            assert any(hasattr(home, function) for home in homes), (name, function)


@LOW
def test_a_listed_depthwise_convolution_has_float32_gradients(low: torch.dtype) -> None:
    torch.manual_seed(0)
    module, image = DepthwiseConv2d(4, 5, (1, 1)), torch.rand(2, 4, 8, 8)
    module(image).square().sum().backward()
    assert module.weight.grad is not None
    wanted, module.weight.grad = module.weight.grad, None
    name = str(low).removeprefix("torch.")
    settings = GlobalConfig(epoch_num=1, use_amp=True, amp_dtype=name, amp_custom_black_list=["depthwise_conv2d"])  # type: ignore[arg-type]
    compute = choose_compute(settings, Ranks())
    compute.place(module)
    with compute.autocast():
        result = module(image)
    assert result.dtype is torch.float32
    result.square().sum().backward()
    torch.testing.assert_close(module.weight.grad, wanted)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_run_with_lists_is_closer_to_float32(data: Path, tmp_path: Path, dtype: str) -> None:
    """PaddleOCR's own list (its v2 distillation recipe)."""
    outputs = []
    lists = {"Global__amp_custom_black_list": ["matmul", "matmul_v2", "elementwise_add", "conv2d", "depthwise_conv2d"]}
    for number, over in enumerate(({}, {**HALF, "Global__amp_dtype": dtype}, {**HALF, "Global__amp_dtype": dtype, **lists})):
        with made(data, tmp_path / str(number), **over) as run:
            run.objective.model.eval()
            with run.machine.compute.autocast(), torch.no_grad():
                outputs.append(run.objective.model(batches(run, 1)[0]["image"])["ctc"].float())
            result = train_step(run, [batches(run)[0]])
            assert result is not None
    plain, listed = (float((outputs[0] - other).abs().max()) for other in outputs[1:])
    assert listed < plain / 2


def test_an_unknown_operator_is_an_error(data: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=r"Global\.amp_custom_black_list.*'matmull'.*nearest: matmul"),
        made(data, tmp_path / "run", Global__amp_custom_black_list=["matmull"]),
    ):
        pass
