"""Kind, size and transparency of an encoded image from its header, so that a huge one is refused before it is decoded.

Every format that OpenCV decodes is known here; what is not known is not decoded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ppocr_like.transforms.header_jp2 import START as JP2_START
from ppocr_like.transforms.header_jp2 import jp2_header
from ppocr_like.transforms.header_tiff import tiff_header

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG: C4, C8, CC are tables
_NO_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))  # JPEG markers without a body
_PNG, _GRAY_ALPHA, _RGBA = b"\x89PNG\r\n\x1a\n", 4, 6
_JP2 = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_ALPHA_OF_AVIF = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
_TEXT_HEADER = 4096  # bytes in which the header of a format in text must end
_TOKEN = re.compile(rb"(?:\s|#[^\n]*\n)*([^\s#]+)")
_RADIANCE = re.compile(rb"\n-Y (\d{1,9}) \+X (\d{1,9})\n")


@dataclass(frozen=True)
class Header:
    """What a header says.

    Args:
        width, height: px as stored, Exif orientation aside.
        alpha: some of it may be transparent.
        needs: px that decoding takes memory and time for, where these are not width x height (tiles larger than the image).
        doubt: why it cannot be true; "" otherwise.
    """

    width: int
    height: int
    alpha: bool = False
    needs: int = 0
    doubt: str = ""

    @property
    def pixels(self) -> int:
        return max(self.width * self.height, self.needs)


def read_header(data: np.ndarray) -> Header | None:
    """Of an encoded file (uint8 vector); None for a damaged header and for kinds that are not known."""
    head = data[:64].tobytes()
    for begins, read in _READERS:
        if head.startswith(begins):
            header = read(data)
            return header if header is not None and header.width > 0 and header.height > 0 else None
    return _avif(data) if head[4:8] == b"ftyp" else None


def _big(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _little(raw: bytes, signed: bool = False) -> int:
    return int.from_bytes(raw, "little", signed=signed)


def _png(data: np.ndarray) -> Header | None:
    head = data[:33].tobytes()
    if len(head) < 33 or head[12:16] != b"IHDR":
        return None
    alpha = head[25] in (_GRAY_ALPHA, _RGBA) or _has_chunk(data, b"tRNS")
    return Header(_big(head[16:20]), _big(head[20:24]), alpha)


def _has_chunk(data: np.ndarray, name: bytes) -> bool:
    """Whether a PNG has the chunk before its pixels."""
    at = 8
    while at + 8 <= data.size:
        length, kind = _big(data[at : at + 4].tobytes()), data[at + 4 : at + 8].tobytes()
        if kind in (name, b"IDAT"):
            return kind == name
        at += 12 + length
    return False


def _jpeg(data: np.ndarray) -> Header | None:
    """Bytes between the segments are passed over, as decoders do."""
    at, end = 2, data.size
    while at + 9 <= end:
        marker = int(data[at + 1])
        if data[at] != 0xFF or marker == 0xFF:
            at += 1
        elif marker in _START_OF_FRAME:
            raw = data[at + 5 : at + 9].tobytes()
            return Header(_big(raw[2:]), _big(raw[:2]))
        elif marker == 0 or marker in _NO_LENGTH:
            at += 2
        else:
            at += 2 + max(2, int(data[at + 2]) << 8 | int(data[at + 3]))
    return None


def _webp(data: np.ndarray) -> Header | None:
    head = data[:32].tobytes()
    if head[8:12] != b"WEBP" or len(head) < 30:
        return None
    kind = head[12:16]
    if kind == b"VP8X":
        return Header(1 + _little(head[24:27]), 1 + _little(head[27:30]), bool(head[20] & 0x10))
    if kind == b"VP8 ":
        return Header(_little(head[26:28]) & 0x3FFF, _little(head[28:30]) & 0x3FFF)
    if kind == b"VP8L":
        bits = _little(head[21:25])
        return Header(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), bool(bits >> 28 & 1))
    return None


def _tiff(data: np.ndarray) -> Header | None:
    found = tiff_header(data)
    return None if found is None else Header(found.width, found.height, found.alpha, found.tile)


def _bmp(data: np.ndarray) -> Header | None:
    head = data[:70].tobytes()
    if len(head) < 26:
        return None
    if _little(head[14:18]) == 12:  # OS/2's
        return Header(_little(head[18:20]), _little(head[20:22]))
    alpha = len(head) == 70 and _little(head[14:18]) >= 56 and head[28] == 32 and _little(head[66:70]) != 0
    return Header(abs(_little(head[18:22], True)), abs(_little(head[22:26], True)), alpha)


def _gif(data: np.ndarray) -> Header | None:
    head = data[:10].tobytes()
    if len(head) < 10:
        return None
    raw = data[: 1 << 16].tobytes()  # the first picture's control block stands before it
    control = raw.find(b"\x21\xf9\x04")
    alpha = 0 <= control < len(raw) - 3 and bool(raw[control + 3] & 1)
    return Header(_little(head[6:8]), _little(head[8:10]), alpha)


def _jpeg2000(data: np.ndarray) -> Header | None:
    found = jp2_header(data.tobytes())
    if found is None:
        return None
    needs = found.width * found.height * found.channels  # 4 bytes each
    return Header(found.width, found.height, found.channels in (2, 4), needs, found.doubt)


def _avif(data: np.ndarray) -> Header | None:
    """The largest picture of those that the file tells of."""
    raw = data.tobytes()
    if not re.search(rb"avi[fs]", raw[8:64]):
        return None
    sizes = [(_big(raw[i + 8 : i + 12]), _big(raw[i + 12 : i + 16])) for i in _places(raw, b"ispe") if i + 16 <= len(raw)]
    if not sizes:
        return None
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return Header(width, height, _ALPHA_OF_AVIF in raw)


def _places(raw: bytes, name: bytes) -> list[int]:
    return [match.start() for match in re.finditer(re.escape(name), raw)]


def _netpbm(data: np.ndarray) -> Header | None:
    """P1 to P6, and PFM."""
    tokens = _TOKEN.findall(data[:_TEXT_HEADER].tobytes())[:3]
    if len(tokens) < 3 or not all(t.isdigit() and len(t) < 10 for t in tokens[1:]):
        return None
    return Header(int(tokens[1]), int(tokens[2]))


def _pam(data: np.ndarray) -> Header | None:
    raw = data[:_TEXT_HEADER].tobytes().partition(b"ENDHDR")[0]
    found = dict(re.findall(rb"\n(WIDTH|HEIGHT|DEPTH)\s+(\d{1,9})(?=\s)", raw))
    if len(found) < 3 or not 1 <= int(found[b"DEPTH"]) <= 4:
        return None
    return Header(int(found[b"WIDTH"]), int(found[b"HEIGHT"]), int(found[b"DEPTH"]) in (2, 4))


def _sun(data: np.ndarray) -> Header | None:
    head = data[:12].tobytes()
    return Header(_big(head[4:8]), _big(head[8:12])) if len(head) == 12 else None


def _radiance(data: np.ndarray) -> Header | None:
    found = _RADIANCE.search(data[:_TEXT_HEADER].tobytes())
    return None if found is None else Header(int(found[2]), int(found[1]))


_READERS = (
    (_PNG, _png),
    (b"\xff\xd8\xff", _jpeg),
    (b"RIFF", _webp),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), _tiff),
    (b"BM", _bmp),
    ((b"GIF87a", b"GIF89a"), _gif),
    ((_JP2, JP2_START), _jpeg2000),
    ((b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"Pf", b"PF"), _netpbm),
    (b"P7", _pam),
    (b"\x59\xa6\x6a\x95", _sun),
    ((b"#?RADIANCE", b"#?RGBE"), _radiance),
)
