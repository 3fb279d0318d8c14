"""The layers of VGSL but the recurrent ones: (N, C, H, W) to (N, C, H, W), and with it how many columns of each sample are text.

`forward(x, lengths, size)` takes `lengths` (N,) int64, columns of each sample that are no padding, on the host, or None where
all of them count, and gives both again. Whatever stands in the padding when a layer looks beside a column is taken for 0 first,
so that a sample gives the same beside longer ones as alone. `size` (H, W) is what a transposed convolution shall give, where
another branch has said so.

`shape((C, H, W))` says what comes out, 0 for a height or width that is not known, and raises ValueError for what does not fit.

Sources: the layers of kraken's `vgsl` (names of parameters, arithmetic of sizes, initial values).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

Shape = tuple[int, int, int]  # channels, height, width
Pair = tuple[int, int]
Answer = tuple[torch.Tensor, torch.Tensor | None]

DIMS = {0: 0, 1: 2, 2: 3, 3: 1}  # VGSL counts batch, height, width, channels; tensors are (N, C, H, W)
FEW = 3  # input channels of a convolution whose kernel's rows become channels, too
KEPT_BY_MAXIMUM = ("l", "r", "lr")  # non-linearities that do not change which of two numbers is greater
ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "s": torch.sigmoid,
    "t": torch.tanh,
    "r": torch.relu,
    "l": lambda x: x,
    "lr": lambda x: F.leaky_relu(x, 0.01),
    "m": lambda x: x.softmax(dim=1),
}


def without_padding(x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
    """x (N, C, H, W) with 0 in the columns behind each sample's own."""
    if lengths is None:
        return x
    return x * (torch.arange(x.shape[3], device=x.device) < there(lengths, x)[:, None])[:, None, None].to(x.dtype)


def there(lengths: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """`lengths` where `x` is; nobody waits for them."""
    return lengths.to(x.device, non_blocking=True)


def on_processor(x: torch.Tensor) -> bool:
    """Whether the ways of a processor are taken, which give the same in another order; a graph is made of the plain ones."""
    return x.device.type == "cpu" and not torch.jit.is_tracing() and not torch.compiler.is_compiling()


class Layer(nn.Module):
    """What all layers have; by itself the one that changes nothing (`I`)."""

    stride: tuple[Fraction, Fraction] = (Fraction(1), Fraction(1))

    def shape(self, shape: Shape) -> Shape:
        return shape

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None, size: Pair | None = None) -> Answer:
        return x, lengths


class Conv(Layer):
    """`C`, `CT`: convolution, padded by half of its kernel, and a non-linearity.

    Initial values: uniform in +-0.1.
    """

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: Pair,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        act: str = "l",
        up: bool = False,
    ) -> None:
        super().__init__()
        padding = (dilation[0] * (kernel[0] - 1) // 2, dilation[1] * (kernel[1] - 1) // 2)
        kind = nn.ConvTranspose2d if up else nn.Conv2d
        self.co = kind(channels, out, kernel, stride, padding, dilation=dilation)
        self.act, self.up = act, up
        self.stride = tuple(Fraction(1, s) if up else Fraction(s) for s in stride)  # type: ignore[assignment]
        self.goal: Shape | None = None
        nn.init.uniform_(self.co.weight, -0.1, 0.1)
        if self.co.bias is not None:
            nn.init.uniform_(self.co.bias, -0.1, 0.1)

    def _size(self, size: Any, axis: int) -> Any:
        """Of an axis of `size` (a number, or a tensor of them), before a convolution's least of 1."""
        reach = self.co.dilation[axis] * (self.co.kernel_size[axis] - 1) - 2 * int(self.co.padding[axis])
        stride = self.co.stride[axis]
        return (size - 1) * stride + reach + 1 if self.up else (size - reach - 1) // stride + 1

    def shape(self, shape: Shape) -> Shape:
        found = [self._size(size, axis) if size else 0 for axis, size in enumerate(shape[1:])]
        if not self.up:
            found = [max(new, 1) if size else 0 for new, size in zip(found, shape[1:], strict=True)]
        for axis, goal in enumerate((self.goal or (0, 0, 0))[1:]):
            if self.up and goal and found[axis]:
                found[axis] = min(found[axis] + self.co.stride[axis] - 1, max(goal, found[axis]))
        if any(size < 0 for size in found):
            raise ValueError(f"a map of {shape[1]} x {shape[2]} (height x width) is too small for it")
        return self.co.out_channels, found[0], found[1]

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None, size: Pair | None = None) -> Answer:
        x, lengths = self.linear(x, lengths, size)
        return self.activated(x), lengths

    def linear(self, x: torch.Tensor, lengths: torch.Tensor | None, size: Pair | None) -> Answer:
        """The layer before its non-linearity."""
        if self.co.kernel_size[1] > 1:
            x = without_padding(x, lengths)
        if self.up:
            x = self.co(x, output_size=list(size)) if size is not None else self.co(x)
        else:
            x = self._convolved(x) if on_processor(x) else self.co(x)
        return x, None if lengths is None else self._size(lengths, 1).clamp(min=1)

    def activated(self, x: torch.Tensor) -> torch.Tensor:
        return x.relu_() if self.act == "r" and on_processor(x) else ACTIVATIONS[self.act](x)

    def _convolved(self, x: torch.Tensor) -> torch.Tensor:
        """The convolution with channels last, for which a processor's kernels are up to twice as fast.

        The rows of a kernel over few channels become channels themselves, as the kernels for one channel are three times slower.
        """
        conv, weight = self.co, self.co.weight
        down, padding = conv.kernel_size[0], tuple(int(n) for n in conv.padding)
        if conv.in_channels <= FEW and down > 1 and conv.stride[0] == conv.dilation[0] == 1:
            x = F.pad(x, (0, 0, padding[0], padding[0])).unfold(2, down, 1)  # (N, C, H, W, rows)
            x = x.permute(0, 2, 3, 1, 4).flatten(3).permute(0, 3, 1, 2)
            weight, padding = weight.flatten(1, 2)[:, :, None], (0, padding[1])
        x, weight = (one.contiguous(memory_format=torch.channels_last) for one in (x, weight))
        return F.conv2d(x, weight, conv.bias, conv.stride, padding, conv.dilation)


class Pool(Layer):
    """`Mp`: the greatest of each window; windows that reach over the edge are left out."""

    def __init__(self, kernel: Pair, stride: Pair) -> None:
        super().__init__()
        self.kernel, self.step = kernel, stride
        self.stride = (Fraction(stride[0]), Fraction(stride[1]))

    def shape(self, shape: Shape) -> Shape:
        made = [(size - k) // s + 1 if size else 0 for size, k, s in zip(shape[1:], self.kernel, self.step, strict=True)]
        if any(size and new < 1 for size, new in zip(shape[1:], made, strict=True)):
            raise ValueError(f"a map of {shape[1]} x {shape[2]} (height x width) is too small for it")
        return shape[0], made[0], made[1]

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None, size: Pair | None = None) -> Answer:
        if lengths is not None:
            lengths = ((lengths - self.kernel[1]) // self.step[1] + 1).clamp(min=1)
        return F.max_pool2d(x, self.kernel, self.step), lengths


class Dropout(Layer):
    """`Do`: single values (dims 1) or whole maps of a channel (dims 2) are set to 0 in training."""

    def __init__(self, share: float, dims: int) -> None:
        super().__init__()
        self.layer = nn.Dropout(share) if dims == 1 else nn.Dropout2d(share)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None, size: Pair | None = None) -> Answer:
        return self.layer(x), lengths


class GroupNorm(Layer):
    """`Gn`: mean 0 and variance 1 of each group of channels of a sample, over its own columns, and 0 in the padding."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        if channels % groups:
            raise ValueError(f"{channels} channels cannot be divided into {groups} groups")
        self.layer = nn.GroupNorm(groups, channels)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None, size: Pair | None = None) -> Answer:
        norm, kind = self.layer, x.dtype
        x = x.float()
        if lengths is None:
            return torch.group_norm(x, norm.num_groups, norm.weight.float(), norm.bias.float(), norm.eps).to(kind), None
        n, channels, rows, width = x.shape
        columns = there(lengths, x)
        own = (torch.arange(width, device=x.device) < columns[:, None])[:, None, None].to(x.dtype)
        count = (columns.clamp(1, width) * (rows * channels // norm.num_groups)).to(x.dtype)[:, None]
        grouped = (x * own).reshape(n, norm.num_groups, -1)
        mean = (grouped.sum(2) / count).repeat_interleave(channels // norm.num_groups, 1)[:, :, None, None]
        away = (x - mean) * own
        variance = away.square().reshape(n, norm.num_groups, -1).sum(2) / count
        scale = (variance + norm.eps).rsqrt().repeat_interleave(channels // norm.num_groups, 1)[:, :, None, None]
        made = away * (scale * norm.weight[None, :, None, None]) + norm.bias[None, :, None, None]
        return (made * own).to(kind), lengths


class Reshape(Layer):
    """`S`: splits a dimension into two parts; one stays, the other joins another dimension.

    Args:
        source: dimension of the tensor that is split.
        parts: sizes of the two parts; -1 for what is left.
        goals: dimensions to which they go; one of them is the source.
    """

    def __init__(self, source: int, parts: Pair, goals: Pair) -> None:
        super().__init__()
        self.source, self.parts, self.goals = source, parts, goals
        self.moved = 1 if goals[0] == source else 0  # the part that goes
        self.goal = goals[self.moved]

    def _order(self) -> list[int]:
        """The split tensor's dimensions with the moved part right before the one that it joins."""
        order = [0, 1, 2, 3, 4]
        part = self.source + self.moved
        order.remove(part)
        order.insert(self.goal, part)
        return order

    def shape(self, shape: Shape) -> Shape:
        sizes = [1, *shape]
        known = sizes[self.source]
        parts = list(self.parts)
        if known == 0:
            raise ValueError(f"the {_dim(self.source)} is split, and is not known: give the images' height in the spec")
        fixed = -parts[0] * parts[1]
        if -1 in parts:
            if known % fixed:
                raise ValueError(f"{known} ({_dim(self.source)}) cannot be divided by {fixed}")
            parts[parts.index(-1)] = known // fixed
        elif parts[0] * parts[1] != known:
            raise ValueError(f"{parts[0]} x {parts[1]} is {parts[0] * parts[1]}, but the {_dim(self.source)} is {known}")
        sizes[self.source] = parts[1 - self.moved]
        sizes[self.goal] *= parts[self.moved]
        return sizes[1], sizes[2], sizes[3]

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None, size: Pair | None = None) -> Answer:
        before = x.shape
        x = x.reshape(*before[: self.source], *self.parts, *before[self.source + 1 :])
        x = x.permute(self._order()).flatten(self.goal, self.goal + 1)
        if lengths is not None and x.shape[3] != before[3]:
            lengths = (lengths * x.shape[3] // before[3]).clamp(min=1)
        return x, lengths


class Addition(Layer):
    """`A`: the sum of a dimension's chunks of one size; what is left over behind the last one is dropped."""

    def __init__(self, dim: int, chunk: int) -> None:
        super().__init__()
        self.dim, self.chunk = dim, chunk

    def shape(self, shape: Shape) -> Shape:
        sizes = [1, *shape]
        if sizes[self.dim] and sizes[self.dim] < self.chunk:
            raise ValueError(f"chunks of {self.chunk} are larger than the {_dim(self.dim)}, which is {sizes[self.dim]}")
        sizes[self.dim] = self.chunk
        return sizes[1], sizes[2], sizes[3]

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None, size: Pair | None = None) -> Answer:
        if self.dim == 3:
            x, lengths = without_padding(x, lengths), None if lengths is None else lengths.clamp(max=self.chunk)
        count = x.shape[self.dim] // self.chunk
        x = x.narrow(self.dim, 0, count * self.chunk)
        return x.reshape(*x.shape[: self.dim], count, self.chunk, *x.shape[self.dim + 1 :]).sum(self.dim), lengths


def mixes_columns(layer: nn.Module) -> bool:
    """Whether a layer's output has another width than its input's columns give: lines of another canvas have another form."""
    return (isinstance(layer, Reshape) and 3 in (layer.source, *layer.goals)) or (isinstance(layer, Addition) and layer.dim == 3)


class Projection(Layer):
    """`O1...` before the end: a linear layer over the channels of each place.

    Initial values: Xavier uniform, biases 0.

    Args:
        ones: a 1 stands before the channels.
    """

    def __init__(self, channels: int, out: int, ones: bool) -> None:
        super().__init__()
        self.ones = ones
        self.lin = nn.Linear(channels + ones, out)
        nn.init.xavier_uniform_(self.lin.weight)
        nn.init.zeros_(self.lin.bias)

    def shape(self, shape: Shape) -> Shape:
        return self.lin.out_features, shape[1], shape[2]

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None, size: Pair | None = None) -> Answer:
        x = x.transpose(1, 3)
        if self.ones:
            x = F.pad(x, (1, 0), value=1.0)
        return self.lin(x).transpose(1, 3), lengths


class MaskedSpans(Layer):
    """`W`: what contrastive pretraining hides and looks for. In every other use it changes nothing.

    It holds the vector that stands for hidden columns (`mask_emb`) and the projection of the hidden ones (`project_q`).
    """

    def __init__(self, channels: int, out: int, width: int, share: float, negatives: int) -> None:
        super().__init__()
        self.width, self.share, self.negatives = width, share, negatives
        self.mask_emb = nn.Embedding(1, channels)
        self.project_q = nn.Linear(channels, out)
        nn.init.xavier_uniform_(self.project_q.weight)
        nn.init.zeros_(self.project_q.bias)

    def shape(self, shape: Shape) -> Shape:
        if shape[1] not in (0, 1):
            raise ValueError(f"it takes a sequence, a map of height 1, not of height {shape[1]}")
        return shape


class Series(Layer):
    """`[...]`: one layer after the other."""

    def __init__(self, layers: Sequence[tuple[str, Layer]]) -> None:
        super().__init__()
        for name, layer in layers:
            self.add_module(name, layer)
        down, right = Fraction(1), Fraction(1)
        for _, layer in layers:
            down, right = down * layer.stride[0], right * layer.stride[1]
        self.stride = (down, right)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None, size: Pair | None = None) -> Answer:
        layers = list(self.children())
        quick = on_processor(x)
        place = 0
        while place < len(layers):
            taken = _pooled_first(layers[place : place + _PATTERN]) if quick else 0
            if taken:
                x, lengths = _maximum_first(layers[place : place + taken], x, lengths)
            else:
                x, lengths = layers[place](x, lengths, size if place == len(layers) - 1 else None)
            place += taken or 1
        return x, lengths


_PATTERN = 3  # convolution, dropout, pool


def _pooled_first(layers: Sequence[nn.Module]) -> int:
    """How many layers a pool can go before the non-linearity and the dropout of whole maps among; 0: there is no such pool."""
    if not isinstance(layers[0], Conv) or layers[0].act not in KEPT_BY_MAXIMUM:
        return 0
    for number, layer in enumerate(layers[1:], 2):
        if isinstance(layer, Pool):
            return number
        if not (isinstance(layer, Dropout) and isinstance(layer.layer, nn.Dropout2d)):
            return 0
    return 0


def _maximum_first(layers: Sequence[nn.Module], x: torch.Tensor, lengths: torch.Tensor | None) -> Answer:
    """What a convolution, dropouts and a pool give, with the pool right behind the convolution: what follows has fewer places.
    Neither the non-linearity nor a map's factor changes which of a window's numbers is the greatest."""
    conv = layers[0]
    assert isinstance(conv, Conv)
    x, lengths = conv.linear(x, lengths, None)
    x, lengths = layers[-1](x, lengths)
    x = conv.activated(x)
    for dropout in layers[1:-1]:
        x, lengths = dropout(x, lengths)
    return x, lengths


class Parallel(Layer):
    """`(...)`: layers beside each other, their channels joined; the first says the size."""

    def __init__(self, layers: Sequence[tuple[str, Layer]]) -> None:
        super().__init__()
        for name, layer in layers:
            self.add_module(name, layer)
        self.stride = layers[0][1].stride

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None, size: Pair | None = None) -> Answer:
        made: list[torch.Tensor] = []
        counts: torch.Tensor | None = None
        for layer in self.children():
            one, columns = layer(x, lengths, size)
            counts = columns if not made else counts
            made.append(one)
            size = size or (one.shape[2], one.shape[3])
        return torch.cat(made, dim=1), counts


def _dim(number: int) -> str:
    return ("batch", "number of channels", "height", "width")[number]
