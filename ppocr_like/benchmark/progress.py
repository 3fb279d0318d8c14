"""How far the benchmark is: a bar of the seconds that were estimated."""

from __future__ import annotations

import sys

from tqdm import tqdm


class Progress:
    """A bar over the estimated seconds of all sections.

    Args:
        sections: name -> estimated seconds.
        shown: whether there is a bar at all.
    """

    def __init__(self, sections: dict[str, float], shown: bool) -> None:
        self._sections = sections
        self._bar = tqdm(
            total=100,
            disable=not shown,
            file=sys.stderr,
            leave=False,
            bar_format="{desc} {percentage:3.0f} %|{bar}| {elapsed} of about {remaining} more",
        )
        self._whole = sum(sections.values()) or 1.0
        self._begin = self._part = self._step = 0.0

    def section(self, name: str, pieces: int = 1) -> None:
        """A section begins; `tick` will be called `pieces` times in it."""
        self._begin += self._part
        self._part = 100 * self._sections.get(name, 0.0) / self._whole
        self._step = self._part / max(1, pieces)
        self._bar.set_description_str(name, refresh=False)
        self._to(self._begin)

    def pieces(self, count: int) -> None:
        """How often `tick` will be called from now on in this section."""
        self._step = max(0.0, self._begin + self._part - self._bar.n) / max(1, count)

    def tick(self) -> None:
        """A piece of the section is done."""
        self._to(min(self._bar.n + self._step, self._begin + self._part))

    def _to(self, place: float) -> None:
        self._bar.update(max(0.0, min(100.0, place) - self._bar.n))

    def close(self) -> None:
        self._bar.close()
