"""Weights: finding, reading, writing, and fitting them to a model and a dictionary.

Everybody starts from `pretrained(recipe.globals, charset, ...)`: training resizes the characters (`resize_charset`);
evaluation, export and recognition (`as_is`) take the weights' own, and the model is built for them. Weights of another task are
refused. `load_weights` reads safetensors, checkpoints, PaddleOCR's `.pdparams` (without Paddle: `plain_pickle`) and ONNX files,
whose layers are found by their structure (`graph_match`). `load_into` reports what fitted; of a distillation it takes one
network. `save_weights` writes safetensors with JSON metadata; equal inputs give equal bytes.
"""

from ppocr_like.imports import quick_imports

with quick_imports():
    from ppocr_like.atomic import atomic_write
    from ppocr_like.weights.charset_plan import FRESH, CharsetPlan, ResizeMode, resize_charset, same_charset
    from ppocr_like.weights.files import WeightsFile, load_weights, save_weights
    from ppocr_like.weights.match import MatchReport
    from ppocr_like.weights.pretrained import charset_of_weights, pretrained
    from ppocr_like.weights.resolve import resolve
    from ppocr_like.weights.sub_models import load_backbones, load_into, load_own_weights, sub_weights

__all__ = [
    "FRESH", "CharsetPlan", "MatchReport", "ResizeMode", "WeightsFile", "atomic_write", "charset_of_weights", "load_backbones",
    "load_into", "load_own_weights", "load_weights", "pretrained", "resize_charset", "resolve", "same_charset",
    "save_weights", "sub_weights",
]  # fmt: skip
