"""Steps whose numbers wait on the device until the log asks for them, on a processor that is taken for such a device."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.engine.api import train
from ppocr_like.engine.device import Compute
from ppocr_like.engine.guard import Interrupted
from ppocr_like.engine.late import late_steps
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.run import Hook, Run, StepResult
from ppocr_like.engine.trainer import fit, train_step
from ppocr_like.errors import TrainingError
from ppocr_like.losses.ctc_loss import CTCLoss

from .helpers import same_run, tiny_recipe
from .test_trainer import batches, made

CLIPPED = {"name": "AdamW", "clip_norm_global": 0.5, "lr": 1e-3}
SINGLE = {"name": "Momentum", "momentum": 0.9, "clip_norm": 0.05, "regularizer": {"name": "L2", "factor": 1e-4}, "lr": 1e-2}
QUIET = {"Global__print_batch_step": 4, "Global__save_batch_step": None}


@pytest.fixture
def far() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compute, "far", True)
        yield patch


def trained(data: Path, folder: Path, **over: Any) -> None:
    load_components()
    train(Recipe.from_tree(tiny_recipe(data, folder, **{"Train__loader__num_workers": 0, **QUIET, **over})))


@pytest.mark.parametrize(("optimizer", "ema"), [(CLIPPED, True), (SINGLE, False)], ids=["AdamW", "Momentum"])
def test_a_run_is_the_same_to_the_last_bit(
    data: Path, tmp_path: Path, far: pytest.MonkeyPatch, optimizer: dict[str, Any], ema: bool
) -> None:
    """After a step that was not finite, too, once it was mended."""
    over = {"Optimizer": optimizer, "Global__use_ema": ema}
    with far.context() as near:
        near.setattr(Compute, "far", False)
        trained(data, tmp_path / "near", **over)

    calls: list[int] = []

    def nan_in_step_7(self: CTCLoss, outputs: dict[str, Any], batch: dict[str, Any]) -> dict[str, Any]:
        losses = forward(self, outputs, batch)
        calls.append(not torch.is_inference_mode_enabled())
        return {**losses, "loss": losses["loss"] * (float("nan") if sum(calls) == 7 and calls[-1] else 1.0)}

    forward = CTCLoss.forward
    with far.context() as patch:
        patch.setattr(CTCLoss, "forward", nan_in_step_7)
        with pytest.raises(TrainingError, match=r"loss is nan in step 7 .epoch 2.; the weights are those before it") as error:
            trained(data, tmp_path / "late", **over)
    assert sum(calls) == 8  # the log after step 8 asked
    assert str(error.value).count(str(data / "train.txt")) == 4
    kept = torch.load(tmp_path / "late" / "latest.ckpt", weights_only=True)
    assert (kept["progress"]["step"], kept["progress"]["epoch"], kept["progress"]["batch"]) == (6, 2, 0)
    trained(data, tmp_path / "late", **over, Global__checkpoints=str(tmp_path / "late"))
    same_run(tmp_path / "near", tmp_path / "late")


class Wild(Hook):
    """Makes a gradient infinite in one step, and ends the run with an error two steps later."""

    def __init__(self, run: Run, step: int) -> None:
        self._step, self.seen = step, [0]
        next(iter(run.objective.model.parameters())).register_hook(self._gradient)

    def _gradient(self, gradient: torch.Tensor) -> torch.Tensor:
        self.seen[0] += 1
        return gradient * float("inf") if self.seen[0] == self._step else gradient


def test_what_a_bad_step_leaves_behind(data: Path, tmp_path: Path, far: pytest.MonkeyPatch) -> None:
    """Steps behind it change nothing, and where the run stands then is where it stood before."""
    with made(data, tmp_path / "run", Optimizer=SINGLE, **QUIET, Global__use_ema=True) as run:
        assert run.machine.late is not None
        group = batches(run)
        wild = Wild(run, 2)
        for hook in run.hooks:
            hook.start(run)
        results = []
        states: list[dict[str, torch.Tensor]] = []
        for number in range(3):
            generator = torch.get_rng_state()
            states.append({name: value.clone() for name, value in run.objective.model.state_dict().items()})
            states[-1]["generator"] = generator
            states[-1].update({f"mean {n}": v.clone() for n, v in enumerate(run.parts.average._averages)})  # type: ignore[union-attr]
            results.append(train_step(run, [group[number]]))
            run.settle()
            run.tell("after_step", results[-1])
        assert wild.seen == [3] and run.progress.step == 3
        assert not any(result.told for result in results if result)
        parameters = dict(run.objective.model.named_parameters())
        assert all(torch.equal(states[1][name], value) for name, value in parameters.items())  # steps 2 and 3 left them
        with pytest.raises(TrainingError, match=r"gradient's norm is inf .loss [\d.]+. in step 2 .epoch 1.") as error:
            run.confirm()
        for info in group[1]["info"]:
            assert f"{info.path} ({info.place})" in str(error.value)
        assert (run.progress.step, run.progress.batch, run.progress.samples, run.state.settled) == (1, 1, 4, (1, 1))
        after = run.objective.model.state_dict()
        after["generator"] = torch.get_rng_state()
        after.update({f"mean {n}": v for n, v in enumerate(run.parts.average._averages)})  # type: ignore[union-attr]
        assert [name for name, value in states[1].items() if not torch.equal(value, after[name])] == []
        assert run.parts.average is not None and run.parts.average.steps == 1
        log = next(hook for hook in run.hooks if hook.name == "log").state()
        assert log["pending"]["samples"] == 4 and len(log["windows"]["loss"]) == 1
        run.confirm()  # nothing waits any more


def test_numbers_come_when_somebody_looks(data: Path, tmp_path: Path, far: pytest.MonkeyPatch) -> None:
    with made(data, tmp_path / "run", Optimizer=CLIPPED) as run:
        first, second = (train_step(run, [batch]) for batch in batches(run)[:2])
        assert first is not None and second is not None and not first.told
        assert second.losses["loss"] > 0 and second.rates["grad_norm"] > 0
        assert first.told and first.losses["loss"] > 0
        assert first.rates["lr"] == 1e-3


def test_a_stop_looks_at_the_steps_before_it(data: Path, tmp_path: Path, far: pytest.MonkeyPatch) -> None:
    """A signal in the step behind a bad one: what is saved is the state before that one, and it is said."""
    load_components()

    class Stop(Hook):
        def start(self, run: Run) -> None:
            Wild(run, 3)

        def after_step(self, run: Run, result: StepResult) -> None:
            if run.progress.step == 4:
                run.machine.signals.pending = 2

    from ppocr_like.engine import setup

    hooks = setup.make_hooks
    far.setattr(setup, "make_hooks", lambda run, began: [*hooks(run, began), Stop()])
    with pytest.raises(Interrupted):
        trained(data, tmp_path / "run", Global__print_batch_step=100)
    kept = torch.load(tmp_path / "run" / "latest.ckpt", weights_only=True)
    assert kept["progress"]["step"] == 2
    log = (tmp_path / "run" / "train.log").read_text(encoding="utf-8")
    assert "the gradient's norm is inf" in log and "in step 3" in log


def test_where_steps_do_not_wait(data: Path, tmp_path: Path) -> None:
    """On a processor, and with an optimizer that cannot leave out a step; there the loop is as it was."""
    with made(data, tmp_path / "near") as run:
        assert run.machine.late is None
        compute, scaler = run.machine.compute, run.parts.scaler
        assert late_steps(compute, run.parts.optimizer, scaler, Ranks()) is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compute, "far", True)
        with made(data, tmp_path / "far", Optimizer={"name": "RMSProp", "lr": 1e-3}) as run:
            assert run.machine.late is None
            fit(run)
            assert run.progress.step == 12
            late = late_steps(run.machine.compute, run.parts.optimizer, run.parts.scaler, Ranks())
            assert late is None
