"""Messages on the console: short lines on standard error, warnings marked."""

from __future__ import annotations

import logging
import os

from ppocr_like.engine.ranks import main_process
from ppocr_like.printable import PrintableFormatter


class _Format(PrintableFormatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if not main_process():
            text = f"rank {os.environ['RANK']}: {text}"
        return text if record.levelno <= logging.INFO else f"{record.levelname.lower()}: {text}"


def set_up_console(debug: bool = False) -> None:
    """Sends the program's messages to standard error; of the ranks but the first, one on each machine sends its warnings,
    the others errors only: what concerns all is said once."""
    logger = logging.getLogger("ppocr_like")
    for old in [h for h in logger.handlers if type(h) is logging.StreamHandler]:  # not its subclass FileHandler
        logger.removeHandler(old)
    handler = logging.StreamHandler()
    handler.setFormatter(_Format("[%(asctime)s] %(message)s", "%H:%M:%S"))
    level = logging.WARNING if os.environ.get("LOCAL_RANK", "0") == "0" else logging.ERROR
    if main_process():
        level = logging.DEBUG if debug else logging.INFO
    handler.setLevel(level)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    logger.propagate = False
