"""Text regions from page and scene images: pre-processing, network, post-processing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ppocr_like.contracts import PageBoxes
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.pipeline.preprocess import Prepared
from ppocr_like.pipeline.runner import Runner, Source


@dataclass(frozen=True, eq=False)
class Finding:
    """What became of one image.

    Args:
        source: what was given.
        page: the regions, px of the image as it is shown (upright by its Exif orientation); None when the image could not be
            used, and then `error` says why.
        prepared: decoded picture and network input.
        map: (h, w) float32, probability of text at each px of the network input.
    """

    source: Source
    page: PageBoxes | None = None
    prepared: Prepared | None = None
    map: np.ndarray | None = None
    error: str = ""


class Detector(Runner[PageBoxes, Finding]):
    """Finds text regions: `Detector(bundle)(images) -> list[PageBoxes]`; see `Runner`.

    Thresholds are those of the bundle's `inference.yml` (`PostProcess`), read when it is opened, or see `with_postprocess`.
    """

    model_type = "det"
    what = "detector"
    default_batch = 1  # pages fill a CPU one by one; more only takes memory

    def with_postprocess(self, changes: Mapping[str, Any]) -> Detector:
        """The same network with other values of its post-processing, e.g. `{"unclip_ratio": 1.8}`.

        Raises:
            ConfigError: a name that it does not know, or a value that it refuses.
        """
        spec = replace(self.spec, postprocess={**self.spec.postprocess, **changes})
        return type(self).with_backend(spec, self.backend, batch_size=self.batch_size)

    def probabilities(self, picture: np.ndarray) -> np.ndarray:
        """(h, w) float32, the probability of text at each px of the network's input, of one picture (H, W, 3) uint8 BGR.

        Raises:
            DataError: a picture that a transform cannot use.
            WeightsError: a size that the network cannot take.
        """
        return self.outputs([self.preprocess(picture)])[self.spec.output][0, 0]

    def in_map(self, probabilities: np.ndarray, source: tuple[int, int], pieces: int = 1) -> PageBoxes:
        """The regions of a map (h, w) that may be larger than what the network sees at once.

        Args:
            probabilities: of the whole image.
            source: (width, height) px of the image.
            pieces: how many images' maps it is made of: so many times the candidates of one are looked at.
        """
        detector, most = self, getattr(self.postprocess, "max_candidates", None)
        if most is not None and pieces > 1:
            detector = self.with_postprocess({"max_candidates": most * pieces})
        height, width = probabilities.shape
        shape = [source[1], source[0], height / source[1], width / source[0]]
        (page,) = detector.postprocess({self.spec.output: probabilities[None, None]}, {"shape": np.array([shape])})
        return page

    def _batch(self, sources: list[Source], prepared: list[Prepared]) -> list[Finding]:
        shapes = []
        for one in prepared:
            if one.shape is None:
                raise ConfigError(
                    [Problem("Eval.dataset.transforms", "has no DetResizeForTest, which tells the size of the source image")]
                )
            shapes.append(one.shape)
        outputs = self.outputs(prepared)
        pages = self.postprocess(outputs, {"shape": np.stack(shapes)})
        maps = outputs[self.spec.output][:, 0]
        return [Finding(*one) for one in zip(sources, pages, prepared, maps, strict=True)]

    def _failed(self, source: Source, error: str) -> Finding:
        return Finding(source, error=error)

    def _result(self, outcome: Finding) -> PageBoxes:
        assert outcome.page is not None
        return outcome.page
