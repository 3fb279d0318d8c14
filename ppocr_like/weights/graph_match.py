"""Which layer of an ONNX file is which of a network: by kind, shape and place in the graph, not by names or order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ppocr_like.errors import WeightsError
from ppocr_like.weights.onnx_graph import INPUT, Layer, digest

SHOWN = 6


def match_layers(theirs: Sequence[Layer], ours: Sequence[Layer], source: str) -> list[tuple[Layer, Layer]]:
    """Pairs (their layer, our layer), in the order of `theirs`.

    Two layers are the same when all that leads to them and all that they lead to is: a layer's own kind, settings and shapes, and
    those of the layers before and behind it.

    Raises:
        WeightsError: the graphs differ, with the first layers in which they do; or layers that nothing tells apart.
    """
    _check_layers(theirs, ours, source)
    place_theirs, place_ours = _places(theirs), _places(ours)
    if Counter(place_theirs) != Counter(place_ours):
        raise WeightsError(_other_wiring(theirs, ours, source))
    by_place = dict(zip(place_ours, ours, strict=True))
    if len(by_place) != len(ours):
        double = Counter(place_ours).most_common(1)[0][0]
        names = [layer.name for place, layer in zip(place_ours, ours, strict=True) if place == double]
        raise WeightsError(
            f"{source}: nothing tells {' and '.join(names[:3])} apart in the graph, so their weights cannot be told"
        )
    return [(layer, by_place[place]) for place, layer in zip(place_theirs, theirs, strict=True)]


def _places(layers: Sequence[Layer]) -> list[str]:
    """For each layer what tells it apart: all that leads to it and all that it leads to."""
    before: list[str] = []
    for layer in layers:
        before.append(digest(layer.label, sorted("images" if p == INPUT else before[p] for p in layer.parents)))
    children: list[list[int]] = [[] for _ in layers]
    for number, layer in enumerate(layers):
        for parent in layer.parents - {INPUT}:
            children[parent].append(number)
    behind = [""] * len(layers)
    for number in reversed(range(len(layers))):
        behind[number] = digest(before[number], sorted(behind[child] for child in children[number]))
    return behind


def _check_layers(theirs: Sequence[Layer], ours: Sequence[Layer], source: str) -> None:
    """Compares the layers without their places, which gives the plainer message."""
    there, here = Counter(layer.label for layer in theirs), Counter(layer.label for layer in ours)
    if there == here:
        return
    lines = [f"{source}: the file's {len(theirs)} layers are not those of the recipe's network ({len(ours)} layers)"]
    for title, more, less, layers in (("only in the file", there, here, theirs), ("only in the network", here, there, ours)):
        odd = list((more - less).elements())
        named = [_shown(layer) for label in dict.fromkeys(odd) for layer in layers if layer.label == label]
        lines += [f"  {title}: {text}" for text in named[:SHOWN]]
        lines += [f"  {title}: ... {len(odd)} in all"] if len(odd) > SHOWN else []
    lines.append(
        "  give the recipe of the same network, fused (Architecture.fused: true), and the dictionary of the file's classes"
    )
    raise WeightsError("\n".join(lines))


def _other_wiring(theirs: Sequence[Layer], ours: Sequence[Layer], source: str) -> str:
    """The first layer in the file that reads others than any of the network's does."""
    known: Counter[str] = Counter()
    known.update(_before(ours))
    for layer, place in zip(theirs, _before(theirs), strict=True):
        if known[place] == 0:
            return (
                f"{source}: the layer {_shown(layer)} reads other layers than any of its kind and shape in the recipe's network"
            )
        known[place] -= 1
    return f"{source}: the same layers as in the recipe's network are connected in another way"


def _before(layers: Sequence[Layer]) -> list[str]:
    before: list[str] = []
    for layer in layers:
        before.append(digest(layer.label, sorted("images" if p == INPUT else before[p] for p in layer.parents)))
    return before


def _shown(layer: Layer) -> str:
    shapes = ", ".join(f"{name} {'x'.join(str(int(n)) for n in array.shape)}" for name, array in layer.arrays.items())
    return f"{layer.name} ({layer.kind}: {shapes})"
