"""Better post-processing for a trained network, without training: see `tune`."""

from typing import TYPE_CHECKING, Any

from ppocr_like.imports import quick_imports
from ppocr_like.tune.grid import Grid, Setting

if TYPE_CHECKING:
    from ppocr_like.tune.api import Tuning, tune

__all__ = ["Grid", "Setting", "Tuning", "tune"]


def __getattr__(name: str) -> Any:
    """Torch comes with what tunes, when it is asked for; a language model is made without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with quick_imports():
        from ppocr_like.tune import api
    return getattr(api, name)
