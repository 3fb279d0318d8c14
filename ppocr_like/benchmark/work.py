"""What a piece of work asks of the machine: floating-point operations and bytes, and how fast the machine's limits allow it.

Each operator is counted as PyTorch runs it, in the forward and in the backward pass. Its least time is the larger one of
operations / (matrix products of its precision) and bytes / (bandwidth of memory at that size): the roofline model of Williams
et al. 2009 (doi 10.1145/1498765.1498785), operator by operator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from ppocr_like.benchmark.limits import Limits

MAKES_NOTHING = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "detach", "lift_fresh"})


@dataclass(frozen=True)
class Operator:
    """One operator that ran.

    Args:
        name: "mm", "convolution_backward".
        flop: operations of products; 0 for all that works element by element.
        bytes: of all that it reads and writes.
        precision: "float32", "bfloat16" ... of its first tensor.
    """

    name: str
    flop: int
    bytes: int
    precision: str

    def least_seconds(self, limits: Limits) -> tuple[float, float]:
        """(for its products, for its memory) if one of the machine's limits alone held it back."""
        return self.flop / limits.products(self.precision), self.bytes / limits.bandwidth(self.bytes)


@dataclass(frozen=True)
class Work:
    """All operators of a piece of work."""

    operators: Sequence[Operator]

    @property
    def flop(self) -> int:
        return sum(operator.flop for operator in self.operators)

    @property
    def bytes(self) -> int:
        return sum(operator.bytes for operator in self.operators)

    def least(self, limits: Limits) -> dict[str, float]:
        """Seconds that the limits leave: `products` and `memory`, each operator under the one that binds it."""
        spent = {"products": 0.0, "memory": 0.0}
        for operator in self.operators:
            products, memory = operator.least_seconds(limits)
            spent["products" if products >= memory else "memory"] += max(products, memory)
        return spent


def count(work: Callable[[], Any]) -> Work:
    """Runs `work` once and counts its operators."""
    with _Counter() as counter:
        work()
    return Work(counter.found)


class _Counter(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Operator] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name = func._schema.name.partition("::")[2]
        if not func.is_view and name not in MAKES_NOTHING:
            read, written = _tensors((args, kwargs)), _tensors(out)
            precision = str((read or written)[0].dtype).removeprefix("torch.") if read or written else "float32"
            flop = FORMULAS[name](args, out) if name in FORMULAS else 0
            self.found.append(Operator(name, flop, sum(map(_bytes, read)) + sum(map(_bytes, written)), precision))
        return out


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, Tensor)]


def _bytes(tensor: Tensor) -> int:
    """Of the elements that there are in memory: an expanded tensor repeats them."""
    distinct = prod(size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride)
    return distinct * tensor.element_size()


def _mm(args: Sequence[Any], out: Any) -> int:
    return 2 * prod(out.shape) * args[0].shape[-1]


def _addmm(args: Sequence[Any], out: Any) -> int:
    return 2 * prod(out.shape) * args[1].shape[-1]


def _convolution(args: Sequence[Any], out: Any) -> int:
    """A weight's elements by output channel are what an output element (transposed: an input element) is a sum of."""
    x, weight, transposed = args[0], args[1], args[6]
    return 2 * prod((x if transposed else out).shape) * prod(weight.shape[1:])


def _convolution_backward(args: Sequence[Any], out: Any) -> int:
    """A product as large as the forward one for each gradient that is asked for (torch's counter takes those of grouped
    convolutions for dense ones)."""
    grad, x, weight, transposed, mask = args[0], args[1], args[2], args[7], args[10]
    return 2 * prod((x if transposed else grad).shape) * prod(weight.shape[1:]) * (bool(mask[0]) + bool(mask[1]))


def _attention(products: int, first: int) -> Callable[[Sequence[Any], Any], int]:
    """`products` matrix products of queries with keys; `first`: which argument the queries are."""

    def flop(args: Sequence[Any], out: Any) -> int:
        query, key = args[first], args[first + 1]
        return products * 2 * prod(query.shape) * key.shape[-2]

    return flop


def _recurrent(times: int) -> Callable[[Sequence[Any], Any], int]:
    """Every weight once for every step of every sample."""

    def flop(args: Sequence[Any], out: Any) -> int:
        return times * 2 * prod(args[0].shape[:2]) * sum(weight.numel() for weight in _tensors(args[1:3]))

    return flop


FORMULAS: Mapping[str, Callable[[Sequence[Any], Any], int]] = {
    "mm": _mm,
    "bmm": _mm,
    "addmm": _addmm,
    "baddbmm": _addmm,
    "convolution": _convolution,
    "_convolution": _convolution,
    "convolution_backward": _convolution_backward,
    "_scaled_dot_product_flash_attention_for_cpu": _attention(2, 0),
    "_scaled_dot_product_flash_attention": _attention(2, 0),
    "_scaled_dot_product_efficient_attention": _attention(2, 0),
    "_scaled_dot_product_cudnn_attention": _attention(2, 0),
    "_scaled_dot_product_flash_attention_for_cpu_backward": _attention(5, 1),
    "_scaled_dot_product_flash_attention_backward": _attention(5, 1),
    "_scaled_dot_product_efficient_attention_backward": _attention(5, 1),
    "_scaled_dot_product_cudnn_attention_backward": _attention(5, 1),
    "mkldnn_rnn_layer": _recurrent(1),
    "mkldnn_rnn_layer_backward": _recurrent(2),
    "_cudnn_rnn": _recurrent(1),
}
