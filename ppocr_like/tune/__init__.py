"""Better post-processing for a trained detector, without training: see `tune`."""

from ppocr_like.tune.api import Tuning, tune
from ppocr_like.tune.grid import Grid, Setting

__all__ = ["Grid", "Setting", "Tuning", "tune"]
