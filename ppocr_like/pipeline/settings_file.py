"""Whether RapidOCR's settings in a bundle are still those of its `inference.yml`."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from ppocr_like.pipeline.spec import FILE

CONFIG = "rapidocr.yaml"
MADE_OF = "# inference.yml: sha256 "  # a comment at the file's head; the digest follows
HEAD = 4096  # bytes in which it is looked for

logger = logging.getLogger("ppocr_like")


def digest_of(folder: Path) -> str:
    """Of a bundle's `inference.yml`."""
    return hashlib.sha256((folder / FILE).read_bytes()).hexdigest()


def say_if_stale(folder: Path) -> None:
    """Warns where `inference.yml` was changed after RapidOCR's settings were made of it."""
    try:
        with open(folder / CONFIG, "rb") as file:
            head = file.read(HEAD).decode("utf-8", "replace")
        told = next((line.removeprefix(MADE_OF) for line in head.splitlines() if line.startswith(MADE_OF)), None)
        if told is None or told.strip() == digest_of(folder):
            return
    except OSError:  # a bundle without RapidOCR's settings
        return
    logger.warning(
        "%s was changed after the export; RapidOCR still has the old settings (%s): tools/export.py --refresh %s",
        folder / FILE,
        CONFIG,
        folder,
    )
