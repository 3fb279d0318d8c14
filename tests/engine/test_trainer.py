"""The loop's arithmetic, on a real run in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.engine.checkpoint import load_checkpoint
from ppocr_like.engine.finite import Sums
from ppocr_like.engine.guard import Signals
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.run import Run
from ppocr_like.engine.runfolder import RunFolder
from ppocr_like.engine.setup import build_run
from ppocr_like.engine.trainer import fit, forward_backward, train_step
from ppocr_like.errors import TrainingError

from .helpers import StopAt, tiny_recipe

QUIET = {"Global__eval_at_start": False, "Global__eval_at_end": False, "Train__loader__num_workers": 0}


@contextmanager
def made(data: Path, folder: Path, **over: Any) -> Iterator[Run]:
    """A run that is built but not started."""
    load_components()
    recipe = Recipe.from_tree(tiny_recipe(data, folder, **{**QUIET, **over}))
    held = RunFolder(folder)
    try:
        run = build_run(Builder(recipe), held, Ranks(), Signals(), None)
        run.objective.model.train()
        yield run
        run.parts.loader.close()
    finally:
        held.close()


def batches(run: Run, epoch: int = 1) -> list[dict[str, Any]]:
    return list(run.parts.loader.batches(epoch))


def without_chance(run: Run) -> None:
    """No batch statistics and no dropout: a big batch then is the sum of its parts. The head stays in training mode."""
    for part in (run.objective.model.backbone, run.objective.model.neck):
        part.eval()


def joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    whole = {name: torch.cat([part[name] for part in parts]) for name in ("image", "label", "length")}
    return {**whole, "info": [i for part in parts for i in part["info"]], "rejected": []}


def weights_of(run: Run) -> list[torch.Tensor]:
    return [p.detach().clone() for p in run.objective.model.parameters()]


def test_accumulated_batches_equal_one_big_batch(data: Path, tmp_path: Path) -> None:
    """Also when they are of different sizes: samples count, not batches."""
    with made(data, tmp_path / "run", Optimizer={"name": "Momentum", "momentum": 0.9, "lr": 0.1}) as run:
        without_chance(run)
        parts = [batches(run)[0], batches(run)[-1]]  # 4 and 2 samples
        start, before = {name: value.clone() for name, value in run.objective.model.state_dict().items()}, weights_of(run)
        train_step(run, parts)
        accumulated = weights_of(run)
        run.objective.model.load_state_dict(start)
        run.parts.optimizer.torch_optimizer.state.clear()
        result = train_step(run, [joined(parts)])
        assert result is not None and result.samples == 6
        moved = max(float((a - b).abs().max()) for a, b in zip(accumulated, before, strict=True))
        assert moved > 1e-3
        for a, b in zip(accumulated, weights_of(run), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_each_step_has_the_gradient_of_its_own_batch(data: Path, tmp_path: Path) -> None:
    with made(data, tmp_path / "run") as run:
        without_chance(run)
        first, second, *_ = batches(run)
        train_step(run, [first])
        for parameter in run.objective.model.parameters():
            assert parameter.grad is None
        seen: list[torch.Tensor] = []
        step, model = run.parts.optimizer.step, run.objective.model
        run.parts.optimizer.step = lambda *args: seen.extend(p.grad.clone() for p in model.parameters()) or step(*args)
        state = {name: value.clone() for name, value in run.objective.model.state_dict().items()}
        train_step(run, [second])
        run.objective.model.load_state_dict(state)
        run.parts.optimizer.zero_grad()
        count = len(second["info"])
        forward_backward(run, run.objective.moved(second), run.machine.joint.share([count], count), Sums(far=False))
        for a, parameter in zip(seen, run.objective.model.parameters(), strict=True):
            assert parameter.grad is not None
            assert torch.equal(a, parameter.grad)


def test_a_batch_without_samples_is_no_step(data: Path, tmp_path: Path) -> None:
    with made(data, tmp_path / "run") as run:
        before = weights_of(run)
        assert train_step(run, [{"info": [], "rejected": []}]) is None
        assert (run.progress.batch, run.progress.step) == (1, 0)
        assert all(torch.equal(a, b) for a, b in zip(before, weights_of(run), strict=True))
        result = train_step(run, [{"info": [], "rejected": []}, batches(run)[0]])
        assert result is not None and result.samples == 4
        assert (run.progress.batch, run.progress.step) == (3, 1)


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_what_is_not_finite_stops_before_the_weights_change(data: Path, tmp_path: Path, where: str) -> None:
    with made(data, tmp_path / "run") as run:
        train_step(run, [batches(run)[0]])
        batch = batches(run)[1]
        before = {name: value.clone() for name, value in run.objective.model.state_dict().items()}
        generator = torch.get_rng_state()
        loss = run.objective.loss
        if where == "loss":
            wild = lambda outputs, batch: {"loss": loss(outputs, batch)["loss"] * float("nan")}  # noqa: E731
            run.objective = replace(run.objective, loss=wild)
        else:
            next(iter(run.objective.model.parameters())).register_hook(lambda gradient: gradient * float("inf"))
        with pytest.raises(TrainingError) as error:
            train_step(run, [batch])
        message = str(error.value)
        assert "step 2 (epoch 1)" in message
        for info in batch["info"]:
            assert f"{info.path} ({info.file}, line {info.line})" in message
        run.machine.guard.undo()  # what a failing run does before it saves
        assert torch.equal(generator, torch.get_rng_state())
        after = run.objective.model.state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_accumulation_resumes_between_groups(data: Path, tmp_path: Path) -> None:
    """Six batches in groups of four: steps of 4 and 2 batches; the checkpoint counts consumed batches."""
    with made(data, tmp_path / "run", Global__accumulate_steps=4, Global__save_batch_step=None) as run:
        assert (run.length.batches_per_epoch, run.length.steps_per_epoch, run.length.total_steps) == (6, 2, 4)
        run.hooks.append(StopAt(3))
        fit(run)
        assert (run.progress.epoch, run.progress.batch, run.progress.group, run.progress.step) == (2, 4, 1, 3)
        assert run.progress.samples == 22 + 16


def test_schedule_position_is_the_step_number_in_equal_epochs(data: Path, tmp_path: Path) -> None:
    positions: list[int] = []
    with made(data, tmp_path / "run") as run:
        step = run.parts.optimizer.step
        run.parts.optimizer.step = lambda position, *rest: positions.append(position) or step(position, *rest)
        fit(run)
    assert positions == list(range(12))


def test_an_epoch_without_a_usable_sample_stops(data: Path, tmp_path: Path) -> None:
    (tmp_path / "unknown.txt").write_text("".join(f"img/train_{i}.png\tabc\n" for i in range(6)), encoding="utf-8")
    over = {"Train__dataset__label_file_list": [str(tmp_path / "unknown.txt")], "Global__max_unknown": 1.0}
    with (
        made(data, tmp_path / "run", **over) as run,
        pytest.raises(TrainingError, match=r"no sample .* could be used in epoch 1:[^!]*check.py --data"),
    ):
        fit(run)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_lower_precision_runs_the_same_code(data: Path, tmp_path: Path, dtype: str) -> None:
    over = {"Global__use_amp": True, "Global__amp_dtype": dtype, "Global__scale_loss": 1024.0, "Global__epoch_num": 1}
    with made(data, tmp_path / "run", **over) as run:
        assert run.parts.scaler.is_enabled() == (dtype == "float16")
        before = weights_of(run)
        fit(run)
        assert run.progress.step == 6
        assert any(not torch.equal(a, b) for a, b in zip(before, weights_of(run), strict=True))
        assert all(bool(torch.isfinite(p).all()) for p in run.objective.model.parameters())
    assert bool(load_checkpoint(tmp_path / "run" / "latest.ckpt")["scaler"]) == (dtype == "float16")


def test_odd_dictionary_entries_are_said(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    odd = tmp_path / "odd.txt"
    odd.write_text("\u3000\n" + "\n".join("0123456789") + "\n5\nab\n", encoding="utf-8")
    with made(data, tmp_path / "run", Global__character_dict_path=str(odd)) as run:
        assert run.parts.dictionary.labels[1] == "\u3000"
    said = [record.message for record in caplog.records if record.message.startswith("dictionary: ")]
    assert ["1 entries stand twice" in said[0], "'5' (lines 7, 12)" in said[0], "'ab' (line 13)" in said[1], len(said)] == [
        True,
        True,
        True,
        2,
    ]


def test_a_lack_of_memory_names_the_batch(data: Path, tmp_path: Path) -> None:
    with made(data, tmp_path / "run") as run:
        batch = batches(run)[0]
        forward = run.objective.model.backbone.forward
        run.objective.model.backbone.forward = lambda x: torch.empty(1 << 55) + forward(x)
        with pytest.raises(TrainingError, match=r"memory does not suffice for a batch of 4 x 3 x 32 x 96 .*batch_size_per_card"):
            train_step(run, [batch])


def test_ragged_entries_that_the_loss_reads_are_refused(data: Path, tmp_path: Path) -> None:
    with made(data, tmp_path / "run") as run:
        batch = batches(run)[0]
        batch["label"] = [row[: 3 + number] for number, row in enumerate(batch["label"].numpy())]
        with pytest.raises(TrainingError, match=r"'label' has arrays of different shapes, \[\(3,\), \(4,\), \(5,\), \(6,\)\]"):
            train_step(run, [batch])


@pytest.mark.thorough
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_gradient_checkpointing_changes_no_bit(data: Path, tmp_path: Path, dtype: str) -> None:
    """Operator lists included, which must hold in the second pass, too."""
    over = {
        "Global__use_amp": True,
        "Global__amp_dtype": dtype,
        "Global__amp_custom_black_list": ["matmul_v2", "elementwise_add"],
    }
    after = []
    for flag in (False, True):
        with made(data, tmp_path / str(flag), **over, Global__gradient_checkpointing=flag) as run:
            for batch in batches(run)[:3]:
                train_step(run, [batch])
            after.append(run.objective.model.state_dict())
    assert list(after[0]) == list(after[1])
    assert all(torch.equal(after[0][name], after[1][name]) for name in after[0])


def test_gradient_checkpointing_without_blocks_is_an_error(data: Path, tmp_path: Path) -> None:
    over: dict[str, Any] = {"Architecture__Backbone": {"name": "CRNN"}, "Global__gradient_checkpointing": True}
    over |= {"Architecture__Neck": {"name": "SequenceEncoder", "encoder_type": "reshape"}}
    with pytest.raises(TrainingError, match=r"gradient_checkpointing: .*no blocks"), made(data, tmp_path / "run", **over):
        pass
