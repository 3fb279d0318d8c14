"""`rapidocr:rec`, `rapidocr:det`, `rapidocr:cls`: the models that the package rapidocr brings, where it is installed.

The package's metadata tells its files; nothing of it is imported.
"""

from __future__ import annotations

import importlib.metadata
import logging
import re
from pathlib import Path

from ppocr_like.errors import WeightsError
from ppocr_like.printable import printable

PACKAGE = "rapidocr"
PREFIX = f"{PACKAGE}:"
KINDS = ("rec", "det", "cls")

logger = logging.getLogger("ppocr_like")


def is_rapidocr(source: str) -> bool:
    """Whether a source of weights means the package and no file."""
    return source.startswith(PREFIX)


def rapidocr_model(source: str) -> Path:
    """The ONNX file that `rapidocr:rec` (`:det`, `:cls`) means; its name, version and licence are told in the log.

    Raises:
        WeightsError: another kind, the package is not installed, or it brings no such model.
    """
    kind = source.removeprefix(PREFIX)
    if kind not in KINDS:
        raise WeightsError(f"{source}: {PACKAGE} has models for {', '.join(KINDS)}: write {PREFIX}{KINDS[0]}")
    try:
        package = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise WeightsError(
            f"{source}: the package {PACKAGE} is not installed beside this program; pip install {PACKAGE}, or give the path "
            "of an .onnx file of it"
        ) from None
    found = [Path(str(package.locate_file(file))) for file in package.files or () if _is_model(file.name, kind)]
    found = sorted((path for path in found if path.is_file()), key=_newest)
    if not found:
        raise WeightsError(
            f"{source}: {PACKAGE} {package.version} brings no model for {kind} (it may load its models when it first runs); give "
            "the path of the .onnx file"
        )
    path = found[-1]
    more = f" (of {', '.join(p.name for p in found)})" if len(found) > 1 else ""
    logger.info("%s: %s%s of %s %s, licence %s", source, path.name, more, PACKAGE, package.version, _licence(package))
    return path


def _is_model(name: str, kind: str) -> bool:
    return name.endswith(".onnx") and kind in re.split(r"[_.\-]", name)


def _newest(path: Path) -> tuple[float, str]:
    """By the version of PP-OCR in its name."""
    version = re.search(r"(?i)(?:PP-OCRv|mobile_v)(\d+(?:\.\d+)?)", path.name)
    return (float(version[1]) if version else 0.0, path.name)


def _licence(package: importlib.metadata.Distribution) -> str:
    metadata = package.metadata.json
    told = str(metadata.get("license_expression") or metadata.get("license") or "not told in its metadata")
    return printable(told.strip().splitlines()[0][:80])
