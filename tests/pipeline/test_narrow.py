"""Canvases narrower than the recogniser's own."""

from dataclasses import replace

import numpy as np
import pytest

from ppocr_like.components import load_components
from ppocr_like.config import BucketByWidth
from ppocr_like.errors import WeightsError
from ppocr_like.pipeline.lines import Recogniser
from ppocr_like.pipeline.narrow import narrowed
from ppocr_like.pipeline.ocr import OCR

load_components(["tests.ink_net"])


@pytest.fixture(scope="module")
def recogniser(tiny_bundle):
    return Recogniser(tiny_bundle, threads=1)


def widths(recogniser, *pictures):
    _, height, _ = recogniser.preprocess.image_shape
    return [recogniser.preprocess(np.full((height, width, 3), 200, np.uint8)).tensor.shape[2] for width in pictures]


def test_short_lines_get_narrow_canvases_and_long_ones_what_they_had(recogniser):
    _, _, own = recogniser.preprocess.image_shape
    small = narrowed(recogniser, 32)
    assert widths(recogniser, 40, own + 64)[0] == own
    assert widths(small, 40, own + 64) == [40, widths(recogniser, own + 64)[0]]
    assert widths(small, 10) == [32] and widths(narrowed(recogniser, own + 500), 40) == [own]


def test_buckets_begin_lower(recogniser):
    step = {"RecResizeImg": {"image_shape": list(recogniser.preprocess.image_shape)}}
    transforms = [step if "RecResizeImg" in node else node for node in recogniser.spec.transforms]
    spec = replace(recogniser.spec, transforms=transforms, bucket=BucketByWidth(step=16, min_width=160, max_width=640))
    small = narrowed(Recogniser.with_backend(spec, recogniser.backend), 48)
    assert widths(small, 20, 60, 300) == [48, 64, 304]


def test_what_cannot_be(recogniser, ink_bundle):
    step = {"RecResizeImg": {"image_shape": list(recogniser.preprocess.image_shape)}}
    fixed = replace(recogniser.spec, transforms=[step if "RecResizeImg" in n else n for n in recogniser.spec.transforms])
    with pytest.raises(ValueError, match="one canvas for all lines"):
        narrowed(Recogniser.with_backend(fixed, recogniser.backend), 32)

    def refuses(images):
        raise WeightsError("too narrow")

    with pytest.raises(ValueError, match="more px"):
        OCR(ink_bundle, Recogniser.with_backend(recogniser.spec, refuses), narrowest=8)


def test_pages_are_read_so(ink_bundle, tiny_bundle):
    assert widths(OCR(ink_bundle, tiny_bundle, narrowest=8).recogniser, 10) == [10]
