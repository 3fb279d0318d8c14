"""Why none of a label file's images is found: the likely reason, looked for on the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

LISTED = 20_000  # entries of a folder that are looked at for another letter case
QUOTES = "\"'`\u201c\u201d\u2018\u2019"
DELIMITERS = ("\t", ",", ";", "|", " ")
ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


def likely_reason(data_dir: str, name: str) -> str:
    """What to change so that an image is found; empty where nothing of the kind finds it.

    Args:
        data_dir: folder to which the paths of the label file are relative.
        name: the path as the label file has it.
    """
    for reason, meant in _candidates(name):
        path = os.path.join(data_dir, meant)
        found = path if os.path.isfile(path) else _other_case(path)
        if found:
            case = "" if found == path or meant == name else ", whose letter case differs as well"
            return f"{found} is there{case}: {reason}"
    return ""


def _candidates(name: str) -> Iterator[tuple[str, str]]:
    """(the reason if there is such a file, the path that was meant), the most likely first."""
    yield "the letter case differs", name
    bare = name.strip().strip(QUOTES).strip()
    plain = bare.replace("\\", "/")
    slips = ["quotes or blanks stand around the path"] if bare != name else []
    slips += ["the path has backslashes where this system has /"] if plain != bare else []
    also = "".join(f"{slip}, and " for slip in slips)
    if slips:
        yield " and ".join(slips), plain
    if plain.startswith("/"):
        yield f"{also}the path begins with / although it is relative to data_dir", plain.lstrip("/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    for cut in range(1, len(parts)):
        dropped = "/".join(parts[:cut])
        yield (
            f"{also}{dropped} at the path's beginning is named by data_dir already, or is of another machine",
            "/".join(parts[cut:]),
        )
    yield f"{also}paths are relative to the folder above data_dir: set data_dir to that", os.path.join(os.pardir, plain)
    yield f"{also}paths are relative to the current folder: set data_dir to .", os.path.abspath(plain)
    for mark in DELIMITERS:
        begin = name.split(mark)[0]
        if begin != name and os.path.splitext(begin)[1].lower() in ENDINGS:
            yield f"the delimiter seems to be {mark!r}: set dataset.delimiter", begin
    stem, ending = os.path.splitext(plain)
    for other in ENDINGS:
        if other != ending.lower():
            yield f"{also}the file has another ending", stem + other


def _other_case(path: str, kind: Callable[[str], bool] = os.path.isfile) -> str:
    """What the path means but for the letter case of its parts, of a kind; empty where there is none, or more than one."""
    if kind(path):
        return path
    above, name = os.path.split(path)
    if not name or above == path:
        return ""
    above = _other_case(above or os.curdir, os.path.isdir)
    return _entry(above, name, kind) if above else ""


def _entry(folder: str, name: str, kind: Callable[[str], bool]) -> str:
    """The one entry of a folder that is called so but for the letter case, and of a kind."""
    try:
        with os.scandir(folder or ".") as entries:
            names = [entry.name for _, entry in zip(range(LISTED), entries, strict=False)]
    except OSError:
        return ""
    same = [other for other in names if other.lower() == name.lower() and kind(os.path.join(folder, other))]
    return os.path.join(folder, same[0]) if len(same) == 1 else ""
