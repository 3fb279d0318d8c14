"""One network under several programs' or recipes' names: a file's tensors under the names that a model has.

- A MultiHead's branch that reads is, without its guide, a plain recogniser: `head.ctc_encoder` is the neck and `head.ctc_head`
  the head (PaddleOCR's GTC, PP-OCRv3 to v6), and back.
- ocrs-models' recogniser and detector, whose state dicts know neither backbone nor head.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

GUIDES = ("head.sar_head.", "head.gtc_head.", "head.before_gtc.")  # of a MultiHead, which only training uses
_SEPARABLE = {"0": "depthwise", "1": "pointwise", "2": "norm"}  # ocrs-models numbers the layers of its separable convolutions
_UP = re.compile(r"^up\.(\d+)\.")


@dataclass(frozen=True)
class Naming:
    """Another way to name the same network.

    Args:
        told: what is taken as what, for the report.
        sign: beginnings of names that all stand in such a file.
        wanted: beginnings of names that all stand in a model of that kind.
        rename: (a name of the file, all its names) -> ours, None for one that has no place in it.
        architecture: of such a file, for messages.
        recipe: with which such a file can be used; "" where the recipe at hand says it.
    """

    told: str
    sign: tuple[str, ...]
    wanted: tuple[str, ...]
    rename: Callable[[str, frozenset[str]], str | None]
    architecture: str
    recipe: str = ""

    def in_file(self, names: Iterable[str]) -> bool:
        """Whether a file's names are of this kind."""
        names = list(names)
        return all(any(name.startswith(sign) for name in names) for sign in self.sign)

    def fits(self, names: frozenset[str], own: frozenset[str]) -> bool:
        """Whether a file's names are of this kind, the model `own` is of theirs, and says it otherwise."""
        if not self.in_file(names) or any(name.startswith(self.sign) for name in own):
            return False
        return all(any(name.startswith(one) for name in own) for one in self.wanted)


def _without_guide(name: str, _: frozenset[str]) -> str | None:
    for theirs, ours in (("head.ctc_encoder.", "neck."), ("head.ctc_head.", "head.")):
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return None


def _with_guide(name: str, _: frozenset[str]) -> str | None:
    for theirs, ours in (("neck.", "head.ctc_encoder."), ("head.", "head.ctc_head.")):
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return None


def _ocrs_recogniser(name: str, _: frozenset[str]) -> str | None:
    for theirs, ours in (("conv.", "backbone.conv."), ("gru.", "neck.encoder.gru."), ("output.0.", "head.fc.")):
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return None


def _ocrs_detector(name: str, names: frozenset[str]) -> str | None:
    levels = 1 + max(int(match[1]) for one in names if (match := _UP.match(one)))
    parts = name.split(".")
    if parts[0] == "out_conv":
        return ".".join(["head.conv", *parts[2:]])
    if parts[0] == "up" and parts[2] == "up":
        return ".".join(["backbone.ups", str(levels - 1 - int(parts[1])), "enlarge", *parts[3:]])
    number = [part for part in parts if part.isdecimal()]
    if parts[0] == "in_conv" and len(number) == 2:
        place = ["backbone.first", number[0]]
    elif parts[0] == "down" and len(number) == 4:  # its number, the convolutions before its pool, the convolution, the layer
        place = ["backbone.downs", number[0], number[2]]
    elif parts[0] == "up" and len(number) == 3:
        place = ["backbone.ups", str(levels - 1 - int(number[0])), "merge", number[1]]
    else:
        return None
    return ".".join([*place, _SEPARABLE.get(number[-1], number[-1]), parts[-1]])


NAMINGS = (
    Naming(
        "the file's head.ctc_encoder is taken as neck and its head.ctc_head as head (MultiHead without its guide)",
        ("head.ctc_head.",),
        ("head.fc",),
        _without_guide,
        "a recogniser with a MultiHead",
    ),
    Naming(
        "the file's neck is taken as head.ctc_encoder and its head as head.ctc_head (the branch of a MultiHead that reads)",
        ("head.fc",),
        ("head.ctc_head.",),
        _with_guide,
        "a recogniser with a CTCHead",
    ),
    Naming(
        "names of ocrs-models: conv, gru, output taken as backbone, neck and head",
        ("conv.", "gru.", "output.0."),
        ("backbone.conv.", "neck.encoder.gru.", "head.fc."),
        _ocrs_recogniser,
        "ocrs-models' recogniser",
        "configs/rec/crnn_gru_ocrs.yml",
    ),
    Naming(
        "names of ocrs-models: in_conv, down, up taken as backbone, out_conv as head",
        ("in_conv.", "down.", "up.", "out_conv.0."),
        ("backbone.first.", "backbone.downs.", "backbone.ups.", "head.conv."),
        _ocrs_detector,
        "ocrs-models' detector",
        "configs/det/unet.yml",
    ),
)


def renamed(names: Iterable[str], own: Iterable[str]) -> tuple[dict[str, str], str]:
    """What a model calls the tensors of a file that names the same network otherwise.

    Args:
        names: of the file.
        own: of the model.

    Returns:
        (the file's name -> ours, for those that change; what was taken as what). Both empty where the file is named as the model
        is, or is of another network.
    """
    theirs, ours = frozenset(names), frozenset(own)
    for naming in NAMINGS:
        if naming.fits(theirs, ours):
            pairs = ((name, naming.rename(name, theirs)) for name in theirs)
            return {name: new for name, new in pairs if new is not None and new != name}, naming.told
    return {}, ""


def known_as(names: Iterable[str]) -> Naming | None:
    """The other program whose names a file has, None where they say nothing."""
    names = list(names)
    return next((naming for naming in NAMINGS if naming.recipe and naming.in_file(names)), None)
