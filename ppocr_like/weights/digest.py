"""Digests in the files we write, so that damage is found before anything of a file is used.

PyTorch skips the check sums of its zip archives and safetensors has none: a flipped bit would be read as another weight. A
SHA-256 of the whole file goes where other programs pass over it: into the comment of a checkpoint's zip archive, and into the
metadata of a safetensors file. On 100 MB it costs 0.06 to 0.1 s with the processor's instructions for SHA, 0.25 s without them.
It tells damage, not malice: whoever changes a file can give it a new digest.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import struct
from pathlib import Path
from typing import Any, BinaryIO, Literal

State = Literal["checked", "none", "foreign"]

SHA256 = "sha256"  # entry of the safetensors metadata
MARK = "ppocr_like"  # entry of the safetensors metadata: the layout of our entries
SEALED = 2  # from this layout on a file has a digest
_ZIP_COMMENT = b"ppocr_like sha256 "  # the comment of a checkpoint's archive; 64 hexadecimal digits follow
_DIGITS = 64
_END = b"PK\x05\x06"  # signature of the zip archive's last record, 22 bytes with its comment's length, and before its comment
_END_SIZE = 22
_BLOCK = 1 << 20
_MOST_HEADER = 100_000_000  # bytes; safetensors reads no longer header
_ENTRY = re.compile(rb'"sha256":"\\"([0-9a-f]{64})\\""')  # as it stands in a header: quotes within texts have a backslash
_BLANK = '"sha256":"\\"' + "0" * _DIGITS + '\\""'


class DamagedFile(ValueError):
    """A file whose digest is not the one of its bytes; the message says what was found, without the file's name."""


def seal_zip(buffer: io.BytesIO) -> None:
    """Adds the digest to what `torch.save` has written into `buffer`; `torch.load` and zip programs read it as before."""
    buffer.seek(-2, os.SEEK_END)
    buffer.write(struct.pack("<H", len(_ZIP_COMMENT) + _DIGITS))
    buffer.write(_ZIP_COMMENT)
    with buffer.getbuffer() as data:
        digest = hashlib.sha256(data).hexdigest()
    buffer.write(digest.encode("ascii"))


def check_zip(file: BinaryIO) -> State:
    """Compares a PyTorch file with the digest in its archive's comment; leaves `file` at its beginning.

    Returns:
        "none" where there is no digest: another program's file, or one of an earlier version of this one.

    Raises:
        DamagedFile: another digest, or an archive whose end is not whole.
        OSError: it cannot be read.
    """
    size = file.seek(0, os.SEEK_END)
    tail = _tail(file, size, len(_ZIP_COMMENT) + _DIGITS)
    state: State = "none"
    if tail.startswith(_ZIP_COMMENT):
        _compare(_hashed(file, size - _DIGITS), tail[len(_ZIP_COMMENT) :])
        state = "checked"
    elif _is_zip(file):
        end = _tail(file, size, _END_SIZE)
        if not (end.startswith(_END) and end.endswith(b"\0\0")):
            raise DamagedFile(f"its end is missing or damaged ({size:,} bytes)")
    file.seek(0)
    return state


def seal_safetensors(header: dict[str, Any], body: memoryview) -> bytes:
    """The first part of a safetensors file, length and header, with the digest of the whole file in its metadata.

    Args:
        header: as in the file; its `__metadata__` gets the entry `sha256`.
        body: the tensors' bytes, which follow.
    """
    texts = {**header["__metadata__"], SHA256: json.dumps("0" * _DIGITS)}
    header = {"__metadata__": dict(sorted(texts.items())), **{k: v for k, v in header.items() if k != "__metadata__"}}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the tensors after it stay aligned
    start = len(text).to_bytes(8, "little") + text
    digest = hashlib.sha256(start)
    digest.update(body)
    return start.replace(_BLANK.encode(), _BLANK.replace("0" * _DIGITS, digest.hexdigest()).encode(), 1)


def check_safetensors(path: str | Path) -> State:
    """Compares a safetensors file with the digest in its metadata.

    Returns:
        "foreign": another program's file; "none": one of ours from before there were digests. A file that is not even
        readable as safetensors counts as foreign: its reader says why.

    Raises:
        DamagedFile: another digest, or none where there should be one.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if length > min(size, _MOST_HEADER):
            return "foreign"
        header = file.read(length)
        found = _ENTRY.search(header)
        if found is None:
            return _unsealed(header)
        digest = hashlib.sha256(start)
        digest.update(header[: found.start(1)] + b"0" * _DIGITS + header[found.end(1) :])
        while block := file.read(_BLOCK):
            digest.update(block)
    _compare(digest.hexdigest(), found.group(1))
    return "checked"


def _unsealed(header: bytes) -> State:
    try:
        mark = json.loads(header).get("__metadata__", {}).get(MARK)
    except (ValueError, AttributeError, RecursionError):
        return "foreign"
    if mark is None:
        return "foreign"
    if mark != "1":
        raise DamagedFile("its metadata has no digest, though it should have one")
    return "none"


def _compare(now: str, told: bytes) -> None:
    if now.encode("ascii") != told:
        raise DamagedFile(
            f"its bytes do not have the digest that stands in it (SHA-256 {now[:12]}... instead of "
            f"{told[:12].decode('ascii', 'replace')}...): it was damaged, or rewritten by another program"
        )


def _hashed(file: BinaryIO, count: int) -> str:
    """SHA-256 of the first `count` bytes."""
    digest = hashlib.sha256()
    file.seek(0)
    while count > 0 and (block := file.read(min(_BLOCK, count))):
        digest.update(block)
        count -= len(block)
    return digest.hexdigest()


def _tail(file: BinaryIO, size: int, count: int) -> bytes:
    file.seek(max(0, size - count))
    return file.read(count)


def _is_zip(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(4) == b"PK\x03\x04"
