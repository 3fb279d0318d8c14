"""LMDBDataSet: records `image-%09d`, `label-%09d` of LMDB folders."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from ppocr_like.contracts import Rejected, SampleInfo
from ppocr_like.data.base import Record
from ppocr_like.data.cache import FileKey
from ppocr_like.data.drawn import DrawnDataset
from ppocr_like.data.lmdb_store import LmdbStore, find_folders, image_key, label_key
from ppocr_like.data.sizes import header_size
from ppocr_like.registry import DATASETS
from ppocr_like.transforms.base import Transform


@DATASETS.register()
class LMDBDataSet(DrawnDataset):
    """Reads LMDB folders of the layout that PaddleOCR and deep-text-recognition-benchmark share (see `DrawnDataset`).

    Every folder at or under `data_dir` that holds a `data.mdb` is a source; they follow each other by path. A record's place is
    its folder and its number, which counts from 1; its `path` is the folder and the key of its image.

    Args:
        data_dir: an LMDB folder, or one above several; or a list of such.
        transforms: the chain, built.
        ratio_list: for all folders, or for each in the order of their paths, the share drawn in each epoch.
        ext_op_transform_idx: how many transforms run on the further samples that a transform asks for.
        strict: stop at a sample that cannot be used, with its folder and record; otherwise it is counted.
        seed: of the draws and of each sample's generator.
        mode: "train" draws anew each epoch; "eval" takes all records in order.

    Raises:
        ConfigError: ratios that do not fit the folders.
        DataError: no such folder; a damaged or unfinished one.

    Source: LMDBDataSet of PaddleOCR (names, defaults, layout); a sample that fails is never replaced by another.
    """

    def __init__(
        self,
        data_dir: str | list[str],
        transforms: Sequence[Transform] = (),
        ratio_list: float | list[float] = 1.0,
        ext_op_transform_idx: int = 1,
        strict: bool = False,
        seed: int = 0,
        mode: str = "train",
    ) -> None:
        folders = find_folders([data_dir] if isinstance(data_dir, str) else list(data_dir))
        if isinstance(ratio_list, list) and len(ratio_list) == 1:
            ratio_list = ratio_list[0]  # as PaddleOCR's own default [1.0] is meant
        super().__init__(folders, ratio_list, transforms, ext_op_transform_idx, strict, seed, mode, "data_dir")
        self.stores = [LmdbStore.of(folder) for folder in folders]
        self._by_folder = {store.folder: store for store in self.stores}

    def counts(self) -> list[int]:
        return [store.count for store in self.stores]

    def source_key(self, number: int) -> FileKey:
        return self.stores[number].key

    def record(self, index: int) -> Record:
        source, position = self.locate(index)
        store, number = self.stores[source], position + 1
        raw = store.get(label_key(number))
        path = os.path.join(store.folder, image_key(number).decode())
        try:
            text = "" if raw is None else raw.decode("utf-8")
        except UnicodeDecodeError as error:
            info = SampleInfo(index, store.folder, number, path, (raw or b"").decode("utf-8", "replace"))
            return Record(info, [], Rejected("line not in UTF-8", str(error.reason)))
        info = SampleInfo(index, store.folder, number, path, text, base_dir=store.base_dir(number))
        if raw is None:
            return Record(info, [], Rejected("missing label", label_key(number).decode()))
        return Record(info, [path])

    def page_of(self, info: SampleInfo) -> str:
        return ""  # a record has a number and no name

    def _bytes(self, path: str) -> bytes | None:
        folder, name = os.path.split(path)
        return self._by_folder[folder].get(name.encode())

    def read_image(self, path: str) -> np.ndarray:
        raw = self._bytes(path)
        if raw is None:
            raise Rejected("missing image", path)
        if not raw:
            raise Rejected("unreadable image", f"{path}: the record is empty")
        return np.frombuffer(raw, np.uint8)

    def image_size(self, path: str, exif: bool) -> tuple[int, int]:
        return header_size(self._bytes(path) or b"", exif)
