"""Short lines on canvases as narrow as they are: a network's time grows with it, and a short line's is mostly padding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ppocr_like.config.nodes import item_node
from ppocr_like.errors import WeightsError
from ppocr_like.pipeline.canvas import FOLLOWING, follows_line
from ppocr_like.pipeline.lines import Recogniser
from ppocr_like.pipeline.spec import Spec


def narrowed(recogniser: Recogniser, width: int) -> Recogniser:
    """The recogniser with canvases from `width` px on, where its own begin at more; its results are those of other canvases.

    Raises:
        ValueError: it has one canvas for all lines, or the network cannot take one so narrow.
    """
    spec = _with_least(recogniser.spec, width)
    channels, height, _ = recogniser.preprocess.image_shape
    try:
        recogniser.backend(np.zeros((1, channels, height, width), np.float32))
    except WeightsError as error:
        raise ValueError(f"narrowest {width}: the recogniser cannot take a line of {width} px; give more px") from error
    return Recogniser.with_backend(spec, recogniser.backend, batch_size=recogniser.batch_size)


def _with_least(spec: Spec, width: int) -> Spec:
    if spec.bucket is not None:
        bucket = spec.bucket
        least = bucket.step if bucket.min_width is None else bucket.min_width
        return replace(spec, bucket=replace(bucket, min_width=min(width, least)))
    if not follows_line(spec):
        raise ValueError(f"narrowest {width}: the recogniser has one canvas for all lines")
    steps = []
    for given in spec.transforms:
        step = item_node(given, "PreProcess.transform_ops", "transform")
        shape = step.args.get("image_shape")
        if step.name == FOLLOWING and shape:
            given = {FOLLOWING: {**step.args, "image_shape": [*shape[:2], min(width, shape[2])]}}
        steps.append(given)
    return replace(spec, transforms=steps)
