"""Network and loss as one object, which turns a batch into losses or into outputs. There is no other forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from ppocr_like.contracts import entry_name, inputs_of
from ppocr_like.engine.device import Compute, memory_told, network_told
from ppocr_like.errors import TrainingError
from ppocr_like.modeling.answers import of_one_sample

Batch = dict[str, Any]
Tensors = dict[str, torch.Tensor]
Loss = Callable[[Mapping[str, torch.Tensor], Mapping[str, Any]], Tensors]


@dataclass(frozen=True)
class Objective:
    """What is made small: the loss of the network's outputs, in float32 whatever precision the network runs in.

    A network names the batch entries that it reads: `inputs` always (`image` where it says nothing), `needs` in training as well
    (the head's targets), `reads` in evaluation where they are there. A loss names those that it `needs`. What a module of
    either names in `on_host` stays on the host.

    Args:
        model: `model(*inputs, targets) -> outputs`, both dicts of tensors (N, ...).
        loss: `loss(outputs, batch) -> {"loss": scalar, ...}`; None where only outputs are wanted.
        compute: device and precision.
        size_told: YAML path of what decides about the size of training's inputs, for messages.
    """

    model: torch.nn.Module
    loss: Loss | None
    compute: Compute
    size_told: str = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Batch entries that the network reads, in training and in evaluation."""
        return inputs_of(self.model)

    @cached_property
    def on_host(self) -> frozenset[str]:
        """Batch entries that a part of network or loss reads on the host."""
        return frozenset(
            name for part in (self.model, self.loss) for one in _modules(part) for name in getattr(one, "on_host", ())
        )

    def moved(self, batch: Batch) -> Batch:
        """A batch with its tensors where network and loss want them."""
        return self.compute.move(batch, self.on_host)

    def targets(self, batch: Batch) -> list[str]:
        """The batch's entries that network and loss read in training beside the inputs."""
        return list(dict.fromkeys((*_met(self.model, batch), *_met(self.loss, batch))))

    def forward(self, batch: Batch) -> Tensors:
        """The training outputs of a batch that is on the device."""
        with self.compute.autocast():
            outputs = self._run(batch, {name: batch[name] for name in _met(self.model, batch)})
        return {name: value.float() if value.is_floating_point() else value for name, value in outputs.items()}

    def losses(self, outputs: Mapping[str, torch.Tensor], batch: Mapping[str, Any]) -> Tensors:
        """`loss` and its parts, of what `forward` gave."""
        assert self.loss is not None
        return self.loss(outputs, batch)

    def train(self, batch: Batch, over: Callable[[Tensors], Tensors] | None = None) -> tuple[Tensors, Tensors]:
        """(losses, outputs) of a batch that is on the device.

        Args:
            over: makes of this process' tensors those over which the loss is taken: the rows of all ranks.
        """
        outputs = self.forward(batch)
        if over is None:
            return self.losses(outputs, batch), outputs
        return self.losses(over(outputs), over({name: batch[name] for name in _met(self.loss, batch)})), outputs

    def infer(self, batch: Batch) -> Tensors:
        """What evaluation gives of a batch that is on the host. The model must be in evaluation mode."""
        names = self._read(batch)
        with self.told(batch, "Eval"):
            moved = self.moved({name: batch[name] for name in (*self.inputs, *names)})
            with self.compute.autocast():
                return self._run(moved, {name: moved[name] for name in names} or None)

    def judge(self, batch: Batch) -> tuple[Tensors, list[Tensors]]:
        """What `infer` gives, and of each sample the losses as of a batch of its own: batches and ranks do not matter."""
        names, needed = self._read(batch), _met(self.model, batch)
        with self.told(batch, "Eval"):
            wanted = dict.fromkeys((*self.inputs, *names, *self.targets(batch)))
            moved = self.moved({name: batch[name] for name in wanted})
            given = [moved.pop(name) for name in self.inputs]
            read, targets = {name: moved[name] for name in names}, {name: moved[name] for name in needed}
            with self.compute.autocast():
                outputs, taught = self.model.answers(*given, read or None, targets)  # type: ignore[operator]
            taught = {name: value.float() if value.is_floating_point() else value for name, value in taught.items()}
            return outputs, [self.losses(*of_one_sample(taught, moved, index)) for index in range(len(batch["info"]))]

    def refuse_ragged(self, batch: Batch) -> None:
        """Targets must have one shape; entries that nobody reads (the polygons of pages) come as lists.

        Raises:
            TrainingError: names the entry and the shapes.
        """
        for name in self.targets(batch):
            if isinstance(batch[name], list):
                shapes = sorted({tuple(getattr(value, "shape", ())) for value in batch[name]})
                raise TrainingError(
                    f"the batch entry {name!r} has arrays of different shapes, {shapes}, so that no tensor can be made of it; "
                    f"the transforms must give one shape (first sample: {batch['info'][0].path})"
                )

    @contextmanager
    def told(self, batch: Batch, section: str, alone: bool = True) -> Iterator[None]:
        """Around the work on a batch: says what to do about one that does not fit network, loss or memory.

        Args:
            alone: no other process waits within; one that did would never hear of the error.

        Raises:
            TrainingError: in the place of PyTorch's own error.
        """
        images, infos = batch[self.inputs[0]], batch["info"]
        where = self.size_told if section == "Train" else ""
        with network_told(images, infos, section, where) if alone else nullcontext(), memory_told(images, infos, section):
            yield

    def _read(self, batch: Batch) -> list[str]:
        return [name for name in getattr(self.model, "reads", ()) if name in batch]

    def _run(self, batch: Mapping[str, torch.Tensor], targets: Mapping[str, torch.Tensor] | None) -> Tensors:
        given = [batch[name] for name in self.inputs]
        return self.model(*given, targets) if targets is not None else self.model(*given)


def _modules(part: object) -> Iterator[object]:
    """A part with all that is in it, and a loss that is a plain function."""
    if isinstance(part, torch.nn.Module):
        yield from part.modules()
    else:
        yield part


def _met(part: object, batch: Batch) -> list[str]:
    """The batch's entries by which the `needs` of a network or loss are met; a need that none meets stays as it is."""
    needs: Sequence[str] = getattr(part, "needs", ())
    return [entry_name(need, batch) or need for need in needs]
