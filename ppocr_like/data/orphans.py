"""A forked worker ends when its parent does, however that ends: it holds both ends of the pipes, and would wait for ever."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent(parent: int) -> None:
    """Called by a forked process (parent: process id). It must have been forked by a thread that lives as long as the parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # gone before that was set
        os._exit(1)
