"""Libraries of weight are imported faster while nobody looks for garbage."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Within it modules are imported without garbage collection; what they made is left alone by later collections.

    Torch makes a million objects that stay. To look for garbage among them takes a fifth of the time that its import takes, and
    half a second when the process ends.
    """
    collecting, loaded = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > loaded:
            gc.freeze()
        if collecting:
            gc.enable()
