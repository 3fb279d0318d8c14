"""Messages on the console: short lines on standard error, warnings marked."""

from __future__ import annotations

import logging
import os


class _Format(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.levelno <= logging.INFO else f"{record.levelname.lower()}: {text}"


def set_up_console(debug: bool = False) -> None:
    """Sends the program's messages to standard error; all ranks but the first send warnings only."""
    logger = logging.getLogger("ppocr_like")
    for old in [h for h in logger.handlers if type(h) is logging.StreamHandler]:  # not its subclass FileHandler
        logger.removeHandler(old)
    handler = logging.StreamHandler()
    handler.setFormatter(_Format("[%(asctime)s] %(message)s", "%H:%M:%S"))
    main = os.environ.get("RANK", "0") == "0"
    handler.setLevel(logging.DEBUG if debug else logging.INFO if main else logging.WARNING)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    logger.propagate = False
