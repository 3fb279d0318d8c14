"""How many output steps a network with a CTC head gives for a canvas: asked of the network itself."""

from __future__ import annotations

from collections import defaultdict
from threading import RLock
from typing import Any

from ppocr_like.config.build import Builder


class CtcSteps:
    """Answers from blank images. A stride tells only about: convolutions round, and a transform (STN_ON) gives images of a width
    of its own. Threads may share it.

    Args:
        model: with a CTC head; of several (distillation) the one that gives the fewest steps counts.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._lock = RLock()
        self._known: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)  # (channels, height): width -> steps

    @classmethod
    def of(cls, builder: Builder) -> CtcSteps | None:
        """For the recipe's network; None without a CTC head."""
        model = builder.model()
        return cls(model) if "ctc" in model.class_parameters().values() else None

    def steps(self, channels: int, height: int, width: int) -> int:
        """Output steps of one image of this size (px).

        Raises:
            ValueError: the network cannot take it.
        """
        with self._lock:
            known = self._known[channels, height]
            if width not in known:
                known[width] = self._asked(channels, height, width)
            return known[width]

    def suffice(self, needed: int, channels: int, height: int, width: int) -> bool:
        """Whether an image of this size gives at least `needed` steps; known without asking where a narrower one does.

        Raises:
            ValueError: the network cannot take it.
        """
        with self._lock:
            known = self._known[channels, height]
            if any(steps >= needed and narrower <= width for narrower, steps in known.items()):
                return True
            return self.steps(channels, height, width) >= needed

    def _asked(self, channels: int, height: int, width: int) -> int:
        if not hasattr(self._model, "check_input"):  # a plugin's own kind of network
            return width // int(self._model.out_spec.stride[1])
        shapes = self._model.check_input(channels, height, width)
        found = [shape[1] for name, shape in shapes.items() if name.rpartition("/")[2] == "ctc"]
        return min(found) if found else width // int(self._model.out_spec.stride[1])
