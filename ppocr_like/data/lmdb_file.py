"""A reader of LMDB files that never maps them into memory: a damaged or cut file gives an error, not a dead process.

LMDB's own library trusts the page numbers and sizes that stand in the file and follows them into its memory map. One changed byte
can lead out of the map, and the system ends the process with SIGBUS, without a word. Measured on the choices:

- reading everything once in a child process before the start finds the damage that is there then: as long as the whole file takes
  to be read (a minute for 10 GB), at each start, and nothing about damage that comes later;
- this reader checks each page that it uses: about 55 us of the processor for a record instead of 3, beside 200 us and more for
  decoding its image; a walk over all records takes 5 us for each. Nothing has to be read before the first record.

Only what `get` and a walk in the order of the keys need is implemented; writing is left to the library. Layout: version 1 of the
format (`lmdb.h`, `mdb.c`), pages of 64-bit little-endian systems, as the library writes on all usual machines.
"""

from __future__ import annotations

import os
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator

MAGIC, VERSION = 0xBEEFC0DE, 1
BRANCH, LEAF, OVERFLOW, META = 1, 2, 4, 8
BIG_DATA = 1  # a node's value stands in overflow pages
_HEADER = struct.Struct("<QHHHH")  # page number, pad, flags, lower, upper
_META = struct.Struct("<IIQQ")  # magic, version, address, map size
_DB = struct.Struct("<IHHQQQQQ")  # pad, flags, depth, branch pages, leaf pages, overflow pages, entries, root
_NODE = struct.Struct("<HHHH")  # low, high, flags, key size
_EMPTY = 2**64 - 1
_PAGES_KEPT = 512
_DEEPEST = 32
_ODD_KEYS = 0x02 | 0x08  # MDB_REVERSEKEY, MDB_INTEGERKEY: another order of keys


class DamagedLmdb(ValueError):
    """A file that is no LMDB file, or a page of it that cannot be one of it."""


class LmdbFile:
    """The records of an open file's main database, as of its last finished transaction.

    Threads may share it. A value is read when it is asked for.

    Args:
        path: the `data.mdb`.

    Raises:
        DamagedLmdb: not an LMDB file of this layout, cut short, or damaged.
        OSError: it cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 (open as long as this object)
        self._pages: OrderedDict[int, bytes] = OrderedDict()
        try:
            self._read_meta()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, None when it is not there.

        Raises:
            DamagedLmdb: a page on the way to it is damaged.
        """
        found = self._find(key)
        return None if found is None else found[1]()

    def size(self, key: bytes) -> int | None:
        """Bytes of a key's value, without reading them."""
        found = self._find(key)
        return None if found is None else found[0]

    def walk(self, first: bytes) -> Iterator[tuple[bytes, int, Callable[[], bytes]]]:
        """(key, size of the value, function that reads it) of all keys from `first` on, in order."""
        if self._root != _EMPTY:
            yield from self._walk(self._root, self._depth, first)

    def _read_meta(self) -> None:
        head = self._pread(0, 4096)
        flags, page_size, *_ = self._meta(head)
        if not flags & META or not 256 <= page_size <= 65536 or page_size & (page_size - 1):
            raise DamagedLmdb("the first page is no head of an LMDB file")
        self._page_size = page_size
        metas = [self._meta(head), self._meta(self._pread(page_size, 4096))]
        _, _, database, last, _ = max(metas, key=lambda meta: meta[4])
        size = os.fstat(self._file.fileno()).st_size
        if size < (last + 1) * page_size:
            raise DamagedLmdb(f"it is cut short ({size:,} bytes of {(last + 1) * page_size:,})")
        _, flags, depth, *_, root = database
        if flags & _ODD_KEYS or depth > _DEEPEST or (root != _EMPTY and root > last):
            raise DamagedLmdb("its head does not describe a database of records by name")
        self._root, self._depth, self._last = root, depth, last

    def _meta(self, page: bytes) -> tuple[int, int, tuple[int, ...], int, int]:
        """(page's flags, page size, main database, last page, transaction) of a meta page."""
        if len(page) < 152:
            raise DamagedLmdb("it is cut short within its head")
        magic, version, _, _ = _META.unpack_from(page, 16)
        if magic != MAGIC:
            raise DamagedLmdb("it is no LMDB file")
        if version != VERSION:
            raise DamagedLmdb(f"it has version {version} of LMDB's format; {VERSION} can be read")
        free, main = _DB.unpack_from(page, 40), _DB.unpack_from(page, 88)
        last, transaction = struct.unpack_from("<QQ", page, 136)
        return _HEADER.unpack_from(page)[2], free[0], main, last, transaction

    def _pread(self, offset: int, count: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), count, offset)
        with open(self._file.name, "rb", buffering=0) as file:
            file.seek(offset)
            return file.read(count)

    def _page(self, number: int, kinds: int) -> bytes:
        """A page of the tree, checked as far as `_node` needs it."""
        page = self._pages.get(number)
        if page is None:
            if not 2 <= number <= self._last:
                raise DamagedLmdb(f"it names page {number} of {self._last + 1}")
            page = self._pread(number * self._page_size, self._page_size)
            if len(page) != self._page_size:
                raise DamagedLmdb(f"page {number} is not whole")
            told, _, _, lower, upper = _HEADER.unpack_from(page)
            if told != number or not 16 <= lower <= upper <= self._page_size or lower % 2:
                raise DamagedLmdb(f"page {number} is damaged")
            self._pages[number] = page
            if len(self._pages) > _PAGES_KEPT:
                self._pages.popitem(last=False)
        if _HEADER.unpack_from(page)[2] & (BRANCH | LEAF | OVERFLOW | META) != kinds:
            raise DamagedLmdb(f"page {number} is of another kind than the one that leads to it says")
        return page

    def _node(self, page: bytes, position: int) -> tuple[int, int, int, bytes, int]:
        """(low, high, flags, key, where the value begins) of a page's node."""
        (offset,) = struct.unpack_from("<H", page, 16 + 2 * position)
        if not 16 <= offset <= self._page_size - 8:
            raise DamagedLmdb(f"page {_HEADER.unpack_from(page)[0]} is damaged: node {position} stands outside")
        low, high, flags, length = _NODE.unpack_from(page, offset)
        start = offset + 8
        if start + length > self._page_size:
            raise DamagedLmdb(f"page {_HEADER.unpack_from(page)[0]} is damaged: the key of node {position} does not fit")
        return low, high, flags, page[start : start + length], start + length

    def _count(self, page: bytes) -> int:
        return (_HEADER.unpack_from(page)[3] - 16) // 2

    def _child(self, page: bytes, position: int) -> int:
        low, high, flags, _, _ = self._node(page, position)
        return low | high << 16 | flags << 32

    def _value(self, page: bytes, position: int) -> tuple[int, Callable[[], bytes]]:
        low, high, flags, key, start = self._node(page, position)
        size = low | high << 16
        if flags & BIG_DATA:
            if start + 8 > self._page_size:
                raise DamagedLmdb(f"page {_HEADER.unpack_from(page)[0]} is damaged: node {position} does not fit")
            (number,) = struct.unpack_from("<Q", page, start)
            return size, lambda: self._overflow(number, size, key)
        if flags or start + size > self._page_size:
            raise DamagedLmdb(f"page {_HEADER.unpack_from(page)[0]} is damaged: the value of {key[:40]!r} does not fit")
        return size, lambda: page[start : start + size]

    def _overflow(self, number: int, size: int, key: bytes) -> bytes:
        pages = -(-(16 + size) // self._page_size)
        if not 2 <= number <= self._last or number + pages - 1 > self._last:
            raise DamagedLmdb(f"the value of {key[:40]!r} ({size:,} bytes from page {number} on) reaches beyond the end")
        data = self._pread(number * self._page_size, 16 + size)
        if len(data) != 16 + size:
            raise DamagedLmdb(f"the value of {key[:40]!r} (page {number}) is not whole")
        told, _, flags, lower, upper = _HEADER.unpack_from(data)
        if told != number or not flags & OVERFLOW or (lower | upper << 16) < pages:
            raise DamagedLmdb(f"page {number}, with the value of {key[:40]!r}, is damaged")
        return data[16:]

    def _find(self, key: bytes) -> tuple[int, Callable[[], bytes]] | None:
        if self._root == _EMPTY:
            return None
        number = self._root
        for _ in range(self._depth - 1):
            page = self._page(number, BRANCH)
            number = self._child(page, max(0, self._position(page, key, 1) - 1))
        page = self._page(number, LEAF)
        position = self._position(page, key, 0, right=False)
        if position == self._count(page) or self._node(page, position)[3] != key:
            return None
        return self._value(page, position)

    def _position(self, page: bytes, key: bytes, least: int, right: bool = True) -> int:
        """By bisection: how many nodes have keys up to `key` (`right`), or below it. The first `least` nodes count as such: a
        branch page's first key is not written."""
        low, high = least, self._count(page)
        while low < high:
            middle = (low + high) // 2
            here = self._node(page, middle)[3]
            if here < key or (right and here == key):
                low = middle + 1
            else:
                high = middle
        return low

    def _walk(self, number: int, depth: int, first: bytes) -> Iterator[tuple[bytes, int, Callable[[], bytes]]]:
        if depth > 1:
            page = self._page(number, BRANCH)
            for position in range(max(0, self._position(page, first, 1) - 1), self._count(page)):
                yield from self._walk(self._child(page, position), depth - 1, first)
            return
        page = self._page(number, LEAF)
        for position in range(self._position(page, first, 0, right=False), self._count(page)):
            size, read = self._value(page, position)
            yield self._node(page, position)[3], size, read
