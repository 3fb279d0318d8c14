"""What every command does around its one call: threads, messages, the status that the process ends with."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable

from ppocr_like.errors import ConfigError, OcrError, PeerError
from ppocr_like.printable import PrintableFormatter, message, printable_streams

USAGE_STATUS = 2
# What the user may have set of how OpenMP's threads wait for work, in GNU's and Intel's words.
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")


def run(main: Callable[[], int]) -> None:
    """Calls `main` and leaves the process with its status.

    An `OcrError` is the user's to mend: its message goes to stderr without a traceback, status 2. Ctrl-C gives 130.
    Whatever is printed or logged meanwhile cannot steer the terminal (`printable`).
    """
    _wait_asleep()
    with printable_streams():
        status = _status_of(main)
    sys.exit(status)


def _wait_asleep() -> None:
    """Lets the threads of PyTorch's operators sleep while they wait, unless the user decided about it.

    By default they spin for a while: beside other busy programs a spinning thread takes the core from the one that works, and a
    training step lasts up to four times as long. OpenMP reads its environment when torch is imported: it must be called before.
    """
    if not any(name in os.environ for name in WAITING):
        os.environ["OMP_WAIT_POLICY"] = "passive"


def _status_of(main: Callable[[], int]) -> int:
    log = logging.getLogger("ppocr_like")
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(PrintableFormatter("%(message)s"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
    try:
        status = main()
    except PeerError:  # the process that knows more has said it
        status = USAGE_STATUS
    except OcrError as error:
        _tell(error)
        status = USAGE_STATUS
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        status = 130
    except BrokenPipeError:  # `tools/check.py --print | head`
        sys.stderr.close()
        status = 0
    return status


def _tell(error: OcrError) -> None:
    """On standard error; of several processes (torchrun) each says its own, mistakes of the recipe one on each machine."""
    rank = os.environ.get("RANK", "0")
    if isinstance(error, ConfigError) and os.environ.get("LOCAL_RANK", "0") != "0":
        return
    told = message(error)
    sys.stderr.write(f"error: {told}\n" if rank == "0" else f"error on rank {rank}: {told}\n")
