"""Training steps on a device that is not there: which of their operations make the host wait for it, and which mix devices.

Tensors are fake (shapes and devices, no values), on a device "far" that PyTorch is told of in this process alone, so that
gradients and optimizers work, too; on `cuda` itself a build of PyTorch without CUDA runs no backward pass. What joins tensors of
two devices is an error there, as on a GPU. To be run in a process of its own:

    python -m tests.far configs/rec/svtr_ft.yml ...

prints for each recipe a line of JSON: `waits`, places and operators at which the host waits, of the second step with its hooks.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe, load_recipe
from ppocr_like.config.input_checks import input_shape
from ppocr_like.contracts import SampleInfo
from ppocr_like.engine.device import choose_compute
from ppocr_like.engine.guard import Signals, StepGuard
from ppocr_like.engine.late import late_steps
from ppocr_like.engine.objective import Batch, Objective
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.ranks.gradients import GradientSum
from ppocr_like.engine.ranks.joint import Joint
from ppocr_like.engine.run import Length, Machine, Output, Parts, Run
from ppocr_like.engine.setup import make_hooks
from ppocr_like.engine.trainer import train_step
from ppocr_like.optim import base as optim_base

FAR = "far"
SAMPLES, LETTERS, SIDE = 3, 6, 64  # of a batch; columns of its labels; px of a detector's images
PICKS = frozenset({"nonzero", "masked_select", "_unique2", "unique_dim", "unique_consecutive", "repeat_interleave"})
HERE = Path(__file__).parents[1] / "ppocr_like"


def set_up() -> None:
    """Tells PyTorch of the device, once."""
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

    _setup_privateuseone_for_python_backend(FAR)
    torch.far.get_amp_supported_dtype = lambda: [torch.bfloat16, torch.float16]  # type: ignore[attr-defined]
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    F.ctc_loss = ctc_loss  # type: ignore[assignment]
    optim_base.FUSED_ON = (*optim_base.FUSED_ON, FAR)


def ctc_loss(
    log_probs: torch.Tensor, targets: torch.Tensor, input_lengths: torch.Tensor, target_lengths: torch.Tensor, **_: Any
) -> torch.Tensor:
    """Stands in for `F.ctc_loss`, which fake tensors do not have: (N,). The kernel reads lengths on the host."""
    if targets.device != log_probs.device:
        raise AssertionError(f"targets on {targets.device}, log_probs on {log_probs.device}")
    for lengths in (input_lengths, target_lengths):
        lengths.to("cpu")
    return log_probs.sum(dim=(0, 2)) + targets.sum(1) * 0


def _gru_cell(given: torch.Tensor, hidden: torch.Tensor, state: torch.Tensor, *_: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return state + 0, state.new_zeros(len(state), 5 * state.shape[1])


def _gru_cell_backward(grad: torch.Tensor, kept: torch.Tensor, biased: bool) -> tuple[torch.Tensor | None, ...]:
    gates = grad.new_zeros(len(grad), 3 * grad.shape[1])
    bias = gates[0] + 0 if biased else None
    return gates, gates + 0, grad + 0, bias, bias


# Operators that fake tensors do not have.
STAND_INS: dict[str, Callable[..., Any]] = {
    "_fused_sgd_": lambda *_: None,
    "_thnn_fused_gru_cell": _gru_cell,
    "_thnn_fused_gru_cell_backward": _gru_cell_backward,
}


class Watch(TorchDispatchMode):
    """Counts what makes the host wait, and answers for it: numbers are 2."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        name, kwargs = func._schema.name.partition("::")[2], kwargs or {}
        there = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        far = any(leaf.device.type == FAR for leaf in there)
        if name == "_local_scalar_dense":
            if far:
                self._note("a number is fetched")
            return {torch.bool: True}.get(there[0].dtype, 2.0 if there[0].is_floating_point() else 2)
        if far and name in PICKS and not (name == "repeat_interleave" and kwargs.get("output_size")):
            self._note(name)
            if name == "nonzero":
                return there[0].new_zeros(2, there[0].dim(), dtype=torch.long)
            return there[0].flatten()[:2]
        if far and name in ("index", "index_put_", "index_put"):
            picks = [leaf for leaf in tree_leaves(args[1]) if isinstance(leaf, torch.Tensor)]
            if any(leaf.device.type != FAR for leaf in picks):
                self._note("indices come from the host")
            if any(leaf.dtype in (torch.bool, torch.uint8) for leaf in picks):
                self._note("index by a mask")
                return args[0].flatten()[:4] if name == "index" else args[0]
        if far and name in STAND_INS:
            if {leaf.device.type for leaf in there} != {FAR}:
                raise AssertionError(f"{name}: tensors of different devices")
            return STAND_INS[name](*args)
        out = func(*args, **kwargs)
        if name in ("_to_copy", "copy_"):
            made = out if name == "_to_copy" else args[0]
            given = args[0] if name == "_to_copy" else args[1]
            free = kwargs.get("non_blocking") or (name == "copy_" and len(args) > 2 and args[2])
            crossed = {made.device.type, given.device.type}
            if len(crossed) > 1 and FAR in crossed and not (free and made.device.type == FAR):
                self._note(f"copy from {given.device.type} to {made.device.type}")
        return out

    def _note(self, what: str) -> None:
        frames = [frame for frame in traceback.extract_stack() if frame.filename.startswith(str(HERE))]
        where = f"{Path(frames[-1].filename).relative_to(HERE)}:{frames[-1].name}" if frames else "torch"
        self.waits[f"{where}: {what}"] += 1


class World:
    """Makes tensors of the device, and modules on it."""

    def __init__(self) -> None:
        from torch._subclasses.fake_tensor import FakeTensorMode

        self.mode = FakeTensorMode(allow_non_fake_inputs=True)
        self._known: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def fake(self, tensor: torch.Tensor, device: str = FAR) -> torch.Tensor:
        made = self.mode.from_tensor(tensor.detach())
        with self.mode:
            return made.to(f"{device}:0" if device == FAR else device)

    def place(self, module: torch.nn.Module) -> torch.nn.Module:
        """The module with its parameters and buffers on the device; one that stands at two places stays one."""

        def convert(tensor: torch.Tensor) -> torch.Tensor:
            if id(tensor) not in self._known:
                self._known[id(tensor)] = (tensor, self.fake(tensor))
            return self._known[id(tensor)][1]

        return module._apply(convert)


def batch_of(world: World, recipe: Recipe, objective: Objective, classes: int) -> Batch:
    """A batch on the host with what network and loss need."""
    found = input_shape(recipe, "Train") or input_shape(recipe)
    shape = found[0] if found else [1 if recipe.get("Architecture.in_channels") == 1 else 3, SIDE, SIDE]
    if not found and "unet" in str(recipe.path):
        shape[0] = 1
    kinds = {
        "image": torch.zeros(SAMPLES, *shape),
        "label": torch.zeros(SAMPLES, dtype=torch.long) if "cls" in str(recipe.path) else None,
        "length": torch.zeros(SAMPLES, dtype=torch.long),
        "valid_width": torch.zeros(SAMPLES, dtype=torch.long),
        "valid_ratio": torch.zeros(SAMPLES),
        "label_ace": torch.zeros(SAMPLES, classes),
        "label_sar": torch.zeros(SAMPLES, int(recipe.globals.max_text_length or 25), dtype=torch.long),
    }
    batch: Batch = {"image": kinds["image"]}
    for name in objective.targets({}):
        name = name.partition("|")[0]
        made = kinds.get(name)
        if made is None and name.endswith(("_map", "_mask")):
            made = torch.zeros(SAMPLES, *shape[1:])
        batch[name] = made if made is not None else torch.zeros(SAMPLES, LETTERS, dtype=torch.long)
    host = {name: world.fake(value, "cpu") for name, value in batch.items()}
    info = [SampleInfo(n, "train.txt", n + 1, f"{n}.png", "ab") for n in range(SAMPLES)]
    return {**host, "info": info, "rejected": []}


@contextmanager
def a_run(world: World, recipe: Recipe, folder: Path) -> Iterator[tuple[Run, Batch]]:
    """A run on the device, and a batch for it. No data are read and nothing is written."""
    builder = Builder(recipe)
    charset = builder.charset if builder.reads_text else None
    compute = choose_compute(recipe.globals, Ranks())
    object.__setattr__(compute, "device", torch.device(FAR, 0))
    model, loss = builder.model(), builder.loss()
    for part in (model, loss):
        if isinstance(part, torch.nn.Module):
            world.place(part)
    compute_place(compute, model)
    objective = Objective(model.train(), loss, compute)
    with world.mode:
        optimizer, scaler = builder.optimizer(model, 3, 10), compute.scaler(recipe.globals)
        run = Run(
            recipe=recipe,
            objective=objective,
            parts=Parts(
                optimizer=optimizer,
                scaler=scaler,
                loader=SimpleNamespace(steps=lambda epoch: 10),  # type: ignore[arg-type]
                eval_sets=[],
                make_train_metric=lambda: (None, None),  # type: ignore[arg-type,return-value]
                charset=charset,
                dictionary=charset,
            ),
            machine=Machine(
                Ranks(),
                compute,
                Signals(),
                GradientSum(Ranks(), model.parameters()),
                Joint(Ranks()),
                StepGuard(model, compute.device),
                late_steps(compute, optimizer, scaler, Ranks()),
            ),
            length=Length(3, 10, 1, SAMPLES),
            output=Output(SimpleNamespace(path=folder), SimpleNamespace(add=lambda *_: None, count=0)),  # type: ignore[arg-type]
        )
        run.hooks = make_hooks(run, 0.0)
        yield run, batch_of(world, recipe, objective, charset.num_classes if charset else 2)


def compute_place(compute: Any, model: torch.nn.Module) -> None:
    """What `Compute.place` does beside the move."""
    for module in model.modules():
        if hasattr(module, "listed"):
            module.listed = None


def waits(path: Path, overrides: Sequence[str] = ()) -> Counter[str]:
    """Of the second step of a recipe, with the hooks behind it."""
    quiet = ["Global.cal_metric_during_train=false", "Global.print_batch_step=10", "Global.device=cpu", "Global.use_amp=false"]
    recipe = load_recipe(path, [*quiet, *overrides])
    if recipe.get("Global.max_minutes") is not None:  # its first steps are saved, and there are no values to save here
        recipe = recipe.changed("Global.max_minutes", None).changed("Global.epoch_num", 1)
    if recipe.globals.codec == "auto":  # of texts that there are none of
        recipe = recipe.changed("Global.codec", {"a": 1, "b": 2})
    world = World()
    with tempfile.TemporaryDirectory() as folder, a_run(world, recipe, Path(folder)) as (run, batch), Watch() as watch:
        for _ in range(2):
            watch.waits.clear()
            result = train_step(run, [batch])
            assert result is not None
            run.tell("after_step", result)
        return watch.waits


def main(arguments: Sequence[str]) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    set_up()
    load_components()
    overrides = [argument for argument in arguments if "=" in argument]
    for path in (Path(argument) for argument in arguments if "=" not in argument):
        told: dict[str, Any] = {"recipe": str(path)}
        try:
            told["waits"] = dict(waits(path, overrides))
        except Exception as error:
            told["error"] = f"{type(error).__name__}: {str(error)[:600]}"
            if "--traceback" in sys.argv:
                raise
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main([argument for argument in sys.argv[1:] if not argument.startswith("--")])
